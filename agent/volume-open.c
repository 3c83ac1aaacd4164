// SPDX-License-Identifier: GPL-2.0
/*
 * What people ask of a volume: open it, bring it back, probe its key.
 */
#include <errno.h>
#include <string.h>

#include "config.h"
#include "link.h"
#include "volume-internal.h"

static int check_open(struct cmk_agent *a, const struct cmk_state *st,
		      struct cmk_nl_volume *k, struct cmk_error *e)
{
	struct cmk_nl *nl = cmk_link_get(a->link, e);
	char text[256];
	int r;

	if (cmk_state_revoked(a->config->state_directory, st->uuid, text,
			      sizeof(text)))
		return cmk_error_set(e, CMK_DENIED, -EKEYREVOKED, "revoked",
				     "%s; cmkctl restore takes it back", text);
	if (!nl)
		return e->err ?: -ENOTCONN;
	r = cmk_nl_volume_get(nl, st->uuid, k, e);
	if (r && cmk_link_failed(a->link, r)) {
		nl = cmk_link_get(a->link, e);
		r = nl ? cmk_nl_volume_get(nl, st->uuid, k, e) : -ENOTCONN;
	}
	return r;
}

/* A connection of its own: the agent need not be bound to look. */
static int ask_kernel(const unsigned char uuid[16], struct cmk_nl_volume *k,
		      struct cmk_error *e)
{
	struct cmk_nl *nl;
	int r;

	r = cmk_nl_open(&nl, e);
	if (r)
		return r == -ENOENT ? -ENODEV : r;
	r = cmk_nl_volume_get(nl, uuid, k, e);
	cmk_nl_close(nl);
	return r;
}

int cmk_volume_check_closed(const struct cmk_agent *a,
			    const unsigned char uuid[16], const char *advice,
			    struct cmk_error *e)
{
	struct cmk_nl_volume k;
	int r = 0;

	if (!cmk_volume_find(a, uuid))
		r = ask_kernel(uuid, &k, e);
	if (r == -ENODEV)
		return 0;
	return r ?: cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "open",
				  "the volume is open; %s", advice);
}

/* What is left of an earlier mapping, whose end was not heard yet. */
static int make_room(struct cmk_agent *a, const struct cmk_nl_volume *k,
		     struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(a, k->uuid);

	if (!v)
		return 0;
	if (v->life == CMK_VOLUME_OPENING || k->live || k->lease_ttl)
		return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "open",
				     "the volume is open already, or being opened");
	cmk_volume_forget(v);
	return 0;
}

/* What the node remembers is kept; what the caller says now counts. */
static int recall(struct cmk_agent *a, const struct cmk_state *st,
		  struct cmk_state *ret, struct cmk_error *e)
{
	struct cmk_state old;
	int r;

	*ret = *st;
	r = cmk_state_load(a->config->state_directory, st->uuid, &old, e);
	if (r == -ENOENT)
		return 0;
	if (r)
		return r;
	ret->has_hk = old.has_hk;
	memcpy(ret->hk_id, old.hk_id, sizeof(old.hk_id));
	ret->seq = old.seq;
	ret->generations = old.generations;
	memcpy(ret->former, old.former, sizeof(old.former));
	ret->former_at = old.former_at;
	ret->rekey = old.rekey;
	if (!strcmp(ret->kek, old.kek))
		memcpy(ret->leaving, old.leaving, sizeof(old.leaving));
	memcpy(ret->oid, old.oid, sizeof(old.oid));
	memcpy(ret->tid, old.tid, sizeof(old.tid));
	return 0;
}

/* Keys of an expired key are never brought, however briefly. */
static int check_expiry(struct cmk_volume *v, const struct cmk_kek_result *res,
			struct cmk_error *e)
{
	struct cmk_pol_obs o = cmk_volume_obs(CMK_OBS_GET, res);
	struct cmk_pol_state st;
	uint64_t now = cmk_boottime();

