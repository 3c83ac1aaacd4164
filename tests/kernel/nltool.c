// SPDX-License-Identifier: GPL-2.0
/*
 * Drives the netlink family from a shell test: one bound socket, one command
 * a line on standard input, one answer a line.  Keys come on standard input
 * only.  Ends with 1 when a command failed that was not expected to.
 *
 *	set UUID RANGE GENERATION HEX128
 *	drop UUID [RANGE]
 *	renew|restore|admin-restore UUID TTL hold|revoke [GRACE] [asleep]
 *	restore-of|admin-restore-of UUID CLOSING TTL hold|revoke
 *	hold|revoke|admin-hold|admin-revoke UUID
 *	lapse-hold UUID: for a cause that is the kernel's
 *	get UUID | ranges UUID [wanted]
 *	benchmark SECTOR_SIZE
 *	rekey UUID RANGE RUN HEADER_SEQ MAC OLD_GENERATION GENERATION KEY
 *		[old=HEX128] [bandwidth=KIB] [duty=PERCENT] [resume] [paused]
 *	rekey-done UUID RANGE RUN HEADER_SEQ MAC
 *	rekey-pause UUID | rekey-resume UUID
 *	rekey-wait UUID: as long as one runs
 *	sleep MILLISECONDS
 *
 * GRACE is milliseconds from now or, after an "@", since boot.  A line that
 * begins with "!" is expected to fail.  An answer ends with when the
 * command began and ended, in microseconds of CLOCK_BOOTTIME.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uuid/uuid.h>

#include "netlink-wire.h"

static struct cmk_nl *nl;
static bool bound, sealing;

/* Without a session nothing can be sealed: what the kernel says to nothing. */
static int set_unbound(const unsigned char *uuid, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = cmk_request_new(nl, CMK_CMD_KEY_SET, false);
	cmk_request_put(req, CMK_A_MAIN_UUID, uuid, CMK_UUID_LEN);
	return cmk_request_send(req, NULL, NULL, e);
}

/* One session for all keys, as long as the kernel has it. */
static int begin_keys(struct cmk_error *e)
{
	int r = sealing ? 0 : cmk_nl_keys_begin(nl, e);

	sealing = !r;
	return r;
}

/* So many bytes in hexadecimal. */
static int key_of(const char *hex, size_t len, struct cmk_secret *ret)
{
	unsigned int byte, i;

	if (strlen(hex) != 2 * len || cmk_secret_alloc(ret, len))
		return -EINVAL;
	for (i = 0; i < len && sscanf(hex + 2 * i, "%2x", &byte) == 1; i++)
		ret->data[i] = byte;
	return 0;
}

static int set(char **w, int n, struct cmk_error *e, const unsigned char *uuid)
{
	struct cmk_secret dek = CMK_SECRET_INIT;
	int r;

	if (n < 5 || key_of(w[4], 64, &dek))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage", "set");
	r = bound ? begin_keys(e) : set_unbound(uuid, e);
	if (!r && bound)
		r = cmk_nl_key_set(nl, uuid, strtoul(w[2], NULL, 0),
				   strtoul(w[3], NULL, 0), &dek, e);
	cmk_secret_wipe(&dek);
	return r;
}

static int print_volume(const unsigned char *uuid, struct cmk_error *e)
{
	struct cmk_nl_volume v;
	int r = cmk_nl_volume_get(nl, uuid, &v, e);

	if (r)
		return r;
	printf("gate=%s cause=%s sticky=%d ranges=%u live=%u wanted=%u ",
	       cmk_gate_name(v.gate), cmk_cause_name(v.cause), v.sticky,
	       v.ranges, v.live, v.wanted);
	printf("parked=%u driver=%s lease_ms=%llu not_after=%llu closing=%llu ",
	       v.parked, v.driver, (unsigned long long)v.lease_left_ms,
	       (unsigned long long)v.not_after, (unsigned long long)v.closing);
	return 0;
}

static int print_range(const struct cmk_nl_range *r, void *userdata)
{
	printf("%u+%u:%s:%u%s ", r->range, r->count,
	       r->state == CMK_RANGE_STATE_LIVE ? "live" : "absent",
	       r->generation, r->wanted ? ":wanted" : "");
	return 0;
}

