// SPDX-License-Identifier: GPL-2.0
/* The retry rule: delays, number of tries, time of one try. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "retry.h"

#define S	1000000ULL
#define START	(1000 * S)
#define MIDDLE	0x8000		/* the random number that changes nothing */

static struct cmk_retry retry(uint64_t budget, unsigned int tries)
{
	struct cmk_retry r = { START, budget, tries };

	return r;
}

static void assert_near(uint64_t value, uint64_t wanted)
{
	assert_in_range(value, wanted - wanted / 1000, wanted + wanted / 1000);
}

static void test_long_budget_backs_off_1_2_4_16(void **state)
{
	static const uint64_t wanted[] = { 1, 2, 4, 8, 16, 16, 16 };
	unsigned int i;
	uint64_t d;

	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
		struct cmk_retry r = retry(600 * S, i + 1);

		assert_true(cmk_retry_delay(&r, START + S, 0, MIDDLE, &d));
		assert_near(d, wanted[i] * S);
	}
}

static void test_delay_is_spread_by_a_quarter(void **state)
{
	struct cmk_retry r = retry(600 * S, 3);
	uint64_t low, high;

	assert_true(cmk_retry_delay(&r, START, 0, 0, &low));
	assert_true(cmk_retry_delay(&r, START, 0, 0xffff, &high));
	assert_near(low, 3 * S);
	assert_near(high, 5 * S);
}

static void test_probe_has_two_tries(void **state)
{
	struct cmk_retry once = retry(5 * S, 1), twice = retry(5 * S, 2);
	uint64_t d;

	assert_true(cmk_retry_delay(&once, START, 0, MIDDLE, &d));
	assert_near(d, S / 2);
	assert_false(cmk_retry_delay(&twice, START, 0, MIDDLE, &d));
}

static void test_no_try_begins_after_the_end(void **state)
{
	struct cmk_retry r = retry(20 * S, 1);
	uint64_t d;

	assert_true(cmk_retry_delay(&r, START + 18 * S, 0, MIDDLE, &d));
	assert_false(cmk_retry_delay(&r, START + 19 * S, 0, MIDDLE, &d));
	assert_false(cmk_retry_delay(&r, START + 21 * S, 0, MIDDLE, &d));
}

static void test_retry_after_is_honoured(void **state)
{
	struct cmk_retry r = retry(20 * S, 1), late = retry(20 * S, 4);
	uint64_t d;

	assert_true(cmk_retry_delay(&r, START, 7, MIDDLE, &d));
	assert_int_equal(d, 7 * S);
	assert_true(cmk_retry_delay(&late, START, 3, MIDDLE, &d));
	assert_near(d, 8 * S);
	assert_false(cmk_retry_delay(&r, START, 20, MIDDLE, &d));
	assert_false(cmk_retry_delay(&r, START, 4000000000U, MIDDLE, &d));
}

static void test_one_try_leaves_room_for_another(void **state)
{
	struct cmk_retry probe = retry(5 * S, 1), quick = retry(S, 1),
			 slow = retry(90 * S, 1);

	assert_int_equal(cmk_retry_timeout(&probe, START), 5 * S / 2);
	assert_int_equal(cmk_retry_timeout(&probe, START + 4 * S), S);
	assert_int_equal(cmk_retry_timeout(&quick, START), S);
	assert_int_equal(cmk_retry_timeout(&slow, START), 10 * S);
	assert_int_equal(cmk_retry_timeout(&slow, START + 99 * S), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_long_budget_backs_off_1_2_4_16),
		cmocka_unit_test(test_delay_is_spread_by_a_quarter),
		cmocka_unit_test(test_probe_has_two_tries),
		cmocka_unit_test(test_no_try_begins_after_the_end),
		cmocka_unit_test(test_retry_after_is_honoured),
		cmocka_unit_test(test_one_try_leaves_room_for_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
