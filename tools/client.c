// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the conversation with the agent.  Lines are bounded, and silence is:
 * an agent that does not say a word for the time-out is given up, while one
 * that reports progress may take its time.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client.h"
#include "progress.h"

#define LINE_MAX_BYTES	(16U << 20)
#define SILENCE_SECONDS	90

struct reader {
	int fd;
	char *buf;
	size_t len, size;
	size_t taken;		/* bytes of the line that was handed out */
};

static void reader_free(struct reader *r)
{
	free(r->buf);
	if (r->fd >= 0)
		close(r->fd);
}

#define __reader __attribute__((cleanup(reader_free)))

static int connect_agent(struct cmk_error *e)
{
	struct sockaddr_un sa = {
		.sun_family = AF_UNIX, .sun_path = CLIENT_SOCKET
	};
	int fd, err;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (void *)&sa, sizeof(sa)) == 0)
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	if (err == EACCES || err == EPERM)
		return cmk_error_set(e, CMK_NOT_PERMITTED, -err,
				     "not-permitted", "%s: %s", CLIENT_SOCKET,
				     strerror(err));
	return cmk_error_set(e, CMK_TEMPORARY, -ENOTCONN, "no-agent",
			     "the agent cmkd is not running (%s: %s); see "
			     "\"systemctl status cmkd\"", CLIENT_SOCKET,
			     strerror(err));
}

static int send_request(int fd, const char *method, json_t *parameters)
{
	json_t *request __json = NULL;
	char *text __free = NULL;
	size_t len, done;
	ssize_t n;

	request = json_pack("{s:s, s:o}", "method", method, "parameters",
			    parameters ? parameters : json_object());
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!text)
		return -ENOMEM;
	len = strlen(text);
	text[len++] = '\n';	/* in place of the NUL */
	for (done = 0; done < len; done += n) {
		n = send(fd, text + done, len - done, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			return -errno;
	}
	return 0;
}

static int grow(struct reader *r)
{
	size_t size = r->size ? 2 * r->size : 4096;
	char *buf;

	if (size > LINE_MAX_BYTES)
		return -EMSGSIZE;
	buf = realloc(r->buf, size);
	if (!buf)
		return -ENOMEM;
	r->buf = buf;
	r->size = size;
	return 0;
}

static int fill(struct reader *r, int seconds)
{
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	ssize_t n;
	int ready;

	if (r->len == r->size && grow(r) < 0)
		return -EMSGSIZE;
	ready = poll(&p, 1, seconds * 1000);
	if (ready == 0)
		return -ETIMEDOUT;
	n = ready < 0 ? -1 : read(r->fd, r->buf + r->len, r->size - r->len);
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;
	r->len += n;
	return 0;
}

/* Return: the next line as JSON, NULL with *err set. */
static json_t *next_line(struct reader *r, int seconds, int *err)
{
	char *end;
	json_t *line;

	if (r->taken)
		memmove(r->buf, r->buf + r->taken, r->len - r->taken);
	r->len -= r->taken;
	r->taken = 0;
	for (;;) {
		end = r->len ? memchr(r->buf, '\n', r->len) : NULL;
		if (end)
			break;
		*err = fill(r, seconds);
		if (*err < 0)
			return NULL;
	}
	r->taken = end + 1 - r->buf;
	line = json_loadb(r->buf, end - r->buf, 0, NULL);
	if (!json_is_object(line)) {
		json_decref(line);
		*err = -EBADMSG;
		return NULL;
	}
	return line;
}

static int broken(const char *method, int err, struct cmk_error *e)
{
	const char *why = strerror(-err);

	if (err == -ECONNRESET)
		why = "it closed the connection";
	else if (err == -ETIMEDOUT)
		why = "it did not answer in time";
	else if (err == -EBADMSG || err == -EMSGSIZE)
		why = "its answer cannot be understood";
	return cmk_error_set(e, CMK_TEMPORARY, err, "agent-silent",
			     "the agent cmkd, asked to %s: %s", method, why);
}

/* The agent's error object becomes @e; the rest of it stays in @ctl. */
static int take_error(struct cmkctl *ctl, json_t *error, struct cmk_error *e)
{
	int64_t status = json_number(error, "status");

	if (status <= CMK_OK || status > CMK_PARTIAL)
		status = CMK_FAILED;
	cmk_error_set(e, status, -EREMOTEIO, json_text(error, "code"), "%s",
		      json_text(error, "message"));
	e->http = json_number(error, "http");
	json_decref(ctl->detail);
	ctl->detail = json_incref(error);
	return -EREMOTEIO;
}

int client_call(struct cmkctl *ctl, const char *method, json_t *parameters,
		json_t **ret, struct cmk_error *e)
{
	int seconds = ctl->timeout ? (int)ctl->timeout : SILENCE_SECONDS;
	struct reader r __reader = { .fd = -1 };
	json_t *object;
	int err;

	r.fd = connect_agent(e);
	if (r.fd < 0) {
		err = r.fd;
		json_decref(parameters);
		return err;
	}
	err = send_request(r.fd, method, parameters);
	if (err < 0)
		return broken(method, err, e);
	for (;;) {
		json_t *line __json = next_line(&r, seconds, &err);

		if (!line) {
			progress_end(ctl);
			return broken(method, err, e);
		}
		object = json_object_get(line, "progress");
		if (object) {
			progress_draw(ctl, object);
			continue;
		}
		progress_end(ctl);
		object = json_object_get(line, "error");
		if (object)
			return take_error(ctl, object, e);
		object = json_object_get(line, "result");
		if (!object)
			return broken(method, -EBADMSG, e);
		if (ret)
			*ret = json_incref(object);
		return 0;
	}
}
