// SPDX-License-Identifier: GPL-2.0
/*
 * One question at a time for each key, at the earliest time that one of its
 * users wants.  When a volume wants an answer is the policy's decision; this
 * file keeps times and hands out answers.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent.h"
#include "probe.h"

struct cmk_probe {
	struct cmk_prober *prober;
	struct cmk_probe *next;
	char kid[CMK_KID_MAX + 1];
	struct cmk_probe_user *users;
	sd_event_source *timer;
	struct cmk_kek_op *unwrap, *get;
	struct cmk_probe_user *asker;	/* whose wrap @unwrap has sent */
	uint64_t started;
	bool busy;		/* handing out; not to be freed */
};

struct cmk_prober {
	sd_event *event;
	struct cmk_kek_set *set;
	struct cmk_probe *probes;
};

static void arm(struct cmk_probe *q)
{
	uint64_t at = UINT64_MAX;
	struct cmk_probe_user *u;

	for (u = q->users; u; u = u->next) {
		if (!q->unwrap && u->probe_at < at)
			at = u->probe_at;
		if (!q->get && u->get_at < at)
			at = u->get_at;
	}
	if (at == UINT64_MAX) {
		sd_event_source_set_enabled(q->timer, SD_EVENT_OFF);
		return;
	}
	sd_event_source_set_time(q->timer, at);
	sd_event_source_set_enabled(q->timer, SD_EVENT_ONESHOT);
}

static void probe_free(struct cmk_probe *q)
{
	struct cmk_probe **p = &q->prober->probes;

	if (q->unwrap)
		cmk_kek_cancel(q->unwrap);
	if (q->get)
		cmk_kek_cancel(q->get);
	sd_event_source_disable_unref(q->timer);
	while (*p && *p != q)
		p = &(*p)->next;
	if (*p)
		*p = q->next;
	free(q);
}

/* A user that joined or left during the round is met in the next one. */
static void hand_out(struct cmk_probe *q,
		     void (*give)(struct cmk_probe_user *u, void *arg),
		     void *arg)
{
	struct cmk_probe_user *u, *next;

	q->busy = true;
	for (u = q->users; u; u = next) {
		next = u->next;
		give(u, arg);
	}
	q->busy = false;
	if (!q->users)
		probe_free(q);
	else
		arm(q);
}

struct answer {
	struct cmk_kek_result *res;
	uint64_t started;
};

static void give_answer(struct cmk_probe_user *u, void *arg)
{
	struct answer *a = arg;

	u->answer(u, a->res, a->started);
}

static void give_attributes(struct cmk_probe_user *u, void *arg)
{
	u->attributes(u, arg);
}

/*
 * A server that unwraps to something else does not prove anything, whatever
 * its status was.  @u: who asked; what comes out opens his header only.
 */
static void check_plain(const struct cmk_probe_user *u,
			struct cmk_kek_result *res)
{
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	struct cmk_error e;
	int r;

	r = cmk_header_hk_open(u->header, &res->plain, &hk, &e);
	if (!r)
		r = cmk_header_verify(u->header, &hk, &e);
	if (!r)
		return;
	res->answer = CMK_UNKNOWN;
	res->error = e;
}

static void on_unwrap(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_probe *q = userdata;
	struct answer a = { .res = res, .started = q->started };

	q->unwrap = NULL;
	if (res->error.err == -ECANCELED && res->answer != CMK_USABLE)
		return;
	if (res->answer == CMK_USABLE)
		check_plain(q->asker, res);
	hand_out(q, give_answer, &a);
}

static void on_get(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_probe *q = userdata;

	q->get = NULL;
	if (res->error.err == -ECANCELED && res->answer != CMK_USABLE)
		return;
	hand_out(q, give_attributes, res);
}

static int start_unwrap(struct cmk_probe *q, struct cmk_error *e)
{
	struct cmk_probe_user *u = q->users;
	struct cmk_header_kek kek;

	q->started = cmk_boottime();
	q->asker = u;
	if (!cmk_header_get_kek(u->header, u->kek, &kek))
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "header",
				     "cannot ask for %s: the header has no wrap of it any more",
				     q->kid);
	return cmk_kek_unwrap(q->prober->set, kek.kid, kek.alg, kek.blob,
			      kek.blob_len, 0, on_unwrap, q, &q->unwrap, e);
}

