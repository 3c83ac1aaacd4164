// SPDX-License-Identifier: GPL-2.0
/*
 * A test's hand on the KEK providers: does what the agent would ask of them,
 * and prints each answer as a JSON object on a line of its own.
 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "kek.h"
#include "kek-tool.h"

static struct cmk_kek_settings settings = {
	.auth = "managed-identity",
	.api_version = "7.4",
	.connect_timeout = 3000000,
	.request_timeout = 5000000,
	.max_concurrent = 8,
	.service_kek = "file:/nonexistent",
};

static uint64_t deadline;	/* microseconds, 0: request_timeout */
static int64_t stall_ms, cancel_ms, pause_ms;
static bool serial;

static void add_string(json_t *o, const char *name, const char *value)
{
	if (value[0])
		json_object_set_new(o, name, json_string(value));
}

static void add_int(json_t *o, const char *name, int64_t value)
{
	if (value)
		json_object_set_new(o, name, json_integer(value));
}

static void add_bool(json_t *o, const char *name, bool value)
{
	json_object_set_new(o, name, json_boolean(value));
}

static void add_key(json_t *o, const struct cmk_kek_result *res)
{
	char hex[65] = "";
	int i;

	for (i = 0; i < 32; i++)
		sprintf(hex + 2 * i, "%02x", res->thumbprint[i]);
	add_string(o, "thumbprint", hex);
	add_string(o, "kty", res->kty);
	add_int(o, "bits", res->bits);
	add_int(o, "exp", res->exp);
	add_int(o, "nbf", res->nbf);
	add_int(o, "recoverable_days", res->recoverable_days);
	add_bool(o, "enabled", res->enabled);
	add_bool(o, "purge_protected", res->purge_protected);
	add_bool(o, "exportable", res->exportable);
}

