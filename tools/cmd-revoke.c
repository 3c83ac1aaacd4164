// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl revoke, cmkctl hold: straight to the kernel, so that they work with
 * the agent dead.  First all gates, then everything that can wait.
 *
 * A revoke goes by device-mapper: a command of netlink may have to wait for
 * the key set of somebody else.  Volumes that are not in use yet, and of
 * --all the rest, are found by netlink.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmkctl.h"
#include "device.h"
#include "dm.h"
#include "helper.h"
#include "marker.h"
#include "purge.h"
#include "span.h"
#include "trail.h"
#include "volume.h"

/* Milliseconds for what may wait for somebody else's command */
#define NETLINK_PATIENCE 1000

/* How often the file is written anew where a restore takes it each time */
#define MARKER_TRIES	8

enum { OPTION_ALL = CTL_OPTION_OWN, OPTION_REASON, OPTION_NO_PURGE };

struct closing {
	enum cmk_audit_event event;
	const char *action;	/* "revoke" or "hold" */
	const char *past;
	int (*close)(struct cmk_nl *nl, const unsigned char *uuid,
		     enum cmk_actor actor, enum cmk_cause cause,
		     const char *reason, struct cmk_error *e);
	const char *reason;
	bool all, no_purge;
};

struct outcome {
	const struct cmk_nl_volume *v;
	struct cmk_error error;	/* if it is not closed */
	bool closed, persistent;
	int64_t latency_us;
	json_t *purged;
};

