// SPDX-License-Identifier: GPL-2.0
/*
 * Brings the keys of a volume: for the first time, after a return, and where
 * some are missing.  The gate opens and the keys go in within one turn of the
 * event loop, after every check has passed; what fails half-way is closed
 * again.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "audit.h"
#include "helper.h"
#include "link.h"
#include "volume-internal.h"

#define FILL_RETRY	5000000ULL

static struct cmk_audit_entry entry(const struct cmk_volume *v,
				    enum cmk_audit_event event)
{
	struct cmk_audit_entry en = {
		.event = event,
		.uuid = v->st.uuid,
		.name = v->st.name,
		.device = v->st.device,
		.kid = v->st.kid,
	};

	return en;
}

/* What this node holds a later header against. */
static void remember_header(struct cmk_volume *v,
			    const struct cmk_kek_result *last)
{
	struct cmk_audit_entry en = entry(v, CMK_AUDIT_HEADER_ACCEPT);
	const unsigned char *id = cmk_keys_hk_id(v->keys);

	if (v->accept_header && v->st.has_hk &&
	    (memcmp(v->st.hk_id, id, 32) || v->info.seq < v->st.seq))
		cmk_audit_write(v->agent->audit, &en,
				"%s: another header was accepted (sequence %" PRIu64 ", was %" PRIu64 ")",
				v->st.name, v->info.seq, v->st.seq);
	v->accept_header = false;
	v->header_proven = true;
	v->st.has_hk = true;
	memcpy(v->st.hk_id, id, 32);
	v->st.seq = v->info.seq;
	v->st.generations = cmk_header_generations(v->header);
	snprintf(v->st.oid, sizeof(v->st.oid), "%s", last->oid);
	snprintf(v->st.tid, sizeof(v->st.tid), "%s", last->tid);
	cmk_volume_save(v);
}

/* The gate was opened, and a key was refused: not half a volume. */
static int close_again(struct cmk_volume *v, struct cmk_nl *nl)
{
	struct cmk_error e;

	switch (v->fetch) {
	case CMK_FETCH_OPEN:
		return cmk_nl_key_drop(nl, v->st.uuid, UINT32_MAX, &e);
	case CMK_FETCH_RESTORE:
		if (v->pol.back == CMK_POL_HELD)
			return cmk_nl_hold(nl, v->st.uuid, CMK_ACTOR_VAULT,
					   v->kernel.cause, "restore failed",
					   &e);
		return cmk_nl_revoke(nl, v->st.uuid, CMK_ACTOR_VAULT,
				     v->kernel.cause, "restore failed", &e);
	case CMK_FETCH_FILL:
		break;
	}
	return 0;
}

static int open_gate(struct cmk_volume *v, struct cmk_nl *nl,
		     struct cmk_error *e)
{
	struct cmk_nl_lease lease = cmk_volume_terms(v);
	int r;

	switch (v->fetch) {
	case CMK_FETCH_RESTORE:
		if (v->kernel.gate == CMK_GATE_OPEN)
			break;
		r = cmk_nl_restore(nl, v->st.uuid, false, v->undo, &lease, e);
		v->closed_again = r == -ESTALE;
		return r;
	case CMK_FETCH_OPEN:
	case CMK_FETCH_FILL:
		break;
	}
	return cmk_nl_lease_renew(nl, v->st.uuid, &lease, e);
}

static int install_with(struct cmk_volume *v, struct cmk_nl *nl,
			uint32_t *live, struct cmk_error *e)
{
	const struct cmk_keys_rekey terms = {
		.paused = v->st.rekey.paused,
		.bandwidth = v->st.rekey.bandwidth,
	};
	struct cmk_nl_volume now;
	int r;

	v->half_open = false;
	v->closed_again = false;
	r = cmk_nl_volume_get(nl, v->st.uuid, &v->kernel, e);
	if (!r)
		r = cmk_keys_check(v->keys, nl, &v->kernel, e);
	if (!r)
		r = open_gate(v, nl, e);
	if (r)
		return r;
	r = cmk_keys_install(v->keys, nl, &terms, live, e);
	if (r) {
		v->half_open = close_again(v, nl) != 0;
	} else if (!cmk_nl_volume_get(nl, v->st.uuid, &now, e)) {
		v->kernel.live = now.live;
		v->kernel.rekey = now.rekey;
	}
	return r;
}

