// SPDX-License-Identifier: GPL-2.0
/*
 * What the vault's answers to a probe lead to: the run of denials, its
 * confirmation, silence, the return.
 */
#include <string.h>

#include "policy-step.h"

void cmk_step_act(struct cmk_pol_step *s, enum cmk_pol_action_type type,
		  enum cmk_pol_note note)
{
	struct cmk_pol_action *a;

	if (s->res->n == CMK_POL_ACTIONS)
		return;
	a = &s->res->actions[s->res->n++];
	a->type = type;
	a->cause = s->st->cause;
	a->note = note;
}

void cmk_step_note(struct cmk_pol_step *s, enum cmk_pol_note n)
{
	cmk_step_act(s, CMK_ACT_NOTE, n);
}

uint64_t cmk_step_interval(const struct cmk_pol_step *s)
{
	uint64_t base = s->conf->check_interval * s->st->stretch;
	uint64_t spread = base / 100 * s->conf->jitter;

	if (!spread)
		return base;
	return base - spread + s->obs->random % (2 * spread + 1);
}

/*
 * An interval is from question to question: one that waits long for its answer
 * must not make the next come later, or the time from the vault's no to no key
 * would have one answer more.
 */
static uint64_t until_next(const struct cmk_pol_step *s)
{
	uint64_t interval = cmk_step_interval(s);
	uint64_t age = s->obs->age;

	return interval - (age < interval / 2 ? age : interval / 2);
}

void cmk_step_copy_id(char *dst, const char *src)
{
	size_t n = src ? strnlen(src, CMK_POL_ID_LEN - 1) : 0;

	memset(dst, 0, CMK_POL_ID_LEN);
	if (n)
		memcpy(dst, src, n);
}

void cmk_step_revoke(struct cmk_pol_step *s)
{
	s->st->phase = CMK_POL_REVOKED;
	s->st->deny_until = 0;
	s->st->close_at = 0;
	cmk_step_act(s, CMK_ACT_REVOKE, CMK_NOTE_NONE);
}

/* The no of the vault stands. */
void cmk_step_deny(struct cmk_pol_step *s)
{
	bool held = s->st->phase == CMK_POL_HELD;

	s->st->waits = false;
	if (s->conf->on_denied == CMK_POL_REVOKE_NOW || !s->conf->deny_hold) {
		cmk_step_revoke(s);
		return;
	}
	s->st->phase = CMK_POL_HELD;
	s->st->deny_until = s->now + s->conf->deny_hold;
	if (held)
		return;
	s->st->close_at = 0;
	cmk_step_act(s, CMK_ACT_HOLD, CMK_NOTE_NONE);
}

bool cmk_step_out_of_time(const struct cmk_pol_step *s)
{
	return cmk_pol_out_of_time(s->conf, s->st, s->now);
}

/*
 * An older denial says nothing about now: a run of denials that an outage
 * interrupted for longer than this starts again.
 */
static bool denial_is_stale(const struct cmk_pol_step *s)
{
	return s->now - s->st->last_denial >
	       2 * s->conf->check_interval + s->conf->confirm_spacing;
}

static bool confirmed(const struct cmk_pol_step *s)
{
	const struct cmk_pol_state *st = s->st;

	if (st->denials < s->conf->confirm_count)
		return false;
	/*
	 * A vault that recovered a key, or was given an assignment back, may
	 * answer from a replica that has not heard of it yet.
	 */
	if (st->return_at && s->conf->settle_time &&
	    st->first_denial - st->return_at < s->conf->settle_time)
		return s->now - st->first_denial >= CMK_POL_SETTLE_LAST;
	return true;
}

void cmk_step_denied(struct cmk_pol_step *s, enum cmk_pol_cause cause)
{
	struct cmk_pol_state *st = s->st;
	uint64_t next;

	st->stretch = 1;
	next = cmk_step_interval(s);
	if (st->denials && denial_is_stale(s))
		st->denials = 0;
	if (!st->denials++)
		st->first_denial = s->now;
	st->last_denial = s->now;

	switch (st->phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
		st->phase = CMK_POL_CONFIRM;
		st->cause = cause;
		cmk_step_note(s, CMK_NOTE_DENIAL);
		/* fall through */
	case CMK_POL_CONFIRM:
		st->cause = cause;
		next = s->conf->confirm_spacing;
		if (confirmed(s))
			cmk_step_deny(s);
		break;
	case CMK_POL_HELD:
		if (st->deny_until)
			break;
		if (confirmed(s)) {
			st->cause = cause;
			cmk_step_deny(s);
		} else {
			next = s->conf->confirm_spacing;
		}
		break;
	case CMK_POL_RESTORING:
		/* The keys may be here before the next answer. */
		next = s->conf->confirm_spacing;
		break;
	case CMK_POL_REVOKED:
	case CMK_POL_STICKY:
		break;
	}
	st->probe_at = s->now + next;
}

