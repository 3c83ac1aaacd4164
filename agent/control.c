// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the control socket and its clients: how many there may be, how long a
 * line is, who may call.  One request of a client at a time; its next line is
 * read when the last one was answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control.h"

#define CLIENTS_MAX	32
#define LINE_MAX_LEN	65536
#define OUT_MAX		(4 << 20)
#define DRAIN_MAX	(1 << 20)

struct cmk_client {
	struct cmk_control *control;
	struct cmk_client *next;
	sd_event_source *io;
	int fd;
	struct ucred cred;
	struct cmk_request *request;	/* not answered yet */
	bool eof;
	size_t drained;			/* of a line that was given up */
	char in[LINE_MAX_LEN];
	size_t in_len;
	char *out;
	size_t out_len;
};

struct cmk_control {
	sd_event *event;
	int fd;
	sd_event_source *io;
	struct cmk_client *clients;
	unsigned int n;
	const struct cmk_method *methods;
	void *userdata;
};

static void client_free(struct cmk_client *c)
{
	struct cmk_client **p = &c->control->clients;

	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	c->control->n--;
	if (c->request)
		c->request->client = NULL;
	sd_event_source_disable_unref(c->io);
	close(c->fd);
	free(c->out);
	free(c);
}

/* Reads only what it can act on, writes only what it has. */
static void want(struct cmk_client *c)
{
	uint32_t events = 0;

	if (!c->request && !c->eof)
		events |= EPOLLIN;
	if (c->out_len)
		events |= EPOLLOUT;
	sd_event_source_set_io_events(c->io, events);
}

/* Return: false if the client went. */
static bool flush_out(struct cmk_client *c)
{
	ssize_t n;

	if (!c->out_len)
		return true;
	n = send(c->fd, c->out, c->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	memmove(c->out, c->out + n, c->out_len - n);
	c->out_len -= n;
	return true;
}

static void say(struct cmk_client *c, json_t *line)
{
	char *text = json_dumps(line, JSON_COMPACT);
	size_t len = text ? strlen(text) : 0;
	char *out = NULL;

	json_decref(line);
	if (text && c->out_len + len + 1 <= OUT_MAX)
		out = realloc(c->out, c->out_len + len + 1);
	if (out) {
		memcpy(out + c->out_len, text, len);
		out[c->out_len + len] = '\n';
		c->out = out;
		c->out_len += len + 1;
	}
	free(text);
	want(c);
}

static json_t *error_json(const struct cmk_error *e)
{
	json_t *j = json_pack("{s:i, s:s, s:s, s:b}", "status", (int)e->status,
			      "code", e->code[0] ? e->code : "failed",
			      "message", e->text, "retryable",
			      e->status == CMK_TEMPORARY);

	if (e->http)
		json_object_set_new(j, "http", json_integer(e->http));
	return j;
}

/* Return: the client that asked, NULL if it went. */
static struct cmk_client *finish(struct cmk_request *req)
{
	struct cmk_client *c = req->client;

	if (c)
		c->request = NULL;
	json_decref(req->parameters);
	free(req);
	return c;
}

void cmk_request_result(struct cmk_request *req, json_t *result)
{
	struct cmk_client *c = finish(req);

	if (c)
		say(c, json_pack("{s:o}", "result", result));
	else
		json_decref(result);
}

void cmk_request_fail(struct cmk_request *req, const struct cmk_error *e)
{
	struct cmk_client *c = finish(req);

	if (c)
		say(c, json_pack("{s:o}", "error", error_json(e)));
}

void cmk_request_progress(struct cmk_request *req, const char *what,
			  uint64_t done, uint64_t total)
{
	/* A slow reader gets fewer of these, never a longer queue. */
	if (!req->client || req->client->out_len)
		return;
	say(req->client,
	    json_pack("{s:{s:s, s:I, s:I}}", "progress", "what", what, "done",
		      (json_int_t)done, "total", (json_int_t)total));
}

static void refuse(struct cmk_client *c, enum cmk_status status,
		   const char *code, const char *text)
{
	struct cmk_error e;

	cmk_error_set(&e, status, -EINVAL, code, "%s", text);
	say(c, json_pack("{s:o}", "error", error_json(&e)));
}

static const struct cmk_method *find_method(const struct cmk_control *ctl,
					    const char *name)
{
	const struct cmk_method *m;

	for (m = ctl->methods; m->name; m++)
		if (name && !strcmp(m->name, name))
			return m;
	return NULL;
}

static void call(struct cmk_client *c, json_t *line)
{
	json_t *parameters = json_object_get(line, "parameters");
	const struct cmk_method *m;
	struct cmk_request *req;

	m = find_method(c->control,
			json_string_value(json_object_get(line, "method")));
	if (!m) {
		refuse(c, CMK_USAGE, "no-method", "there is no such method");
		return;
	}
	if (parameters && !json_is_object(parameters)) {
		refuse(c, CMK_USAGE, "bad-request",
		       "parameters must be an object");
		return;
	}
	req = calloc(1, sizeof(*req));
	if (!req) {
		refuse(c, CMK_FAILED, "no-memory", "out of memory");
		return;
	}
	req->uid = c->cred.uid;
	req->pid = c->cred.pid;
	req->parameters = parameters ? json_incref(parameters) : json_object();
	req->client = c;
	c->request = req;
	m->call(req, c->control->userdata);
}

static void take_line(struct cmk_client *c, size_t len)
{
	json_t *line = json_loadb(c->in, len, JSON_REJECT_DUPLICATES, NULL);

	memmove(c->in, c->in + len + 1, c->in_len - len - 1);
	c->in_len -= len + 1;
	if (json_is_object(line))
		call(c, line);
	else
		refuse(c, CMK_USAGE, "bad-request",
		       "not a JSON object on one line");
	json_decref(line);
}

static void take_lines(struct cmk_client *c)
{
	while (!c->request) {
		char *end = memchr(c->in, '\n', c->in_len);

		if (!end)
			break;
		take_line(c, end - c->in);
	}
	if (!c->request && c->in_len == LINE_MAX_LEN) {
		refuse(c, CMK_USAGE, "bad-request", "the line is too long");
		/* Who is cut off while it writes does not read why. */
		c->drained = c->in_len;
		c->in_len = 0;
	}
}

/* Return: false if the client went. */
static bool read_in(struct cmk_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, LINE_MAX_LEN - c->in_len,
			 MSG_DONTWAIT);

	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	if (!n)
		c->eof = true;
	if (!c->drained) {
		c->in_len += n;
		return true;
	}
	c->drained += n;
	return c->drained < DRAIN_MAX;
}

