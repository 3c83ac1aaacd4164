// SPDX-License-Identifier: GPL-2.0
/*
 * The list of volumes, the life of each, and the kernel's view of them: an
 * event says that something happened, the dump says what.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "audit.h"
#include "config.h"
#include "header-load.h"
#include "helper.h"
#include "link.h"
#include "volume-internal.h"

struct cmk_volume *cmk_volume_find(const struct cmk_agent *a,
				   const unsigned char uuid[16])
{
	struct cmk_volume *v;

	for (v = a->volumes; v; v = v->next)
		if (!memcmp(v->st.uuid, uuid, 16))
			return v;
	return NULL;
}

/* Up to a tenth less, by uuid, so that a fleet does not stop at once. */
static void spread_grace(struct cmk_volume *v)
{
	unsigned int hash = v->st.uuid[14] << 8 | v->st.uuid[15];
	uint64_t least = 2 * v->conf.check_interval + v->conf.lease_ttl;
	uint64_t grace = v->conf.offline_grace;

	grace -= grace / 10 * hash / 65536;
	v->conf.offline_grace = grace < least ? least : grace;
}

int cmk_volume_configure(struct cmk_volume *v, struct cmk_error *e)
{
	struct cmk_pol_conf conf = v->agent->config->policy;
	unsigned int i;
	int r;

	for (i = 0; i < CMK_STATE_OPTIONS; i++) {
		if (!v->st.options[i][0])
			continue;
		r = cmk_config_volume_option(&conf, cmk_state_options[i],
					     v->st.options[i]);
		if (r)
			return cmk_error_set(e, CMK_USAGE, r, "option",
					     "bad value of %s: %s",
					     cmk_state_options[i],
					     v->st.options[i]);
	}
	r = cmk_config_check_policy(&conf, e);
	if (r)
		return r;
	v->conf = conf;
	spread_grace(v);
	return 0;
}

struct cmk_volume *cmk_volume_new(struct cmk_agent *a,
				  const struct cmk_state *st)
{
	struct cmk_volume *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	v->agent = a;
	v->st = *st;
	v->next = a->volumes;
	a->volumes = v;
	return v;
}

int cmk_volume_wait(struct cmk_volume *v, cmk_volume_done_t done,
		    cmk_volume_probed_t probed, void *userdata)
{
	struct cmk_volume_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->done = done;
	w->probed = probed;
	w->userdata = userdata;
	w->since = cmk_boottime();
	w->next = v->waiters;
	v->waiters = w;
	return 0;
}

void cmk_volume_tell(struct cmk_volume *v, const struct cmk_error *e,
		     uint32_t live)
{
	struct cmk_volume_waiter **p = &v->waiters;
	struct cmk_error again;

	/* As when the configuration is read again meanwhile. */
	if (e && e->err == -ECANCELED) {
		again = *e;
		again.status = CMK_TEMPORARY;
		e = &again;
	}
	while (*p) {
		struct cmk_volume_waiter *w = *p;

		if (!w->done) {
			p = &w->next;
			continue;
		}
		*p = w->next;
		w->done(e, live, v->info.ranges, w->userdata);
		free(w);
	}
}

static void leave_waiters(struct cmk_volume *v)
{
	struct cmk_error e;

	cmk_error_set(&e, CMK_UNSUITABLE, -ENODEV, "no-volume",
		      "the volume was closed");
	cmk_volume_tell(v, &e, 0);
	while (v->waiters) {
		struct cmk_volume_waiter *w = v->waiters;

		v->waiters = w->next;
		w->probed(NULL, NULL, w->userdata);
		free(w);
	}
}

void cmk_volume_forget(struct cmk_volume *v)
{
	struct cmk_volume **p = &v->agent->volumes;
	struct cmk_kek_op *get = v->get;

	while (*p != v)
		p = &(*p)->next;
	*p = v->next;
	/* One of a closed volume, which was only to be opened, goes on. */
	if (v->life != CMK_VOLUME_OPENING && v->agent->end_rewrap)
		v->agent->end_rewrap(v->agent, v->st.uuid);
	v->agent->end_rekey(v->agent, v->st.uuid);
	v->get = NULL;
	if (get)
		cmk_kek_cancel(get);
	cmk_keys_free(v->keys);
	cmk_probe_leave(&v->probe);
	leave_waiters(v);
	sd_event_source_disable_unref(v->timer);
	cmk_header_load_cancel(v->load);
	cmk_header_free(v->header);
	free(v);
}

