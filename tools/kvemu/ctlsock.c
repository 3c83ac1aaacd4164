// SPDX-License-Identifier: GPL-2.0
/*
 * Both ends of the control socket.  It is reached through the open folder, as
 * a path in a deep test folder is easily longer than a socket address.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "ctlsock.h"
#include "util.h"

#define NAME "ctl.sock"

static void address(int dir, struct sockaddr_un *sa)
{
	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	snprintf(sa->sun_path, sizeof(sa->sun_path), "/proc/self/fd/%d/%s", dir,
		 NAME);
}

int ctlsock_listen(int dir)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int ret;

	if (fd < 0)
		return -errno;
	address(dir, &sa);
	unlinkat(dir, NAME, 0);
	/* Clients read ca.pem in this folder; control is the owner's alone. */
	if (fchmod(fd, 0600) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) ||
	    listen(fd, 16)) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

int ctlsock_connect(int dir)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_un sa;
	int ret;

	if (fd < 0)
		return -errno;
	address(dir, &sa);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		ret = -errno;
		close(fd);
		return ret;
	}
	return fd;
}

static ssize_t read_some(void *buf, size_t size, void *data)
{
	ssize_t n;

	do {
		n = read(*(int *)data, buf, size);
	} while (n < 0 && errno == EINTR);
	return n;
}

static size_t load_some(void *buf, size_t size, void *data)
{
	ssize_t n = read_some(buf, size, data);

	return n < 0 ? (size_t)-1 : (size_t)n;
}

json_t *ctlsock_receive(int conn)
{
	return json_load_callback(load_some, &conn, 0, NULL);
}

int ctlsock_send(int conn, const json_t *json)
{
	int ret = json_dumpfd(json, conn, JSON_COMPACT);

	shutdown(conn, SHUT_WR);
	return ret ? -EIO : 0;
}

int ctlsock_accept(int fd, json_t **argv)
{
	/* Nobody may hold up the main loop for long. */
	struct timeval patience = { .tv_sec = 2 };
	int conn = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (conn < 0)
		return -errno;
	setsockopt(conn, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	setsockopt(conn, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	*argv = ctlsock_receive(conn);
	if (*argv)
		return conn;
	close(conn);
	return -EPROTO;
}
