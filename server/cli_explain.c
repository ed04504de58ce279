/*
 * drum serve --explain-sampling: which rule each row of a file's beacons would
 * meet. Reads beacons as an import does; stores nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "event.h"
#include "log.h"
#include "settings.h"

struct explaining {
	struct sampling *sampling;
	struct page_rules *pages;
	struct enricher *enricher;
	struct store_arena *arena;
	uint64_t number; /* of the line */
};

static void
explain_entry(const struct explaining *explaining, const struct store_entry *entry)
{
	for (uint32_t i = 0; i < entry->rows_count; i++) {
		const struct store_row *row = &entry->rows[i];
		char text[256];
		uint32_t rule = sampling_explain(explaining->sampling, entry->sort, row,
						 explaining->arena, text);

		printf("%llu\t%s\t", (unsigned long long)explaining->number,
		       event_schema()->tables[row->table].name);
		if (rule == 0)
			printf("no rule\t%s\n", text);
		else
			printf("rule %u\t%s\n", rule, text);
	}
}

/* False: out of memory. */
static bool
explain_line(struct explaining *explaining, struct store_str line)
{
	struct event_client client = {.imported = true,
				      .pages = explaining->pages,
				      .received_ms = (int64_t)time(NULL) * 1000};
	struct event_error error;
	struct store_entry entry;
	struct event *event;
	int result;

	store_arena_reset(explaining->arena);
	result = decode_native(line, explaining->arena, &event, &error);
	if (result == 0)
		result = enrich(explaining->enricher, event, &client, explaining->arena, &error);
	if (result == 0)
		result = event_entry(event, explaining->arena, &entry);
	if (result == STORE_EINVAL)
		printf("%llu\tmalformed\t%s\n", (unsigned long long)explaining->number, error.text);
	else if (result == 0)
		explain_entry(explaining, &entry);
	return result == 0 || result == STORE_EINVAL;
}

static int
explain_file(struct explaining *explaining, const char *name)
{
	FILE *in = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
	size_t room = 0;
	ssize_t size;
	char *line = NULL;
	bool well = in != NULL;

	while (well && (size = getline(&line, &room, in)) >= 0) {
		explaining->number++;
		while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
			size--;
		if (size > 0)
			well = explain_line(explaining, (struct store_str){line, (uint32_t)size});
	}
	if (in == NULL || (well && ferror(in)))
		fprintf(stderr, "drum: %s: %s\n", name, strerror(errno));
	else if (!well)
		fprintf(stderr, "drum: out of memory\n");
	well = well && !ferror(in);
	free(line);
	if (in != NULL && in != stdin)
		fclose(in);
	return well ? 0 : 1;
}

int
cli_explain_sampling(const struct settings *settings, const char *beacons)
{
	struct explaining explaining = {.sampling = settings->sampling, .pages = settings->pages};
	const struct config *config = settings->config;
	int result = 1;

	explaining.arena = store_arena_create(0);
	explaining.enricher =
	    enricher_open((const char *const *)config->geoip, config->geoip_count, log_text, NULL);
	if (explaining.arena == NULL || explaining.enricher == NULL)
		fprintf(stderr, "drum: out of memory\n");
	else
		result = explain_file(&explaining, beacons);
	enricher_close(explaining.enricher);
	store_arena_free(explaining.arena);
	return result;
}
