// SPDX-License-Identifier: GPL-2.0
/*
 * The pace of the policy: when the lease is renewed, and when the vault is
 * asked next, throttled or not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"

static struct cmk_pol_result at(const struct cmk_pol_conf *c,
				const struct cmk_pol_state *st,
				enum cmk_pol_obs_kind kind, uint64_t now)
{
	struct cmk_pol_obs o = obs_of(kind);

	return cmk_pol_step(c, st, &o, now);
}

static void the_lease_is_renewed_also_in_silence(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;
	unsigned int renewed = 0;
	uint64_t t, last = NOW;

	r = at(&base, &st, CMK_OBS_UNKNOWN, NOW);
	for (t = r.wake_at; t < NOW + 500 * S; t = r.wake_at) {
		assert_true(t > last);
		r = at(&base, &r.state, CMK_OBS_TICK, t);
		renewed += count(&r, CMK_ACT_RENEW);
		assert_true(t - last <= base.lease_ttl / 5);
		last = t;
	}
	assert_true(renewed > 150);
}

/* The lease that is sent with the new settings may end before the old fifth. */
static void a_shorter_lease_is_renewed_in_its_own_time(void **unused)
{
	struct cmk_pol_conf longer = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;

	longer.lease_ttl = 300 * S;
	r = at(&longer, &st, CMK_OBS_TICK, NOW + 3 * S);
	assert_int_equal(count(&r, CMK_ACT_RENEW), 1);
	assert_int_equal(r.wake_at, NOW + 63 * S);
	r = at(&base, &r.state, CMK_OBS_TICK, NOW + 4 * S);
	assert_int_equal(r.wake_at, NOW + 7 * S);
	r = at(&base, &r.state, CMK_OBS_TICK, NOW + 7 * S);
	assert_int_equal(count(&r, CMK_ACT_RENEW), 1);
	/* A longer one is not renewed any later for it. */
	r = at(&longer, &r.state, CMK_OBS_TICK, NOW + 8 * S);
	assert_int_equal(r.wake_at, NOW + 10 * S);
}

static void throttling_stretches_up_to_five_times(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r = { .state = st };
	unsigned int i;

	for (i = 2; i < 10; i++) {
		r = at(&base, &r.state, CMK_OBS_THROTTLED, NOW);
		assert_int_equal(r.state.probe_at,
				 NOW + (i > 5 ? 5 : i) * 5 * S);
	}
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW);
	assert_int_equal(r.state.probe_at, NOW + 5 * S);
}

/* With the defaults, and answers that take the whole RequestTimeout */
static void throttling_ends_no_run_of_denials(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_THROTTLED);
	struct cmk_pol_result r = { .state = st };
	uint64_t t = NOW;
	unsigned int i;

	c.check_interval = 60 * S;
	c.confirm_spacing = 5 * S;
	c.confirm_count = 3;
	c.offline_grace = 14400 * S;
	o.retry_after = 130 * S;
	for (i = 1; i < c.confirm_count; i++) {
		r = at(&c, &r.state, CMK_OBS_DISABLED, t);
		assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
		assert_int_equal(r.state.denials, i);
		r = cmk_pol_step(&c, &r.state, &o, r.state.probe_at + 5 * S);
		assert_int_equal(r.state.probe_at, t + 70 * S);
		t = r.state.probe_at + 5 * S;
	}
	r = at(&c, &r.state, CMK_OBS_DISABLED, t);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
	/* What weighs nothing waits for as long as it was asked to. */
	st = state_in(CMK_POL_GRACE);
	r = cmk_pol_step(&c, &st, &o, NOW);
	assert_int_equal(r.state.probe_at, NOW + 130 * S);
}

static void jitter_stays_in_its_bounds(void **unused)
{
	struct cmk_pol_conf c = base;
	uint64_t min = UINT64_MAX, max = 0;
	uint32_t i;

	c.jitter = 20;
	for (i = 0; i < 100000; i++) {
		struct cmk_pol_state st = state_in(CMK_POL_READY);
		struct cmk_pol_obs o = obs_of(CMK_OBS_USABLE);
		struct cmk_pol_result r;

		o.random = i * 2654435761U;
		r = cmk_pol_step(&c, &st, &o, NOW);
		min = r.state.probe_at < min ? r.state.probe_at : min;
		max = r.state.probe_at > max ? r.state.probe_at : max;
	}
	assert_in_range(min, NOW + 4 * S, NOW + 4 * S + S / 100);
	assert_in_range(max, NOW + 6 * S - S / 100, NOW + 6 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_lease_is_renewed_also_in_silence),
		cmocka_unit_test(a_shorter_lease_is_renewed_in_its_own_time),
		cmocka_unit_test(throttling_stretches_up_to_five_times),
		cmocka_unit_test(throttling_ends_no_run_of_denials),
		cmocka_unit_test(jitter_stays_in_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
