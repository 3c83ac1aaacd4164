// SPDX-License-Identifier: GPL-2.0
/*
 * Runs the policy of a volume: gives it what was observed, does what it says,
 * and keeps its times.  What was done is in the audit trail, with the answer
 * of the key server that led to it.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/timex.h>
#include <syslog.h>

#include "audit.h"
#include "config.h"
#include "link.h"
#include "volume-internal.h"

#define HOUR	3600000000ULL

bool cmk_volume_expired(const struct cmk_volume *v)
{
	return cmk_pol_out_of_time(&v->conf, &v->pol, cmk_boottime());
}

struct cmk_nl_lease cmk_volume_terms(const struct cmk_volume *v)
{
	const struct cmk_config *c = v->agent->config;
	struct cmk_nl_lease l = {
		.ttl = v->conf.lease_ttl / 1000000,
		.not_after = cmk_pol_grace_end(&v->conf, &v->pol) / 1000,
		.lapse = c->lapse_revokes ? CMK_LAPSE_REVOKE : CMK_LAPSE_HOLD,
		.keep_asleep = c->sleep_keeps,
	};

	/* The policy begins when the keys are in; their unwrap is the proof. */
	if (v->life == CMK_VOLUME_OPENING)
		l.not_after = (v->last_at + v->conf.offline_grace) / 1000;
	return l;
}

static int64_t grace_left_s(const struct cmk_volume *v)
{
	uint64_t end = cmk_pol_grace_end(&v->conf, &v->pol);
	uint64_t now = cmk_boottime();

	return end > now ? (end - now) / 1000000 : 0;
}

static struct cmk_audit_entry entry(const struct cmk_volume *v,
				    enum cmk_audit_event event)
{
	struct cmk_audit_entry en = {
		.event = event,
		.uuid = v->st.uuid,
		.name = v->st.name,
		.kid = v->st.kid,
		.cause = cmk_cause_name(cmk_volume_kernel_cause(v->pol.cause)),
	};

	return en;
}

int cmk_volume_renew(struct cmk_volume *v, struct cmk_error *e)
{
	struct cmk_nl_lease lease = cmk_volume_terms(v);
	struct cmk_nl *nl = cmk_link_get(v->agent->link, e);
	int r;

	if (!nl)
		return e->err ?: -ENOTCONN;
	r = cmk_nl_lease_renew(nl, v->st.uuid, &lease, e);
	if (r)
		cmk_link_failed(v->agent->link, r);
	return r;
}

/* What the kernel keeps of the reason, for a status without the agent. */
static void say_reason(const struct cmk_volume *v, char *ret, size_t size)
{
	switch (v->pol.cause) {
	case CMK_POL_CAUSE_DELETED:
	case CMK_POL_CAUSE_DISABLED:
	case CMK_POL_CAUSE_PERMISSION:
		snprintf(ret, size, "%.60s%s%.60s", v->last.code,
			 v->last.code[0] ? " " : "",
			 v->last.client_request_id);
		return;
	case CMK_POL_CAUSE_EXPIRED:
		snprintf(ret, size, "exp %" PRId64 ", nbf %" PRId64,
			 v->pol.exp, v->pol.nbf);
		return;
	case CMK_POL_CAUSE_GRACE:
		snprintf(ret, size, "no proof for %" PRIu64 " s",
			 (cmk_boottime() - v->pol.proof_at) / 1000000);
		return;
	case CMK_POL_CAUSE_NONE:
	case CMK_POL_CAUSE_KERNEL:
	case CMK_POL_CAUSE_ADMIN:
		break;
	}
	ret[0] = 0;
}

/*
 * Ends the keys.  Nothing comes before the kernel's command.
 *
 * Return: false if it may not have been done, which the policy has to hear.
 */
