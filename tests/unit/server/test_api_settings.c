/*
 * Goal: a query's parameters are taken or refused, never lost: without one of them
 * the request would mean something else. Method: a request of a path alone, with an
 * arena that ends at each of the first bytes; parameters as they are written in URLs
 * are tests/integration/client.test.mjs's.
 */
#include "beacon.h"

#include "server/api.h"

/* The error's code; *job has what was taken. */
static int
take(const char *path, size_t arena_bytes, struct api_job *job, struct api_error *error)
{
	h2o_req_t req;
	int code;

	memset(&req, 0, sizeof req);
	req.path = h2o_iovec_init(path, strlen(path));
	req.query_at = (size_t)(strchr(path, '?') - path);
	h2o_mem_init_pool(&req.pool);
	memset(job, 0, sizeof *job);
	memset(error, 0, sizeof *error);
	job->arena = store_arena_create(arena_bytes);
	job->query.parameters = job->parameters;
	assert_non_null(job->arena);
	code = api_settings(&req, job, error);
	assert_int_equal(code, error->code);
	h2o_mem_clear_pool(&req.pool);
	return code;
}

static void
out_of_memory(void **state)
{
	static const char path[] = "/query?query=SELECT+1&insert_deduplication_token=monday"
				   "&default_format=CSV&param_a=x%5Cty&param_b=%5CN";
	static struct api_job job;
	struct api_error error;
	unsigned refused = 0;
	size_t bytes = 1;
	bool taken = false;

	(void)state;
	for (; !taken && bytes < 1000; bytes++) {
		if (take(path, bytes, &job, &error) != 0) {
			assert_int_equal(error.code, STORE_ENOMEM);
			refused++;
		} else {
			taken = true;
			beacon_assert_str(job.text, "SELECT 1");
			beacon_assert_str(job.deduplication_token, "monday");
			beacon_assert_str(job.format, "CSV");
			assert_int_equal(job.query.parameters_count, 2);
			beacon_assert_str(job.parameters[0].name, "a");
			beacon_assert_str(job.parameters[0].value, "x\ty");
			beacon_assert_str(job.parameters[1].value, "\\N");
		}
		store_arena_free(job.arena);
	}
	assert_true(taken && refused > 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(out_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