static int gate(const char *verb, const unsigned char *uuid,
		struct cmk_error *e)
{
	bool admin = !strncmp(verb, "admin-", 6);
	enum cmk_actor actor = admin ? CMK_ACTOR_ADMIN : CMK_ACTOR_VAULT;
	enum cmk_cause cause = admin ? CMK_CAUSE_ADMIN : CMK_CAUSE_KEK_DELETED;

	if (!strncmp(verb, "lapse-", 6))
		cause = CMK_CAUSE_LEASE;
	if (strstr(verb, "hold"))
		return cmk_nl_hold(nl, uuid, actor, cause, "test", e);
	return cmk_nl_revoke(nl, uuid, actor, cause, "test", e);
}

struct keys {
	struct cmk_secret old, new, mac;
};

static int rekey_words(char **w, int n, struct cmk_nl_rekey *r, struct keys *k)
{
	int i;

	for (i = 0; i < n; i++) {
		if (!strncmp(w[i], "old=", 4)) {
			if (key_of(w[i] + 4, 64, &k->old))
				return -EINVAL;
			r->old_key = &k->old;
		} else if (!strncmp(w[i], "bandwidth=", 10)) {
			r->bandwidth = strtoul(w[i] + 10, NULL, 0);
		} else if (!strncmp(w[i], "duty=", 5)) {
			r->duty = strtoul(w[i] + 5, NULL, 0);
		} else if (!strcmp(w[i], "resume")) {
			r->resume = true;
		} else if (!strcmp(w[i], "paused")) {
			r->paused = true;
		} else {
			return -EINVAL;
		}
	}
	return 0;
}

static int rekey_run(char **w, int n, struct keys *k, struct cmk_error *e,
		     const unsigned char *uuid)
{
	struct cmk_nl_rekey r = { .mac_key = &k->mac };
	int err;

	if (n < 6 || strlen(w[3]) > sizeof(r.run) || key_of(w[5], 32, &k->mac))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage", "rekey");
	r.range = strtoul(w[2], NULL, 0);
	memcpy(r.run, w[3], strlen(w[3]));
	r.header_seq = strtoull(w[4], NULL, 0);
	err = begin_keys(e);
	if (err)
		return err;
	if (!strcmp(w[0], "rekey-done"))
		return cmk_nl_rekey_done(nl, uuid, &r, e);
	if (n < 9 || key_of(w[8], 64, &k->new) ||
	    rekey_words(w + 9, n - 9, &r, k))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage", "rekey");
	r.old_generation = strtoul(w[6], NULL, 0);
	r.generation = strtoul(w[7], NULL, 0);
	r.key = &k->new;
	return cmk_nl_rekey_start(nl, uuid, &r, e);
}

