// SPDX-License-Identifier: GPL-2.0
/* Owns the requests to cmk-helper.socket, one connection each. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "helper.h"
#include "span.h"

#define SOCKET	"/run/cmk-helper.sock"

/* Neither step can block: a full queue of the helper is an error. */
static int send_line(const char *text, size_t len)
{
	struct sockaddr_un sa = {
		.sun_family = AF_UNIX, .sun_path = SOCKET
	};
	int fd, r = 0;

	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (void *)&sa, sizeof(sa)) ||
	    send(fd, text, len, MSG_NOSIGNAL) != (ssize_t)len)
		r = -errno;
	close(fd);
	return r;
}

void cmk_helper_ask(struct cmk_agent *a, const char *method,
		    const unsigned char uuid[16])
{
	char id[37], text[128];
	int r;

	cmk_format_uuid(uuid, id);
	snprintf(text, sizeof(text), "{\"method\":\"%s\",\"uuid\":\"%s\"}\n",
		 method, id);
	r = send_line(text, strlen(text));
	if (r)
		cmk_audit_log(a->audit, LOG_WARNING,
			      "%s of %s not asked for: %s: %s", method, id,
			      SOCKET, strerror(-r));
}
