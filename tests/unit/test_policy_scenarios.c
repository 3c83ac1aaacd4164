// SPDX-License-Identifier: GPL-2.0
/*
 * The policy over time: confirmation, settling, hold and revoke, the offline
 * grace, return, lost commands, and the time from the vault's no to no key.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"

static void a_permission_counts_for_the_identity_of_the_proof_only(void **u)
{
	static const struct {
		const char *oid, *tid;
		bool counts;
	} ids[] = {
		{ OID, TID, true }, { "xx", TID, false }, { OID, "xx", false },
		{ NULL, TID, false }, { OID, NULL, false }, { "", "", false },
	};
	struct cmk_pol_conf c = base;
	unsigned int i;

	c.confirm_count = 1;
	for (i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		struct cmk_pol_state st = state_in(CMK_POL_READY);
		struct cmk_pol_obs o = obs_of(CMK_OBS_PERMISSION);
		struct cmk_pol_result r;
		char buf[16];

		o.oid = ids[i].oid;
		o.tid = ids[i].tid;
		r = cmk_pol_step(&c, &st, &o, NOW);
		assert_string_equal(cell(&r, buf),
				    ids[i].counts ? "3dH" : "1is");
		/* The kinds that are the key's count for whoever asks. */
		o.kind = CMK_OBS_FORBIDDEN;
		r = cmk_pol_step(&c, &st, &o, NOW);
		assert_int_equal(r.state.phase, CMK_POL_HELD);
	}
}

static void a_proof_without_identity_makes_no_permission_count(void **u)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_obs o = obs_of(CMK_OBS_PERMISSION);
	struct cmk_pol_conf c = base;
	struct cmk_pol_result r;

	st.oid[0] = 0;
	st.tid[0] = 0;
	o.oid = "";
	o.tid = "";
	c.confirm_count = 1;
	r = cmk_pol_step(&c, &st, &o, NOW);
	assert_int_equal(r.state.phase, CMK_POL_GRACE);
}

static struct cmk_pol_result at(const struct cmk_pol_conf *c,
				const struct cmk_pol_state *st,
				enum cmk_pol_obs_kind kind, uint64_t now)
{
	struct cmk_pol_obs o = obs_of(kind);

	return cmk_pol_step(c, st, &o, now);
}

static void confirm_count_answers_must_agree(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;

	c.confirm_count = 3;
	r = at(&c, &st, CMK_OBS_DELETED, NOW);
	assert_int_equal(r.state.probe_at, NOW + S);
	r = at(&c, &r.state, CMK_OBS_DISABLED, NOW + S);
	assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
	/* One proof in between, and it was nothing. */
	r = at(&c, &r.state, CMK_OBS_USABLE, NOW + 2 * S);
	assert_int_equal(r.state.phase, CMK_POL_READY);
	assert_int_equal(r.state.denials, 0);
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + 3 * S);
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + 4 * S);
	assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
	/* Silence neither counts nor clears. */
	r = at(&c, &r.state, CMK_OBS_UNKNOWN, NOW + 5 * S);
	assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
	assert_int_equal(r.state.probe_at, NOW + 6 * S);
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + 6 * S);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_DELETED);
}

static void a_denial_from_before_an_outage_does_not_count(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;
	uint64_t t;

	r = at(&base, &st, CMK_OBS_DELETED, NOW);
	for (t = NOW + S; t < NOW + 12 * S; t += S) {
		r = at(&base, &r.state, CMK_OBS_UNKNOWN, t);
		assert_int_equal(count(&r, CMK_ACT_HOLD), 0);
	}
	r = at(&base, &r.state, CMK_OBS_UNKNOWN, t);
	assert_int_equal(r.state.phase, CMK_POL_GRACE);
	r = at(&base, &r.state, CMK_OBS_DELETED, t + S);
	assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
	assert_int_equal(r.state.denials, 1);
}

static void after_a_return_a_denial_must_last(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_REVOKED);
	struct cmk_pol_result r;
	uint64_t t;

	c.settle_time = 300 * S;
	r = at(&c, &st, CMK_OBS_USABLE, NOW);
	assert_int_equal(count(&r, CMK_ACT_RESTORE), 1);
	r = at(&c, &r.state, CMK_OBS_RESTORED, NOW + S);
	assert_int_equal(r.state.phase, CMK_POL_READY);
	for (t = NOW + 10 * S; t < NOW + 70 * S; t += S) {
		r = at(&c, &r.state, CMK_OBS_DELETED, t);
		assert_int_equal(r.state.phase, CMK_POL_CONFIRM);
	}
	r = at(&c, &r.state, CMK_OBS_DELETED, t);
	assert_int_equal(r.state.phase, CMK_POL_HELD);

	/* One that begins when all has settled need not. */
	st = state_in(CMK_POL_READY);
	st.return_at = NOW - 300 * S;
	r = at(&c, &st, CMK_OBS_DELETED, NOW);
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + S);
	assert_int_equal(r.state.phase, CMK_POL_HELD);
}

