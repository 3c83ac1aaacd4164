// SPDX-License-Identifier: GPL-2.0
/*
 * The time of the key, which the vault does not enforce and the agent does: exp
 * and nbf, by the vault's clock; and that a GET which is refused says nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"

#define DATE	1800000000

static struct cmk_pol_result at(const struct cmk_pol_conf *c,
				const struct cmk_pol_state *st,
				enum cmk_pol_obs_kind kind, uint64_t now)
{
	struct cmk_pol_obs o = obs_of(kind);

	return cmk_pol_step(c, st, &o, now);
}

static void expiry_denies_at_exp_by_the_vaults_clock(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
	struct cmk_pol_result r;
	char buf[16];

	c.lease_ttl = 50000 * S;
	st.renew_at = NOW + 10000 * S;
	st.proof_at = NOW;
	st.grace_end = CMK_POL_NEVER;
	o.date = 1800000000;
	o.exp = o.date + 100;
	/* A local clock that is a year ahead changes nothing. */
	o.local_clock = (o.date + 31536000) * 1000000;
	r = cmk_pol_step(&c, &st, &o, NOW);
	assert_int_equal(r.wake_at, NOW + 100 * S);
	assert_int_equal(r.state.get_at, NOW + 95 * S);
	o.kind = CMK_OBS_TICK;
	o.date = 0;
	r = cmk_pol_step(&c, &r.state, &o, NOW + 100 * S - 1);
	assert_string_equal(cell(&r, buf), "0");
	r = cmk_pol_step(&c, &r.state, &o, NOW + 100 * S);
	assert_string_equal(cell(&r, buf), "3H");
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_EXPIRED);
	/* The vault goes on to unwrap: that brings nothing back. */
	r = at(&c, &r.state, CMK_OBS_USABLE, NOW + 101 * S);
	assert_string_equal(cell(&r, buf), "3");
	/* A later exp does. */
	o.kind = CMK_OBS_GET;
	o.exp += 1000;
	r = cmk_pol_step(&c, &r.state, &o, NOW + 102 * S);
	assert_int_equal(r.state.probe_at, NOW + 102 * S);
	r = at(&c, &r.state, CMK_OBS_USABLE, NOW + 103 * S);
	assert_string_equal(cell(&r, buf), "5R");
}

static void expiry_by_the_local_clock_has_slack(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
	struct cmk_pol_result r;

	o.exp = 1800000000;
	/* No clock, no expiry. */
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(cmk_pol_expiry(&base, &r.state), CMK_POL_NEVER);
	o.local_clock = (o.exp - 10) * 1000000;
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(cmk_pol_expiry(&base, &r.state),
			 NOW + 10 * S + CMK_POL_CLOCK_SLACK);
	/* The vault's date, once heard, wins. */
	o.date = o.exp - 20;
	r = cmk_pol_step(&base, &r.state, &o, NOW);
	assert_int_equal(cmk_pol_expiry(&base, &r.state), NOW + 20 * S);
}

static void exp_from_the_network_cannot_overflow(void **unused)
{
	static const int64_t exps[] = {
		INT64_MAX, INT64_MAX / 1000000, INT64_MIN, -1, 32503680000,
	};
	unsigned int i;

	for (i = 0; i < sizeof(exps) / sizeof(exps[0]); i++) {
		struct cmk_pol_state st = state_in(CMK_POL_READY);
		struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
		struct cmk_pol_result r;

		o.exp = exps[i];
		o.date = 1800000000;
		r = cmk_pol_step(&base, &st, &o, NOW);
		assert_int_equal(r.state.phase,
				 exps[i] < 0 ? CMK_POL_HELD : CMK_POL_READY);
	}
}

/* A GET at NOW of a key whose nbf is @ahead seconds after the vault's date. */
static struct cmk_pol_result get_nbf(const struct cmk_pol_conf *c,
				     const struct cmk_pol_state *st,
				     int64_t ahead)
{
	struct cmk_pol_obs o = obs_of(CMK_OBS_GET);

	o.date = DATE;
	o.nbf = DATE + ahead;
	return cmk_pol_step(c, st, &o, NOW);
}

static void a_key_that_is_not_active_yet_is_no_key(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;
	char buf[16];

	r = get_nbf(&base, &st, 100);
	assert_string_equal(cell(&r, buf), "3H");
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_EXPIRED);
	assert_true(cmk_pol_out_of_time(&base, &r.state, NOW));
	/* Its dates are looked at more often, as they may be changed. */
	assert_int_equal(r.state.get_at, NOW + base.check_interval);
	/* The vault unwraps with it; that brings nothing back. */
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW + 100 * S - 1);
	assert_int_equal(count(&r, CMK_ACT_RESTORE), 0);
	/* But it does from nbf on, with nobody's doing. */
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW + 100 * S);
	assert_int_equal(count(&r, CMK_ACT_RESTORE), 1);
}