static int on_client(sd_event_source *s, int fd, uint32_t revents,
		     void *userdata)
{
	struct cmk_client *c = userdata;
	bool here = !(revents & EPOLLERR);

	if (here && revents & EPOLLOUT)
		here = flush_out(c);
	if (here && revents & EPOLLIN && !c->request)
		here = read_in(c);
	if (here)
		take_lines(c);
	/* EPOLLHUP comes unasked for; a half-closed one still hears answers. */
	if (revents & EPOLLHUP && !(revents & EPOLLIN))
		here = false;
	if (!here || (c->eof && !c->request && !c->out_len))
		client_free(c);
	else
		want(c);
	return 0;
}

static bool may_call(const struct ucred *cred)
{
	return !cred->uid || cred->uid == geteuid();
}

static void client_new(struct cmk_control *ctl, int fd,
		       const struct ucred *cred)
{
	struct cmk_client *c = calloc(1, sizeof(*c));

	if (!c || sd_event_add_io(ctl->event, &c->io, fd, EPOLLIN, on_client,
				  c) < 0) {
		free(c);
		close(fd);
		return;
	}
	c->control = ctl;
	c->fd = fd;
	c->cred = *cred;
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->n++;
	if (may_call(cred))
		return;
	refuse(c, CMK_NOT_PERMITTED, "not-permitted",
	       "only root may speak to the agent");
	c->eof = true;
	want(c);
}

static int on_connect(sd_event_source *s, int fd, uint32_t revents,
		      void *userdata)
{
	struct cmk_control *ctl = userdata;
	socklen_t len = sizeof(struct ucred);
	struct ucred cred;
	int client;

	client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (client < 0)
		return 0;
	if (ctl->n == CLIENTS_MAX ||
	    getsockopt(client, SOL_SOCKET, SO_PEERCRED, &cred, &len)) {
		close(client);
		return 0;
	}
	client_new(ctl, client, &cred);
	return 0;
}

static int listen_on(const char *path)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	mode_t mask;
	int fd, r;

	if (strlen(path) >= sizeof(sa.sun_path))
		return -ENAMETOOLONG;
	strcpy(sa.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* What a former agent left; a living one would be bound. */
	unlink(path);
	mask = umask(0177);
	r = bind(fd, (const struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(fd, CLIENTS_MAX) ? -errno : 0;
	umask(mask);
	if (r) {
		close(fd);
		return r;
	}
	return fd;
}

int cmk_control_new(struct cmk_control **ret, sd_event *event,
		    const char *path, const struct cmk_method *methods,
		    void *userdata, struct cmk_error *e)
{
	struct cmk_control *ctl = calloc(1, sizeof(*ctl));
	int r = -ENOMEM;

	if (ctl) {
		ctl->event = event;
		ctl->methods = methods;
		ctl->userdata = userdata;
		ctl->fd = listen_on(path);
		r = ctl->fd < 0 ? ctl->fd :
		    sd_event_add_io(event, &ctl->io, ctl->fd, EPOLLIN,
				    on_connect, ctl);
	}
	if (r < 0) {
		free(ctl);
		return cmk_error_set(e, CMK_FAILED, r, "control",
				     "cannot listen on '%s': %s", path,
				     strerror(-r));
	}
	*ret = ctl;
	return 0;
}

void cmk_control_free(struct cmk_control *c)
{
	if (!c)
		return;
	while (c->clients)
		client_free(c->clients);
	sd_event_source_disable_unref(c->io);
	close(c->fd);
	free(c);
}