static int64_t now_us(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

/* @nl NULL: by device-mapper */
static int close_gate(struct cmk_nl *nl, const struct closing *c,
		      const struct cmk_nl_volume *v, struct cmk_error *e)
{
	if (!nl)
		return dm_revoke(v->name, c->reason, e);
	return c->close(nl, v->uuid, CMK_ACTOR_ADMIN, CMK_CAUSE_ADMIN,
			c->reason, e);
}

static int close_gates(struct cmkctl *ctl, struct cmk_nl *nl,
		       const struct closing *c, struct outcome *out, size_t n)
{
	int status = CMK_OK;
	int64_t start;
	size_t i;

	for (i = 0; i < n; i++) {
		start = now_us();
		out[i].closed = close_gate(nl, c, out[i].v,
					   &out[i].error) == 0;
		out[i].latency_us = now_us() - start;
		if (!out[i].closed)
			status = ctl_worse(status,
					   ctl_fail(ctl, &out[i].error,
						    volume_name(out[i].v)));
	}
	return status;
}

static int write_markers(struct cmkctl *ctl, const struct closing *c,
			 struct outcome *out, size_t n)
{
	struct cmk_error e;
	int status = CMK_OK;
	size_t i;

	for (i = 0; i < n; i++) {
		if (!out[i].closed)
			continue;
		out[i].persistent = marker_write(out[i].v->uuid, c->action,
						 c->reason, &e) == 0;
		if (!out[i].persistent)
			status = ctl_worse(status,
					   ctl_fail(ctl, &e,
						    volume_name(out[i].v)));
	}
	return status;
}

/*
 * A restore that had seen the gate closed the first time may have opened it
 * since, and taken the file: then it is written again, and the gate closed.
 */
static int close_marked(struct cmk_nl *nl, const struct closing *c,
			const struct outcome *o, struct cmk_error *e)
{
	int tries, r;

	for (tries = 0; tries < MARKER_TRIES; tries++) {
		r = c->close(nl, o->v->uuid, CMK_ACTOR_ADMIN, CMK_CAUSE_ADMIN,
			     c->reason, e);
		/* Gone, or an administrator has closed it further. */
		if (r == -ENODEV || r == -EKEYREVOKED)
			r = 0;
		if (r < 0 || !o->persistent || marker_stands(o->v->uuid))
			return r;
		r = marker_write(o->v->uuid, c->action, c->reason, e);
		if (r < 0)
			return r;
	}
	return cmk_error_set(e, CMK_PARTIAL, -EBUSY, "not-persistent",
			     "closed, but restored again and again meanwhile; look, and repeat it");
}

static int close_by_uuid(struct cmkctl *ctl, struct cmk_nl *nl,
			 const struct closing *c, const struct outcome *out,
			 size_t n)
{
	struct cmk_error e;
	int status = CMK_OK;
	size_t i;

	for (i = 0; i < n; i++)
		if (out[i].closed && close_marked(nl, c, &out[i], &e) < 0)
			status = ctl_worse(status,
					   ctl_fail(ctl, &e,
						    volume_name(out[i].v)));
	return status;
}

/* Exit status of a child, or -1 when it takes too long. */
static int wait_for(pid_t pid)
{
	struct pollfd p = { .fd = pidfd_open(pid, 0), .events = POLLIN };
	int status = -1;

	if (p.fd < 0)
		return -1;
	if (poll(&p, 1, NETLINK_PATIENCE) == 1 &&
	    waitpid(pid, &status, 0) == pid)
		status = WIFEXITED(status) ? WEXITSTATUS(status) : CMK_FAILED;
	else
		status = -1;
	close(p.fd);
	return status;
}

/*
 * It may go on for long after its parent, so it keeps open nothing that
 * somebody reads to the end, and outlives the one who reads @words.
 */
static void close_by_uuid_and_exit(struct cmkctl *ctl, const struct closing *c,
				   const struct outcome *out, size_t n,
				   int words)
{
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int status;

	signal(SIGPIPE, SIG_IGN);
	dup2(words, STDOUT_FILENO);
	dup2(words, STDERR_FILENO);
	status = cmk_nl_open(&nl, &e) < 0 ? ctl_fail(ctl, &e, NULL) :
		 close_by_uuid(ctl, nl, c, out, n);
	fflush(NULL);
	_exit(status);
}

/* What the child has said about its errors. */
static void pass_on(int words)
{
	char buf[4096];
	ssize_t len;

	while ((len = read(words, buf, sizeof(buf))) > 0)
		fwrite(buf, 1, len, stderr);
}

/* The child goes on by itself when we do not wait any longer. */
static int close_by_uuid_aside(struct cmkctl *ctl, const struct closing *c,
			       const struct outcome *out, size_t n)
{
	int status = -1, words[2];
	struct cmk_error e;
	pid_t pid = -1;

	fflush(NULL);
	if (pipe2(words, O_CLOEXEC | O_NONBLOCK) == 0) {
		pid = fork();
		if (!pid)
			close_by_uuid_and_exit(ctl, c, out, n, words[1]);
		status = pid > 0 ? wait_for(pid) : -1;
		if (status > 0)
			pass_on(words[0]);
		close(words[0]);
		close(words[1]);
	}
	if (status >= 0)
		return status;
	cmk_error_set(&e, CMK_PARTIAL, -ETIMEDOUT, "netlink-waits",
		      "closed; the kernel's netlink lets nothing through now, so a mapping of the same volume that is just being made is closed later");
	return ctl_fail(ctl, &e, NULL);
}

/*
 * And once more: a volume that was closed and opened anew between the two, or
 * whose opening had asked for the marker just before it was written, is another
 * one for the kernel.  Now that the marker is there none comes after it.  A
 * mapping that is not in use yet is reached by netlink alone.
 */
static int close_again(struct cmkctl *ctl, struct cmk_nl *nl,
		       const struct closing *c, const struct outcome *out,
		       size_t n)
{
	return nl ? close_by_uuid(ctl, nl, c, out, n) :
		    close_by_uuid_aside(ctl, c, out, n);
}

/* Plaintext in the kernel's caches.  What is left is said. */
static int purge(struct cmkctl *ctl, const struct closing *c,
		 struct outcome *out, size_t n)
{
	int status = CMK_OK;
	size_t i;

	for (i = 0; i < n && !c->no_purge; i++) {
		if (!out[i].closed)
			continue;
		out[i].purged = purge_volume(out[i].v,
					     c->close == cmk_nl_revoke);
		status = ctl_worse(status, purge_report(ctl, out[i].v,
							out[i].purged));
	}
	return status;
}

static json_t *outcome_json(const struct closing *c, const struct outcome *o,
			    const char *users)
{
	char uuid[VOLUME_TEXT];

	cmk_format_uuid(o->v->uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:I, s:b, s:s, s:O?, s:O?}",
			 "volume", volume_name(o->v), "uuid", uuid, "action",
			 c->action, "latency_us", (json_int_t)o->latency_us,
			 "persistent", o->persistent, "in_use", users,
			 "shut_down", json_object_get(o->purged, "shut_down"),
			 "left", json_object_get(o->purged, "left"));
}

