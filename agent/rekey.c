// SPDX-License-Identifier: GPL-2.0
/*
 * What is to be done about the rekey of a volume, looked at anew each time that
 * something has changed:
 *
 *	kernel		header		order	then
 *	none		a next DEK		discard it
 *	none		-		goes on	start the next range
 *	armed					have the device drained
 *	running				paused	pause
 *	paused				goes on	resume
 *	pending, without keys			volume-keys.c brings them
 *	pending, by an error			bring them again, after a while
 *	complete				finish
 *
 * A closed gate stops all of it, and so do keys on their way: what they bring
 * is of the header as it is now.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "audit.h"
#include "config.h"
#include "helper.h"
#include "link.h"
#include "rekey-internal.h"
#include "volume-internal.h"

#define SECOND		1000000ULL
#define RETRY_MIN	(5 * SECOND)
#define RETRY_MAX	(300 * SECOND)
#define DRAIN_AGAIN	(10 * SECOND)
#define PENDING_AGAIN	(20 * SECOND)
#define SHORTLY		(SECOND / 10)

struct cmk_rekey *cmk_rekey_find(const struct cmk_agent *a,
				 const unsigned char uuid[16])
{
	struct cmk_rekey *j;

	for (j = a->rekeys; j; j = j->link)
		if (!memcmp(j->uuid, uuid, 16))
			return j;
	return NULL;
}

static void arm(struct cmk_rekey *j, uint64_t delay)
{
	sd_event_source_set_time_relative(j->timer, delay);
	sd_event_source_set_enabled(j->timer, SD_EVENT_ONESHOT);
}

/* -- who waits -- */

static json_t *result(const struct cmk_rekey *j,
		      const struct cmk_rekey_view *view, const char *state)
{
	return json_pack("{s:s, s:I, s:I, s:s}", "state", state, "done",
			 (json_int_t)view->done, "total",
			 (json_int_t)view->total, "header_backup", j->backup);
}

static void answer(struct cmk_rekey *j, struct rekey_waiter **p,
		   const struct cmk_error *e, const char *state)
{
	const struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);
	struct cmk_rekey_view view = { .total = 0 };
	struct rekey_waiter *w = *p;

	*p = w->next;
	if (v && v->header)
		cmk_rekey_measure(v, &view);
	if (e)
		cmk_request_fail(w->req, e);
	else
		cmk_request_result(w->req, result(j, &view, state));
	free(w);
}

/* @e NULL: with the word @state. */
static void answer_all(struct cmk_rekey *j, const struct cmk_error *e,
		       const char *state)
{
	while (j->waiters)
		answer(j, &j->waiters, e, state);
}

static void tell_progress(struct cmk_rekey *j, const struct cmk_volume *v)
{
	struct rekey_waiter **p = &j->waiters;
	struct cmk_rekey_view view;

	cmk_rekey_measure(v, &view);
	while (*p) {
		cmk_request_progress((*p)->req, "rekey", view.done,
				     view.total);
		if ((*p)->detach)
			answer(j, p, NULL, "running");
		else
			p = &(*p)->next;
	}
}

/* It goes on by itself when that is over; those who wait need not. */
static void stopped(struct cmk_rekey *j, const char *why)
{
	struct cmk_error e;

	cmk_error_set(&e, CMK_PARTIAL, -EAGAIN, "rekey-stopped",
		      "the rekey has stopped: %s", why);
	j->e = e;
	answer_all(j, &e, NULL);
}

/* -- life -- */

static void job_free(struct cmk_rekey *j)
{
	struct cmk_rekey **p = &j->agent->rekeys;

	while (*p != j)
		p = &(*p)->link;
	*p = j->link;
	cmk_rekey_reset(j);
	sd_event_source_disable_unref(j->timer);
	free(j);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata);

struct cmk_rekey *cmk_rekey_job(struct cmk_agent *a,
				const unsigned char uuid[16])
{
	struct cmk_rekey *j = cmk_rekey_find(a, uuid);

	if (j)
		return j;
	j = calloc(1, sizeof(*j));
	if (!j)
		return NULL;
	if (sd_event_add_time(a->event, &j->timer, CLOCK_BOOTTIME, UINT64_MAX,
			      1000, on_timer, j) < 0) {
		free(j);
		return NULL;
	}
	j->agent = a;
	memcpy(j->uuid, uuid, 16);
	j->retry = RETRY_MIN;
	j->link = a->rekeys;
	a->rekeys = j;
	return j;
}

/* Is there anything that a job is needed for? */
static bool is_due(const struct cmk_volume *v)
{
	return v->life == CMK_VOLUME_WATCHED &&
	       (v->st.rekey.wanted || cmk_header_spare_used(v->header) ||
		v->kernel.rekey.state != CMK_REKEY_STATE_NONE);
}

/* -- the end of a work -- */

static void forget_failure(struct cmk_rekey *j)
{
	j->retry = RETRY_MIN;
	j->waits = false;
	j->told[0] = 0;
	memset(&j->e, 0, sizeof(j->e));
}

