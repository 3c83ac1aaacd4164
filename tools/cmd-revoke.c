// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl revoke, cmkctl hold: straight to the kernel, so that they work with
 * the agent dead.  First all gates, then everything that can wait.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "cmkctl.h"
#include "device.h"
#include "helper.h"
#include "marker.h"
#include "purge.h"
#include "span.h"
#include "trail.h"
#include "volume.h"

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

static int close_gates(struct cmkctl *ctl, struct cmk_nl *nl,
		       const struct closing *c, struct outcome *out, size_t n)
{
	int status = CMK_OK;
	int64_t start;
	size_t i;

	for (i = 0; i < n; i++) {
		start = now_us();
		out[i].closed = c->close(nl, out[i].v->uuid, CMK_ACTOR_ADMIN,
					 CMK_CAUSE_ADMIN, c->reason,
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
 * And once more: a volume that was closed and opened anew between the two, or
 * whose opening had asked for the marker just before it was written, is another
 * one for the kernel.  Now that the marker is there none comes after it.
 */
static int close_again(struct cmkctl *ctl, struct cmk_nl *nl,
		       const struct closing *c, const struct outcome *out,
		       size_t n)
{
	struct cmk_error e;
	int status = CMK_OK;
	size_t i;
	int r;

	for (i = 0; i < n; i++) {
		if (!out[i].closed)
			continue;
		r = c->close(nl, out[i].v->uuid, CMK_ACTOR_ADMIN,
			     CMK_CAUSE_ADMIN, c->reason, &e);
		/* Gone, or an administrator has closed it further. */
		if (r && r != -ENODEV && r != -EKEYREVOKED)
			status = ctl_worse(status,
					   ctl_fail(ctl, &e,
						    volume_name(out[i].v)));
	}
	return status;
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
			 const struct closing *c, int argc, char **argv)
{
	const struct cmk_nl_volume **chosen __free = NULL;
	struct volume_list list __volumes = { 0 };
	struct outcome *out __free = NULL;
	int status = CMK_OK;
	struct cmk_error e;
	size_t n, i;

	if (volume_list_load(nl, &list, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	chosen = calloc(list.n + 1, sizeof(*chosen));
	out = calloc(list.n + 1, sizeof(*out));
	if (!chosen || !out) {
		cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
			      "out of memory");
		return ctl_fail(ctl, &e, NULL);
	}
	n = volume_select(ctl, &list, argc, argv, c->all, chosen, &status);
	for (i = 0; i < n; i++)
		out[i].v = chosen[i];
	status = ctl_worse(status, close_gates(ctl, nl, c, out, n));
	status = ctl_worse(status, write_markers(ctl, c, out, n));
	status = ctl_worse(status, close_again(ctl, nl, c, out, n));
	status = ctl_worse(status, purge(ctl, c, out, n));
	tell(ctl, c, out, n);
	return status;
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
	struct cmk_nl *nl = NULL;
	int status = CMK_OK, o;
	struct cmk_error e;

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
	if (cmk_nl_open(&nl, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	status = close_volumes(ctl, nl, c, argc - optind, argv + optind);
	cmk_nl_close(nl);
	return status;
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