static void tell_words(const struct closing *c, const struct outcome *o,
		       const char *users)
{
	const json_t *down = json_object_get(o->purged, "shut_down");
	json_t *place;
	size_t i;

	printf("%s: %s in %.1f ms", volume_name(o->v), c->past,
	       o->latency_us / 1000.0);
	json_array_foreach(down, i, place)
		printf("%s%s", i ? ", " : "; file systems shut down: ",
		       json_string_value(place));
	printf("%s%s\n", *users ? "; still " : "", users);
}

static void tell_trail(const struct cmkctl *ctl, const struct closing *c,
		       const struct outcome *o, const char *users)
{
	const struct trail t = {
		.event = c->event,
		.cause = cmk_cause_name(CMK_CAUSE_ADMIN),
		.reason = c->reason,
		.state = c->past,
		.failed = o->closed ? NULL : o->error.text,
		.purged = o->purged,
		.users = users,
	};

	trail_write(ctl, o->v, &t);
}

static void tell(struct cmkctl *ctl, const struct closing *c,
		 const struct outcome *out, size_t n)
{
	json_t *list = json_array();
	char users[512];
	size_t i;

	for (i = 0; i < n; i++) {
		*users = '\0';
		if (!out[i].closed) {
			tell_trail(ctl, c, &out[i], users);
			continue;
		}
		device_users(makedev(out[i].v->major, out[i].v->minor), users,
			     sizeof(users));
		tell_trail(ctl, c, &out[i], users);
		if (ctl->json)
			json_array_append_new(list,
					      outcome_json(c, &out[i], users));
		else if (!ctl->quiet)
			tell_words(c, &out[i], users);
		json_decref(out[i].purged);
	}
	if (ctl->json)
		ctl_print_json(json_pack("{s:o}", "volumes", list));
	else
		json_decref(list);
}

static int close_volumes(struct cmkctl *ctl, struct cmk_nl *nl,
			 const struct volume_list *list,
			 const struct closing *c, int argc, char **argv)
{
	const struct cmk_nl_volume **chosen __free = NULL;
	struct outcome *out __free = NULL;
	int status = CMK_OK;
	struct cmk_error e;
	size_t n, i;

	chosen = calloc(list->n + 1, sizeof(*chosen));
	out = calloc(list->n + 1, sizeof(*out));
	if (!chosen || !out) {
		cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
			      "out of memory");
		return ctl_fail(ctl, &e, NULL);
	}
	n = volume_select(ctl, list, argc, argv, c->all, chosen, &status);
	for (i = 0; i < n; i++)
		out[i].v = chosen[i];
	status = ctl_worse(status, close_gates(ctl, nl, c, out, n));
	status = ctl_worse(status, write_markers(ctl, c, out, n));
	status = ctl_worse(status, close_again(ctl, nl, c, out, n));
	status = ctl_worse(status, purge(ctl, c, out, n));
	tell(ctl, c, out, n);
	return status;
}

