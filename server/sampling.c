/*
 * sampling.h. Between enrichment and the writer's queue, on the loop threads
 * and in the pool; sampling_judge on the writer's. Must not know requests.
 */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "event_row.h"
#include "metrics.h"
#include "sampling.h"

#define INTERVAL_MAX 1000000u /* the smallest rate is one in so many */

/* A rate that follows the traffic; guarded by its mutex. */
struct budget {
	pthread_mutex_t mutex;
	int64_t second;         /* of the counts below */
	uint64_t offered, kept; /* rows, in this second */
	uint64_t allowed;       /* of kept, before the interval doubles */
	uint32_t doublings;     /* in this second */
	uint32_t interval;
};

struct rule {
	int table;                         /* enum event_table; -1: any */
	char site[65];                     /* "": any */
	struct store_predicate *predicate; /* owned; NULL: always met */
	char when[128], keep[32];          /* as the configuration has them, for people */
	uint64_t threshold;                /* draws below are kept; UINT64_MAX: all */
	uint32_t interval;                 /* whole part of 1/keep */
	double fraction;                   /* the rest */
	uint32_t max_per_second;           /* 0: no budget */
	struct budget budget;
};

struct sampling {
	struct rule *rules; /* owned */
	uint32_t rules_count;
	bool has_conditions;
};

/* ---- reading rules --------------------------------------------------- */

/* 0 to 1, or 1/N. */
static bool
parse_keep(const char *text, double *rate)
{
	char *end;
	double divisor;

	errno = 0;
	if (strncmp(text, "1/", 2) == 0) {
		divisor = strtod(text + 2, &end);
		*rate = divisor >= 1 ? 1 / divisor : -1;
	} else {
		*rate = strtod(text, &end);
	}
	return end != text && *end == '\0' && errno == 0 &&
	       (*rate == 0 || (*rate >= 1.0 / INTERVAL_MAX && *rate <= 1));
}

static void
set_rate(struct rule *rule, double rate)
{
	double interval = rate > 0 ? 1 / rate : 1, nearest = round(interval);

	if (fabs(interval - nearest) < 1e-9 * interval)
		interval = nearest; /* 0.1 is 1/10 */
	rule->interval = (uint32_t)interval;
	rule->fraction = interval - rule->interval;
	rule->threshold = rate == 0             ? 0
			  : rate == 1           ? UINT64_MAX
			  : rule->fraction == 0 ? UINT64_MAX / rule->interval
						: (uint64_t)ldexp(rate, 64);
}

static bool
wrong(char error[512], const char *file, unsigned number, const char *key, const char *reason)
{
	unsigned line = config_line(file, "sampling", number - 1, key);
	char place[32] = "";

	if (line > 0)
		snprintf(place, sizeof place, " line %u", line);
	snprintf(error, 512, "%.120s%s: sampling[%u]%s%s: %.250s", file == NULL ? "sampling" : file,
		 place, number - 1, key == NULL ? "" : ".", key == NULL ? "" : key, reason);
	return false;
}

static bool
read_table(struct rule *rule, const char *name)
{
	const struct store_schema *schema = event_schema();

	rule->table = -1;
	for (uint32_t i = 0; name != NULL && i < schema->tables_count; i++) {
		if (strcmp(schema->tables[i].name, name) == 0)
			rule->table = (int)i;
	}
	return name == NULL || rule->table >= 0;
}

static bool
read_rule(struct rule *rule, const struct config_rule *from, const char *file, unsigned number,
	  char error[512])
{
	struct store_error reason = {0};
	double rate = 1;

	if (!read_table(rule, from->table))
		return wrong(error, file, number, "table",
			     "use pageviews, errors, events or reports");
	if (from->keep == NULL && from->max_per_second == 0)
		return wrong(error, file, number, NULL, "keep or max_per_second is needed");
	if (from->keep != NULL && !parse_keep(from->keep, &rate))
		return wrong(error, file, number, "keep",
			     "expected 0 to 1, or 1/N with N up to 1,000,000");
	if (from->when != NULL &&
	    store_predicate_create(event_schema(), from->table,
				   (struct store_str){from->when, (uint32_t)strlen(from->when)},
				   &rule->predicate, &reason) != 0)
		return wrong(error, file, number, "when", reason.text);
	snprintf(rule->site, sizeof rule->site, "%s", from->site == NULL ? "" : from->site);
	snprintf(rule->when, sizeof rule->when, "%s", from->when == NULL ? "" : from->when);
	snprintf(rule->keep, sizeof rule->keep, "%s", from->keep == NULL ? "1" : from->keep);
	set_rate(rule, rate);
	rule->max_per_second = from->max_per_second;
	rule->budget = (struct budget){.interval = 1, .second = 0};
	pthread_mutex_init(&rule->budget.mutex, NULL);
	return true;
}

