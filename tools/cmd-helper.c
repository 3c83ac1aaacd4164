// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl helper: one request from the socket on standard input, for
 * cmk-helper.socket.  It does as root what others may ask for who are not:
 * members of SecurityGroup= revoke and hold, also with the agent dead; and the
 * agent, which is root in a sandbox, lets it shut file systems down, stop units
 * and start them again, and drain a device whose rekey is to begin.
 */
#include <errno.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "config-file.h"
#include "config.h"
#include "device.h"
#include "dm.h"
#include "helper.h"
#include "member.h"
#include "netlink.h"
#include "purge.h"
#include "span.h"
#include "trail.h"
#include "units.h"
#include "volume.h"

#define REQUEST_MAX	8192
#define WORDS		128
#define PATIENCE	5000	/* milliseconds, for the whole request */

struct request {
	char text[REQUEST_MAX + 1];
	int fds[2];		/* the caller's standard output and error */
	unsigned int nfds;
	json_t *json;
};

static void take_fds(struct msghdr *msg, struct request *r)
{
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS ||
	    c->cmsg_len != CMSG_LEN(sizeof(r->fds)))
		return;
	memcpy(r->fds, CMSG_DATA(c), sizeof(r->fds));
	r->nfds = 2;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* There may be only so many of us: who is slow must not keep others out. */
static bool comes_before(int64_t end)
{
	struct pollfd p = { .fd = 0, .events = POLLIN };
	int64_t left;
	int r;

	do {
		left = end - now_ms();
		r = poll(&p, 1, left > 0 ? left : 0);
	} while (r < 0 && errno == EINTR);
	return r > 0;
}

/* One line; who sends no whole one in time has asked for nothing. */
static int receive(struct request *r)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(r->fds))];
	} control;
	struct iovec iov = { r->text, 0 };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	int64_t end = now_ms() + PATIENCE;
	size_t len = 0;
	ssize_t n;

	while (len < REQUEST_MAX && !memchr(r->text, '\n', len)) {
		iov.iov_base = r->text + len;
		iov.iov_len = REQUEST_MAX - len;
		msg.msg_control = control.buf;
		msg.msg_controllen = sizeof(control.buf);
		if (!comes_before(end))
			return -ETIMEDOUT;
		n = recvmsg(0, &msg, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPROTO;
		if (!r->nfds)
			take_fds(&msg, r);
		len += n;
	}
	r->json = json_loads(r->text, JSON_DISABLE_EOF_CHECK, NULL);
	return r->json ? 0 : -EPROTO;
}

static bool is_in(gid_t group, const gid_t *groups, socklen_t len)
{
	size_t i;

	for (i = 0; i < len / sizeof(*groups); i++)
		if (groups[i] == group)
			return true;
	return false;
}

/* A configuration that is wrong elsewhere must not keep them from revoking. */
static struct group *security_group(void)
{
	char name[256];

	if (cmk_config_peek(CMK_CONFIG_FILE, "SecurityGroup", name,
			    sizeof(name)) <= 0)
		return getgrnam(CMK_SECURITY_GROUP);
	return *name ? getgrnam(name) : NULL;
}

/* By the groups that the caller had when it connected. */
static bool is_security(const struct ucred *peer)
{
	struct group *g = security_group();
	gid_t groups[1024];
	socklen_t len = sizeof(groups);

	if (!g)
		return false;
	return peer->gid == g->gr_gid ||
	       (!getsockopt(0, SOL_SOCKET, SO_PEERGROUPS, groups, &len) &&
		is_in(g->gr_gid, groups, len));
}

static void answer(int status)
{
	char text[64];
	int n = snprintf(text, sizeof(text), "{\"status\":%d}\n", status);

	/* Who has gone does not want to know; a child may go on for long. */
	(void)!send(0, text, n, MSG_NOSIGNAL);
	shutdown(0, SHUT_RDWR);
}

