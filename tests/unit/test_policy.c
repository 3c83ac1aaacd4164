// SPDX-License-Identifier: GPL-2.0
/*
 * Walks the whole policy: each phase with each observation against a table
 * written by hand, and against rules that hold whatever the table says; with
 * each deadline before, at and after its time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "policy-fixture.h"

/* Columns: ready, grace, confirm, held, revoked, restoring, sticky. */
static const char * const table[CMK_OBS_KINDS][CMK_POL_PHASES] = {
	[CMK_OBS_TICK]		= { "0", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_USABLE]	= { "0n", "0pn", "0pn", "5R", "5R", "5", "6" },
	[CMK_OBS_DELETED]	= { "2d", "2d", "3H", "3", "4", "5", "6" },
	[CMK_OBS_DISABLED]	= { "2d", "2d", "3H", "3", "4", "5", "6" },
	[CMK_OBS_EXPIRED]	= { "2d", "2d", "3H", "3", "4", "5", "6" },
	[CMK_OBS_FORBIDDEN]	= { "2d", "2d", "3H", "3", "4", "5", "6" },
	[CMK_OBS_PERMISSION]	= { "2d", "2d", "3H", "3", "4", "5", "6" },
	[CMK_OBS_NETWORK_DENIED] = { "1s", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_UNAUTHENTICATED] = { "1s", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_THROTTLED]	= { "1s", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_UNKNOWN]	= { "1s", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_GET]		= { "0", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_GET_REFUSED]	= { "0", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_GET_SILENT]	= { "0", "1", "2", "3", "4", "5", "6" },
	[CMK_OBS_GATE_OPEN]	= { "0", "1", "2", "0Fn", "0Fn", "5", "0Fn" },
	[CMK_OBS_GATE_HELD]	= { "3", "3", "3", "3", "3", "5", "3" },
	[CMK_OBS_GATE_REVOKED]	= { "4", "4", "4", "4", "4", "5", "4" },
	[CMK_OBS_GATE_STICKY]	= { "6a", "6a", "6a", "6a", "6a", "6a", "6" },
	[CMK_OBS_RESTORED]	= { "0", "1", "2", "3", "4", "0", "6" },
	[CMK_OBS_RESTORE_FAILED] = { "0", "1", "2", "3", "4", "4", "6" },
	[CMK_OBS_CLOSE_FAILED]	= { "0", "1", "2", "3", "4", "5", "6" },
};

/* Rows of the table that other settings change. */
static const char * const denied[] = {
	"2d", "2d", "3H", "3", "4", "5", "6"
};
static const char * const denied_once[] = {
	"3dH", "3dH", "3H", "3", "4", "5", "6"
};
static const char * const denied_revoked[] = {
	"2d", "2d", "4V", "3", "4", "5", "6"
};
static const char * const silent[] = {
	"1s", "1", "2", "3", "4", "5", "6"
};
static const char * const manual[] = {
	"0n", "0pn", "0pn", "3w", "4w", "5", "6"
};
static const char * const other_identity[] = {
	"1is", "1", "2", "3", "4", "5", "6"
};

/**
 * struct setting - a setting and the cells that it changes
 * @first, @last: the observations whose row is @row instead
 */
struct setting {
	const char *name;
	void (*set)(struct cmk_pol_conf *c);
	enum cmk_pol_obs_kind first, last;
	const char * const *row;
};

static void set_network(struct cmk_pol_conf *c)
{
	c->network_denied_counts = true;
}

static void set_unauthenticated(struct cmk_pol_conf *c)
{
	c->unauthenticated_counts = true;
}

static void set_warn(struct cmk_pol_conf *c)
{
	c->expiry_denies = false;
}

static void set_manual(struct cmk_pol_conf *c)
{
	c->return_auto = false;
}

static void set_once(struct cmk_pol_conf *c)
{
	c->confirm_count = 1;
}

static void set_no_hold(struct cmk_pol_conf *c)
{
	c->deny_hold = 0;
}

static void set_revoke(struct cmk_pol_conf *c)
{
	c->on_denied = CMK_POL_REVOKE_NOW;
}

static void set_none(struct cmk_pol_conf *c)
{
}