struct sampling *
sampling_create(const struct config *config, const char *file, char error[512])
{
	struct sampling *sampling = calloc(1, sizeof *sampling);

	if (sampling == NULL || (sampling->rules = calloc(config->sampling_count + 1u,
							  sizeof *sampling->rules)) == NULL) {
		snprintf(error, 512, "out of memory");
		sampling_free(sampling);
		return NULL;
	}
	for (uint32_t i = 0; i < config->sampling_count; i++) {
		struct rule *rule = &sampling->rules[sampling->rules_count];

		if (!read_rule(rule, &config->sampling[i], file, i + 1, error)) {
			store_predicate_free(rule->predicate);
			sampling_free(sampling);
			return NULL;
		}
		sampling->rules_count++;
		sampling->has_conditions |= rule->predicate != NULL;
	}
	return sampling;
}

void
sampling_free(struct sampling *sampling)
{
	if (sampling == NULL)
		return;
	for (uint32_t i = 0; i < sampling->rules_count; i++) {
		store_predicate_free(sampling->rules[i].predicate);
		pthread_mutex_destroy(&sampling->rules[i].budget.mutex);
	}
	free(sampling->rules);
	free(sampling);
}

bool
sampling_has_rules(const struct sampling *sampling)
{
	return sampling->rules_count > 0;
}

/* ---- judging --------------------------------------------------------- */

/* The rule that decides; NULL: none, the row is kept. */
static struct rule *
find_rule(const struct sampling *sampling, struct store_str site, const struct store_row *row,
	  struct store_arena *arena)
{
	for (uint32_t i = 0; i < sampling->rules_count; i++) {
		struct rule *rule = &sampling->rules[i];
		size_t size = strlen(rule->site);

		if ((rule->table >= 0 && rule->table != row->table) ||
		    (size > 0 &&
		     (size != site.size || memcmp(rule->site, site.bytes, size) != 0)) ||
		    (rule->predicate != NULL &&
		     store_predicate_matches(rule->predicate, row, arena) != 1))
			continue;
		return rule;
	}
	return NULL;
}

/* What the last second would have needed; the first of a burst doubles it, so
 * that at most twice as many as wanted are kept. */
static void
begin_second(struct budget *budget, uint32_t max, int64_t second)
{
	int64_t seconds = second - budget->second;
	double wanted = seconds > 0 && seconds < 3600
			    ? ceil((double)budget->offered / (double)seconds / max)
			    : 1;

	budget->interval = wanted > INTERVAL_MAX ? INTERVAL_MAX : wanted < 1 ? 1 : (uint32_t)wanted;
	budget->second = second;
	budget->offered = budget->kept = 0;
	budget->allowed = max;
	budget->doublings = 0;
}

static bool
is_within(uint64_t draw, uint32_t interval)
{
	return interval == 1 || draw < UINT64_MAX / interval;
}

/* How many rows this one stands for by the budget, 0: it is not kept. */
static uint32_t
spend(struct rule *rule, uint64_t draw, int64_t now_ms)
{
	struct budget *budget = &rule->budget;
	uint32_t interval;

	pthread_mutex_lock(&budget->mutex);
	if (budget->second != now_ms / 1000)
		begin_second(budget, rule->max_per_second, now_ms / 1000);
	budget->offered++;
	interval = budget->interval > rule->interval ? budget->interval : 1;
	if (interval == 1 ? draw < rule->threshold || rule->threshold == UINT64_MAX
			  : is_within(draw, interval)) {
		budget->kept++;
	} else {
		pthread_mutex_unlock(&budget->mutex);
		return 0;
	}
	if (budget->kept >= budget->allowed && budget->interval < INTERVAL_MAX / 2) {
		uint64_t more = (uint64_t)rule->max_per_second >> ++budget->doublings;

		budget->allowed += more > 0 ? more : 1;
		budget->interval *= 2;
		if (budget->interval < rule->interval)
			budget->interval = rule->interval * 2;
	}
	pthread_mutex_unlock(&budget->mutex);
	return interval;
}

