/*
 * Goal: the cache gives back what was put, keeps to its bound, forgets what was
 * used longest ago first, and an answer that somebody holds stays whole.
 * Method: random puts and finds against a list in order of use; threads that
 * put answers which tell their key, and check what they find.
 */
#include "beacon.h"

#include <pthread.h>

#include "server/answer_cache.h"
#include "server/metrics.h"

#define BYTES_MAX 65536u
#define KEYS 200u

/* In order of use, the newest last. */
struct model {
	unsigned keys[KEYS];
	size_t sizes[KEYS], bytes, overhead;
	unsigned count;
};

static void
model_remove(struct model *model, unsigned at)
{
	model->bytes -= model->sizes[at];
	model->count--;
	memmove(&model->keys[at], &model->keys[at + 1], (model->count - at) * sizeof *model->keys);
	memmove(&model->sizes[at], &model->sizes[at + 1],
		(model->count - at) * sizeof *model->sizes);
}

static int
model_find(const struct model *model, unsigned key)
{
	for (unsigned i = 0; i < model->count; i++) {
		if (model->keys[i] == key)
			return (int)i;
	}
	return -1;
}

static void
model_put(struct model *model, unsigned key, size_t size)
{
	int at;

	if (size > BYTES_MAX / 8)
		return;
	if ((at = model_find(model, key)) >= 0)
		model_remove(model, (unsigned)at);
	while (model->bytes + size > BYTES_MAX)
		model_remove(model, 0);
	model->keys[model->count] = key;
	model->sizes[model->count++] = size;
	model->bytes += size;
}

static struct store_str
key_of(unsigned key, char out[32])
{
	return (struct store_str){out, (uint32_t)snprintf(out, 32, "key %u", key)};
}

/* The body is the key, again and again. */
static void
put(struct answer_cache *cache, unsigned key, size_t size)
{
	static const char headers[] = "x-format\0JSON";
	char text[32], *body = malloc(size + 1);
	struct store_str name = key_of(key, text);
	struct answer answer = {.body = body,
				.body_size = size,
				.headers = headers,
				.headers_size = sizeof headers,
				.rows_count = key};

	for (size_t i = 0; i < size; i++)
		body[i] = text[i % name.size];
	answer_cache_put(cache, name, &answer);
	free(body);
}

static void
check(const struct answer *answer, unsigned key)
{
	char text[32];
	struct store_str name = key_of(key, text);

	assert_true(answer->rows_count == key);
	assert_string_equal(answer->headers, "x-format");
	for (size_t i = 0; i < answer->body_size; i++)
		assert_true(answer->body[i] == text[i % name.size]);
}

/* What an entry costs besides key, body and headers. */
static size_t
measure_overhead(void)
{
	struct answer_cache *cache = answer_cache_create(BYTES_MAX);
	int64_t before = metrics_get(METRICS_cached_bytes), after;

	put(cache, 1, 100);
	after = metrics_get(METRICS_cached_bytes);
	answer_cache_destroy(cache);
	assert_true(metrics_get(METRICS_cached_bytes) == before);
	return (size_t)(after - before) - 100 - strlen("key 1");
}

static void
like_a_list(void **state)
{
	struct random random = random_seeded("like_a_list");
	struct answer_cache *cache = answer_cache_create(BYTES_MAX);
	size_t overhead = measure_overhead();
	static struct model model;
	unsigned found = 0;
	char text[32];

	(void)state;
	for (int i = 0; i < 30000; i++) {
		unsigned key = (unsigned)random_below(&random, KEYS);
		const struct answer *answer;
		int at = model_find(&model, key);

		if (random_below(&random, 2) == 0) {
			size_t size = random_below(&random, 10) == 0
					  ? random_below(&random, BYTES_MAX / 4)
					  : random_below(&random, 1000);

			put(cache, key, size);
			model_put(&model, key, size + overhead + key_of(key, text).size);
			continue;
		}
		answer = answer_cache_find(cache, key_of(key, text));
		assert_int_equal(answer != NULL, at >= 0);
		if (answer != NULL) {
			size_t size = model.sizes[at];

			check(answer, key);
			answer_cache_release(cache, answer);
			model_remove(&model, (unsigned)at);
			model_put(&model, key, size);
			found++;
		}
		assert_true(metrics_get(METRICS_cached_bytes) == (int64_t)model.bytes);
	}
	assert_true(found > 1000);
	answer_cache_destroy(cache);
	assert_true(metrics_get(METRICS_cached_bytes) == 0);
}

static void
held_answers_stay(void **state)
{
	struct answer_cache *cache = answer_cache_create(BYTES_MAX);
	const struct answer *held;
	char text[32];

	(void)state;
	put(cache, 0, 5000);
	held = answer_cache_find(cache, key_of(0, text));
	for (unsigned key = 1; key < 100; key++)
		put(cache, key, 5000);
	assert_null(answer_cache_find(cache, key_of(0, text)));
	check(held, 0);
	answer_cache_release(cache, held);
	answer_cache_destroy(cache);
}

static void
nothing_is_kept(void **state)
{
	struct answer_cache *cache = answer_cache_create(0);
	char text[32];

	(void)state;
	put(cache, 1, 0);
	assert_null(answer_cache_find(cache, key_of(1, text)));
	answer_cache_destroy(cache);
	answer_cache_destroy(NULL);
}

/* ---- threads --------------------------------------------------------- */

static struct answer_cache *shared;

static void *
work(void *argument)
{
	struct random random = {*(uint64_t *)argument};
	char text[32];

	for (int i = 0; i < 20000; i++) {
		unsigned key = (unsigned)random_below(&random, KEYS);
		const struct answer *answer = answer_cache_find(shared, key_of(key, text));

		if (answer == NULL) {
			put(shared, key, random_below(&random, 2000));
		} else {
			check(answer, key);
			answer_cache_release(shared, answer);
		}
	}
	return NULL;
}

static void
at_once(void **state)
{
	uint64_t seeds[3] = {1, 2, 3};
	pthread_t threads[3];

	(void)state;
	shared = answer_cache_create(BYTES_MAX);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, work, &seeds[i]), 0);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	answer_cache_destroy(shared);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(like_a_list), cmocka_unit_test(held_answers_stay),
	    cmocka_unit_test(nothing_is_kept), cmocka_unit_test(at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