static void hold_ends_in_revoke_after_deny_hold(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;
	char buf[16];

	r = at(&base, &st, CMK_OBS_DISABLED, NOW);
	r = at(&base, &r.state, CMK_OBS_DISABLED, NOW + S);
	assert_string_equal(cell(&r, buf), "3H");
	assert_int_equal(r.wake_at, NOW + 21 * S);
	/* Silence does not take the no back. */
	r = at(&base, &r.state, CMK_OBS_UNKNOWN, NOW + 10 * S);
	assert_int_equal(r.wake_at, NOW + 21 * S);
	r = at(&base, &r.state, CMK_OBS_TICK, NOW + 21 * S - 1);
	assert_string_equal(cell(&r, buf), "3");
	r = at(&base, &r.state, CMK_OBS_TICK, NOW + 21 * S);
	assert_string_equal(cell(&r, buf), "4V");
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_DISABLED);
}

static void no_deny_hold_revokes_at_once(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_CONFIRM);
	struct cmk_pol_result r;
	char buf[16];

	c.deny_hold = 0;
	r = at(&c, &st, CMK_OBS_DELETED, NOW);
	assert_string_equal(cell(&r, buf), "4V");
	c.deny_hold = 20 * S;
	c.on_denied = CMK_POL_REVOKE_NOW;
	r = at(&c, &st, CMK_OBS_DELETED, NOW);
	assert_string_equal(cell(&r, buf), "4V");
}

static void the_offline_grace_holds_and_never_revokes(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;
	char buf[16];

	c.lease_ttl = 50000 * S;
	st.renew_at = NOW + 10000 * S;
	r = at(&c, &st, CMK_OBS_UNKNOWN, NOW);
	assert_int_equal(r.wake_at, NOW + 598 * S);
	r = at(&c, &r.state, CMK_OBS_UNKNOWN, NOW + 598 * S - 1);
	assert_string_equal(cell(&r, buf), "1");
	r = at(&c, &r.state, CMK_OBS_TICK, NOW + 598 * S);
	assert_string_equal(cell(&r, buf), "3H");
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_GRACE);
	assert_int_equal(r.wake_at, CMK_POL_NEVER);
	/* The vault, back, says no after all: now DenyHold runs. */
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + 700 * S);
	assert_int_equal(r.state.probe_at, NOW + 701 * S);
	r = at(&c, &r.state, CMK_OBS_DELETED, NOW + 701 * S);
	assert_string_equal(cell(&r, buf), "3");
	assert_int_equal(r.wake_at, NOW + 721 * S);
}

static void a_proof_is_as_old_as_its_question(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_GRACE);
	struct cmk_pol_obs o = obs_of(CMK_OBS_USABLE);
	struct cmk_pol_result r;

	o.age = 3 * S;
	r = cmk_pol_step(&base, &st, &o, NOW);
	assert_int_equal(cmk_pol_grace_end(&base, &r.state), NOW + 597 * S);
}

static void a_longer_grace_waits_for_a_proof_a_shorter_one_not(void **unused)
{
	struct cmk_pol_conf longer = base, shorter = base;
	struct cmk_pol_state st = state_in(CMK_POL_READY);
	struct cmk_pol_result r;

	longer.offline_grace = 1200 * S;
	shorter.offline_grace = 60 * S;
	assert_int_equal(cmk_pol_grace_end(&base, &st), NOW + 598 * S);
	assert_int_equal(cmk_pol_grace_end(&longer, &st), NOW + 598 * S);
	assert_int_equal(cmk_pol_grace_end(&shorter, &st), NOW + 58 * S);
	r = at(&longer, &st, CMK_OBS_USABLE, NOW);
	assert_int_equal(cmk_pol_grace_end(&longer, &r.state),
			 NOW + 1200 * S);
}

