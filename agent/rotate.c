// SPDX-License-Identifier: GPL-2.0
/*
 * One volume after the other, so that a rotation of the key of many volumes is
 * a trickle at the vault.  It is asked for the newest version first, and no
 * disk is looked at when the volume has it already, which is nearly always: a
 * disk that hangs would have every lease of the node wait.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>
#include <syslog.h>

#include "audit.h"
#include "config.h"
#include "kek.h"
#include "kek-uri.h"
#include "rewrap.h"
#include "rotate.h"
#include "volume.h"

/**
 * struct cmk_rotation - the rounds
 * @timer: of the next round, or of the next volume of this one
 * @uuids, @n, @next: of this round
 * @op: the vault is asked for the newest version
 * @busy: that, or a rewrap of the round, is under way
 */
struct cmk_rotation {
	struct cmk_agent *agent;
	sd_event_source *timer;
	unsigned char (*uuids)[16];
	size_t n, next;
	struct cmk_kek_op *op;
	bool busy;
};

static bool wanted(const struct cmk_volume *v)
{
	struct cmk_kek_uri uri;

	return v->life == CMK_VOLUME_WATCHED &&
	       v->pol.phase == CMK_POL_READY &&
	       !cmk_kek_uri_parse(&uri, v->st.kek) && !uri.version[0];
}

static void arm(struct cmk_rotation *t, uint64_t delay)
{
	sd_event_source_set_time_relative(t->timer, delay);
	sd_event_source_set_enabled(t->timer, SD_EVENT_ONESHOT);
}

/* Up to a fifth later, so that a fleet does not rewrap at once. */
static void arm_round(struct cmk_rotation *t)
{
	uint64_t interval = t->agent->config->rotate_interval;
	uint16_t random = 0;

	if (!interval) {
		sd_event_source_set_enabled(t->timer, SD_EVENT_OFF);
		return;
	}
	if (getrandom(&random, sizeof(random), GRND_NONBLOCK) < 0)
		random = 0;
	arm(t, interval + interval / 5 * random / 65536);
}

static void collect(struct cmk_rotation *t)
{
	const struct cmk_volume *v;
	size_t n = 0;

	for (v = t->agent->volumes; v; v = v->next)
		n++;
	free(t->uuids);
	t->n = 0;
	t->next = 0;
	t->uuids = calloc(n + 1, sizeof(*t->uuids));
	for (v = t->agent->volumes; t->uuids && v; v = v->next)
		if (wanted(v))
			memcpy(t->uuids[t->n++], v->st.uuid, 16);
}

/* A failure is said once, not each round; @e NULL: it is over. */
static void tell(struct cmk_rotation *t, const unsigned char uuid[16],
		 const struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(t->agent, uuid);
	bool same = v && e && !strcmp(v->rotation_told, e->code);

	if (!v || same)
		return;
	snprintf(v->rotation_told, sizeof(v->rotation_told), "%s",
		 e ? e->code : "");
	if (e)
		cmk_audit_log(t->agent->audit, LOG_WARNING,
			      "%s: a newer version of the key is not taken over, or not known: %s",
			      v->st.name, e->text);
}

static void on_ended(const struct cmk_error *e, void *userdata)
{
	struct cmk_rotation *t = userdata;

	t->busy = false;
	tell(t, t->uuids[t->next - 1], e);
	/* Not from inside the callback of an operation. */
	arm(t, 0);
}

/* There may be one: nothing that is not newer is rewrapped. */
static void on_newest(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rewrap_order order = { .kind = CMK_REWRAP_VERSION };
	struct cmk_rotation *t = userdata;
	const struct cmk_volume *v;
	struct cmk_error e;

	t->op = NULL;
	memcpy(order.uuid, t->uuids[t->next - 1], 16);
	v = cmk_volume_find(t->agent, order.uuid);
	if (res->answer != CMK_USABLE)
		on_ended(&res->error, t);
	else if (!v || !strcasecmp(res->kid, v->st.kid))
		on_ended(NULL, t);
	else if (cmk_rewrap_start(t->agent, &order, NULL, on_ended, t, &e))
		on_ended(&e, t);
}

static int ask(struct cmk_rotation *t, struct cmk_error *e)
{
	const struct cmk_volume *v;

	v = cmk_volume_find(t->agent, t->uuids[t->next++]);
	if (!v || !wanted(v)) {
		arm(t, 0);
		return 0;
	}
	t->busy = true;
	return cmk_kek_get(t->agent->keks, v->st.kek, CMK_PATIENCE, on_newest,
			   t, &t->op, e);
}

static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_rotation *t = userdata;
	struct cmk_error e;

	if (t->busy)
		return 0;
	if (!t->n)
		collect(t);
	if (t->next == t->n) {
		t->n = 0;
		arm_round(t);
	} else if (ask(t, &e)) {
		on_ended(&e, t);
	}
	return 0;
}

int cmk_rotation_new(struct cmk_agent *a)
{
	struct cmk_rotation *t = calloc(1, sizeof(*t));
	int r;

	if (!t)
		return -ENOMEM;
	t->agent = a;
	r = sd_event_add_time(a->event, &t->timer, CLOCK_BOOTTIME, 0, 1000,
			      on_timer, t);
	if (r < 0) {
		free(t);
		return r;
	}
	a->rotation = t;
	arm_round(t);
	return 0;
}

void cmk_rotation_reconfigure(struct cmk_agent *a)
{
	if (!a->rotation->busy && !a->rotation->n)
		arm_round(a->rotation);
}

/* After the rewraps, which call back. */
void cmk_rotation_free(struct cmk_agent *a)
{
	struct cmk_rotation *t = a->rotation;

	if (!t)
		return;
	if (t->op)
		cmk_kek_cancel(t->op);
	sd_event_source_disable_unref(t->timer);
	free(t->uuids);
	free(t);
	a->rotation = NULL;
}