/* The whole number of rows a kept one stands for by `keep`: between two, the
 * fraction of views that get the higher one makes the mean right. */
static uint32_t
interval_of(const struct rule *rule, uint64_t draw)
{
	double second;

	if (rule->fraction == 0)
		return rule->interval;
	second = (double)(XXH3_64bits(&draw, sizeof draw) >> 11) * 0x1p-53;
	return rule->interval + (second < rule->fraction);
}

/* 0: not kept. */
static uint32_t
decide(struct rule *rule, uint64_t draw, bool live, int64_t now_ms)
{
	uint32_t interval = 1;

	if (rule == NULL || rule->threshold == 0)
		return rule == NULL;
	if (live && rule->max_per_second > 0) {
		if ((interval = spend(rule, draw, now_ms)) != 1)
			return interval;
	}
	if (rule->threshold != UINT64_MAX && draw >= rule->threshold)
		return 0;
	return interval_of(rule, draw);
}

static uint32_t
multiply(uint32_t a, uint32_t b)
{
	uint64_t product = (uint64_t)a * b;

	if (product <= UINT32_MAX)
		return (uint32_t)product;
	metrics_add(METRICS_sample_intervals_cut, 1);
	return UINT32_MAX;
}

/* ---- entries --------------------------------------------------------- */

struct judging { /* in the entry's arena */
	struct sampling *sampling;
	struct store_arena *arena;
	uint64_t draw;
	uint32_t browser; /* the sender's own interval */
	bool live;
};

static uint32_t
judge(struct judging *judging, const struct store_entry *entry, const struct store_row *row)
{
	struct rule *rule = find_rule(judging->sampling, entry->sort, row, judging->arena);
	uint32_t interval = decide(rule, judging->draw, judging->live, entry->received_ms);

	return interval == 0 ? 0 : multiply(interval, judging->browser);
}

/* On the writer's thread, when the errors of earlier beacons count too. */
static uint32_t
judge_merged(void *context, const struct store_entry *entry, const struct store_row *row)
{
	return judge(context, entry, row);
}

/* The cells are the entry's own, not shared and not constant. */
static struct store_cell *
find_weight(const struct store_row *row)
{
	for (uint32_t i = 0; i < row->cells_count; i++) {
		if (row->cells[i].column == PAGEVIEWS__sample_interval)
			return (struct store_cell *)(uintptr_t)&row->cells[i];
	}
	return NULL;
}

int
sampling_apply(struct sampling *sampling, uint64_t draw, bool live, struct store_entry *entry,
	       struct store_arena *arena)
{
	struct store_row *rows = (struct store_row *)(uintptr_t)entry->rows;
	struct store_cell *weight;
	struct judging *judging;
	uint32_t kept = 0;

	if (sampling->rules_count == 0)
		return 0;
	if ((judging = store_arena_alloc(arena, sizeof *judging)) == NULL)
		return STORE_ENOMEM;
	*judging = (struct judging){sampling, arena, draw, 1, live};
	for (uint32_t i = 0; i < entry->rows_count; i++) {
		bool is_view = entry->keyed && i == 0;
		uint32_t interval;

		weight = find_weight(&rows[i]);
		judging->browser = weight == NULL ? 1 : (uint32_t)weight->value.u;
		interval = judge(judging, entry, &rows[i]);
		metrics_add(METRICS_rows_sampled_out, interval == 0);
		if (interval == 0 && !is_view)
			continue;
		if (is_view)
			entry->dropped = interval == 0;
		if (weight != NULL && interval > 0)
			weight->value.u = interval;
		rows[kept++] = rows[i];
	}
	entry->rows_count = kept;
	if (sampling->has_conditions) {
		entry->judge = judge_merged;
		entry->judge_context = judging;
	}
	return 0;
}

uint32_t
sampling_explain(const struct sampling *sampling, struct store_str site,
		 const struct store_row *row, struct store_arena *arena, char text[256])
{
	const struct rule *rule = find_rule(sampling, site, row, arena);
	char budget[48] = "";

	strcpy(text, "keep 1");
	if (rule == NULL)
		return 0;
	if (rule->max_per_second > 0)
		snprintf(budget, sizeof budget, ", at most %u a second", rule->max_per_second);
	snprintf(text, 256, "keep %s%s%s%s%s", rule->keep, budget,
		 rule->when[0] != '\0' ? " (" : "", rule->when, rule->when[0] != '\0' ? ")" : "");
	return (uint32_t)(rule - sampling->rules) + 1;
}
