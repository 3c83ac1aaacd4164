// SPDX-License-Identifier: GPL-2.0
/*
 * Asks cmk-helper.service, which runs as root, to run a command for a member
 * of SecurityGroup=.  It gets our standard output and error with the request,
 * so that what it says comes out as if we had said it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "helper.h"
#include "member.h"

static int unreachable(struct cmk_error *e, int err)
{
	return cmk_error_set(e, CMK_NOT_PERMITTED, -EPERM, "not-permitted",
			     "needs root, or a member of SecurityGroup= and cmk-helper.socket (%s: %s)",
			     HELPER_SOCKET, strerror(err));
}

static int connect_helper(struct cmk_error *e)
{
	struct sockaddr_un sa = {
		.sun_family = AF_UNIX, .sun_path = HELPER_SOCKET
	};
	int err, fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (void *)&sa, sizeof(sa)) == 0)
		return fd;
	err = errno;
	if (fd >= 0)
		close(fd);
	return unreachable(e, err);
}

static bool send_with_output(int sock, const char *text)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(2 * sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (char *)text, strlen(text) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.buf,
		.msg_controllen = sizeof(control.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	const int fds[2] = { 1, 2 };

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == (ssize_t)iov.iov_len;
}

/* One line; the end of the stream before it is no answer. */
static json_t *read_answer(int sock)
{
	char text[4096];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text)) {
		n = read(sock, text + len, sizeof(text) - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
	}
	return json_loadb(text, len, 0, NULL);
}

int helper_run(const json_t *args, struct cmk_error *e)
{
	json_t *request __json = NULL, *answer __json = NULL;
	char *text __free = NULL, *line __free = NULL;
	int sock __fd = connect_helper(e);

	if (sock < 0)
		return -1;
	request = json_pack("{s:s, s:O}", "method", "Run", "args", args);
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!text || asprintf(&line, "%s\n", text) < 0) {
		cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
			      "out of memory");
		return -1;
	}
	fflush(NULL);
	if (!send_with_output(sock, line)) {
		unreachable(e, errno);
		return -1;
	}
	shutdown(sock, SHUT_WR);
	answer = read_answer(sock);
	if (!json_is_integer(json_object_get(answer, "status"))) {
		cmk_error_set(e, CMK_FAILED, -EPROTO, "helper",
			      "cmk-helper ended without an answer; see \"journalctl -u 'cmk-helper@*'\"");
		return -1;
	}
	return json_number(answer, "status");
}
