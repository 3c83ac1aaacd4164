// SPDX-License-Identifier: GPL-2.0
/*
 * What people ask of a rekey: ranges, to watch it, to pause it and to let it go
 * on.  An order is in the node's memory before the first of it is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "link.h"
#include "rekey-internal.h"
#include "rewrap-internal.h"
#include "volume-internal.h"

static int no_rekey(struct cmk_error *e)
{
	return cmk_error_set(e, CMK_UNSUITABLE, -ENOENT, "no-rekey",
			     "no range of the volume is being rekeyed");
}

static int wait_for_end(struct cmk_rekey *j, struct cmk_request *req,
			bool detach, struct cmk_error *e)
{
	struct rekey_waiter *w = calloc(1, sizeof(*w));

	if (!w)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	w->req = req;
	w->detach = detach;
	w->next = j->waiters;
	j->waiters = w;
	cmk_rekey_now(j);
	return 0;
}

static int check_record(const struct cmk_volume *v, struct cmk_error *e)
{
	struct cmk_nl *nl = cmk_link_get(v->agent->link, e);
	struct cmk_nl_volume now;
	int r;

	if (!nl)
		return e->err ?: -ENOTCONN;
	r = cmk_nl_volume_get(nl, v->st.uuid, &now, e);
	if (r || now.rekey.record)
		return r;
	return cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP, "no-record",
			     "the volume is mapped without its record area; close it and open it again");
}

static int check_volume(const struct cmk_volume *v, struct cmk_error *e)
{
	if (!v)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
				     "the volume is not open");
	if (v->life != CMK_VOLUME_WATCHED ||
	    v->kernel.gate != CMK_GATE_OPEN ||
	    !cmk_pol_phase_live(v->pol.phase))
		return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "not-live",
				     "the volume is %s; a rekey begins when it is live",
				     cmk_volume_state_name(v));
	return 0;
}

/* May this order be taken?  The same one as before is watched. */
static int check_order(const struct cmk_volume *v,
		       const struct cmk_rekey_order *order,
		       struct cmk_error *e)
{
	const struct cmk_state_rekey *o = &v->st.rekey;

	if (order->first > order->last || order->last >= v->info.ranges)
		return cmk_error_set(e, CMK_USAGE, -ERANGE, "bad-range",
				     "the volume has the ranges 0 to %u",
				     v->info.ranges - 1);
	if (!o->wanted)
		return cmk_rewrap_check_copies(&v->info, e) ?:
		       check_record(v, e);
	if (o->first == order->first && o->last == order->last)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "busy",
			     "the ranges %u to %u are being rekeyed already",
			     o->first, o->last);
}

static int remember(struct cmk_volume *v, const struct cmk_rekey_order *order,
		    struct cmk_error *e)
{
	struct cmk_state st = v->st;
	int r;

	if (!st.rekey.wanted) {
		st.rekey.first = order->first;
		st.rekey.next = order->first;
		st.rekey.last = order->last;
	}
	st.rekey.wanted = true;
	st.rekey.bandwidth = order->bandwidth;
	r = cmk_state_save(v->agent->config->state_directory, &st, e);
	if (!r)
		v->st = st;
	return r;
}

/* Another limit counts at once; for a range that begins later it is told. */
static void limit(const struct cmk_volume *v)
{
	struct cmk_error e;
	struct cmk_nl *nl = cmk_link_get(v->agent->link, &e);

	if (nl && v->kernel.rekey.state == CMK_REKEY_STATE_RUNNING)
		cmk_nl_rekey_resume(nl, v->st.uuid, v->st.rekey.bandwidth, 0,
				    &e);
}

int cmk_rekey_start(struct cmk_agent *a, const struct cmk_rekey_order *asked,
		    struct cmk_request *req, struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(a, asked->uuid);
	struct cmk_rekey_order order = *asked;
	struct cmk_rekey *j;
	bool fresh;
	int r;

	r = check_volume(v, e);
	if (r)
		return r;
	if (order.all) {
		order.first = 0;
		order.last = v->info.ranges - 1;
	}
	r = check_order(v, &order, e);
	if (r)
		return r;
	j = cmk_rekey_job(a, order.uuid);
	if (!j)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	j->uid = req->uid;
	j->pid = req->pid;
	fresh = !v->st.rekey.wanted;
	r = remember(v, &order, e) ?:
	    wait_for_end(j, req, order.detach, e);
	if (!r && fresh)
		j->fresh = true;
	else if (!r)
		limit(v);
	return r;
}

