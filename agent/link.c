// SPDX-License-Identifier: GPL-2.0
/*
 * Keeps the agent bound.  A kernel that was never bound holds its volumes by
 * itself when their leases end, so nothing here is in a hurry but the first
 * tries.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <syslog.h>
#include <time.h>

#include "link.h"

#define RETRY_MIN	1000000ULL
#define RETRY_MAX	60000000ULL
#define BATCH		64

struct cmk_link {
	sd_event *event;
	struct cmk_audit *audit;
	struct cmk_link_ops ops;
	void *userdata;
	struct cmk_nl *nl;
	sd_event_source *io, *retry;
	uint64_t delay;
	struct cmk_error trouble;
};

static void drop(struct cmk_link *l)
{
	l->io = sd_event_source_disable_unref(l->io);
	cmk_nl_close(l->nl);
	l->nl = NULL;
}

static void try_later(struct cmk_link *l)
{
	sd_event_source_set_time_relative(l->retry, l->delay);
	sd_event_source_set_enabled(l->retry, SD_EVENT_ONESHOT);
	l->delay = l->delay * 2 > RETRY_MAX ? RETRY_MAX : l->delay * 2;
}

/* The volumes that a batch of events names. */
struct batch {
	unsigned char uuids[BATCH][CMK_UUID_LEN];
	unsigned int n;
	bool resync;
};

static void add_volume(struct batch *b, const unsigned char *uuid)
{
	unsigned int i;

	for (i = 0; i < b->n; i++)
		if (!memcmp(b->uuids[i], uuid, CMK_UUID_LEN))
			return;
	if (b->n == BATCH)
		b->resync = true;
	else
		memcpy(b->uuids[b->n++], uuid, CMK_UUID_LEN);
}

static void on_kernel_event(const struct cmk_nl_event *ev, void *userdata)
{
	struct batch *b = userdata;

	switch (ev->type) {
	case CMK_NL_KEY_WANTED:
	case CMK_NL_STATE_CHANGED:
	case CMK_NL_REKEY_CHANGED:
		add_volume(b, ev->uuid);
		break;
	case CMK_NL_LOST:
		b->resync = true;
		break;
	case CMK_NL_UNBOUND:
		/* Ours shows by a refused command. */
	case CMK_NL_BENCHMARK:
		break;
	}
}

/*
 * Acts only when the connection has been read: what is done about an event
 * may close it.
 */
static int on_readable(sd_event_source *s, int fd, uint32_t revents,
		       void *userdata)
{
	struct batch b = { .n = 0 };
	struct cmk_link *l = userdata;
	unsigned int i;
	int r;

	r = cmk_nl_read_events(l->nl, on_kernel_event, &b);
	if (r < 0 && r != -EAGAIN) {
		cmk_link_failed(l, -ENOTCONN);
		return 0;
	}
	if (b.resync) {
		l->ops.resync(l->userdata);
		return 0;
	}
	for (i = 0; i < b.n; i++)
		l->ops.volume(b.uuids[i], l->userdata);
	return 0;
}

static int attach(struct cmk_link *l, struct cmk_error *e)
{
	struct cmk_nl_bind bind;
	int r;

	r = cmk_nl_open(&l->nl, e);
	/* Events first: what happens between the two is then not missed. */
	if (!r)
		r = cmk_nl_subscribe(l->nl, e);
	if (!r)
		r = cmk_nl_bind(l->nl, &bind, e);
	if (!r && !(bind.features & CMK_FEATURE_SEALED_KEYS))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP, "version",
				  "dm-cmk takes no keys of a kind that this cmkd can send");
	if (!r)
		r = sd_event_add_io(l->event, &l->io, cmk_nl_event_fd(l->nl),
				    EPOLLIN, on_readable, l);
	return r < 0 ? r : 0;
}

static int bind_now(struct cmk_link *l)
{
	struct cmk_audit_entry en = { .event = CMK_AUDIT_BIND };
	struct cmk_error e = { .err = 0 };

	if (attach(l, &e)) {
		drop(l);
		/* Said once, not with each try. */
		if (strcmp(e.text, l->trouble.text))
			cmk_audit_log(l->audit, LOG_WARNING,
				      "not bound to the kernel: %s", e.text);
		l->trouble = e;
		return e.err ?: -EIO;
	}
	memset(&l->trouble, 0, sizeof(l->trouble));
	l->delay = RETRY_MIN;
	sd_event_source_set_enabled(l->retry, SD_EVENT_OFF);
	cmk_audit_write(l->audit, &en, "bound to the kernel");
	l->ops.resync(l->userdata);
	return 0;
}

static int on_retry(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_link *l = userdata;

	if (!l->nl && bind_now(l))
		try_later(l);
	return 0;
}

int cmk_link_new(struct cmk_link **ret, sd_event *event,
		 struct cmk_audit *audit, const struct cmk_link_ops *ops,
		 void *userdata)
{
	struct cmk_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	l->event = event;
	l->audit = audit;
	l->ops = *ops;
	l->userdata = userdata;
	l->delay = RETRY_MIN;
	r = sd_event_add_time_relative(event, &l->retry, CLOCK_BOOTTIME, 0, 1,
				       on_retry, l);
	if (r < 0) {
		cmk_link_free(l);
		return r;
	}
	*ret = l;
	return 0;
}

void cmk_link_free(struct cmk_link *l)
{
	if (!l)
		return;
	drop(l);
	sd_event_source_disable_unref(l->retry);
	free(l);
}

struct cmk_nl *cmk_link_get(struct cmk_link *l, struct cmk_error *e)
{
	if (!l->nl && bind_now(l)) {
		*e = l->trouble;
		return NULL;
	}
	return l->nl;
}

const char *cmk_link_trouble(const struct cmk_link *l)
{
	return l->nl ? "" : l->trouble.text;
}

bool cmk_link_failed(struct cmk_link *l, int err)
{
	switch (err) {
	case -ESTALE:		/* another socket is bound, or none */
	case -EIO:
	case -ENOTCONN:
	case -EOPNOTSUPP:	/* the family went with the module */
	case -ENOENT:
	case -ETIMEDOUT:
		break;
	default:
		return false;
	}
	drop(l);
	l->delay = RETRY_MIN;
	try_later(l);
	return true;
}