static void a_key_that_is_active_stays_so(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_conf warn = base;
	struct cmk_pol_result r;
	char buf[16];

	r = get_nbf(&base, &st, 0);
	assert_string_equal(cell(&r, buf), "0");
	r = get_nbf(&base, &st, -100);
	assert_string_equal(cell(&r, buf), "0");
	warn.expiry_denies = false;
	r = get_nbf(&warn, &st, 100);
	assert_string_equal(cell(&r, buf), "0");
}

static void an_nbf_that_is_moved_brings_the_volume_back(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;

	r = get_nbf(&base, &st, 1000);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
	r = get_nbf(&base, &r.state, 0);
	assert_int_equal(r.state.probe_at, NOW);
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW + S);
	assert_int_equal(count(&r, CMK_ACT_RESTORE), 1);
}

static void nbf_by_the_local_clock_has_slack(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
	struct cmk_pol_result r;

	o.nbf = DATE;
	/* No clock, no activation. */
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(r.state.phase, CMK_POL_READY);
	o.local_clock = DATE * 1000000LL - CMK_POL_CLOCK_SLACK;
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(r.state.phase, CMK_POL_READY);
	o.local_clock--;
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
}

static void nbf_from_the_network_cannot_overflow(void **unused)
{
	static const int64_t nbfs[] = {
		INT64_MAX, INT64_MAX / 1000000, 32503680000, INT64_MIN, -1,
	};
	unsigned int i;

	for (i = 0; i < sizeof(nbfs) / sizeof(*nbfs); i++) {
		struct cmk_pol_state st = state_in(CMK_POL_READY);
		struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
		struct cmk_pol_result r;

		o.nbf = nbfs[i];
		o.date = DATE;
		r = cmk_pol_step(&base, &st, &o, NOW);
		assert_int_equal(r.state.phase,
				 nbfs[i] > 0 ? CMK_POL_HELD : CMK_POL_READY);
	}
}

/*
 * The right to GET is not needed: refused for ever, it closes nothing as long
 * as the unwrap works, whatever else is set, and leaves what was last seen.
 */
static void a_refused_get_closes_nothing_while_the_unwrap_works(void **unused)
{
	unsigned int v, i;

	for (v = 0; v < 8; v++) {
		struct cmk_pol_state st = state_in(CMK_POL_READY);
		struct cmk_pol_conf c = base;
		struct cmk_pol_result r = { .state = st };
		uint64_t t = NOW;

		c.confirm_count = 1;
		c.on_denied = v & 1 ? CMK_POL_REVOKE_NOW : CMK_POL_HOLD_FIRST;
		c.network_denied_counts = v & 2;
		c.unauthenticated_counts = v & 2;
		c.deny_hold = v & 4 ? 0 : 20 * S;
		for (i = 0; i < 1000; i++, t += 5 * S) {
			r = at(&c, &r.state, CMK_OBS_GET_REFUSED, t);
			assert_int_equal(r.state.phase, CMK_POL_READY);
			assert_int_equal(r.state.denials, 0);
			assert_true(r.state.get_at > t);
			r = at(&c, &r.state, CMK_OBS_USABLE, t + S);
			assert_int_equal(r.state.phase, CMK_POL_READY);
		}
	}
}

static void a_refused_get_does_not_extend_the_key(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_GET);
	struct cmk_pol_result r;

	o.date = DATE;
	o.exp = DATE + 100;
	r = cmk_pol_step(&base, &st, &o, NOW);
	r = at(&base, &r.state, CMK_OBS_GET_REFUSED, NOW + 50 * S);
	r = at(&base, &r.state, CMK_OBS_TICK, NOW + 100 * S);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_EXPIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(expiry_denies_at_exp_by_the_vaults_clock),
		cmocka_unit_test(expiry_by_the_local_clock_has_slack),
		cmocka_unit_test(exp_from_the_network_cannot_overflow),
		cmocka_unit_test(a_key_that_is_not_active_yet_is_no_key),
		cmocka_unit_test(a_key_that_is_active_stays_so),
		cmocka_unit_test(an_nbf_that_is_moved_brings_the_volume_back),
		cmocka_unit_test(nbf_by_the_local_clock_has_slack),
		cmocka_unit_test(nbf_from_the_network_cannot_overflow),
		cmocka_unit_test(
			a_refused_get_closes_nothing_while_the_unwrap_works),
		cmocka_unit_test(a_refused_get_does_not_extend_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