static int start_get(struct cmk_probe *q, struct cmk_error *e)
{
	return cmk_kek_get(q->prober->set, q->kid, 0, on_get, q, &q->get, e);
}

static bool is_due(const struct cmk_probe *q, bool get)
{
	uint64_t now = cmk_boottime();
	struct cmk_probe_user *u;

	for (u = q->users; u; u = u->next)
		if ((get ? u->get_at : u->probe_at) <= now)
			return true;
	return false;
}

/*
 * What cannot even be asked is an answer, too, and no verdict: else nobody
 * would hear of it before the grace has ended.  The users say when the next
 * try is.
 */
static int on_timer(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_kek_result res = { .answer = CMK_UNKNOWN };
	struct cmk_probe *q = userdata;
	struct answer a = { .res = &res };

	if (!q->unwrap && is_due(q, false) && start_unwrap(q, &res.error)) {
		a.started = q->started;
		hand_out(q, give_answer, &a);
	} else if (!q->get && is_due(q, true) && start_get(q, &res.error)) {
		hand_out(q, give_attributes, &res);
	} else {
		arm(q);
	}
	return 0;
}

static struct cmk_probe *find(struct cmk_prober *p, const char *kid)
{
	struct cmk_probe *q;

	for (q = p->probes; q; q = q->next)
		if (!strcasecmp(q->kid, kid))
			return q;
	return NULL;
}

static struct cmk_probe *probe_new(struct cmk_prober *p, const char *kid)
{
	struct cmk_probe *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	q->prober = p;
	snprintf(q->kid, sizeof(q->kid), "%s", kid);
	if (sd_event_add_time(p->event, &q->timer, CLOCK_BOOTTIME, 0, 1000,
			      on_timer, q) < 0) {
		free(q);
		return NULL;
	}
	sd_event_source_set_enabled(q->timer, SD_EVENT_OFF);
	q->next = p->probes;
	p->probes = q;
	return q;
}

int cmk_probe_join(struct cmk_prober *p, struct cmk_probe_user *u)
{
	struct cmk_header_kek kek;
	struct cmk_probe *q;

	if (!cmk_header_get_kek(u->header, u->kek, &kek))
		return -EINVAL;
	q = find(p, kek.kid) ?: probe_new(p, kek.kid);
	if (!q)
		return -ENOMEM;
	u->probe = q;
	u->next = q->users;
	q->users = u;
	arm(q);
	return 0;
}

void cmk_probe_leave(struct cmk_probe_user *u)
{
	struct cmk_probe *q = u->probe;
	struct cmk_probe_user **p;

	if (!q)
		return;
	for (p = &q->users; *p != u; p = &(*p)->next)
		;
	*p = u->next;
	u->probe = NULL;
	/* Nobody else can check what comes out; the next one asks anew. */
	if (q->unwrap && q->asker == u)
		cmk_kek_cancel(q->unwrap);
	if (!q->users && !q->busy)
		probe_free(q);
	else
		arm(q);
}

void cmk_probe_update(struct cmk_probe_user *u)
{
	if (u->probe && !u->probe->busy)
		arm(u->probe);
}

int cmk_prober_new(struct cmk_prober **ret, sd_event *event)
{
	struct cmk_prober *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->event = event;
	*ret = p;
	return 0;
}

void cmk_prober_free(struct cmk_prober *p)
{
	if (!p)
		return;
	while (p->probes) {
		struct cmk_probe *q = p->probes;

		while (q->users->next)
			cmk_probe_leave(q->users);
		cmk_probe_leave(q->users);
	}
	free(p);
}

void cmk_prober_set_keks(struct cmk_prober *p, struct cmk_kek_set *set)
{
	struct cmk_probe *q;

	for (q = p->probes; q; q = q->next) {
		if (q->unwrap)
			cmk_kek_cancel(q->unwrap);
		if (q->get)
			cmk_kek_cancel(q->get);
		arm(q);
	}
	p->set = set;
}