int cmk_rekey_attach(struct cmk_agent *a, const unsigned char uuid[16],
		     struct cmk_request *req, struct cmk_error *e)
{
	struct cmk_rekey *j = cmk_rekey_find(a, uuid);

	return j ? wait_for_end(j, req, false, e) : no_rekey(e);
}

int cmk_rekey_pause(struct cmk_agent *a, const unsigned char uuid[16],
		    bool pause, struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(a, uuid);
	struct cmk_rekey *j = cmk_rekey_find(a, uuid);
	struct cmk_state st;
	int r;

	if (!v || !j)
		return no_rekey(e);
	st = v->st;
	/* One that the node did not remember, as after its memory was lost. */
	if (!st.rekey.wanted) {
		st.rekey.wanted = true;
		st.rekey.first = v->kernel.rekey.range;
		st.rekey.next = v->kernel.rekey.range;
		st.rekey.last = v->kernel.rekey.range;
	}
	st.rekey.paused = pause;
	r = cmk_state_save(a->config->state_directory, &st, e);
	if (r)
		return r;
	v->st = st;
	j->asked = !pause;
	if (j->asked)
		j->done_at = 0;
	cmk_rekey_now(j);
	return 0;
}

/* A device that fails may work again; what the record says stays as it is. */
bool cmk_rekey_may_pass(uint32_t error)
{
	switch (error) {
	case EUCLEAN:
	case EKEYREJECTED:
	case EBADMSG:
		return false;
	}
	return true;
}

void cmk_rekey_say(const struct cmk_nl_rekeying *k, char *ret, size_t size)
{
	const char *next = "it is tried again until the device is well, and at once by cmkctl rekey --resume";

	if (!cmk_rekey_may_pass(k->error))
		next = "it is not tried again until cmkctl rekey --resume, when what the disk has there was made good";
	if (k->error)
		snprintf(ret, size,
			 "range %u, sector %llu of the volume: %s; %s",
			 k->range, (unsigned long long)k->sector,
			 cmk_rekey_error_text(k->error), next);
	else
		snprintf(ret, size, "range %u was interrupted", k->range);
}

static uint64_t size_of(const struct cmk_volume *v, uint32_t first,
			uint32_t last)
{
	uint64_t range = v->info.range_sectors * 512;
	uint64_t end = (last + 1ULL) * range;

	if (end > v->info.data_size)
		end = v->info.data_size;
	return end - first * range;
}

static bool is_of(const struct cmk_nl_rekeying *k, uint32_t range)
{
	return k->state != CMK_REKEY_STATE_NONE && k->range == range;
}

void cmk_rekey_measure(const struct cmk_volume *v, struct cmk_rekey_view *ret)
{
	const struct cmk_nl_rekeying *k = &v->kernel.rekey;
	const struct cmk_state_rekey *o = &v->st.rekey;

	ret->first = o->wanted ? o->first : k->range;
	ret->last = o->wanted ? o->last : k->range;
	ret->paused = o->paused;
	ret->total = size_of(v, ret->first, ret->last);
	ret->done = 0;
	if (o->wanted && o->next > o->first)
		ret->done = size_of(v, o->first, o->next - 1);
	if (is_of(k, o->wanted ? o->next : k->range))
		ret->done += k->done * 512;
}

bool cmk_rekey_look_at(const struct cmk_agent *a,
		       const unsigned char uuid[16],
		       struct cmk_rekey_view *ret)
{
	const struct cmk_volume *v = cmk_volume_find(a, uuid);
	const struct cmk_rekey *j = cmk_rekey_find(a, uuid);

	if (!v || !v->header)
		return false;
	if (!j && !v->st.rekey.wanted)
		return false;
	cmk_rekey_measure(v, ret);
	ret->why = j && j->e.err ? j->e.text : "";
	return true;
}