/* Only these two, whatever the words after them are. */
static int run_words(struct cmkctl *ctl, struct request *r, char **argv,
		     int argc)
{
	int (*run)(struct cmkctl *, int, char **) = NULL;

	if (argc && !strcmp(argv[0], "revoke"))
		run = cmd_revoke;
	else if (argc && !strcmp(argv[0], "hold"))
		run = cmd_hold;
	if (!run)
		return CMK_USAGE;
	if (r->nfds && (dup2(r->fds[0], 1) < 0 || dup2(r->fds[1], 2) < 0))
		return CMK_FAILED;
	ctl->command = argv[0];
	optind = 0;
	argc = run(ctl, argc, argv);
	fflush(NULL);
	return argc;
}

static int method_run(struct cmkctl *ctl, struct request *r)
{
	json_t *words = json_object_get(r->json, "args"), *word;
	char *argv[WORDS + 1] = { NULL };
	size_t i;

	if (json_array_size(words) > WORDS)
		return CMK_USAGE;
	json_array_foreach(words, i, word) {
		if (!json_is_string(word))
			return CMK_USAGE;
		argv[i] = (char *)json_string_value(word);
	}
	return run_words(ctl, r, argv, i);
}

/* The agent has written why the gate was closed; what is left it knows not. */
static void tell_trail(struct cmkctl *ctl, const struct cmk_nl_volume *v,
		       const json_t *purged)
{
	char users[512];
	struct trail t = {
		.event = CMK_AUDIT_PURGE,
		.cause = cmk_cause_name(v->cause),
		.state = cmk_gate_name(v->gate),
		.failed = purged ? NULL : "it takes longer than ten seconds",
		.purged = purged,
		.users = users,
	};

	device_users(makedev(v->major, v->minor), users, sizeof(users));
	trail_write(ctl, v, &t);
}

static int look(const unsigned char uuid[16], struct cmk_nl_volume *ret,
		struct cmk_error *e)
{
	struct cmk_nl *nl = NULL;
	int r;

	r = cmk_nl_open(&nl, e);
	if (!r)
		r = cmk_nl_volume_get(nl, uuid, ret, e);
	cmk_nl_close(nl);
	return r;
}

/* Not to be stopped between the suspend and the resume. */
static int method_drain(struct cmkctl *ctl, const unsigned char uuid[16])
{
	struct cmk_nl_volume v;
	struct cmk_error e;
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	if (look(uuid, &v, &e))
		return ctl_fail(ctl, &e, NULL);
	if (v.rekey.state == CMK_REKEY_STATE_ARMED && dm_drain(v.name, &e))
		return ctl_fail(ctl, &e, v.name);
	return CMK_OK;
}

static int method_purge(struct cmkctl *ctl, const unsigned char uuid[16])
{
	json_t *purged __json = NULL;
	struct cmk_nl_volume v;
	struct cmk_error e;

	if (look(uuid, &v, &e))
		return ctl_fail(ctl, &e, NULL);
	if (v.gate == CMK_GATE_OPEN)
		return CMK_OK;
	purged = purge_volume(&v, v.gate == CMK_GATE_REVOKED);
	tell_trail(ctl, &v, purged);
	return purge_report(ctl, &v, purged);
}

static int method(struct cmkctl *ctl, struct request *r,
		  const struct ucred *peer)
{
	const char *name = json_text(r->json, "method");
	unsigned char uuid[16];

	if (!strcmp(name, "Run"))
		return peer->uid == 0 || is_security(peer) ?
		       method_run(ctl, r) : CMK_NOT_PERMITTED;
	if (peer->uid)
		return CMK_NOT_PERMITTED;
	if (cmk_parse_uuid(json_text(r->json, "uuid"), uuid))
		return CMK_USAGE;
	if (!strcmp(name, "Purge"))
		return method_purge(ctl, uuid);
	if (!strcmp(name, "Drain"))
		return method_drain(ctl, uuid);
	if (!strcmp(name, "Return"))
		return units_start(ctl, uuid);
	return CMK_USAGE;
}

int cmd_helper(struct cmkctl *ctl, int argc, char **argv)
{
	struct request r = { .nfds = 0 };
	socklen_t len = sizeof(struct ucred);
	int status = CMK_OK;
	struct ucred peer;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (getsockopt(0, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return ctl_usage(ctl, "standard input is no socket");
	ctl->uid = peer.uid;
	ctl->pid = peer.pid;
	status = receive(&r) ? CMK_USAGE : method(ctl, &r, &peer);
	answer(status);
	json_decref(r.json);
	return CMK_OK;
}
