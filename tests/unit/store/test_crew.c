/*
 * Goal: each job that is begun has run once when it is ended, whoever did it; jobs do
 * not wait for each other; of a division each number is done once, with help and without;
 * and no thread is left when the crew is freed. Method: jobs that count themselves, begun and ended
 * in random order by several threads; a job that waits for another, and one that is ended while all
 * threads are kept busy.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <time.h>

#include "check.h"

#include "store/crew.h"

#define CALLERS 4
#define JOBS 12
#define ROUNDS 300
#define DEADLINE_S 120

struct counted {
	struct crew_job job;
	_Atomic uint32_t runs;
	uint32_t begun;
	bool under_way;
};

static void
count(void *context)
{
	struct counted *counted = context;

	atomic_fetch_add(&counted->runs, 1);
}

struct caller {
	pthread_t thread;
	struct crew *crew;
	struct random random;
	bool wrong;
};

static void *
begin_and_end(void *argument)
{
	struct caller *caller = argument;
	struct counted jobs[JOBS] = {{.under_way = false}};

	for (int i = 0; i < ROUNDS * JOBS; i++) {
		struct counted *counted = &jobs[random_below(&caller->random, JOBS)];

		if (!counted->under_way) {
			counted->job = (struct crew_job){.run = count, .context = counted};
			counted->begun++;
			crew_begin(caller->crew, &counted->job);
		} else {
			crew_end(caller->crew, &counted->job);
			caller->wrong |= atomic_load(&counted->runs) != counted->begun;
		}
		counted->under_way = !counted->under_way;
	}
	for (int i = 0; i < JOBS; i++) {
		if (jobs[i].under_way)
			crew_end(caller->crew, &jobs[i].job);
		caller->wrong |= atomic_load(&jobs[i].runs) != jobs[i].begun;
	}
	return NULL;
}

static void
test_once(void **state)
{
	struct random random = random_seeded("once");
	struct crew *crew = crew_create();
	struct caller callers[CALLERS];

	(void)state;
	assert_non_null(crew);
	for (int i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){.crew = crew, .random = {random_next(&random)}};
		assert_int_equal(
		    pthread_create(&callers[i].thread, NULL, begin_and_end, &callers[i]), 0);
	}
	for (int i = 0; i < CALLERS; i++) {
		assert_int_equal(pthread_join(callers[i].thread, NULL), 0);
		assert_false(callers[i].wrong);
	}
	crew_free(crew);
}

/* A flag that others wait for. */
struct flag {
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool is_set, late;
};

#define FLAG                                                                            \
	{                                                                               \
		.mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER \
	}

static void
set_flag(void *context)
{
	struct flag *flag = context;

	pthread_mutex_lock(&flag->mutex);
	flag->is_set = true;
	pthread_cond_broadcast(&flag->changed);
	pthread_mutex_unlock(&flag->mutex);
}

static void
wait_for_flag(void *context)
{
	struct flag *flag = context;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DEADLINE_S;
	pthread_mutex_lock(&flag->mutex);
	while (!flag->is_set && !flag->late)
		flag->late = pthread_cond_timedwait(&flag->changed, &flag->mutex, &until) != 0;
	pthread_mutex_unlock(&flag->mutex);
}

/* Begun jobs run although nobody ends them, also while others of them wait. */
static void
test_beside(void **state)
{
	struct flag flag = FLAG;
	struct crew_job waits[3], sets = {.run = set_flag, .context = &flag};
	struct crew *crew = crew_create();

	(void)state;
	assert_non_null(crew);
	for (int i = 0; i < 3; i++) {
		waits[i] = (struct crew_job){.run = wait_for_flag, .context = &flag};
		crew_begin(crew, &waits[i]);
	}
	crew_begin(crew, &sets);
	wait_for_flag(&flag);
	for (int i = 0; i < 3; i++)
		crew_end(crew, &waits[i]);
	crew_end(crew, &sets);
	assert_false(flag.late);
	crew_free(crew);
}

/* What waits here for one that comes later is done by whoever ends it: in order of
 * ending, not of beginning. */
static void
test_ended_first(void **state)
{
	struct random random = random_seeded("ended first");
	struct crew *crew = crew_create();

	(void)state;
	assert_non_null(crew);
	for (int round = 0; round < ROUNDS; round++) {
		struct flag flag = FLAG;
		struct crew_job waits = {.run = wait_for_flag, .context = &flag};
		struct counted counted = {.job = {.run = count, .context = &counted}};
		bool waits_first = random_below(&random, 2) == 0;

		if (waits_first)
			crew_begin(crew, &waits);
		crew_begin(crew, &counted.job);
		if (!waits_first)
			crew_begin(crew, &waits);
		crew_end(crew, &counted.job);
		assert_int_equal(atomic_load(&counted.runs), 1);
		set_flag(&flag);
		crew_end(crew, &waits);
		assert_false(flag.late);
	}
	crew_free(crew);
	crew_free(NULL);
}

/* ---- divisions ------------------------------------------------------------------ */

#define NUMBERS 1000u

struct part {
	uint8_t *done; /* [NUMBERS] of both */
	struct flag *wanted, *set;
	uint32_t step;
	bool wrong;
};

/* The first of either waits until the other has one, too. */
static void
do_some(void *context, uint32_t first, uint32_t end)
{
	struct part *part = context;

	if (part->set != NULL) {
		set_flag(part->set);
		wait_for_flag(part->wanted);
		part->wrong |= part->wanted->late;
	}
	part->set = NULL;
	part->wrong |= end <= first || end - first > part->step || end > NUMBERS;
	for (uint32_t i = first; i < end; i++)
		part->done[i]++;
}

static void
divide(struct crew *crew, uint32_t count, uint32_t step, bool both)
{
	static uint8_t done[NUMBERS];
	struct flag here = FLAG, there = FLAG;
	struct part own = {done, &there, both ? &here : NULL, step, false};
	struct part other = {done, &here, both ? &there : NULL, step, false};
	struct crew_division division = {
	    .run = do_some, .own = &own, .other = &other, .count = count, .step = step};

	memset(done, 0, sizeof done);
	crew_divide(crew, &division);
	assert_false(own.wrong || other.wrong);
	for (uint32_t i = 0; i < NUMBERS; i++)
		assert_int_equal(done[i], i < count);
}

static void
test_divided(void **state)
{
	struct random random = random_seeded("divided");
	struct crew *crew = crew_create();

	(void)state;
	assert_non_null(crew);
	for (int round = 0; round < ROUNDS; round++) {
		uint32_t step = 1 + (uint32_t)random_below(&random, NUMBERS / 4);
		uint32_t count = (uint32_t)random_below(&random, NUMBERS + 1);

		divide(random_below(&random, 2) == 0 ? NULL : crew, count, step, false);
		divide(crew, NUMBERS, step, true);
	}
	crew_free(crew);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_once), cmocka_unit_test(test_beside),
	    cmocka_unit_test(test_ended_first), cmocka_unit_test(test_divided)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