static int install(struct cmk_volume *v, uint32_t *live, struct cmk_error *e)
{
	struct cmk_nl *nl = cmk_link_get(v->agent->link, e);
	int r;

	if (!nl)
		return e->err ?: -ENOTCONN;
	r = install_with(v, nl, live, e);
	/* A bind that was lost unnoticed is made again, once. */
	if (r && !v->closed_again && cmk_link_failed(v->agent->link, r)) {
		nl = cmk_link_get(v->agent->link, e);
		r = nl ? install_with(v, nl, live, e) : -ENOTCONN;
	}
	return r;
}

static void audit_installed(struct cmk_volume *v, uint32_t live,
			    const struct cmk_kek_result *last)
{
	static const enum cmk_audit_event events[] = {
		[CMK_FETCH_OPEN] = CMK_AUDIT_OPEN,
		[CMK_FETCH_RESTORE] = CMK_AUDIT_RESTORE,
		[CMK_FETCH_FILL] = CMK_AUDIT_RESTORE,
	};
	struct cmk_audit_entry en = entry(v, CMK_AUDIT_INSTALL);

	en.range = "all";
	en.kek = last;
	cmk_audit_write(v->agent->audit, &en, "%s: %u keys set", v->st.name,
			live);
	en = entry(v, events[v->fetch]);
	en.kek = last;
	en.state_new = "ready";
	cmk_audit_write(v->agent->audit, &en, "%s: %s, %u ranges live",
			v->st.name, v->fetch == CMK_FETCH_OPEN ? "open" :
			"restored", live);
}

static void audit_failed(struct cmk_volume *v, const struct cmk_error *e,
			 const struct cmk_kek_result *last)
{
	struct cmk_audit_entry en = entry(v, v->fetch == CMK_FETCH_OPEN ?
					     CMK_AUDIT_OPEN :
					     CMK_AUDIT_RESTORE);

	en.result = CMK_AUDIT_REFUSED;
	if (last && last->answer != CMK_USABLE)
		en.result = cmk_audit_result_of(last->answer);
	en.kek = last;
	cmk_audit_write(v->agent->audit, &en, "%s: no keys: %s", v->st.name,
			e->text);
}

static void opened(struct cmk_volume *v, const struct cmk_kek_result *last)
{
	struct cmk_pol_obs o = cmk_volume_obs(CMK_OBS_USABLE, last);

	o.age = cmk_boottime() - v->last_at;
	cmk_volume_repair(v);
	v->life = CMK_VOLUME_WATCHED;
	v->last.answer = CMK_USABLE;
	if (cmk_volume_watch(v, 0)) {
		cmk_audit_log(v->agent->audit, LOG_CRIT,
			      "%s: cannot be watched, its lease will lapse",
			      v->st.name);
		return;
	}
	cmk_volume_observe(v, &o);
}

static bool is_open(const struct cmk_agent *a, const unsigned char uuid[16])
{
	const struct cmk_volume *v = cmk_volume_find(a, uuid);

	return v && v->kernel.gate == CMK_GATE_OPEN;
}

static void installed(struct cmk_volume *v, const struct cmk_kek_result *last)
{
	struct cmk_pol_obs o = { .kind = CMK_OBS_RESTORED };

	switch (v->fetch) {
	case CMK_FETCH_OPEN:
		opened(v, last);
		break;
	case CMK_FETCH_RESTORE:
		v->kernel.gate = CMK_GATE_OPEN;
		v->kernel.cause = CMK_CAUSE_NONE;
		v->kernel.closing = 0;
		cmk_volume_observe(v, &o);
		cmk_helper_ask(v->agent, "Return", v->st.uuid,
			       is_open);
		break;
	case CMK_FETCH_FILL:
		v->fill_at = 0;
		break;
	}
}

/*
 * The vault's yes was for a closing that is not the last one any more: look
 * what there is now, and ask again.  @v may be gone afterwards.
 */
static void decide_again(struct cmk_volume *v)
{
	struct cmk_agent *a = v->agent;
	unsigned char uuid[16];
	uint64_t soon;

	v->closed_again = false;
	memcpy(uuid, v->st.uuid, sizeof(uuid));
	cmk_volumes_look(a, uuid);
	v = cmk_volume_find(a, uuid);
	if (!v || v->life != CMK_VOLUME_WATCHED)
		return;
	soon = cmk_boottime() + v->conf.confirm_spacing;
	if (v->probe.probe_at > soon)
		v->probe.probe_at = soon;
	cmk_probe_update(&v->probe);
}

