// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the requests to cmk-helper.socket, one connection each, which is kept
 * until the helper has answered: systemd takes a connection that is one too
 * many and closes it, after all that can be seen of it from here has succeeded.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "helper.h"
#include "span.h"

#define SOCKET		"/run/cmk-helper.sock"
#define AGAIN_FIRST	1000000ULL
#define AGAIN		5000000ULL

/**
 * struct cmk_helper_call - a request that was not answered yet
 * @io: its connection, or NULL
 * @again: until it is made again, or NULL
 * @failed: at least once, which was told
 */
struct cmk_helper_call {
	struct cmk_agent *agent;
	struct cmk_helper_call *next;
	const char *method;
	unsigned char uuid[16];
	cmk_helper_wanted_t wanted;
	sd_event_source *io, *again;
	bool failed;
};

static void call_free(struct cmk_helper_call *c)
{
	struct cmk_helper_call **p = &c->agent->calls;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	sd_event_source_disable_unref(c->io);
	sd_event_source_disable_unref(c->again);
	free(c);
}

/* No step can block: a full queue of the helper is an error. */
static int send_line(const char *text, size_t len)
{
	struct sockaddr_un sa = {
		.sun_family = AF_UNIX, .sun_path = SOCKET
	};
	ssize_t n = -1;
	int fd, r;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&sa, sizeof(sa)) == 0)
		n = send(fd, text, len, MSG_NOSIGNAL);
	if (n == (ssize_t)len)
		return fd;
	r = n < 0 ? -errno : -EAGAIN;
	close(fd);
	return r;
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata);

/* Said once, not with each try. */
static void failed(struct cmk_helper_call *c, const char *why)
{
	struct cmk_agent *a = c->agent;
	int r = -ECANCELED;
	char id[37];

	cmk_format_uuid(c->uuid, id);
	c->io = sd_event_source_disable_unref(c->io);
	if (!c->failed)
		cmk_audit_log(a->audit, LOG_WARNING, "%s of %s not done: %s: %s",
			      c->method, id, SOCKET, why);
	if (c->wanted)
		r = sd_event_add_time_relative(a->event, &c->again,
					       CLOCK_BOOTTIME,
					       c->failed ? AGAIN : AGAIN_FIRST,
					       0, on_again, c);
	c->failed = true;
	if (r < 0)
		call_free(c);
}

static int on_answer(sd_event_source *s, int fd, uint32_t revents,
		     void *userdata)
{
	struct cmk_helper_call *c = userdata;
	char text[64];
	ssize_t n = recv(fd, text, sizeof(text), MSG_DONTWAIT);

	if (n > 0)
		call_free(c);
	else if (!n || (errno != EAGAIN && errno != EINTR))
		failed(c, "it has ended without an answer");
	return 0;
}

static void call(struct cmk_helper_call *c)
{
	char id[37], text[128];
	int fd, r;

	cmk_format_uuid(c->uuid, id);
	snprintf(text, sizeof(text), "{\"method\":\"%s\",\"uuid\":\"%s\"}\n",
		 c->method, id);
	fd = send_line(text, strlen(text));
	r = fd < 0 ? fd : sd_event_add_io(c->agent->event, &c->io, fd, EPOLLIN,
					  on_answer, c);
	if (r >= 0) {
		sd_event_source_set_io_fd_own(c->io, true);
		return;
	}
	if (fd >= 0)
		close(fd);
	failed(c, strerror(-r));
}

static int on_again(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_helper_call *c = userdata;

	c->again = sd_event_source_disable_unref(c->again);
	if (c->wanted(c->agent, c->uuid))
		call(c);
	else
		call_free(c);
	return 0;
}

static struct cmk_helper_call *find(const struct cmk_agent *a,
				    const char *method,
				    const unsigned char uuid[16])
{
	struct cmk_helper_call *c;

	for (c = a->calls; c; c = c->next)
		if (!strcmp(c->method, method) && !memcmp(c->uuid, uuid, 16))
			return c;
	return NULL;
}

void cmk_helper_ask(struct cmk_agent *a, const char *method,
		    const unsigned char uuid[16], cmk_helper_wanted_t wanted)
{
	struct cmk_helper_call *c = find(a, method, uuid);

	/* What it does about the former it goes on with by itself. */
	if (c)
		call_free(c);
	c = calloc(1, sizeof(*c));
	if (!c) {
		cmk_audit_log(a->audit, LOG_ERR, "%s not asked for: %s", method,
			      strerror(ENOMEM));
		return;
	}
	c->agent = a;
	c->method = method;
	memcpy(c->uuid, uuid, sizeof(c->uuid));
	c->wanted = wanted;
	c->next = a->calls;
	a->calls = c;
	call(c);
}

void cmk_helper_end(struct cmk_agent *a)
{
	while (a->calls)
		call_free(a->calls);
}