static int close_by_netlink(struct cmkctl *ctl, const struct closing *c,
			    int argc, char **argv)
{
	struct volume_list list __volumes = { .no_devices = ctl->uid };
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int status;

	if (cmk_nl_open(&nl, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	if (volume_list_load(nl, &list, &e) < 0)
		status = ctl_fail(ctl, &e, NULL);
	else
		status = close_volumes(ctl, nl, &list, c, argc, argv);
	cmk_nl_close(nl);
	return status;
}

/* Are all that the command line names in the list? */
static bool names_all(const struct volume_list *list, int argc, char **argv)
{
	struct cmk_error e;
	int i;

	for (i = 0; i < argc; i++)
		if (!volume_find(list, argv[i], &e))
			return false;
	return argc > 0;
}

static int close_them(struct cmkctl *ctl, const struct closing *c, int argc,
		      char **argv)
{
	struct volume_list list __volumes = { .no_devices = ctl->uid };
	struct cmk_error e;
	size_t i;

	if (c->close != cmk_nl_revoke || volume_list_mapped(&list) < 0)
		return close_by_netlink(ctl, c, argc, argv);
	if (names_all(&list, argc, argv))
		return close_volumes(ctl, NULL, &list, c, argc, argv);
	/* What can be done now; what fails is told by whoever does it again. */
	for (i = 0; c->all && i < list.n; i++)
		dm_revoke(list.v[i].name, c->reason, &e);
	return close_by_netlink(ctl, c, argc, argv);
}

/* The words of this command, for somebody who may. */
static int let_run(struct cmkctl *ctl, const struct closing *c, int argc,
		   char **argv)
{
	json_t *words __json = json_pack("[s]", c->action);
	struct cmk_error e;
	int i, status;

	if (ctl->json)
		json_array_append_new(words, json_string("--json"));
	if (ctl->quiet)
		json_array_append_new(words, json_string("--quiet"));
	if (c->all)
		json_array_append_new(words, json_string("--all"));
	if (c->no_purge)
		json_array_append_new(words, json_string("--no-purge"));
	if (c->reason)
		json_array_append_new(words, json_sprintf("--reason=%s",
							  c->reason));
	json_array_append_new(words, json_string("--"));
	for (i = 0; i < argc; i++)
		json_array_append_new(words, json_string(argv[i]));
	status = helper_run(words, &e);
	return status < 0 ? ctl_fail(ctl, &e, NULL) : status;
}

static int run(struct cmkctl *ctl, struct closing *c, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "all", no_argument, NULL, OPTION_ALL },
		{ "reason", required_argument, NULL, OPTION_REASON },
		{ "no-purge", no_argument, NULL, OPTION_NO_PURGE },
		{ 0 }
	};
	int status = CMK_OK, o;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_ALL)
			c->all = true;
		else if (o == OPTION_REASON)
			c->reason = optarg;
		else
			c->no_purge = true;
	}
	if (o == CTL_STOP)
		return status;
	if (c->all != !argv[optind])
		return ctl_usage(ctl, "name volumes, or use --all");
	if (c->reason && strlen(c->reason) > CMK_REASON_LEN)
		return ctl_usage(ctl, "--reason: at most %d characters",
				 CMK_REASON_LEN);

	if (geteuid())
		return let_run(ctl, c, argc - optind, argv + optind);
	return close_them(ctl, c, argc - optind, argv + optind);
}

int cmd_revoke(struct cmkctl *ctl, int argc, char **argv)
{
	struct closing c = {
		.event = CMK_AUDIT_REVOKE,
		.action = "revoke", .past = "revoked", .close = cmk_nl_revoke
	};

	return run(ctl, &c, argc, argv);
}

int cmd_hold(struct cmkctl *ctl, int argc, char **argv)
{
	struct closing c = {
		.event = CMK_AUDIT_HOLD,
		.action = "hold", .past = "held", .close = cmk_nl_hold
	};

	return run(ctl, &c, argc, argv);
}