	switch (res->answer) {
	case CMK_USABLE:
	case CMK_DENIED_EXPIRED:
		break;
	case CMK_DENIED_DELETED:
	case CMK_DENIED_DISABLED:
	case CMK_DENIED_PERMISSION:
		/* The right to GET is not needed; the unwrap decides. */
		return 0;
	case CMK_NETWORK_DENIED:
	case CMK_UNAUTHENTICATED:
	case CMK_UNKNOWN:
		*e = res->error;
		return e->err ?: -EIO;
	}
	st = cmk_pol_init(&v->conf, now, 0, NULL, NULL);
	o.local_clock = cmk_volume_clock();
	st = cmk_pol_step(&v->conf, &st, &o, now).state;
	if (!cmk_pol_out_of_time(&v->conf, &st, now))
		return 0;
	return cmk_error_set(e, CMK_DENIED, -EKEYEXPIRED, "kek-expired",
			     now < cmk_pol_expiry(&v->conf, &st) ?
			     "%s is not active yet; see its activation date in the vault" :
			     "%s has expired; extend it in the vault",
			     v->st.kid);
}

/* @v may be gone afterwards. */
static void on_attributes(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_volume *v = userdata;
	struct cmk_error e;
	int r;

	if (!v->get)		/* the volume is being forgotten */
		return;
	v->get = NULL;
	r = check_expiry(v, res, &e);
	if (!r)
		r = cmk_volume_fetch(v, CMK_FETCH_OPEN, &e);
	if (!r)
		return;
	cmk_volume_tell(v, &e, 0);
	cmk_volume_forget(v);
}

static int start_open(struct cmk_volume *v, cmk_volume_done_t done,
		      void *userdata, struct cmk_error *e)
{
	int r;

	r = cmk_volume_configure(v, e);
	if (!r)
		r = cmk_volume_load_header(v, e);
	if (!r)
		r = cmk_kek_get(v->agent->keks, v->st.kid, CMK_PATIENCE,
				on_attributes, v, &v->get, e);
	/* Waits last: until here the caller is answered by the return value. */
	if (!r && cmk_volume_wait(v, done, NULL, userdata))
		r = cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				  "out of memory");
	return r;
}

int cmk_volume_open(struct cmk_agent *a, const struct cmk_state *st,
		    bool accept_header, cmk_volume_done_t done,
		    void *userdata, struct cmk_error *e)
{
	struct cmk_nl_volume k;
	struct cmk_state known;
	struct cmk_volume *v;
	int r;

	r = check_open(a, st, &k, e);
	if (!r)
		r = make_room(a, &k, e) ?: cmk_volume_check_gate(&k, e);
	if (!r)
		r = recall(a, st, &known, e);
	if (r)
		return r;
	v = cmk_volume_new(a, &known);
	if (!v)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	v->accept_header = accept_header;
	v->kernel = k;
	r = start_open(v, done, userdata, e);
	if (r)
		cmk_volume_forget(v);
	return r;
}

static int not_watched(const struct cmk_volume *v, struct cmk_error *e)
{
	return cmk_error_set(e, CMK_TEMPORARY, -EBUSY, "opening", "%s",
			     v->blind.err ? v->blind.text :
			     "the volume is being opened");
}

/*
 * The caller has opened the gate, or it was never closed; the policy hears of
 * it first and starts the same.
 */
int cmk_volume_restore(struct cmk_volume *v, cmk_volume_done_t done,
		       void *userdata, struct cmk_error *e)
{
	const unsigned char *uuid = v->st.uuid;
	struct cmk_agent *a = v->agent;
	unsigned char id[16];
	int r;

	memcpy(id, uuid, sizeof(id));
	cmk_volumes_look(a, id);
	v = cmk_volume_find(a, id);
	if (!v)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
				     "the volume was closed");
	if (v->life != CMK_VOLUME_WATCHED)
		return not_watched(v, e);
	if (v->kernel.gate != CMK_GATE_OPEN)
		return cmk_error_set(e, CMK_NOT_PERMITTED, -EPERM, "closed",
				     "the gate is closed; cmkctl restore opens it");
	if (!cmk_nl_keys_missing(&v->kernel) && !v->keys) {
		done(NULL, v->kernel.ranges, v->kernel.ranges, userdata);
		return 0;
	}
	r = cmk_volume_fetch(v, CMK_FETCH_FILL, e);
	if (!r && cmk_volume_wait(v, done, NULL, userdata))
		r = cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				  "out of memory");
	return r;
}

int cmk_volume_probe(struct cmk_volume *v, cmk_volume_probed_t probed,
		     void *userdata, struct cmk_error *e)
{
	if (v->life != CMK_VOLUME_WATCHED)
		return not_watched(v, e);
	if (cmk_volume_wait(v, NULL, probed, userdata))
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	v->probe.probe_at = cmk_boottime();
	v->probe.get_at = v->probe.probe_at;
	cmk_probe_update(&v->probe);
	return 0;
}