static const struct setting settings[] = {
	{ "none", set_none, CMK_OBS_TICK, CMK_OBS_TICK, table[CMK_OBS_TICK] },
	{ "OnNetworkDenied=denied", set_network, CMK_OBS_NETWORK_DENIED,
	  CMK_OBS_NETWORK_DENIED, denied },
	{ "OnUnauthenticated=denied", set_unauthenticated,
	  CMK_OBS_UNAUTHENTICATED, CMK_OBS_UNAUTHENTICATED, denied },
	{ "Expiry=warn", set_warn, CMK_OBS_EXPIRED, CMK_OBS_EXPIRED, silent },
	{ "OnReturn=manual", set_manual, CMK_OBS_USABLE, CMK_OBS_USABLE,
	  manual },
	{ "ConfirmCount=1", set_once, CMK_OBS_DELETED, CMK_OBS_PERMISSION,
	  denied_once },
	{ "DenyHold=0", set_no_hold, CMK_OBS_DELETED, CMK_OBS_PERMISSION,
	  denied_revoked },
	{ "OnDenied=revoke", set_revoke, CMK_OBS_DELETED, CMK_OBS_PERMISSION,
	  denied_revoked },
};

static void check_cell(const struct setting *set, enum cmk_pol_phase p,
		       enum cmk_pol_obs_kind k)
{
	bool changed = k >= set->first && k <= set->last;
	const char *want = changed ? set->row[p] : table[k][p];
	struct cmk_pol_state st = state_in(p);
	struct cmk_pol_obs o = obs_of(k);
	struct cmk_pol_conf c = base;
	struct cmk_pol_result r;
	char buf[16];

	set->set(&c);
	r = cmk_pol_step(&c, &st, &o, NOW);
	if (strcmp(cell(&r, buf), want))
		fail_msg("%s, phase %u, observation %u: %s, not %s", set->name,
			 p, k, buf, want);
}

/* Under each setting the cells that it is about change, and no others. */
static void each_cell_of_the_table(void **unused)
{
	unsigned int i, p, k;

	for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++)
		for (p = 0; p < CMK_POL_PHASES; p++)
			for (k = 0; k < CMK_OBS_KINDS; k++)
				check_cell(&settings[i], p, k);
}

static void another_identity_is_silence_in_each_phase(void **unused)
{
	unsigned int p;

	for (p = 0; p < CMK_POL_PHASES; p++) {
		struct cmk_pol_state st = state_in(p);
		struct cmk_pol_obs o = obs_of(CMK_OBS_PERMISSION);
		struct cmk_pol_result r;
		char buf[16];

		o.oid = "another";
		r = cmk_pol_step(&base, &st, &o, NOW);
		assert_string_equal(cell(&r, buf), other_identity[p]);
	}
}

static bool is_denial_obs(enum cmk_pol_obs_kind k)
{
	return k >= CMK_OBS_DELETED && k <= CMK_OBS_PERMISSION;
}

static bool is_answer(enum cmk_pol_obs_kind k)
{
	return k >= CMK_OBS_USABLE && k <= CMK_OBS_UNKNOWN;
}

static bool is_gate(enum cmk_pol_obs_kind k)
{
	return k >= CMK_OBS_GATE_OPEN && k <= CMK_OBS_GATE_STICKY;
}

/* What must hold for every step whatsoever. */
static void rules(const struct cmk_pol_conf *c, const struct cmk_pol_state *a,
		  const struct cmk_pol_obs *o, uint64_t now)
{
	struct cmk_pol_result r = cmk_pol_step(c, a, o, now);
	const struct cmk_pol_state *b = &r.state;
	bool was = cmk_pol_phase_live(a->phase);
	bool is = cmk_pol_phase_live(b->phase);
	unsigned int closing = count(&r, CMK_ACT_HOLD) +
			       count(&r, CMK_ACT_REVOKE);
	struct cmk_pol_result again = cmk_pol_step(c, a, o, now);

	assert_memory_equal(&r, &again, sizeof(r));
	/* Keys go by one command, or the kernel took them. */
	if (was && !is)
		assert_true(closing == 1 || (is_gate(o->kind) && !closing));
	/* Keys come back only as they were fetched or by another's hand. */
	if (!was && is)
		assert_true(o->kind == CMK_OBS_RESTORED ||
			    (o->kind == CMK_OBS_GATE_OPEN &&
			     (!a->close_at || a->phase == CMK_POL_STICKY)));
	if (!is)
		assert_int_equal(count(&r, CMK_ACT_RENEW), 0);
	/* An administrator's closing is undone by an open gate alone. */
	if (a->phase == CMK_POL_STICKY && b->phase != CMK_POL_STICKY)
		assert_true(is_gate(o->kind));
	if (a->phase == CMK_POL_STICKY && !is_gate(o->kind))
		assert_int_equal(closing + count(&r, CMK_ACT_RESTORE) +
				 count(&r, CMK_ACT_FILL), 0);
	if (count(&r, CMK_ACT_RESTORE)) {
		assert_int_equal(o->kind, CMK_OBS_USABLE);
		assert_true(c->return_auto);
		assert_int_equal(b->phase, CMK_POL_RESTORING);
	}
	/* No answer is followed by the next question at once, none is lost. */
	if (is_answer(o->kind)) {
		assert_true(b->probe_at > now);
		assert_true(b->probe_at <= now +
			    (CMK_POL_STRETCH_MAX + 1) * c->check_interval);
	}
	/* No deadline is left behind: the agent would spin. */
	assert_true(r.wake_at > now);
	/* One step never both holds and revokes. */
	assert_true(closing <= 1);
	/* Silence alone closes nothing but by a deadline of its own. */
	if (closing && !is_denial_obs(o->kind)) {
		bool grace = now >= cmk_pol_grace_end(c, b);
		bool exp = cmk_pol_out_of_time(c, b, now);
		bool hold = a->deny_until && now >= a->deny_until;
		bool retry = a->close_at && now >= a->close_at;

		assert_true(grace || exp || hold || retry ||
			    (o->kind == CMK_OBS_NETWORK_DENIED &&
			     c->network_denied_counts) ||
			    (o->kind == CMK_OBS_UNAUTHENTICATED &&
			     c->unauthenticated_counts) ||
			    (o->kind == CMK_OBS_GATE_HELD && !c->deny_hold));
	}
}