static bool close_gate(struct cmk_volume *v, bool hold)
{
	struct cmk_audit_entry en = entry(v, hold ? CMK_AUDIT_HOLD :
						    CMK_AUDIT_REVOKE);
	enum cmk_cause cause = cmk_volume_kernel_cause(v->pol.cause);
	char reason[CMK_REASON_LEN + 1];
	struct cmk_error e;
	struct cmk_nl *nl;
	int r = -ENOTCONN;

	say_reason(v, reason, sizeof(reason));
	nl = cmk_link_get(v->agent->link, &e);
	if (nl && hold)
		r = cmk_nl_hold(nl, v->st.uuid, CMK_ACTOR_VAULT, cause, reason,
				&e);
	else if (nl)
		r = cmk_nl_revoke(nl, v->st.uuid, CMK_ACTOR_VAULT, cause,
				  reason, &e);
	en.kek = &v->last;
	en.state_new = hold ? "held" : "revoked";
	if (!r) {
		v->not_closed = false;
		v->kernel.gate = hold ? CMK_GATE_HELD : CMK_GATE_REVOKED;
		v->kernel.cause = cause;
		cmk_audit_write(v->agent->audit, &en, "%s: %s, %s%s%s",
				v->st.name, en.state_new, en.cause,
				reason[0] ? ": " : "", reason);
		cmk_volume_end_fetch(v);
		cmk_volume_purge(v);
		return true;
	}
	en.result = CMK_AUDIT_FAILED;
	/* Said once, not with each try. */
	if (!v->not_closed)
		cmk_audit_write(v->agent->audit, &en,
				"%s: cannot be %s (%s), trying on: %s",
				v->st.name, en.state_new, en.cause, e.text);
	v->not_closed = true;
	cmk_link_failed(v->agent->link, r);
	cmk_volumes_resync(v->agent);
	return false;
}

static bool start_fetch(struct cmk_volume *v, enum cmk_volume_fetch why)
{
	struct cmk_error e;

	if (!cmk_volume_fetch(v, why, &e))
		return true;
	cmk_audit_log(v->agent->audit, LOG_ERR, "%s: cannot bring keys: %s",
		      v->st.name, e.text);
	return false;
}

static void renew(struct cmk_volume *v)
{
	struct cmk_error e;
	int r = cmk_volume_renew(v, &e);

	if (!r)
		return;
	cmk_audit_log(v->agent->audit, LOG_WARNING,
		      "%s: the lease cannot be renewed: %s", v->st.name,
		      e.text);
	cmk_volumes_resync(v->agent);
}

static void tell_note(struct cmk_volume *v, enum cmk_pol_note note)
{
	struct cmk_audit_entry en = entry(v, CMK_AUDIT_PROBE);
	const char *text = "";

	en.result = cmk_audit_result_of(v->last.answer);
	en.kek = &v->last;
	en.state_new = cmk_volume_state_name(v);
	switch (note) {
	case CMK_NOTE_NONE:
		return;
	case CMK_NOTE_PROOF_AGAIN:
		text = "the key may be used again";
		break;
	case CMK_NOTE_SILENT:
		text = "no verdict of the key server, the offline grace runs";
		en.priority = LOG_WARNING;
		en.grace_left_s = grace_left_s(v);
		break;
	case CMK_NOTE_DENIAL:
		text = "the key server says no, to be confirmed";
		en.priority = LOG_WARNING;
		break;
	case CMK_NOTE_OTHER_IDENTITY:
		text = "permission refused to another identity than the one of the last proof";
		en.priority = LOG_WARNING;
		break;
	case CMK_NOTE_WAITS:
		text = "the key may be used again, waiting for cmkctl restore (OnReturn=manual)";
		break;
	case CMK_NOTE_ADMIN:
		text = v->kernel.gate == CMK_GATE_HELD ?
		       "held by an administrator" :
		       "revoked by an administrator";
		break;
	}
	cmk_audit_write(v->agent->audit, &en, "%s: %s%s%s", v->st.name, text,
			v->last.error.text[0] ? ": " : "", v->last.error.text);
}

/* Return: what the policy has to hear of it, or CMK_OBS_TICK. */
static enum cmk_pol_obs_kind perform(struct cmk_volume *v,
				     const struct cmk_pol_action *act)
{
	switch (act->type) {
	case CMK_ACT_RENEW:
		renew(v);
		break;
	case CMK_ACT_HOLD:
		if (!close_gate(v, true))
			return CMK_OBS_CLOSE_FAILED;
		break;
	case CMK_ACT_REVOKE:
		if (!close_gate(v, false))
			return CMK_OBS_CLOSE_FAILED;
		break;
	case CMK_ACT_RESTORE:
		if (!start_fetch(v, CMK_FETCH_RESTORE))
			return CMK_OBS_RESTORE_FAILED;
		break;
	case CMK_ACT_FILL:
		start_fetch(v, CMK_FETCH_FILL);
		break;
	case CMK_ACT_NOTE:
		tell_note(v, act->note);
		break;
	}
	return CMK_OBS_TICK;
}

