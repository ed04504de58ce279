/*
 * Goal: no bytes that a stranger sends in another agent's name can break intake
 * or bring the store what it does not allow. Method: the first byte chooses the
 * agent, the rest is the body (boomerang's also as a query string). Decoding
 * twice must give the same; a refusal has its words; what is taken goes the
 * whole way, and the entries keep store.h's contract on cells.
 */
#include "entry.h"

#include "server/join.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct enricher *enricher; /* without GeoIP; made once, never freed */
static struct join *join;

static void
ignore_line(void *context, const char *line)
{
	(void)context, (void)line;
}

static event_decoder *
decoder_of(uint8_t byte)
{
	static const struct {
		char name;
		event_decoder *decode;
	} decoders[] = {{'v', decode_vitals},          {'b', decode_boomerang},
			{'q', decode_boomerang},       {'f', decode_faro},
			{'r', decode_reports},         {'m', decode_plain_metrics},
			{'e', decode_plain_errors},    {'i', decode_plain_interactions},
			{'h', decode_plain_heartbeat}, {'u', decode_plain_business}};

	for (size_t i = 0; i < sizeof decoders / sizeof *decoders; i++) {
		if (decoders[i].name == (char)byte)
			return decoders[i].decode;
	}
	return NULL;
}

static void
check_taken(struct event *event, struct store_arena *arena)
{
	struct event_client client = {.received_ms = 1780000000000};
	struct event_error error = {0};
	struct store_entry entry;

	event_set_site(event, (struct store_str){"shop", 4});
	join_view(join, event, &client);
	assert(enrich(enricher, event, &client, arena, &error) == 0);
	assert(event_entry(event, arena, &entry) == 0);
	assert(entry.rows_count >= 1 && entry.rows_count <= 101);
	assert(!entry.merge || entry.keyed);
	for (uint32_t r = 0; r < entry.rows_count; r++) {
		assert(entry.rows[r].table == EVENT_PAGEVIEWS ? entry.keyed && r == 0 : true);
		entry_check_row(&entry.rows[r]);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	event_decoder *decode = size == 0 ? NULL : decoder_of(data[0]);
	struct event_source source = {.query = {"", 0},
				      .url = {"https://shop.example/p/42", 25},
				      .received_ms = 1780000000000};
	struct store_str body = {(const char *)data + 1, (uint32_t)size - 1};
	struct event_error error, again;
	struct store_arena *arena;
	struct event_batch batch, other;
	int result;

	if (decode == NULL)
		return 0;
	if (enricher == NULL)
		enricher = enricher_open(NULL, 0, ignore_line, NULL);
	if (join == NULL)
		join = join_create();
	arena = store_arena_create(0);
	assert(arena != NULL && enricher != NULL && join != NULL);
	if (data[0] == 'q') {
		source.query = body;
		body.size = 0;
	}
	(void)decode_is_vitals(body);
	result = decode(body, &source, arena, &batch, &error);
	assert(decode(body, &source, arena, &other, &again) == result);
	assert(result == 0 || result == STORE_EINVAL);
	if (result == 0) {
		assert(batch.count >= 1 && batch.count <= EVENT_BATCH_MAX);
		assert(batch.count == other.count);
	} else {
		assert(error.text[0] != '\0' && strcmp(error.text, again.text) == 0);
	}
	for (uint32_t i = 0; result == 0 && i < batch.count; i++)
		check_taken(batch.events[i], arena);
	store_arena_free(arena);
	return 0;
}