static void volume_gone(struct cmk_volume *v)
{
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_CLOSE,
		.uuid = v->st.uuid,
		.name = v->st.name,
	};

	cmk_audit_write(v->agent->audit, &en, "%s: closed", v->st.name);
	cmk_volume_forget(v);
}

static enum cmk_pol_obs_kind gate_kind(const struct cmk_nl_volume *k)
{
	switch (k->gate) {
	case CMK_GATE_OPEN:
		return CMK_OBS_GATE_OPEN;
	case CMK_GATE_HELD:
		return k->sticky ? CMK_OBS_GATE_STICKY : CMK_OBS_GATE_HELD;
	case CMK_GATE_REVOKED:
		return k->sticky ? CMK_OBS_GATE_STICKY : CMK_OBS_GATE_REVOKED;
	}
	return CMK_OBS_TICK;
}

static bool of_its_own_accord(enum cmk_cause cause)
{
	switch (cause) {
	case CMK_CAUSE_LEASE:
	case CMK_CAUSE_GRACE:
	case CMK_CAUSE_HOLD_TIMEOUT:
	case CMK_CAUSE_VM_FORK:
	case CMK_CAUSE_SLEEP:
		return true;
	case CMK_CAUSE_NONE:
	case CMK_CAUSE_ADMIN:
	case CMK_CAUSE_KEK_DELETED:
	case CMK_CAUSE_KEK_DISABLED:
	case CMK_CAUSE_KEK_EXPIRED:
	case CMK_CAUSE_NO_PERMISSION:
		break;
	}
	return false;
}

static bool is_closed(const struct cmk_agent *a, const unsigned char uuid[16])
{
	const struct cmk_volume *v = cmk_volume_find(a, uuid);

	return v && v->kernel.gate != CMK_GATE_OPEN;
}

void cmk_volume_purge(struct cmk_volume *v)
{
	cmk_helper_ask(v->agent, "Purge", v->st.uuid, is_closed);
}

/* The kernel closed a gate of its own accord: nobody has written it yet. */
static void audit_lapse(struct cmk_volume *v, const struct cmk_nl_volume *k)
{
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_LEASE_LAPSE,
		.uuid = v->st.uuid,
		.name = v->st.name,
		.cause = cmk_cause_name(k->cause),
		.state_new = cmk_gate_name(k->gate),
	};

	if (k->gate == v->kernel.gate || k->gate == CMK_GATE_OPEN ||
	    !of_its_own_accord(k->cause))
		return;
	cmk_audit_write(v->agent->audit, &en, "%s: %s by the kernel (%s)",
			v->st.name, cmk_gate_name(k->gate),
			cmk_cause_name(k->cause));
	cmk_volume_purge(v);
}

/*
 * Is the gate closed against the keys that are on their way?  A restore begins
 * behind a closed gate; nothing but an administrator stops it there.
 */
static bool closed_on_keys(const struct cmk_volume *v,
			   const struct cmk_nl_volume *k)
{
	return k->gate != CMK_GATE_OPEN &&
	       (v->kernel.gate == CMK_GATE_OPEN ||
		(k->sticky && !v->kernel.sticky));
}

void cmk_volume_take_view(struct cmk_volume *v, const struct cmk_nl_volume *k)
{
	struct cmk_pol_obs o = { .kind = gate_kind(k) };
	struct cmk_error e;
	bool was_open = v->kernel.gate == CMK_GATE_OPEN;
	bool closed = closed_on_keys(v, k);

	audit_lapse(v, k);
	v->kernel = *k;
	if (k->gate != CMK_GATE_OPEN)
		v->not_closed = false;
	if (v->life == CMK_VOLUME_OPENING && k->gate != CMK_GATE_OPEN) {
		cmk_volume_end_open(v);
		return;
	}
	if (v->life != CMK_VOLUME_WATCHED)
		return;
	o.cause = cmk_volume_pol_cause(k->cause);
	cmk_volume_observe(v, &o);
	/* Else they would lie in memory until the last has come. */
	if (closed)
		cmk_volume_end_fetch(v);
	/* As a table that was exchanged, or a key drop, leaves it. */
	if (k->gate == CMK_GATE_OPEN && was_open && cmk_nl_keys_missing(k) &&
	    cmk_pol_phase_live(v->pol.phase) && !v->keys &&
	    cmk_boottime() >= v->fill_at)
		cmk_volume_fetch(v, CMK_FETCH_FILL, &e);
	v->agent->look_rekey(v->agent, v->st.uuid);
}