static int on_deadline(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_pol_obs o = { .kind = CMK_OBS_TICK };

	cmk_volume_observe(userdata, &o);
	return 0;
}

static void arm(struct cmk_volume *v, uint64_t at)
{
	if (!v->timer &&
	    sd_event_add_time(v->agent->event, &v->timer, CLOCK_BOOTTIME, at,
			      1000, on_deadline, v) < 0)
		return;
	if (at == CMK_POL_NEVER) {
		sd_event_source_set_enabled(v->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(v->timer, at);
	sd_event_source_set_enabled(v->timer, SD_EVENT_ONESHOT);
}

int64_t cmk_volume_clock(void)
{
	struct timex tx = { .modes = 0 };
	struct timespec ts;

	if (adjtimex(&tx) < 0 || tx.status & STA_UNSYNC)
		return 0;
	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

void cmk_volume_observe(struct cmk_volume *v, struct cmk_pol_obs *o)
{
	struct cmk_pol_obs failed = { .kind = CMK_OBS_TICK };
	enum cmk_pol_obs_kind kind;
	struct cmk_pol_result r;
	unsigned int i;

	o->local_clock = cmk_volume_clock();
	if (getrandom(&o->random, sizeof(o->random), GRND_NONBLOCK) < 0)
		o->random = 0;
	r = cmk_pol_step(&v->conf, &v->pol, o, cmk_boottime());
	v->pol = r.state;
	for (i = 0; i < r.n; i++) {
		kind = perform(v, &r.actions[i]);
		if (kind != CMK_OBS_TICK)
			failed.kind = kind;
	}
	if (failed.kind != CMK_OBS_TICK) {
		/* No second round of this: a failure asks for nothing. */
		cmk_volume_observe(v, &failed);
		return;
	}
	arm(v, r.wake_at);
	v->probe.probe_at = v->pol.probe_at;
	v->probe.get_at = v->pol.get_at;
	cmk_probe_update(&v->probe);
}

static enum cmk_pol_obs_kind answer_kind(const struct cmk_kek_result *res)
{
	switch (res->answer) {
	case CMK_USABLE:
		return CMK_OBS_USABLE;
	case CMK_DENIED_DELETED:
		return CMK_OBS_DELETED;
	case CMK_DENIED_DISABLED:
		return CMK_OBS_DISABLED;
	case CMK_DENIED_EXPIRED:
		return CMK_OBS_EXPIRED;
	case CMK_DENIED_PERMISSION:
		if (strstr(res->code, "KeyOperationForbidden"))
			return CMK_OBS_FORBIDDEN;
		return CMK_OBS_PERMISSION;
	case CMK_NETWORK_DENIED:
		return CMK_OBS_NETWORK_DENIED;
	case CMK_UNAUTHENTICATED:
		return CMK_OBS_UNAUTHENTICATED;
	case CMK_UNKNOWN:
		break;
	}
	return res->http == 429 ? CMK_OBS_THROTTLED : CMK_OBS_UNKNOWN;
}

struct cmk_pol_obs cmk_volume_obs(enum cmk_pol_obs_kind kind,
				  const struct cmk_kek_result *res)
{
	struct cmk_pol_obs o = { .kind = kind };

	if (!res)
		return o;
	o.oid = res->oid;
	o.tid = res->tid;
	o.date = res->date;
	o.exp = res->exp;
	o.nbf = res->nbf;
	o.age = res->latency_us;
	o.retry_after = res->retry_after * 1000000ULL;
	return o;
}

/* One line a change and one an hour, not one a probe. */
static void audit_probe(struct cmk_volume *v, const struct cmk_kek_result *res)
{
	struct cmk_audit_entry en = entry(v, CMK_AUDIT_PROBE);
	uint64_t now = cmk_boottime();
	bool changed = res->answer != v->last.answer ||
		       strcmp(res->code, v->last.code);

	if (!v->probes++)
		snprintf(v->first_id, sizeof(v->first_id), "%s",
			 res->client_request_id);
	if (!changed && now - v->told_at < HOUR)
		return;
	en.result = cmk_audit_result_of(res->answer);
	en.kek = res;
	if (res->answer == CMK_USABLE)
		cmk_audit_write(v->agent->audit, &en,
				"%s: %s is usable (%" PRIu64 " probes, %s to %s)",
				v->st.name, v->st.kid, v->probes, v->first_id,
				res->client_request_id);
	else
		cmk_audit_write(v->agent->audit, &en, "%s: %s: %s",
				v->st.name, cmk_answer_name(res->answer),
				res->error.text);
	v->probes = 0;
	v->told_at = now;
}

static void remember(struct cmk_volume *v, const struct cmk_kek_result *res)
{
	v->last = *res;
	/* The bytes are the result's, and gone when its callback returns. */
	memset(&v->last.plain, 0, sizeof(v->last.plain));
	v->last_at = cmk_boottime();
}

/* The identity of the last proof outlives a reboot. */
static void remember_identity(struct cmk_volume *v,
			      const struct cmk_kek_result *res)
{
	struct cmk_error e;

	if (!strcmp(v->st.oid, res->oid) && !strcmp(v->st.tid, res->tid))
		return;
	snprintf(v->st.oid, sizeof(v->st.oid), "%s", res->oid);
	snprintf(v->st.tid, sizeof(v->st.tid), "%s", res->tid);
	if (cmk_state_save(v->agent->config->state_directory, &v->st, &e))
		cmk_audit_log(v->agent->audit, LOG_ERR, "%s: %s", v->st.name,
			      e.text);
}

static void tell_probed(struct cmk_volume *v, const struct cmk_kek_result *res,
			uint64_t started)
{
	struct cmk_volume_waiter **p = &v->waiters;

	while (*p) {
		struct cmk_volume_waiter *w = *p;

		if (!w->probed) {
			p = &w->next;
		} else if (w->since > started) {
			v->probe.probe_at = cmk_boottime();
			p = &w->next;
		} else {
			*p = w->next;
			w->probed(v, res, w->userdata);
			free(w);
		}
	}
}

static void on_answer(struct cmk_probe_user *u,
		      const struct cmk_kek_result *res, uint64_t started)
{
	struct cmk_volume *v = (struct cmk_volume *)
		((char *)u - offsetof(struct cmk_volume, probe));
	struct cmk_pol_obs o = cmk_volume_obs(answer_kind(res), res);
	unsigned char uuid[16];

	/* From the first try, and also if the machine slept meanwhile. */
	o.age = cmk_boottime() - started;
	audit_probe(v, res);
	remember(v, res);
	cmk_volume_observe(v, &o);
	if (res->answer == CMK_USABLE)
		remember_identity(v, res);
	tell_probed(v, res, started);
	/* A fill that failed is tried again when the vault answers. */
	if (res->answer == CMK_USABLE && cmk_nl_keys_missing(&v->kernel) &&
	    cmk_pol_phase_live(v->pol.phase)) {
		memcpy(uuid, v->st.uuid, sizeof(uuid));
		cmk_volumes_look(v->agent, uuid);
	}
}

static void on_attributes(struct cmk_probe_user *u,
			  const struct cmk_kek_result *res)
{
	struct cmk_volume *v = (struct cmk_volume *)
		((char *)u - offsetof(struct cmk_volume, probe));
	enum cmk_pol_obs_kind kind = CMK_OBS_GET_SILENT;
	struct cmk_pol_obs o;

	if (res->answer == CMK_USABLE || res->answer == CMK_DENIED_EXPIRED)
		kind = CMK_OBS_GET;
	else if (cmk_answer_is_denial(res->answer) ||
		 res->answer == CMK_NETWORK_DENIED)
		kind = CMK_OBS_GET_REFUSED;
	o = cmk_volume_obs(kind, res);
	cmk_volume_observe(v, &o);
}

int cmk_volume_watch(struct cmk_volume *v, uint64_t grace_end)
{
	v->pol = cmk_pol_init(&v->conf, cmk_boottime(), grace_end, v->st.oid,
			      v->st.tid);
	v->timer = sd_event_source_disable_unref(v->timer);
	v->probe.header = v->header;
	v->probe.kek = v->kek;
	v->probe.probe_at = v->pol.probe_at;
	v->probe.get_at = v->pol.get_at;
	v->probe.answer = on_answer;
	v->probe.attributes = on_attributes;
	v->told_at = cmk_boottime();
	return cmk_probe_join(v->agent->prober, &v->probe);
}
