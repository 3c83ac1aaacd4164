// SPDX-License-Identifier: GPL-2.0
/*
 * A volume that is open and that this agent does not know yet is taken over as
 * it is.  Its disk may hang, which is not to cost the other volumes their
 * leases: nothing here waits for a disk, only a little for a process that does.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "audit.h"
#include "config.h"
#include "header-load.h"
#include "volume-internal.h"

#define BLIND_RETRY	5000000ULL
/* For all together; the shortest lease, of 15 s, is renewed each 3 s. */
#define PATIENCE	3000000ULL
#define GLANCE		10000ULL	/* from one look at all to the next */

static int on_blind(sd_event_source *s, uint64_t usec, void *userdata);

/* Looks again after a while. */
static void again(struct cmk_volume *v)
{
	v->timer = sd_event_source_disable_unref(v->timer);
	sd_event_add_time_relative(v->agent->event, &v->timer, CLOCK_BOOTTIME,
				   BLIND_RETRY, 1000, on_blind, v);
}

/* Told once, not with each try. */
static void stay_blind(struct cmk_volume *v, const struct cmk_error *e)
{
	if (strcmp(v->blind.text, e->text))
		cmk_audit_log(v->agent->audit, LOG_ERR,
			      "%s: open, but cannot be watched: %s",
			      v->st.name, e->text);
	v->blind = *e;
	again(v);
}

static int watch(struct cmk_volume *v, struct cmk_header *h,
		 struct cmk_error *e)
{
	int r;

	r = cmk_volume_use_header(v, h, e);
	if (r)
		return r;
	v->life = CMK_VOLUME_WATCHED;
	r = cmk_volume_watch(v, v->kernel.not_after * 1000);
	if (!r)
		return 0;
	v->life = CMK_VOLUME_BLIND;
	return cmk_error_set(e, CMK_FAILED, r, "not-watched",
			     "the policy cannot be started: %s", strerror(-r));
}

static void on_header(struct cmk_header *h, const struct cmk_error *error,
		      void *userdata)
{
	struct cmk_nl_volume k;
	struct cmk_volume *v = userdata;
	struct cmk_agent *a = v->agent;
	struct cmk_error e;

	v->load = NULL;
	if (!h || watch(v, h, &e)) {
		stay_blind(v, h ? &e : error);
		return;
	}
	memset(&v->blind, 0, sizeof(v->blind));
	k = v->kernel;
	cmk_volume_take_view(v, &k);
	/* Who knows how long the former agent has been deaf? */
	v = cmk_volume_find(a, k.uuid);
	if (v && cmk_pol_phase_live(v->pol.phase))
		cmk_volume_renew(v, &e);
}

static void try_adopt(struct cmk_volume *v)
{
	struct cmk_error e;
	int r;

	r = cmk_state_load(v->agent->config->state_directory, v->st.uuid,
			   &v->st, &e);
	if (!r)
		r = cmk_volume_configure(v, &e);
	if (!r)
		r = cmk_header_load_start(&v->load, v->agent->event,
					  cmk_volume_header_path(v), on_header,
					  v, &e);
	if (r)
		stay_blind(v, &e);
	else
		again(v);
}

/* An error that is known says more. */
static void be_slow(struct cmk_volume *v)
{
	struct cmk_error e;

	if (v->blind.err) {
		again(v);
		return;
	}
	cmk_error_set(&e, CMK_TEMPORARY, -EAGAIN, "header-slow",
		      "%s does not answer: its header is still being read",
		      cmk_volume_header_path(v));
	stay_blind(v, &e);
}

static int on_blind(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_volume *v = userdata;

	if (v->load)
		be_slow(v);
	else
		try_adopt(v);
	return 0;
}

void cmk_volume_adopt(struct cmk_agent *a, const struct cmk_nl_volume *k)
{
	struct cmk_state st = { .has_hk = false };
	struct cmk_volume *v;
	struct cmk_error e;

	/* Not ours: nobody gave it a lease, so nobody asked us to open it. */
	if (k->gate == CMK_GATE_OPEN && !k->lease_ttl && !k->live)
		return;
	/* A file that is there but cannot be read is tried again, and told. */
	if (k->no_lease || cmk_state_load(a->config->state_directory, k->uuid,
					  &st, &e) == -ENOENT)
		return;
	memcpy(st.uuid, k->uuid, 16);
	if (!st.name[0])
		snprintf(st.name, sizeof(st.name), "%s", k->name);
	v = cmk_volume_new(a, &st);
	if (!v)
		return;
	v->life = CMK_VOLUME_BLIND;
	v->kernel = *k;
	cmk_audit_log(a->audit, LOG_NOTICE, "%s: taken over, gate %s",
		      st.name, cmk_gate_name(k->gate));
	/* The gate closed while no agent was there to say so. */
	if (k->gate != CMK_GATE_OPEN && !k->sticky)
		cmk_volume_purge(v);
	try_adopt(v);
}

/* Read for the first time?  The others had their time. */
static bool is_new(const struct cmk_volume *v)
{
	return v->load && !v->blind.err;
}

/*
 * Takes one that has been read.  No more than one, as with its view a volume
 * may end.
 *
 * Return: false if there is none, and then in @left one that is still read.
 */
static bool take_one(struct cmk_agent *a, struct cmk_volume **left)
{
	struct cmk_volume *v;

	*left = NULL;
	for (v = a->volumes; v; v = v->next) {
		if (!is_new(v))
			continue;
		if (cmk_header_load_wait(v->load, 0))
			return true;
		*left = v;
	}
	return false;
}

void cmk_volume_adopted(struct cmk_agent *a)
{
	uint64_t now, until = cmk_boottime() + PATIENCE;
	struct cmk_volume *v;

	for (;;) {
		if (take_one(a, &v))
			continue;
		now = cmk_boottime();
		if (!v || now >= until)
			break;
		cmk_header_load_wait(v->load, now + GLANCE);
	}
	for (v = a->volumes; v; v = v->next)
		if (is_new(v))
			be_slow(v);
}
