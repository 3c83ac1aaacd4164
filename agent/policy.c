// SPDX-License-Identifier: GPL-2.0
/*
 * The decisions of the agent.  This file includes nothing but its header and
 * the standard library, so that every state, observation and deadline can be
 * walked by a test.  Documentation/policy.rst has the tables.
 */
#include "policy-step.h"

bool cmk_pol_phase_live(enum cmk_pol_phase phase)
{
	switch (phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
		return true;
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
	case CMK_POL_RESTORING:
	case CMK_POL_STICKY:
		break;
	}
	return false;
}

bool cmk_pol_cause_is_denial(enum cmk_pol_cause cause)
{
	switch (cause) {
	case CMK_POL_CAUSE_DELETED:
	case CMK_POL_CAUSE_DISABLED:
	case CMK_POL_CAUSE_EXPIRED:
	case CMK_POL_CAUSE_PERMISSION:
		return true;
	case CMK_POL_CAUSE_NONE:
	case CMK_POL_CAUSE_GRACE:
	case CMK_POL_CAUSE_KERNEL:
	case CMK_POL_CAUSE_ADMIN:
		break;
	}
	return false;
}

static uint64_t min_time(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t cmk_pol_grace_end(const struct cmk_pol_conf *conf,
			   const struct cmk_pol_state *state)
{
	return min_time(state->proof_at + conf->offline_grace,
			state->grace_end);
}

/*
 * A time of the key in boot time, later by @slack if only the local clock is
 * known.  It comes from the network: the year 300,000 is for ever.
 */
static uint64_t boot_time(const struct cmk_pol_state *state, int64_t unix_s,
			  int64_t slack)
{
	int64_t us;

	if (unix_s < 0)
		return 0;
	if (unix_s > INT64_MAX / 4 / 1000000)
		return CMK_POL_NEVER;
	us = unix_s * 1000000 - state->clock;
	if (!state->clock_vault)
		us += slack;
	return us < 0 ? 0 : us;
}

uint64_t cmk_pol_expiry(const struct cmk_pol_conf *conf,
			const struct cmk_pol_state *state)
{
	if (!conf->expiry_denies || !state->exp || !state->clock_known)
		return CMK_POL_NEVER;
	return boot_time(state, state->exp, CMK_POL_CLOCK_SLACK);
}

static uint64_t activation(const struct cmk_pol_conf *conf,
			   const struct cmk_pol_state *state)
{
	if (!conf->expiry_denies || !state->nbf || !state->clock_known)
		return 0;
	return boot_time(state, state->nbf, -CMK_POL_CLOCK_SLACK);
}

bool cmk_pol_out_of_time(const struct cmk_pol_conf *conf,
			 const struct cmk_pol_state *state, uint64_t now)
{
	return now < activation(conf, state) ||
	       now >= cmk_pol_expiry(conf, state);
}

/* The next GET comes in time to see whether a near exp has been moved. */
static void schedule_get(struct cmk_pol_step *s)
{
	uint64_t exp = cmk_pol_expiry(s->conf, s->st);
	uint64_t lead = s->conf->check_interval;
	struct cmk_pol_state *st = s->st;

	st->get_at = s->now + s->conf->get_interval;
	if (cmk_step_out_of_time(s))
		st->get_at = s->now + s->conf->check_interval;
	else if (exp != CMK_POL_NEVER && exp > s->now + lead &&
		 exp - lead < st->get_at)
		st->get_at = exp - lead;
}

static void on_get(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;
	bool was = cmk_step_out_of_time(s);

	st->exp = s->obs->exp;
	st->nbf = s->obs->nbf;
	schedule_get(s);
	if (was && !cmk_step_out_of_time(s))
		st->probe_at = s->now;
}

static void on_get_silent(struct cmk_pol_step *s)
{
	s->st->get_at = s->now + s->conf->check_interval;
}

/* Somebody else, an administrator, restored the volume; keys are missing. */
static void on_gate_open(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	switch (st->phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
	case CMK_POL_RESTORING:
		return;
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
		/* Nobody opened it: our command to close it was lost. */
		if (st->close_at)
			return;
		break;
	case CMK_POL_STICKY:
		break;
	}
	st->phase = CMK_POL_READY;
	st->cause = CMK_POL_CAUSE_NONE;
	st->denials = 0;
	st->deny_until = 0;
	st->close_at = 0;
	st->waits = false;
	st->return_at = s->now;
	st->renew_at = s->now;
	st->probe_at = s->now;
	cmk_step_act(s, CMK_ACT_FILL, CMK_NOTE_NONE);
}

static void closed_by_kernel(struct cmk_pol_step *s, enum cmk_pol_phase phase)
{
	struct cmk_pol_state *st = s->st;

	st->phase = phase;
	st->cause = s->obs->cause;
	st->probe_at = s->now;
	st->waits = false;
	st->deny_until = 0;
	if (phase == CMK_POL_HELD && cmk_pol_cause_is_denial(st->cause))
		st->deny_until = s->now + s->conf->deny_hold;
}

static void on_gate_held(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	switch (st->phase) {
	case CMK_POL_REVOKED:
		/* It is still to be revoked. */
		if (st->close_at)
			return;
		/* fall through */
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
	case CMK_POL_STICKY:
		closed_by_kernel(s, CMK_POL_HELD);
		break;
	case CMK_POL_HELD:
	case CMK_POL_RESTORING:
		break;
	}
	st->close_at = 0;
}

static void on_gate_revoked(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	st->close_at = 0;
	switch (st->phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
	case CMK_POL_STICKY:
		closed_by_kernel(s, CMK_POL_REVOKED);
		break;
	case CMK_POL_HELD:
		/* The hold timed out; what led to the hold stays the cause. */
		st->phase = CMK_POL_REVOKED;
		st->deny_until = 0;
		break;
	case CMK_POL_RESTORING:
		st->back = CMK_POL_REVOKED;
		break;
	case CMK_POL_REVOKED:
		break;
	}
}

static void on_gate_sticky(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	if (st->phase == CMK_POL_STICKY)
		return;
	st->phase = CMK_POL_STICKY;
	st->cause = CMK_POL_CAUSE_ADMIN;
	st->deny_until = 0;
	st->close_at = 0;
	st->waits = false;
	cmk_step_note(s, CMK_NOTE_ADMIN);
}

static void on_restored(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	if (st->phase != CMK_POL_RESTORING)
		return;
	st->phase = CMK_POL_READY;
	st->cause = CMK_POL_CAUSE_NONE;
	st->denials = 0;
	st->close_at = 0;
	st->return_at = s->now;
	st->renew_at = s->now + s->conf->lease_ttl / 5;
}

static void on_restore_failed(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	if (st->phase != CMK_POL_RESTORING)
		return;
	st->phase = st->back;
	if (st->phase == CMK_POL_HELD && cmk_pol_cause_is_denial(st->cause))
		st->deny_until = s->now + s->conf->deny_hold;
	st->probe_at = s->now + cmk_step_interval(s);
}

static void on_close_failed(struct cmk_pol_step *s)
{
	switch (s->st->phase) {
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
		s->st->close_at = s->now + CMK_POL_CLOSE_RETRY;
		break;
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
	case CMK_POL_RESTORING:
	case CMK_POL_STICKY:
		break;
	}
}

static void observe(struct cmk_pol_step *s)
{
	switch (s->obs->kind) {
	case CMK_OBS_TICK:
		return;
	case CMK_OBS_USABLE:
		cmk_step_usable(s);
		return;
	case CMK_OBS_DELETED:
		cmk_step_denied(s, CMK_POL_CAUSE_DELETED);
		return;
	case CMK_OBS_DISABLED:
		cmk_step_denied(s, CMK_POL_CAUSE_DISABLED);
		return;
	case CMK_OBS_EXPIRED:
		if (s->conf->expiry_denies)
			cmk_step_denied(s, CMK_POL_CAUSE_EXPIRED);
		else
			cmk_step_silent(s);
		return;
	case CMK_OBS_FORBIDDEN:
		cmk_step_denied(s, CMK_POL_CAUSE_PERMISSION);
		return;
	case CMK_OBS_PERMISSION:
		cmk_step_permission(s);
		return;
	case CMK_OBS_NETWORK_DENIED:
		if (s->conf->network_denied_counts)
			cmk_step_denied(s, CMK_POL_CAUSE_PERMISSION);
		else
			cmk_step_silent(s);
		return;
	case CMK_OBS_UNAUTHENTICATED:
		if (s->conf->unauthenticated_counts)
			cmk_step_denied(s, CMK_POL_CAUSE_PERMISSION);
		else
			cmk_step_silent(s);
		return;
	case CMK_OBS_THROTTLED:
		cmk_step_throttled(s);
		return;
	case CMK_OBS_UNKNOWN:
		cmk_step_silent(s);
		return;
	case CMK_OBS_GET:
		on_get(s);
		return;
	case CMK_OBS_GET_REFUSED:
		schedule_get(s);
		return;
	case CMK_OBS_GET_SILENT:
		on_get_silent(s);
		return;
	case CMK_OBS_GATE_OPEN:
		on_gate_open(s);
		return;
	case CMK_OBS_GATE_HELD:
		on_gate_held(s);
		return;
	case CMK_OBS_GATE_REVOKED:
		on_gate_revoked(s);
		return;
	case CMK_OBS_GATE_STICKY:
		on_gate_sticky(s);
		return;
	case CMK_OBS_RESTORED:
		on_restored(s);
		return;
	case CMK_OBS_RESTORE_FAILED:
		on_restore_failed(s);
		return;
	case CMK_OBS_CLOSE_FAILED:
		on_close_failed(s);
		return;
	}
}

/* The vault's clock, once it was heard, is never replaced by the local one. */
static void set_clock(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	if (s->obs->date > 0 && s->obs->date < INT64_MAX / 4 / 1000000) {
		st->clock = s->obs->date * 1000000 - (int64_t)s->now;
		st->clock_known = true;
		st->clock_vault = true;
	} else if (s->obs->local_clock > 0 && !st->clock_vault) {
		st->clock = s->obs->local_clock - (int64_t)s->now;
		st->clock_known = true;
	}
}

static void deadlines_live(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;

	/* LeaseTTL may have become shorter since that was set. */
	st->renew_at = min_time(st->renew_at, s->now + s->conf->lease_ttl / 5);
	if (cmk_step_out_of_time(s)) {
		st->cause = CMK_POL_CAUSE_EXPIRED;
		if (s->obs->kind != CMK_OBS_GET)
			st->get_at = s->now;
		cmk_step_deny(s);
	} else if (s->now >= cmk_pol_grace_end(s->conf, st)) {
		st->cause = CMK_POL_CAUSE_GRACE;
		st->phase = CMK_POL_HELD;
		st->deny_until = 0;
		st->close_at = 0;
		cmk_step_act(s, CMK_ACT_HOLD, CMK_NOTE_NONE);
	} else if (s->now >= st->renew_at) {
		st->renew_at = s->now + s->conf->lease_ttl / 5;
		cmk_step_act(s, CMK_ACT_RENEW, CMK_NOTE_NONE);
	}
}

/* To hold or to revoke, whichever it was or has become meanwhile. */
static void deadlines_closed(struct cmk_pol_step *s)
{
	struct cmk_pol_state *st = s->st;
	bool held = st->phase == CMK_POL_HELD;
	bool again = st->close_at && s->now >= st->close_at;

	if (held && st->deny_until && s->now >= st->deny_until) {
		cmk_step_revoke(s);
	} else if (again) {
		st->close_at = 0;
		cmk_step_act(s, held ? CMK_ACT_HOLD : CMK_ACT_REVOKE,
			     CMK_NOTE_NONE);
	}
}

static void deadlines(struct cmk_pol_step *s)
{
	switch (s->st->phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
	case CMK_POL_CONFIRM:
		deadlines_live(s);
		break;
	case CMK_POL_HELD:
	case CMK_POL_REVOKED:
		deadlines_closed(s);
		break;
	case CMK_POL_RESTORING:
	case CMK_POL_STICKY:
		break;
	}
}

static uint64_t wake_at(const struct cmk_pol_step *s)
{
	const struct cmk_pol_state *st = s->st;
	uint64_t at = CMK_POL_NEVER;

	if (cmk_pol_phase_live(st->phase))
		return min_time(st->renew_at,
				min_time(cmk_pol_grace_end(s->conf, st),
					 cmk_pol_expiry(s->conf, st)));
	if (st->phase == CMK_POL_HELD && st->deny_until)
		at = st->deny_until;
	if (st->phase != CMK_POL_HELD && st->phase != CMK_POL_REVOKED)
		return at;
	return st->close_at ? min_time(at, st->close_at) : at;
}

struct cmk_pol_state cmk_pol_init(const struct cmk_pol_conf *conf,
				  uint64_t now, uint64_t grace_end,
				  const char *oid, const char *tid)
{
	struct cmk_pol_state st = {
		.phase = CMK_POL_READY,
		.proof_at = now,
		.grace_end = now + conf->offline_grace,
		.stretch = 1,
		.probe_at = now,
		.get_at = now,
		.renew_at = now,
	};

	/* When it was is lost; as if under the settings of today. */
	if (grace_end) {
		st.grace_end = grace_end;
		if (grace_end < now + conf->offline_grace)
			st.proof_at = grace_end > conf->offline_grace ?
				      grace_end - conf->offline_grace : 1;
	}
	cmk_step_copy_id(st.oid, oid);
	cmk_step_copy_id(st.tid, tid);
	return st;
}

struct cmk_pol_result cmk_pol_step(const struct cmk_pol_conf *conf,
				   const struct cmk_pol_state *state,
				   const struct cmk_pol_obs *obs,
				   uint64_t now)
{
	struct cmk_pol_result res = { .state = *state };
	struct cmk_pol_step s = {
		.conf = conf,
		.obs = obs,
		.now = now,
		.res = &res,
		.st = &res.state,
	};

	set_clock(&s);
	observe(&s);
	deadlines(&s);
	res.wake_at = wake_at(&s);
	return res;
}