static void print(json_t *o)
{
	json_dumpf(o, stdout, JSON_PRESERVE_ORDER | JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(o);
}

static void print_result(struct kek_run *run, const struct cmk_kek_result *res)
{
	char blob[CMK_BASE64URL_LEN(CMK_BLOB_MAX) + 1] = "";
	json_t *o = json_object();

	add_string(o, "answer", cmk_answer_name(res->answer));
	add_int(o, "http", res->http);
	add_string(o, "code", res->code);
	add_string(o, "error", res->error.code);
	add_int(o, "status", res->error.status);
	add_string(o, "text", res->error.text);
	add_string(o, "kid", res->kid);
	add_string(o, "oid", res->oid);
	add_string(o, "tid", res->tid);
	add_string(o, "appid", res->appid);
	add_int(o, "date", res->date);
	add_int(o, "retry_after", res->retry_after);
	add_string(o, "request_id", res->request_id);
	add_string(o, "client_request_id", res->client_request_id);
	cmk_base64url_encode(res->blob, res->blob_len, blob);
	add_string(o, "blob", blob);
	if (res->kty[0])
		add_key(o, res);
	if (res->plain.data)
		add_bool(o, "plain_ok", run->expected.len == res->plain.len &&
			 cmk_equal(run->expected.data, res->plain.data,
				   res->plain.len));
	json_object_set_new(o, "elapsed_ms", json_integer(
			    (cmk_boottime() - run->start) / 1000));
	print(o);
}

static int refuse(const struct cmk_error *e)
{
	json_t *o = json_object();

	add_string(o, "answer", "refused");
	add_string(o, "error", e->code);
	add_int(o, "status", e->status);
	add_string(o, "text", e->text);
	print(o);
	return e->status;
}

static void on_done(struct cmk_kek_result *res, void *userdata)
{
	struct kek_run *run = userdata;

	run->waiting--;
	run->op = NULL;
	if (!run->quiet)
		print_result(run, res);
	if (res->answer != CMK_USABLE)
		run->status = res->error.status;
	if (!res->blob_len)
		return;
	memcpy(run->kid, res->kid, sizeof(run->kid));
	memcpy(run->blob, res->blob, res->blob_len);
	run->blob_len = res->blob_len;
}

static int on_cancel(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct kek_run *run = userdata;

	if (run->op)
		cmk_kek_cancel(run->op);
	return 0;
}

/* Tells how long the loop did not turn, if that was longer than asked. */
static int on_tick(sd_event_source *s, uint64_t usec, void *userdata)
{
	static uint64_t last;
	uint64_t now = cmk_boottime();

	if (last && (int64_t)(now - last) / 1000 > stall_ms)
		printf("{\"stall_ms\":%d}\n", (int)((now - last) / 1000));
	last = now;
	sd_event_source_set_time_relative(s, 10000);
	return sd_event_source_set_enabled(s, SD_EVENT_ONESHOT);
}

int kek_run_wait(struct kek_run *run)
{
	while (run->waiting)
		sd_event_run(run->event, UINT64_MAX);
	return run->status;
}

int kek_run_wrap(struct kek_run *run, const char *uri, unsigned int times)
{
	struct cmk_error e = { 0 };

	while (times--) {
		if (cmk_kek_wrap(run->set, uri, &run->expected, deadline,
				 on_done, run, &run->op, &e))
			return refuse(&e);
		run->waiting++;
	}
	return kek_run_wait(run);
}

int kek_run_unwrap(struct kek_run *run, const char *kid, unsigned int times)
{
	struct cmk_error e = { 0 };

	while (times--) {
		if (cmk_kek_unwrap(run->set, kid, CMK_RSA_OAEP_256, run->blob,
				   run->blob_len, deadline, on_done, run,
				   &run->op, &e))
			return refuse(&e);
		run->waiting++;
	}
	return kek_run_wait(run);
}

/* wrap URI [TIMES]: all at once */
static int cmd_wrap(struct kek_run *run, char **args, int n)
{
	return kek_run_wrap(run, args[0], n > 1 ? atoi(args[1]) : 1);
}

static int cmd_get(struct kek_run *run, char **args, int n)
{
	struct cmk_error e = { 0 };

	if (cmk_kek_get(run->set, args[0], deadline, on_done, run, &run->op,
			&e))
		return refuse(&e);
	run->waiting++;
	return kek_run_wait(run);
}

/* As an agent between two probes: the loop goes on. */
static void pause_for(struct kek_run *run, int64_t ms)
{
	uint64_t end = cmk_boottime() + ms * 1000, now;

	while ((now = cmk_boottime()) < end)
		sd_event_run(run->event, end - now);
}

/* unwrap KID BLOB [TIMES]: all at once, or one after the other */
static int cmd_unwrap(struct kek_run *run, char **args, int n)
{
	ssize_t len;
	int r = 0, times = n > 2 ? atoi(args[2]) : 1;

	if (n < 2)
		return CMK_USAGE;
	len = cmk_base64url_decode(args[1], strlen(args[1]), run->blob,
				   sizeof(run->blob));
	if (len < 0)
		return CMK_USAGE;
	run->blob_len = len;
	if (!serial)
		return kek_run_unwrap(run, args[0], times);
	while (times--) {
		r = kek_run_unwrap(run, args[0], 1);
		pause_for(run, pause_ms);
	}
	return r;
}

static int cmd_roundtrip(struct kek_run *run, char **args, int n)
{
	int r = kek_run_wrap(run, args[0], 1);

	return r ? r : kek_run_unwrap(run, run->kid, 1);
}

static const struct {
	const char *name;
	int (*run)(struct kek_run *run, char **args, int n);
} commands[] = {
	{ "wrap", cmd_wrap },
	{ "unwrap", cmd_unwrap },
	{ "get", cmd_get },
	{ "roundtrip", cmd_roundtrip },
	{ "leaks", kek_tool_leaks },
};

enum { OPT_TENANT = 256, OPT_CLIENT, OPT_SECRET, OPT_AUTHORITY, OPT_IMDS,
	OPT_CA, OPT_PROXY, OPT_DEADLINE, OPT_CONNECT, OPT_REQUEST, OPT_MAX,
	OPT_SERVICE, OPT_CREATE, OPT_STALL, OPT_CANCEL, OPT_PAUSE,
	OPT_SERIAL };

static const struct argp_option options[] = {
	{ "auth", 'a', "KIND", 0, NULL, 0 },
	{ "tenant", OPT_TENANT, "ID", 0, NULL, 0 },
	{ "client-id", OPT_CLIENT, "ID", 0, NULL, 0 },
	{ "client-secret", OPT_SECRET, "credential:NAME|file:PATH", 0, NULL,
	  0 },
	{ "authority", OPT_AUTHORITY, "URL", 0, NULL, 0 },
	{ "imds", OPT_IMDS, "URL", 0, NULL, 0 },
	{ "ca", OPT_CA, "FILE", 0, NULL, 0 },
	{ "proxy", OPT_PROXY, "URL", 0, NULL, 0 },
	{ "deadline", OPT_DEADLINE, "MS", 0, NULL, 0 },
	{ "connect", OPT_CONNECT, "MS", 0, NULL, 0 },
	{ "request", OPT_REQUEST, "MS", 0, NULL, 0 },
	{ "max", OPT_MAX, "N", 0, NULL, 0 },
	{ "service", OPT_SERVICE, "file:PATH", 0, NULL, 0 },
	{ "create", OPT_CREATE, NULL, 0, NULL, 0 },
	{ "stall", OPT_STALL, "MS", 0,
	  "tell when the event loop stands still for longer", 0 },
	{ "cancel", OPT_CANCEL, "MS", 0, "cancel the operation then", 0 },
	{ "serial", OPT_SERIAL, NULL, 0, "one operation after the other", 0 },
	{ "pause", OPT_PAUSE, "MS", 0, "between them", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct cmk_kek_settings *s = &settings;

	switch (key) {
	case 'a':
		s->auth = arg;
		break;
	case OPT_TENANT:
		s->tenant_id = arg;
		break;
	case OPT_CLIENT:
		s->client_id = arg;
		break;
	case OPT_SECRET:
		s->client_secret = arg;
		break;
	case OPT_AUTHORITY:
		s->authority_host = arg;
		break;
	case OPT_IMDS:
		s->imds_endpoint = arg;
		break;
	case OPT_CA:
		s->ca_file = arg;
		break;
	case OPT_PROXY:
		s->proxy = arg;
		break;
	case OPT_DEADLINE:
		deadline = atoi(arg) * 1000ULL;
		break;
	case OPT_CONNECT:
		s->connect_timeout = atoi(arg) * 1000ULL;
		break;
	case OPT_REQUEST:
		s->request_timeout = atoi(arg) * 1000ULL;
		break;
	case OPT_MAX:
		s->max_concurrent = atoi(arg);
		break;
	case OPT_SERVICE:
		s->service_kek = arg;
		break;
	case OPT_CREATE:
		s->create_service_kek = true;
		break;
	case OPT_STALL:
		stall_ms = atoi(arg);
		break;
	case OPT_CANCEL:
		cancel_ms = atoi(arg);
		break;
	case OPT_PAUSE:
		pause_ms = atoi(arg);
		break;
	case OPT_SERIAL:
		serial = true;
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

static int run_command(struct kek_run *run, char **args, int n)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (n > 1 && !strcmp(commands[i].name, args[0]))
			return commands[i].run(run, args + 1, n - 1);
	fprintf(stderr, "usage: kek-tool [OPTION]... get|roundtrip|leaks URI\n"
		"       kek-tool [OPTION]... wrap URI [TIMES]\n"
		"       kek-tool [OPTION]... unwrap KID BLOB [TIMES]\n");
	return CMK_USAGE;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, NULL, NULL };
	struct kek_run run = { .start = cmk_boottime() };
	struct cmk_error e = { 0 };
	int i, status;

	if (cmk_crypto_init() ||
	    argp_parse(&argp, argc, argv, 0, &i, NULL) ||
	    sd_event_new(&run.event) < 0 ||
	    cmk_secret_alloc(&run.expected, 64))
		return CMK_FAILED;
	memcpy(run.expected.data, "a fixed key, known to this program: ", 36);
	if (stall_ms)
		sd_event_add_time_relative(run.event, NULL, CLOCK_BOOTTIME, 0,
					   1000, on_tick, NULL);
	if (cancel_ms)
		sd_event_add_time_relative(run.event, NULL, CLOCK_BOOTTIME,
					   cancel_ms * 1000, 1000, on_cancel,
					   &run);
	if (cmk_kek_set_new(&run.set, run.event, &settings, &e))
		status = refuse(&e);
	else
		status = run_command(&run, argv + i, argc - i);
	cmk_kek_set_free(run.set);
	cmk_secret_wipe(&run.expected);
	sd_event_unref(run.event);
	return status;
}