/* Started again and again behind a cut network, it does not go on for ever. */
static void a_new_agent_takes_the_end_of_the_grace_as_it_is(void **unused)
{
	static const uint64_t ends[] = { 1, 599 * S, 601 * S, 9000 * S };
	struct cmk_pol_conf longer = base;
	struct cmk_pol_state st;
	unsigned int i;

	longer.offline_grace = NOW + 1;	/* longer than the machine runs */
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		uint64_t least = ends[i] < 600 * S ? ends[i] : 600 * S;

		st = cmk_pol_init(&base, NOW, NOW + ends[i], OID, TID);
		assert_int_equal(cmk_pol_grace_end(&base, &st), NOW + least);
		assert_true(st.proof_at <= NOW);
		st = cmk_pol_init(&longer, NOW, NOW + ends[i], OID, TID);
		assert_int_equal(cmk_pol_grace_end(&longer, &st),
				 NOW + ends[i]);
		assert_true(st.proof_at && st.proof_at <= NOW);
	}
	st = cmk_pol_init(&base, NOW, 0, OID, TID);
	assert_int_equal(cmk_pol_grace_end(&base, &st), NOW + 600 * S);
}

static void a_manual_return_waits_and_says_so_once(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_HELD);
	struct cmk_pol_result r;
	char buf[16];

	c.return_auto = false;
	r = at(&c, &st, CMK_OBS_USABLE, NOW);
	assert_string_equal(cell(&r, buf), "3w");
	assert_int_equal(r.wake_at, CMK_POL_NEVER);
	r = at(&c, &r.state, CMK_OBS_USABLE, NOW + 5 * S);
	assert_string_equal(cell(&r, buf), "3");
}

static void a_failed_restore_goes_back_and_tries_again(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_HELD);
	struct cmk_pol_result r;
	char buf[16];

	r = at(&base, &st, CMK_OBS_USABLE, NOW);
	assert_string_equal(cell(&r, buf), "5R");
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW + S);
	assert_string_equal(cell(&r, buf), "5");
	r = at(&base, &r.state, CMK_OBS_RESTORE_FAILED, NOW + 2 * S);
	assert_string_equal(cell(&r, buf), "3");
	assert_int_equal(r.state.deny_until, NOW + 22 * S);
	r = at(&base, &r.state, CMK_OBS_USABLE, NOW + 7 * S);
	assert_string_equal(cell(&r, buf), "5R");
	/* The hold timed out while the DEKs were on their way. */
	r = at(&base, &r.state, CMK_OBS_GATE_REVOKED, NOW + 8 * S);
	r = at(&base, &r.state, CMK_OBS_RESTORE_FAILED, NOW + 9 * S);
	assert_string_equal(cell(&r, buf), "4");
}

/*
 * The promise: whenever in the interval the vault begins to say no, with
 * answers that take the whole RequestTimeout, the keys are gone in an interval,
 * a spacing and two answers.
 */
static void from_the_vaults_no_to_no_key_is_eight_seconds(void **unused)
{
	struct cmk_pol_conf c = base;
	uint64_t act, worst = 0;

	c.deny_hold = 0;
	for (act = 0; act < 12 * S; act += S / 100) {
		struct cmk_pol_state st = cmk_pol_init(&c, NOW, 0, OID, TID);
		uint64_t ask = NOW, no = NOW + 10 * S + act;

		while (st.phase != CMK_POL_REVOKED) {
			/* The vault decides when the question arrives. */
			struct cmk_pol_obs o = obs_of(ask < no ?
						      CMK_OBS_USABLE :
						      CMK_OBS_DELETED);
			uint64_t answer = ask + S;
			struct cmk_pol_result r;

			o.age = S;
			r = cmk_pol_step(&c, &st, &o, answer);
			st = r.state;
			if (st.phase == CMK_POL_REVOKED &&
			    answer - no > worst)
				worst = answer - no;
			ask = st.probe_at;
		}
	}
	assert_in_range(worst, 8 * S - S / 50, 8 * S);
}

/*
 * A command that was lost leaves the gate open, which is not what an open gate
 * else means: that an administrator restored the volume.
 */
static void a_lost_hold_is_sent_again_and_is_no_restore(void **unused)
{
	struct cmk_pol_conf c = base;
	struct cmk_pol_state st = state_in(CMK_POL_CONFIRM);
	struct cmk_pol_result r;
	char buf[16];

	c.settle_time = 300 * S;
	r = at(&c, &st, CMK_OBS_DELETED, NOW);
	assert_string_equal(cell(&r, buf), "3H");
	r = at(&c, &r.state, CMK_OBS_CLOSE_FAILED, NOW);
	assert_int_equal(r.wake_at, NOW + CMK_POL_CLOSE_RETRY);
	r = at(&c, &r.state, CMK_OBS_GATE_OPEN, NOW);
	assert_string_equal(cell(&r, buf), "3");
	r = at(&c, &r.state, CMK_OBS_TICK, NOW + CMK_POL_CLOSE_RETRY);
	assert_string_equal(cell(&r, buf), "3H");
	assert_int_equal(r.actions[0].cause, CMK_POL_CAUSE_DELETED);
	/* This one got through, and DenyHold counts from the no. */
	assert_int_equal(r.wake_at, NOW + 20 * S);
	/* From now on an open gate is an administrator's. */
	r = at(&c, &r.state, CMK_OBS_GATE_OPEN, NOW + 2 * S);
	assert_string_equal(cell(&r, buf), "0Fn");
}

