// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl status: the kernel's facts about open volumes, and what the agent
 * adds when it lives.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "agentview.h"
#include "client.h"
#include "span.h"
#include "state.h"
#include "text.h"
#include "volume.h"

enum { OPTION_CHECK = CTL_OPTION_OWN, OPTION_WATCH };

#define WATCH_SECONDS	2

/* What is shown at one moment. */
struct snapshot {
	struct volume_list list;
	struct agent_view agent;
	const struct cmk_nl_volume **chosen;
	size_t n;
	bool all;		/* the command line names none */
};

static void snapshot_free(struct snapshot *s)
{
	volume_list_free(&s->list);
	agent_view_free(&s->agent);
	free(s->chosen);
}

#define __snapshot __attribute__((cleanup(snapshot_free)))

/* Return: 0, or -1 with *status set. */
static int snapshot_take(struct cmkctl *ctl, int argc, char **argv,
			 struct snapshot *ret, int *status)
{
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int r;

	r = cmk_nl_open(&nl, &e);
	if (r == -ENOENT)	/* not loaded: nothing is open */
		r = 0;
	if (r == 0)
		r = volume_list_load(nl, &ret->list, &e);
	cmk_nl_close(nl);
	if (r == 0) {
		ret->chosen = calloc(ret->list.n + 1, sizeof(*ret->chosen));
		if (!ret->chosen)
			r = cmk_error_set(&e, CMK_FAILED, -ENOMEM,
					  "no-memory", "out of memory");
	}
	if (r < 0) {
		*status = ctl_fail(ctl, &e, NULL);
		return -1;
	}
	agent_view_load(ctl, &ret->agent);
	ret->all = argc == 0;
	ret->n = volume_select(ctl, &ret->list, argc, argv, ret->all,
			       ret->chosen, status);
	return 0;
}

/* A volume that the agent knows and the kernel does not: being opened. */
static bool only_agent(const struct snapshot *s, const json_t *volume)
{
	char uuid[VOLUME_TEXT];
	size_t i;

	for (i = 0; i < s->list.n; i++) {
		cmk_format_uuid(s->list.v[i].uuid, uuid);
		if (strcasecmp(uuid, json_text(volume, "uuid")) == 0)
			return false;
	}
	return true;
}