static void look_at(struct cmk_agent *a, const struct cmk_nl_volume *k)
{
	struct cmk_volume *v = cmk_volume_find(a, k->uuid);

	if (v)
		cmk_volume_take_view(v, k);
	else
		cmk_volume_adopt(a, k);
}

void cmk_volumes_look(struct cmk_agent *a, const unsigned char uuid[16])
{
	struct cmk_volume *v = cmk_volume_find(a, uuid);
	struct cmk_nl_volume k;
	struct cmk_error e;
	struct cmk_nl *nl = cmk_link_get(a->link, &e);
	int r;

	if (!nl)
		return;
	r = cmk_nl_volume_get(nl, uuid, &k, &e);
	if (!r) {
		look_at(a, &k);
		cmk_volume_adopted(a);
	} else if (r == -ENODEV && v) {
		volume_gone(v);
	} else {
		cmk_link_failed(a->link, r);
	}
}

struct dump {
	struct cmk_nl_volume *v;
	size_t n;
};

static int collect(const struct cmk_nl_volume *v, void *userdata)
{
	struct dump *d = userdata;
	struct cmk_nl_volume *grown;

	grown = realloc(d->v, (d->n + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	d->v = grown;
	grown[d->n++] = *v;
	return 0;
}

static bool in_dump(const struct dump *d, const struct cmk_volume *v)
{
	size_t i;

	for (i = 0; i < d->n; i++)
		if (!memcmp(d->v[i].uuid, v->st.uuid, 16))
			return true;
	return false;
}

static void take_dump(struct cmk_agent *a, const struct dump *d)
{
	struct cmk_volume *v, *next;
	size_t i;

	for (v = a->volumes; v; v = next) {
		next = v->next;
		if (!in_dump(d, v))
			volume_gone(v);
	}
	for (i = 0; i < d->n; i++)
		look_at(a, &d->v[i]);
	cmk_volume_adopted(a);
}

/* A new bind renews at once: who knows how long the former one was deaf. */
static int on_resync(sd_event_source *s, void *userdata)
{
	struct cmk_agent *a = userdata;
	struct dump d = { .n = 0 };
	struct cmk_error e;
	struct cmk_nl *nl = cmk_link_get(a->link, &e);
	struct cmk_volume *v;
	int r;

	if (!nl)
		return 0;
	r = cmk_nl_volumes(nl, collect, &d, &e);
	if (!r)
		take_dump(a, &d);
	free(d.v);
	if (r == -EAGAIN)
		cmk_volumes_resync(a);
	else if (r)
		cmk_link_failed(a->link, r);
	for (v = a->volumes; v; v = v->next)
		if (v->life == CMK_VOLUME_WATCHED &&
		    cmk_pol_phase_live(v->pol.phase))
			cmk_volume_renew(v, &e);
	return 0;
}

void cmk_volumes_resync(struct cmk_agent *a)
{
	if (!a->resync &&
	    sd_event_add_defer(a->event, &a->resync, on_resync, a) < 0)
		return;
	sd_event_source_set_enabled(a->resync, SD_EVENT_ONESHOT);
}

void cmk_volumes_reconfigure(struct cmk_agent *a)
{
	struct cmk_pol_obs o = { .kind = CMK_OBS_TICK };
	struct cmk_volume *v;
	struct cmk_error e;

	for (v = a->volumes; v; v = v->next) {
		if (cmk_volume_configure(v, &e))
			cmk_audit_log(a->audit, LOG_ERR,
				      "%s: keeps its former policy: %s",
				      v->st.name, e.text);
		if (v->life != CMK_VOLUME_WATCHED)
			continue;
		cmk_volume_observe(v, &o);
		if (cmk_pol_phase_live(v->pol.phase))
			cmk_volume_renew(v, &e);
	}
}

void cmk_volumes_free(struct cmk_agent *a)
{
	while (a->volumes)
		cmk_volume_forget(a->volumes);
	a->resync = sd_event_source_disable_unref(a->resync);
}