static void nap(unsigned long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

static int rekey_wait(const unsigned char *uuid, struct cmk_error *e)
{
	struct cmk_nl_volume v;
	int r;

	while (!(r = cmk_nl_volume_get(nl, uuid, &v, e)) &&
	       v.rekey.state == CMK_REKEY_STATE_RUNNING)
		nap(10);
	return r;
}

static int rekey(char **w, int n, struct cmk_error *e,
		 const unsigned char *uuid)
{
	struct keys k = { CMK_SECRET_INIT, CMK_SECRET_INIT, CMK_SECRET_INIT };
	int r;

	if (!strcmp(w[0], "rekey-pause"))
		return cmk_nl_rekey_pause(nl, uuid, e);
	if (!strcmp(w[0], "rekey-wait"))
		return rekey_wait(uuid, e);
	if (!strcmp(w[0], "rekey-resume"))
		return cmk_nl_rekey_resume(nl, uuid, 0, 0, e);
	r = rekey_run(w, n, &k, e, uuid);
	cmk_secret_wipe(&k.old);
	cmk_secret_wipe(&k.new);
	cmk_secret_wipe(&k.mac);
	return r;
}

/* Microseconds of CLOCK_BOOTTIME. */
static unsigned long long now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* Without another word the keys have a day before they need a proof. */
static int terms(char **w, int n, struct cmk_nl_lease *l, struct cmk_error *e)
{
	if (n < 2)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage", "lease");
	l->ttl = strtoul(w[0], NULL, 0);
	l->lapse = strcmp(w[1], "hold") ? CMK_LAPSE_REVOKE : CMK_LAPSE_HOLD;
	l->not_after = now() / 1000;
	if (n > 2 && w[2][0] == '@')
		l->not_after = strtoull(w[2] + 1, NULL, 0);
	else
		l->not_after += n > 2 ? strtoll(w[2], NULL, 0) : 86400000;
	l->keep_asleep = n > 3;
	return 0;
}

static int renew(char **w, int n, const unsigned char *uuid,
		 struct cmk_error *e)
{
	struct cmk_nl_lease l;

	return terms(w + 2, n - 2, &l, e) ?:
	       cmk_nl_lease_renew(nl, uuid, &l, e);
}

/* Of the closing that is named, else of the last, whichever that is. */
static int restore(char **w, int n, const unsigned char *uuid,
		   struct cmk_error *e)
{
	bool admin = !strncmp(w[0], "admin-", 6), named = strstr(w[0], "-of");
	struct cmk_nl_volume v;
	struct cmk_nl_lease l;
	int tries = 8, r;

	r = terms(w + 2 + named, n - 2 - named, &l, e);
	if (r)
		return r;
	if (named)
		return cmk_nl_restore(nl, uuid, admin, strtoull(w[2], NULL, 0),
				      &l, e);
	do {
		r = cmk_nl_volume_get(nl, uuid, &v, e) ?:
		    cmk_nl_restore(nl, uuid, admin, v.closing, &l, e);
	} while (r == -ESTALE && --tries);
	return r;
}

static int run(char **w, int n, struct cmk_error *e)
{
	unsigned char uuid[16];

	if (n == 2 && !strcmp(w[0], "sleep")) {
		nap(strtoul(w[1], NULL, 0));
		return 0;
	}
	if (n == 2 && !strcmp(w[0], "benchmark"))
		return cmk_nl_benchmark(nl, strtoul(w[1], NULL, 0), e);
	if (n < 2 || uuid_parse(w[1], uuid))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "usage", "uuid");
	if (!strcmp(w[0], "set"))
		return set(w, n, e, uuid);
	if (!strncmp(w[0], "rekey", 5))
		return rekey(w, n, e, uuid);
	if (!strcmp(w[0], "drop"))
		return cmk_nl_key_drop(nl, uuid, n > 2 ?
				       strtoul(w[2], NULL, 0) : UINT32_MAX, e);
	if (!strcmp(w[0], "get"))
		return print_volume(uuid, e);
	if (!strcmp(w[0], "ranges"))
		return cmk_nl_ranges(nl, uuid, n > 2, print_range, NULL, e);
	if (!strcmp(w[0], "renew"))
		return renew(w, n, uuid, e);
	if (strstr(w[0], "restore"))
		return restore(w, n, uuid, e);
	return gate(w[0], uuid, e);
}

static bool line(char *text)
{
	static const char delim[] = "\n ";
	bool fails = text[0] == '!';
	struct cmk_error e = { 0 };
	char *w[16], *save, *p;
	unsigned long long begin;
	int n = 0, r;

	for (p = strtok_r(text + fails, delim, &save); p && n < 16;
	     p = strtok_r(NULL, delim, &save))
		w[n++] = p;
	if (!n)
		return true;
	begin = now();
	r = run(w, n, &e);
	if (r)
		printf("%s %s: %s\n", w[0], strerrorname_np(-r), e.text);
	else
		printf("%s ok begin=%llu end=%llu\n", w[0], begin, now());
	fflush(stdout);
	return fails == !!r;
}

int main(int argc, char **argv)
{
	struct cmk_error e = { 0 };
	struct cmk_nl_bind bind;
	char text[1024];
	bool good = true;

	bound = argc < 2;
	if (cmk_nl_open(&nl, &e) || (bound && cmk_nl_bind(nl, &bind, &e))) {
		fprintf(stderr, "nltool: %s\n", e.text);
		return 1;
	}
	while (fgets(text, sizeof(text), stdin))
		good &= line(text);
	cmk_wipe(text, sizeof(text));
	cmk_nl_close(nl);
	return !good;
}