static void a_lost_revoke_is_sent_again(void **unused)
{
	static const enum cmk_pol_obs_kind seen[] = {
		CMK_OBS_GATE_OPEN, CMK_OBS_GATE_HELD,
	};
	unsigned int i;

	for (i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
		struct cmk_pol_state st = state_in(CMK_POL_REVOKED);
		struct cmk_pol_result r;
		char buf[16];

		r = at(&base, &st, CMK_OBS_CLOSE_FAILED, NOW);
		r = at(&base, &r.state, seen[i], NOW);
		assert_string_equal(cell(&r, buf), "4");
		r = at(&base, &r.state, CMK_OBS_TICK,
		       NOW + CMK_POL_CLOSE_RETRY);
		assert_string_equal(cell(&r, buf), "4V");
		/* Only the answer was lost: nothing is sent again. */
		r = at(&base, &st, CMK_OBS_CLOSE_FAILED, NOW);
		r = at(&base, &r.state, CMK_OBS_GATE_REVOKED, NOW);
		assert_int_equal(r.wake_at, CMK_POL_NEVER);
	}
}

static void a_proof_reaches_the_kernel_at_once(void **unused)
{
	static const enum cmk_pol_phase from[] = {
		CMK_POL_READY, CMK_POL_GRACE, CMK_POL_CONFIRM,
	};
	unsigned int i;

	for (i = 0; i < sizeof(from) / sizeof(*from); i++) {
		struct cmk_pol_state st = state_in(from[i]);
		struct cmk_pol_result r;

		r = at(&base, &st, CMK_OBS_USABLE, NOW);
		assert_int_equal(count(&r, CMK_ACT_RENEW), 1);
	}
}

/* Denied while its keys were on their way, it is asked again soon. */
static void a_no_during_a_restore_is_not_forgotten_for_long(void **unused)
{
	struct cmk_pol_state st = state_in(CMK_POL_REVOKED);
	struct cmk_pol_result r;

	r = at(&base, &st, CMK_OBS_USABLE, NOW);
	r = at(&base, &r.state, CMK_OBS_DELETED, NOW + S);
	assert_int_equal(r.state.probe_at, NOW + 2 * S);
	r = at(&base, &r.state, CMK_OBS_RESTORED, NOW + S + S / 2);
	assert_int_equal(r.state.phase, CMK_POL_READY);
	assert_int_equal(r.state.probe_at, NOW + 2 * S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_permission_counts_for_the_identity_of_the_proof_only),
		cmocka_unit_test(
			a_proof_without_identity_makes_no_permission_count),
		cmocka_unit_test(confirm_count_answers_must_agree),
		cmocka_unit_test(a_denial_from_before_an_outage_does_not_count),
		cmocka_unit_test(after_a_return_a_denial_must_last),
		cmocka_unit_test(hold_ends_in_revoke_after_deny_hold),
		cmocka_unit_test(no_deny_hold_revokes_at_once),
		cmocka_unit_test(the_offline_grace_holds_and_never_revokes),
		cmocka_unit_test(a_proof_is_as_old_as_its_question),
		cmocka_unit_test(
			a_longer_grace_waits_for_a_proof_a_shorter_one_not),
		cmocka_unit_test(
			a_new_agent_takes_the_end_of_the_grace_as_it_is),
		cmocka_unit_test(a_manual_return_waits_and_says_so_once),
		cmocka_unit_test(a_failed_restore_goes_back_and_tries_again),
		cmocka_unit_test(a_lost_hold_is_sent_again_and_is_no_restore),
		cmocka_unit_test(a_lost_revoke_is_sent_again),
		cmocka_unit_test(a_proof_reaches_the_kernel_at_once),
		cmocka_unit_test(
			a_no_during_a_restore_is_not_forgotten_for_long),
		cmocka_unit_test(
			from_the_vaults_no_to_no_key_is_eight_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
