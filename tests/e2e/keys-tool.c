// SPDX-License-Identifier: GPL-2.0
/*
 * A test's hand on agent/keys.c: makes a volume of wrap mode direct under a
 * KEK, fetches its DEKs as the agent does, and says as a JSON object what came
 * of it.  It is also the kernel that the DEKs are set in, and counts those
 * that are as they were made.
 */
#include <argp.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "clock.h"
#include "crypto.h"
#include "keys.h"

#define MIB	(1ULL << 20)

static struct cmk_kek_settings settings = {
	.auth = "managed-identity",
	.api_version = "7.4",
	.connect_timeout = 3000000,
	.request_timeout = 5000000,
	.max_concurrent = 8,
	.service_kek = "file:/nonexistent",
};

static int64_t cancel_ms;

/**
 * struct run - one run of the program
 * @made: SHA-256 of each DEK
 * @answers, @usable: of the key server, to the fetch
 * @called: how often the fetch has called back
 * @set: DEKs that were handed on, as they were made
 */
struct run {
	sd_event *event;
	struct cmk_kek_set *keks;
	struct cmk_header *header;
	struct cmk_keys *keys;
	uint32_t ranges;
	unsigned char (*made)[CMK_SHA256_LEN];
	struct cmk_kek_result wrapped;
	bool waiting, cancelled;
	unsigned int answers, usable, called;
	uint32_t set;
	char error[48];
};

static struct run run;

/* -- what keys.c asks of the kernel -- */

int cmk_nl_key_set(struct cmk_nl *nl, const unsigned char *uuid,
		   uint32_t range, uint32_t generation,
		   const struct cmk_secret *dek, struct cmk_error *e)
{
	unsigned char sum[CMK_SHA256_LEN];

	if (dek->len == CMK_DEK_BYTES && generation == 1 &&
	    !cmk_sha256(dek->data, dek->len, sum) &&
	    !memcmp(sum, run.made[range], sizeof(sum)))
		run.set++;
	return 0;
}

int cmk_nl_rekey_start(struct cmk_nl *nl, const unsigned char *uuid,
		       const struct cmk_nl_rekey *r, struct cmk_error *e)
{
	return -EOPNOTSUPP;
}

int cmk_nl_keys_begin(struct cmk_nl *nl, struct cmk_error *e)
{
	return 0;
}

void cmk_nl_keys_end(struct cmk_nl *nl) { }

int cmk_nl_ranges(struct cmk_nl *nl, const unsigned char *uuid,
		  bool wanted_only, cmk_nl_range_t cb, void *userdata,
		  struct cmk_error *e)
{
	return 0;
}

/* -- the volume -- */

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "keys-tool: %s\n", what);
	exit(CMK_FAILED);
}

static void on_wrapped(struct cmk_kek_result *res, void *userdata)
{
	run.wrapped = *res;
	run.waiting = false;
}

static const struct cmk_kek_result *wrap(const char *uri,
					 const struct cmk_secret *payload)
{
	struct cmk_error e = { 0 };

	run.waiting = true;
	if (cmk_kek_wrap(run.keks, uri, payload, 0, on_wrapped, NULL, NULL,
			 &e))
		die(e.text);
	while (run.waiting)
		sd_event_run(run.event, UINT64_MAX);
	if (run.wrapped.answer != CMK_USABLE)
		die(run.wrapped.error.text);
	return &run.wrapped;
}

static void set_kek(const char *uri, const struct cmk_secret *hk)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_header_kek kek = {
		.provider = CMK_FORMAT_KEK_AZURE, .alg = CMK_RSA_OAEP_256,
		.wrapped_at = 1700000000,
	};
	const struct cmk_kek_result *res;

	if (cmk_header_hk_payload(run.header, hk, &payload))
		die("no header key");
	res = wrap(uri, &payload);
	strcpy(kek.kid, res->kid);
	memcpy(kek.blob, res->blob, res->blob_len);
	kek.blob_len = res->blob_len;
	if (cmk_header_set_kek(run.header, 0, &kek))
		die("the wrap has no place");
}

static void set_slot(const char *uri, uint32_t range)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	const struct cmk_kek_result *res;

	if (cmk_secret_random(&dek, CMK_DEK_BYTES) ||
	    cmk_sha256(dek.data, dek.len, run.made[range]) ||
	    cmk_header_dek_payload(run.header, range, 1, &dek, &payload))
		die("no key");
	res = wrap(uri, &payload);
	if (cmk_header_set_direct(run.header, range, 1, 0, res->blob,
				  res->blob_len))
		die("the key has no place");
}

