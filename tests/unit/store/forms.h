/*
 * A test for each form of the loops that codec_vector.h chooses among. What the machine
 * has no instructions for is told as skipped, not tried again with what it has.
 */
#ifndef FORMS_H
#define FORMS_H

#include "check.h"

#include "store/codec_vector.h"

static const int forms_each[] = {CODEC_FORMS_PLAIN, CODEC_FORMS_AVX2, CODEC_FORMS_AVX512,
				 CODEC_FORMS_VBMI};

/* Whether there is something to test. (cmocka's skip() is "not ok" in TAP.) */
static inline bool
forms_choose(void **state)
{
	static const char *const names[] = {"", "plain", "AVX2", "AVX-512", "AVX-512 VBMI"};
	int forms = *(const int *)*state;

	codec_limit_forms(forms);
	if (atomic_load(&codec_forms) == forms)
		return true;
	print_message("# SKIP: this processor cannot do %s\n", names[forms]);
	return false;
}

static inline int
forms_forget(void **state)
{
	(void)state;
	codec_set_plain(false);
	return 0;
}

#define FORMS_TEST(test, form, i)                                                            \
	{                                                                                    \
#test ", " form, test, NULL, forms_forget, (void *)(uintptr_t)&forms_each[i] \
	}
#define FORMS_TESTS(test)                                                                          \
	FORMS_TEST(test, "plain", 0), FORMS_TEST(test, "AVX2", 1), FORMS_TEST(test, "AVX-512", 2), \
	    FORMS_TEST(test, "AVX-512 VBMI", 3)

#endif