/* Deadlines of a state set to just before, at and just after now. */
static void with_deadlines(const struct cmk_pol_conf *c,
			   struct cmk_pol_state *st, struct cmk_pol_obs *o,
			   unsigned int mask)
{
	static const int64_t at[] = { -1, 0, 1 };

	st->renew_at = NOW + at[mask % 3];
	st->proof_at = NOW - c->offline_grace + at[mask / 3 % 3];
	st->grace_end = CMK_POL_NEVER;
	if (st->phase == CMK_POL_HELD)
		st->deny_until = mask / 9 % 4 == 3 ? 0 :
				 NOW + at[mask / 9 % 4];
	else
		st->close_at = mask / 9 % 4 == 3 ? 0 :
			       NOW + at[mask / 9 % 4];
	if (st->phase == CMK_POL_HELD && mask % 2)
		st->close_at = NOW + at[mask / 18 % 3];
	switch (mask / 36 % 6) {
	case 0:
		break;
	case 3:
		st->exp = 1800000000;
		o->date = st->exp - 1000;
		break;
	case 4:
	case 5:
		st->nbf = 1800000000;
		o->date = st->nbf - 5 + mask / 36 % 6;
		break;
	default:
		st->exp = 1800000000;
		o->date = st->exp - 1 + mask / 36 % 4;
	}
	o->exp = st->exp;
	o->nbf = st->nbf;
}

static struct cmk_pol_conf conf_variant(unsigned int v)
{
	struct cmk_pol_conf c = base;

	c.on_denied = v & 1 ? CMK_POL_REVOKE_NOW : CMK_POL_HOLD_FIRST;
	c.deny_hold = v & 2 ? 0 : 20 * S;
	c.return_auto = !(v & 4);
	c.network_denied_counts = v & 8;
	c.unauthenticated_counts = v & 128;
	c.confirm_count = v & 16 ? 1 : 3;
	c.expiry_denies = !(v & 32);
	c.jitter = v & 64 ? 20 : 0;
	return c;
}

static void rules_hold_everywhere(void **unused)
{
	static const enum cmk_pol_cause causes[] = {
		CMK_POL_CAUSE_KERNEL, CMK_POL_CAUSE_GRACE,
		CMK_POL_CAUSE_DISABLED,
	};
	unsigned int v, p, k, m, steps = 0;

	for (v = 0; v < 256; v++)
		for (p = 0; p < CMK_POL_PHASES; p++)
			for (k = 0; k < CMK_OBS_KINDS; k++)
				for (m = 0; m < 216; m++) {
					struct cmk_pol_conf c = conf_variant(v);
					struct cmk_pol_state st = state_in(p);
					struct cmk_pol_obs o = obs_of(k);

					o.cause = causes[m % 3];
					o.random = m * 2654435761U;
					o.retry_after = m * 1000000;
					with_deadlines(&c, &st, &o, m);
					rules(&c, &st, &o, NOW);
					steps++;
				}
	assert_int_equal(steps, 256 * 7 * 21 * 216);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_cell_of_the_table),
		cmocka_unit_test(another_identity_is_silence_in_each_phase),
		cmocka_unit_test(rules_hold_everywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