static void audit(struct cmk_rekey *j, enum rekey_work work,
		  const struct cmk_error *e)
{
	const struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);
	char range[16];
	struct cmk_audit_entry en = {
		.event = work == REKEY_FINISH ? CMK_AUDIT_REKEY_DONE :
						CMK_AUDIT_REKEY_START,
		.result = e ? CMK_AUDIT_FAILED : CMK_AUDIT_OK,
		.uuid = j->uuid, .range = range, .kid = j->kid,
		.uid = j->uid, .pid = j->pid,
	};
	const char *name = v ? v->st.name : "";

	snprintf(range, sizeof(range), "%u", j->next.range);
	en.name = name;
	if (e)
		cmk_audit_write(j->agent->audit, &en,
				"%s: range %s: the rekey does not go on: %s",
				name, range, e->text);
	else
		cmk_audit_write(j->agent->audit, &en, work == REKEY_FINISH ?
				"%s: range %s: rekeyed, the key of generation %u is gone" :
				"%s: range %s: is rekeyed from the key of generation %u",
				name, range, j->next.generation - 1);
}

/* Nothing was touched, and who has asked for it hears why. */
static void withdraw(struct cmk_rekey *j, struct cmk_volume *v,
		     const struct cmk_error *e)
{
	struct cmk_error told = *e;

	/* That is said of what goes on by itself. */
	if (told.status == CMK_PARTIAL)
		told.status = CMK_FAILED;
	memset(&v->st.rekey, 0, sizeof(v->st.rekey));
	cmk_volume_save(v);
	answer_all(j, &told, NULL);
}

/* Something else came between, or the configuration was read again. */
static bool is_passing(const struct cmk_error *e)
{
	return e->err == -ECANCELED || e->err == -EAGAIN || e->err == -EBUSY;
}

static void wait_for(struct cmk_rekey *j, uint64_t delay)
{
	j->waits = true;
	arm(j, delay);
}

/* @part: of the time that a real failure takes */
static void back_off(struct cmk_rekey *j, unsigned int part)
{
	wait_for(j, j->retry / part);
	j->retry = j->retry * 2 > RETRY_MAX ? RETRY_MAX : j->retry * 2;
}

static void work_failed(struct cmk_rekey *j, enum rekey_work work,
			const struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);

	cmk_link_failed(j->agent->link, e->err);
	if (is_passing(e)) {
		back_off(j, 5);
		return;
	}
	/* Said once, not with each try. */
	if (strcmp(j->told, e->code))
		audit(j, work, e);
	snprintf(j->told, sizeof(j->told), "%s", e->code);
	if (v && work == REKEY_START && j->fresh && v->st.rekey.wanted)
		withdraw(j, v, e);
	else
		stopped(j, e->text);
	back_off(j, 1);
}

void cmk_rekey_worked(struct cmk_rekey *j, const struct cmk_error *e)
{
	enum rekey_work work = j->work;

	cmk_rekey_reset(j);
	if (e) {
		work_failed(j, work, e);
		return;
	}
	if (work != REKEY_DISCARD)
		audit(j, work, NULL);
	j->fresh = false;
	forget_failure(j);
	cmk_volumes_look(j->agent, j->uuid);
}

static void begin(struct cmk_rekey *j, struct cmk_volume *v,
		  enum rekey_work work)
{
	struct cmk_error e;

	if (cmk_rekey_begin(j, v, work, &e))
		cmk_rekey_worked(j, &e);
}

/* -- the table -- */

static void look_pending(struct cmk_rekey *j, struct cmk_volume *v)
{
	const struct cmk_nl_rekeying *k = &v->kernel.rekey;
	struct cmk_error e;
	char why[256];

	if (cmk_nl_keys_missing(&v->kernel)) {
		stopped(j, "its keys are not there; it goes on when they are back");
		return;
	}
	cmk_rekey_say(k, why, sizeof(why));
	if (strcmp(j->told, "pending"))
		cmk_audit_log(j->agent->audit, LOG_ERR,
			      "%s: the rekey has stopped: %s", v->st.name,
			      why);
	else if (cmk_rekey_may_pass(k->error) || j->asked)
		cmk_volume_fetch(v, CMK_FETCH_FILL, &e);
	strcpy(j->told, "pending");
	j->asked = false;
	stopped(j, why);
	if (cmk_rekey_may_pass(k->error))
		wait_for(j, PENDING_AGAIN);
}

static void look_none(struct cmk_rekey *j, struct cmk_volume *v)
{
	const struct cmk_state_rekey *o = &v->st.rekey;

	if (cmk_header_spare_used(v->header)) {
		begin(j, v, REKEY_DISCARD);
	} else if (o->wanted && o->paused) {
		answer_all(j, NULL, "paused");
	} else if (o->wanted) {
		begin(j, v, REKEY_START);
	} else {
		answer_all(j, NULL, "done");
		job_free(j);
	}
}