static void line(const char *what, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void line(const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("  %-13s", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

static void show_lease(const json_t *o)
{
	uint64_t left = json_number(o, "lease_left_ms") / 1000 * 1000000;
	uint64_t ttl = json_number(o, "lease_ttl") * 1000000;
	uint64_t end = json_number(o, "not_after_left_ms") / 1000 * 1000000;
	char a[TEXT_SIZE], b[TEXT_SIZE], c[TEXT_SIZE];

	if (json_is_true(json_object_get(o, "no_lease")))
		line("lease:", "none is needed (table option no_lease)");
	else if (!ttl)
		line("lease:", "none");
	else
		line("lease:", "%s left of %s, then %s; last proof good for %s",
		     cmk_format_span(left, a, sizeof(a)),
		     cmk_format_span(ttl, b, sizeof(b)),
		     json_text(o, "lapse"),
		     cmk_format_span(end, c, sizeof(c)));
}

static void show_kernel(const json_t *o)
{
	char a[TEXT_SIZE], b[TEXT_SIZE];

	line("size:", "%s, sectors of %lld bytes",
	     text_size(json_number(o, "size"), a),
	     (long long)json_number(o, "sector_size"));
	line("ranges:", "%lld live of %lld, each %s",
	     (long long)json_number(o, "live"),
	     (long long)json_number(o, "ranges"),
	     text_size(json_number(o, "range_size"), b));
	if (json_number(o, "wanted") || json_number(o, "parked"))
		line("waiting:", "%lld ranges wanted, %lld I/Os",
		     (long long)json_number(o, "wanted"),
		     (long long)json_number(o, "parked"));
	line("cipher:", "%s; %lld I/Os inline, %lld queued, %lld of them deferred",
	     json_text(o, "driver"), (long long)json_number(o, "inline"),
	     (long long)json_number(o, "queued"),
	     (long long)json_number(o, "deferred"));
	line("key memory:", "%s", text_size(json_number(o, "key_bytes"), a));
	show_lease(o);
}

/* "3s ago", "in 57s" */
static const char *relative(int64_t when, char buf[TEXT_SIZE])
{
	char span[TEXT_SIZE - 8];
	int64_t d = when - time(NULL);

	if (d == 0)
		return "now";
	cmk_format_span((d < 0 ? -d : d) * 1000000, span, sizeof(span));
	snprintf(buf, TEXT_SIZE, d < 0 ? "%s ago" : "in %s", span);
	return buf;
}

static void show_answer(const json_t *o)
{
	const char *code = json_text(o, "last_code");

	if (*json_text(o, "last_answer"))
		line("last answer:", "%s%s%s%s", json_text(o, "last_answer"),
		     *code ? " (" : "", code, *code ? ")" : "");
	if (*json_text(o, "last_error"))
		line("", "%s", json_text(o, "last_error"));
	if (*json_text(o, "not_watched"))
		line("not watched:", "%s", json_text(o, "not_watched"));
}

static void show_wrap(const json_t *o)
{
	const json_t *rewrap = json_object_get(o, "rewrap");
	char a[TEXT_SIZE];

	if (rewrap)
		line("rewrap:", "under way, %lld of %lld operations",
		     (long long)json_number(rewrap, "done"),
		     (long long)json_number(rewrap, "total"));
	if (*json_text(o, "former_kid") &&
	    strcasecmp(json_text(o, "former_kid"), json_text(o, "kid")))
		line("former key:", "%s; since %s the header does not need it: it may be disabled, unless snapshots, clones or header backups from before are wanted",
		     json_text(o, "former_kid"),
		     text_time(json_number(o, "former_until"), a));
	if (json_number(o, "exposed"))
		line("exposed:", "exposed to former KEK: %lld ranges",
		     (long long)json_number(o, "exposed"));
}

static void show_rekey(const json_t *o)
{
	const json_t *k = json_object_get(o, "rekey");
	const json_t *order = json_object_get(o, "rekey_order");
	char a[TEXT_SIZE], b[TEXT_SIZE];

	if (k)
		line("rekey:", "range %lld %s, %s of %s%s%s",
		     (long long)json_number(k, "range"),
		     json_text(k, "state"),
		     text_size(json_number(k, "done"), a),
		     text_size(json_number(k, "size"), b),
		     *json_text(k, "error") ? ": " : "",
		     json_text(k, "error"));
	if (!order)
		return;
	line(k ? "" : "rekey:", "ranges %lld to %lld%s, %s of %s",
	     (long long)json_number(order, "first"),
	     (long long)json_number(order, "last"),
	     json_is_true(json_object_get(order, "paused")) ?
	     ", paused" : "", text_size(json_number(order, "done"), a),
	     text_size(json_number(order, "total"), b));
	if (*json_text(order, "stopped"))
		line("", "%s", json_text(order, "stopped"));
}

static void show_agent(const json_t *o)
{
	char a[TEXT_SIZE];

	if (*json_text(o, "data_device"))
		line("data:", "%s", json_text(o, "data_device"));
	if (*json_text(o, "kid"))
		line("key:", "%s", json_text(o, "kid"));
	else if (*json_text(o, "kek"))
		line("key:", "%s", json_text(o, "kek"));
	show_wrap(o);
	show_rekey(o);
	show_answer(o);
	if (json_number(o, "last_proof"))
		line("last proof:", "%s",
		     relative(json_number(o, "last_proof"), a));
	if (json_number(o, "next_probe"))
		line("next probe:", "%s",
		     relative(json_number(o, "next_probe"), a));
	if (strcmp(json_text(o, "state"), "grace") == 0)
		line("grace:", "%s left",
		     cmk_format_span(json_number(o, "grace_left_s") * 1000000,
				     a, sizeof(a)));
	if (json_number(o, "revoke_in_s"))
		line("revoke:", "in %s",
		     cmk_format_span(json_number(o, "revoke_in_s") * 1000000,
				     a, sizeof(a)));
	if (json_number(o, "expires"))
		line("key expires:", "%s",
		     text_time(json_number(o, "expires"), a));
}

static void show(const json_t *o, const struct agent_view *agent)
{
	const char *cause = json_text(o, "cause");
	const char *reason = json_text(o, "reason");

	printf("%s\n", *json_text(o, "name") ? json_text(o, "name") :
	       json_text(o, "uuid"));
	printf("  %-13s%s", "state:", json_text(o, "state"));
	if (*cause && strcmp(cause, "none") != 0)
		printf(", cause %s", cause);
	if (json_is_true(json_object_get(o, "sticky")))
		printf(", until an administrator restores it");
	printf("%s%s\n", *reason ? "; reason: " : "", reason);
	line("uuid:", "%s", json_text(o, "uuid"));
	if (json_object_get(o, "size"))
		show_kernel(o);
	show_agent(o);
	line("agent:", "%s", agent->word);
}

static json_t *as_array(const struct snapshot *s)
{
	json_t *out = json_array(), *volume;
	const json_t *known;
	char uuid[VOLUME_TEXT];
	size_t i;

	for (i = 0; i < s->n; i++) {
		cmk_format_uuid(s->chosen[i]->uuid, uuid);
		known = agent_view_find(&s->agent, uuid);
		json_array_append_new(out, volume_json(s->chosen[i], known));
	}
	if (!s->all)
		return out;
	json_array_foreach(s->agent.volumes, i, volume)
		if (only_agent(s, volume))
			json_array_append(out, volume);
	return out;
}

/* Live and proven: an open gate, every key there, and the vault's yes. */
static bool healthy(const json_t *volume)
{
	return strcmp(json_text(volume, "state"), "ready") == 0 &&
	       json_number(volume, "last_proof") > 0;
}

static bool print(struct cmkctl *ctl, const struct snapshot *s)
{
	json_t *array = as_array(s), *volume;
	bool ok = s->agent.running || json_array_size(array) == 0;
	size_t i;

	json_array_foreach(array, i, volume) {
		ok = ok && healthy(volume);
		if (ctl->json || ctl->quiet)
			continue;
		if (i)
			putchar('\n');
		show(volume, &s->agent);
	}
	if (ctl->json)
		ctl_print_json(json_pack("{s:s, s:O}", "agent", s->agent.word,
					 "volumes", array));
	else if (!ctl->quiet && json_array_size(array) == 0 && s->all)
		printf("no volume is open; agent: %s\n", s->agent.word);
	json_decref(array);
	return ok;
}

static int show_once(struct cmkctl *ctl, int argc, char **argv, bool check)
{
	struct snapshot s __snapshot = { { 0 } };
	int status = CMK_OK;
	bool ok;

	if (snapshot_take(ctl, argc, argv, &s, &status) < 0)
		return status;
	ok = print(ctl, &s);
	fflush(stdout);
	return check && !ok && status == CMK_OK ? CMK_FAILED : status;
}

int cmd_status(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "check", no_argument, NULL, OPTION_CHECK },
		{ "watch", optional_argument, NULL, OPTION_WATCH },
		{ 0 }
	};
	unsigned int watch = 0;
	bool check = false;
	int status = CMK_OK, o;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_CHECK)
			check = true;
		else if (!optarg)
			watch = WATCH_SECONDS;
		else if (cmk_parse_uint(optarg, &watch) < 0 || !watch ||
			 watch > 86400)
			return ctl_usage(ctl, "--watch: 1 to 86400 seconds");
	}
	if (o == CTL_STOP)
		return status;
	for (;;) {
		if (watch && isatty(STDOUT_FILENO))
			fputs("\033[H\033[J", stdout);
		status = show_once(ctl, argc - optind, argv + optind, check);
		if (!watch)
			return status;
		sleep(watch);
	}
}