/*
 * A Retry-After is honoured, but not for longer than throttling stretches; and
 * while a run of denials is weighed only for an interval, or the silence that
 * was asked for would make the last of them stale.
 */
static uint64_t wait_as_asked(const struct cmk_pol_step *s, uint64_t next)
{
	uint64_t max = s->conf->check_interval * CMK_POL_STRETCH_MAX;
	uint64_t asked = s->obs->retry_after;

	if (s->st->phase == CMK_POL_CONFIRM)
		max = s->conf->check_interval;
	if (asked > max)
		asked = max;
	return next < asked ? asked : next;
}

/* No verdict: the volume lives on its last proof. */
void cmk_step_silent(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;
	uint64_t next = until_next(s);

	switch (st->phase) {
	case CMK_POL_READY:
		st->phase = CMK_POL_GRACE;
		cmk_step_note(s, CMK_NOTE_SILENT);
		break;
	case CMK_POL_CONFIRM:
		if (denial_is_stale(s)) {
			st->denials = 0;
			st->cause = CMK_POL_CAUSE_NONE;
			st->phase = CMK_POL_GRACE;
			cmk_step_note(s, CMK_NOTE_SILENT);
		} else {
			next = s->conf->confirm_spacing;
		}
		break;
	case CMK_POL_GRACE:
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
	case CMK_POL_RESTORING:
	case CMK_POL_STICKY:
		break;
	}
	st->probe_at = s->now + wait_as_asked(s, next);
}

void cmk_step_throttled(struct cmk_pol_step *s)
{
	if (s->st->stretch < CMK_POL_STRETCH_MAX)
		s->st->stretch++;
	cmk_step_silent(s);
}

static bool same_identity(const struct cmk_pol_step *s)
{
	const struct cmk_pol_state *st = s->st;
	const struct cmk_pol_obs *o = s->obs;

	return st->oid[0] && st->tid[0] && o->oid && o->tid &&
	       !strcmp(st->oid, o->oid) && !strcmp(st->tid, o->tid);
}

static void on_return(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	/* The vault unwraps out of the key's time; that is no return. */
	if (cmk_step_out_of_time(s))
		return;
	st->deny_until = 0;
	if (s->conf->return_auto) {
		st->back = st->phase;
		st->phase = CMK_POL_RESTORING;
		cmk_step_act(s, CMK_ACT_RESTORE, CMK_NOTE_NONE);
	} else if (!st->waits) {
		st->waits = true;
		cmk_step_note(s, CMK_NOTE_WAITS);
	}
}

void cmk_step_usable(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	st->proof_at = s->now - (s->obs->age < s->now ? s->obs->age : 0);
	st->grace_end = st->proof_at + s->conf->offline_grace;
	cmk_step_copy_id(st->oid, s->obs->oid);
	cmk_step_copy_id(st->tid, s->obs->tid);
	st->denials = 0;
	st->stretch = 1;

	switch (st->phase) {
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
		st->phase = CMK_POL_READY;
		st->cause = CMK_POL_CAUSE_NONE;
		cmk_step_note(s, CMK_NOTE_PROOF_AGAIN);
		/* fall through */
	case CMK_POL_READY:
		/* The kernel, or the next agent, has no end that is older. */
		st->renew_at = s->now;
		break;
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
		on_return(s);
		break;
	case CMK_POL_RESTORING:
	case CMK_POL_STICKY:
		break;
	}
	st->probe_at = s->now + until_next(s);
}

void cmk_step_permission(struct cmk_pol_step *s)
{
	if (same_identity(s)) {
		cmk_step_denied(s, CMK_POL_CAUSE_PERMISSION);
		return;
	}
	if (s->st->phase == CMK_POL_READY)
		cmk_step_note(s, CMK_NOTE_OTHER_IDENTITY);
	cmk_step_silent(s);
}