/* @v may be gone afterwards. */
static void not_installed(struct cmk_volume *v, const struct cmk_error *e)
{
	struct cmk_pol_obs open = { .kind = CMK_OBS_CLOSE_FAILED };
	struct cmk_pol_obs o = { .kind = CMK_OBS_RESTORE_FAILED };
	enum cmk_volume_fetch why = v->fetch;

	cmk_volume_tell(v, e, 0);
	switch (why) {
	case CMK_FETCH_OPEN:
		cmk_volume_forget(v);
		break;
	case CMK_FETCH_RESTORE:
		cmk_volume_observe(v, &o);
		/* Or nothing would close it before its lease ends. */
		if (v->half_open)
			cmk_volume_observe(v, &open);
		v->half_open = false;
		if (v->closed_again)
			decide_again(v);
		break;
	case CMK_FETCH_FILL:
		v->fill_at = cmk_boottime() + FILL_RETRY;
		break;
	}
}

/* Each unwrap that fetches a key is told, by the id in the vault's own log. */
static void on_unwrap(const struct cmk_kek_result *res, uint32_t range,
		      void *userdata)
{
	struct cmk_volume *v = userdata;
	struct cmk_audit_entry en = entry(v, CMK_AUDIT_UNWRAP);
	char text[16] = "header";

	if (range != UINT32_MAX)
		snprintf(text, sizeof(text), "%u", range);
	en.range = text;
	en.result = cmk_audit_result_of(res->answer);
	en.kek = res;
	cmk_audit_write(v->agent->audit, &en, "%s: unwrap, %s: %s",
			v->st.name, text, res->answer == CMK_USABLE ? "ok" :
			res->error.text);
}

static void on_keys(struct cmk_keys *keys, const struct cmk_error *why,
		    const struct cmk_kek_result *last, void *userdata)
{
	struct cmk_volume *v = userdata;
	struct cmk_error e = { .err = 0 };
	uint32_t live = 0;
	int r = 0;

	if (why) {
		e = *why;
		r = e.err ?: -EIO;
	} else {
		/* The proof that the first lease counts from is so old. */
		if (v->fetch == CMK_FETCH_OPEN)
			v->last_at = cmk_boottime() - last->latency_us;
		r = install(v, &live, &e);
		if (!r)
			remember_header(v, last);
	}
	cmk_keys_free(keys);
	v->keys = NULL;
	if (r) {
		audit_failed(v, &e, last);
		not_installed(v, &e);
		return;
	}
	audit_installed(v, live, last);
	installed(v, last);
	cmk_volume_tell(v, NULL, live);
	v->agent->look_rekey(v->agent, v->st.uuid);
}

int cmk_volume_fetch(struct cmk_volume *v, enum cmk_volume_fetch why,
		     struct cmk_error *e)
{
	const unsigned char *id = NULL;

	if (why == CMK_FETCH_RESTORE)
		v->undo = v->kernel.closing;
	if (v->keys) {
		/* Keys that fill are good for a restore as well. */
		if (why == CMK_FETCH_RESTORE)
			v->fetch = why;
		return 0;
	}
	v->fetch = why;
	if (v->st.has_hk && !v->accept_header)
		id = v->st.hk_id;
	return cmk_keys_fetch(&v->keys, v->agent->keks, v->header, v->kek, id,
			      on_unwrap, on_keys, v, e);
}

void cmk_volume_end_fetch(struct cmk_volume *v)
{
	struct cmk_error e;

	if (v->agent->end_rewrap)
		v->agent->end_rewrap(v->agent, v->st.uuid);
	v->agent->end_rekey(v->agent, v->st.uuid);
	if (!v->keys)
		return;
	cmk_keys_free(v->keys);
	v->keys = NULL;
	cmk_error_set(&e, CMK_FAILED, -EKEYREVOKED, "gate-closed",
		      "the gate was closed while its keys were on their way");
	audit_failed(v, &e, NULL);
	not_installed(v, &e);
}

int cmk_volume_check_gate(const struct cmk_nl_volume *k, struct cmk_error *e)
{
	const char *gate = cmk_gate_name(k->gate);

	if (k->gate == CMK_GATE_OPEN)
		return 0;
	return cmk_error_set(e, CMK_FAILED, -EKEYREVOKED, gate,
			     "the volume was %s (%s) before it had its keys; cmkctl restore takes it back",
			     gate, cmk_cause_name(k->cause));
}

void cmk_volume_end_open(struct cmk_volume *v)
{
	struct cmk_error e = { .err = 0 };

	cmk_volume_check_gate(&v->kernel, &e);
	cmk_keys_free(v->keys);
	v->keys = NULL;
	audit_failed(v, &e, NULL);
	not_installed(v, &e);
}