static void look_running(struct cmk_rekey *j, struct cmk_volume *v)
{
	const struct cmk_state_rekey *o = &v->st.rekey;
	bool paused = v->kernel.rekey.state == CMK_REKEY_STATE_PAUSED;
	struct cmk_error e;
	struct cmk_nl *nl;

	forget_failure(j);
	tell_progress(j, v);
	if (paused == o->paused) {
		if (paused)
			answer_all(j, NULL, "paused");
		return;
	}
	nl = cmk_link_get(j->agent->link, &e);
	if (nl && o->paused)
		cmk_nl_rekey_pause(nl, j->uuid, &e);
	else if (nl)
		cmk_nl_rekey_resume(nl, j->uuid, o->bandwidth, 0, &e);
}

/* The kernel begins when no I/O runs for a moment. */
static void look_armed(struct cmk_rekey *j)
{
	uint64_t now = cmk_boottime();

	if (now >= j->drain_at) {
		cmk_helper_ask(j->agent, "Drain", j->uuid, NULL);
		j->drain_at = now + DRAIN_AGAIN;
	}
	arm(j, j->drain_at - now);
}

/* The record is written when the device has the time, and if it can be. */
static void look_complete(struct cmk_rekey *j, struct cmk_volume *v)
{
	uint64_t now = cmk_boottime();
	char why[256];

	if (j->seq != v->info.seq || now >= j->done_at) {
		begin(j, v, REKEY_FINISH);
		return;
	}
	if (v->kernel.rekey.error) {
		cmk_rekey_say(&v->kernel.rekey, why, sizeof(why));
		stopped(j, why);
	}
	arm(j, j->done_at - now);
}

/* @j may be gone afterwards. */
static void look_at(struct cmk_rekey *j, struct cmk_volume *v)
{
	switch (v->kernel.rekey.state) {
	case CMK_REKEY_STATE_NONE:
		look_none(j, v);
		break;
	case CMK_REKEY_STATE_ARMED:
		look_armed(j);
		break;
	case CMK_REKEY_STATE_RUNNING:
	case CMK_REKEY_STATE_PAUSED:
		look_running(j, v);
		break;
	case CMK_REKEY_STATE_PENDING:
		look_pending(j, v);
		break;
	case CMK_REKEY_STATE_COMPLETE:
		look_complete(j, v);
		break;
	}
}

static void work(struct cmk_rekey *j, struct cmk_volume *v)
{
	struct cmk_error e = { .err = 0 };
	int r;

	if (!j->ready)
		return;
	r = cmk_rekey_write(j, v, &e);
	cmk_rekey_worked(j, r ? &e : NULL);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_rekey *j = userdata;
	struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);

	j->waits = false;
	if (!v) {
		stopped(j, "the volume was closed");
		job_free(j);
	} else if (v->life != CMK_VOLUME_WATCHED ||
		   v->kernel.gate != CMK_GATE_OPEN ||
		   !cmk_pol_phase_live(v->pol.phase)) {
		cmk_rekey_reset(j);
		stopped(j, "the gate of the volume is closed; it goes on when that is open again");
	} else if (v->keys) {
		arm(j, SHORTLY);
	} else if (j->work != REKEY_IDLE) {
		work(j, v);
	} else {
		look_at(j, v);
	}
	return 0;
}

/* What has failed waits for its time, unless the kernel goes on by itself. */
static bool is_patient(const struct cmk_rekey *j, const struct cmk_volume *v)
{
	if (!j->waits || !v)
		return false;
	switch (v->kernel.rekey.state) {
	case CMK_REKEY_STATE_NONE:
	case CMK_REKEY_STATE_PENDING:
	case CMK_REKEY_STATE_COMPLETE:
		return true;
	case CMK_REKEY_STATE_ARMED:
	case CMK_REKEY_STATE_RUNNING:
	case CMK_REKEY_STATE_PAUSED:
		break;
	}
	return false;
}

void cmk_rekey_look(struct cmk_agent *a, const unsigned char uuid[16])
{
	const struct cmk_volume *v = cmk_volume_find(a, uuid);
	struct cmk_rekey *j = cmk_rekey_find(a, uuid);

	if (!j && v && is_due(v))
		j = cmk_rekey_job(a, uuid);
	if (j && !is_patient(j, v))
		arm(j, 0);
}

void cmk_rekey_now(struct cmk_rekey *j)
{
	j->waits = false;
	arm(j, 0);
}

void cmk_rekey_end(struct cmk_agent *a, const unsigned char uuid[16])
{
	struct cmk_rekey *j = cmk_rekey_find(a, uuid);

	if (!j)
		return;
	cmk_rekey_reset(j);
	arm(j, 0);
}

void cmk_rekeys_free(struct cmk_agent *a)
{
	while (a->rekeys) {
		stopped(a->rekeys, "the agent ends");
		job_free(a->rekeys);
	}
}