/* Written for its MAC, and to no disk. */
static void make_volume(const char *uri)
{
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	struct cmk_header_params p = {
		.uuid = "sixteen bytes...", .range_size = MIB,
		.device_size = (16 + run.ranges) * MIB,
		.wrap = CMK_FORMAT_WRAP_DIRECT,
	};
	struct cmk_error e = { 0 };
	uint32_t i;
	int fd = memfd_create("header", MFD_CLOEXEC);

	run.made = calloc(run.ranges, sizeof(*run.made));
	if (!run.made || fd < 0 || ftruncate(fd, p.device_size) ||
	    cmk_secret_random(&hk, CMK_HK_BYTES) ||
	    cmk_header_new(&run.header, &p, &e))
		die("no header");
	set_kek(uri, &hk);
	for (i = 0; i < run.ranges; i++)
		set_slot(uri, i);
	if (cmk_header_write(run.header, fd, &hk, &e))
		die(e.text);
	close(fd);
}

/* -- the fetch -- */

static void on_answer(const struct cmk_kek_result *res, uint32_t range,
		      void *userdata)
{
	run.answers++;
	run.usable += res->answer == CMK_USABLE;
}

static void on_keys(struct cmk_keys *keys, const struct cmk_error *why,
		    const struct cmk_kek_result *last, void *userdata)
{
	static const struct cmk_keys_rekey terms;
	struct cmk_error e;
	uint32_t live;

	run.called++;
	run.waiting = false;
	if (why)
		snprintf(run.error, sizeof(run.error), "%s", why->code);
	else if (cmk_keys_install(keys, NULL, &terms, &live, &e))
		snprintf(run.error, sizeof(run.error), "%s", e.code);
	cmk_keys_free(keys);
	run.keys = NULL;
}

static int on_cancel(sd_event_source *s, uint64_t usec, void *userdata)
{
	if (!run.waiting)
		return 0;
	cmk_keys_free(run.keys);
	run.waiting = false;
	run.cancelled = true;
	return 0;
}

/* What comes too late comes now. */
static void linger(uint64_t usec)
{
	uint64_t end = cmk_boottime() + usec, now;

	while ((now = cmk_boottime()) < end)
		sd_event_run(run.event, end - now);
}

static void fetch(void)
{
	uint64_t start = cmk_boottime(), end;
	struct cmk_error e = { 0 };
	json_t *o;

	run.waiting = true;
	if (cancel_ms)
		sd_event_add_time_relative(run.event, NULL, CLOCK_BOOTTIME,
					   cancel_ms * 1000, 1000, on_cancel,
					   NULL);
	if (cmk_keys_fetch(&run.keys, run.keks, run.header, 0, NULL, on_answer,
			   on_keys, NULL, &e))
		die(e.text);
	while (run.waiting)
		sd_event_run(run.event, UINT64_MAX);
	end = cmk_boottime();
	linger(1500000);
	o = json_pack("{s:i, s:i, s:i, s:i, s:s, s:I}", "set", run.set,
		      "answers", run.answers, "usable", run.usable, "called",
		      run.called, "error", run.error, "elapsed_ms",
		      (json_int_t)(end - start) / 1000);
	json_dumpf(o, stdout, JSON_PRESERVE_ORDER | JSON_COMPACT);
	putchar('\n');
	json_decref(o);
}

enum { OPT_IMDS = 256, OPT_CA, OPT_MAX, OPT_CANCEL };

static const struct argp_option options[] = {
	{ "imds", OPT_IMDS, "URL", 0, NULL, 0 },
	{ "ca", OPT_CA, "FILE", 0, NULL, 0 },
	{ "max", OPT_MAX, "N", 0, "requests at once", 0 },
	{ "cancel", OPT_CANCEL, "MS", 0, "free the fetch then", 0 },
	{ 0 },
};

static error_t parse(int key, char *arg, struct argp_state *state)
{
	switch (key) {
	case OPT_IMDS:
		settings.imds_endpoint = arg;
		break;
	case OPT_CA:
		settings.ca_file = arg;
		break;
	case OPT_MAX:
		settings.max_concurrent = atoi(arg);
		break;
	case OPT_CANCEL:
		cancel_ms = atoi(arg);
		break;
	default:
		return ARGP_ERR_UNKNOWN;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct argp argp = { options, parse, "URI RANGES", NULL };
	struct cmk_error e = { 0 };
	int i;

	if (cmk_crypto_init() ||
	    argp_parse(&argp, argc, argv, 0, &i, NULL) || argc - i != 2 ||
	    sd_event_new(&run.event) < 0)
		return CMK_USAGE;
	run.ranges = atoi(argv[i + 1]);
	if (cmk_kek_set_new(&run.keks, run.event, &settings, &e))
		die(e.text);
	make_volume(argv[i]);
	fetch();
	cmk_kek_set_free(run.keks);
	cmk_header_free(run.header);
	free(run.made);
	sd_event_unref(run.event);
	return CMK_OK;
}
