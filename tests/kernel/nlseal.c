// SPDX-License-Identifier: GPL-2.0
/*
 * Messages that no agent would send: sealed for another place, sent again,
 * out of order, changed, of a session that has ended.
 *
 *	nlseal UUID OTHER
 *
 * Both are volumes with a gate that is open and without a lease, and both have
 * two ranges.  Sets the key of their ranges 0; prints a line for each message
 * and ends with 1 when one was not answered as it should be.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uuid/uuid.h>

#include "netlink-wire.h"

/* A message on its way: where it is sent to, and what it says of itself. */
struct sealed {
	struct cmk_seal_place to;
	uint64_t epoch, counter;
	unsigned char data[CMK_DEK_LEN + CMK_SEAL_TAG_LEN + 1];
	size_t len;
};

static struct cmk_nl *nl;
static struct cmk_secret dek = CMK_SECRET_INIT;
static unsigned char uuid[16], other[16];
static unsigned int bad;

static void __attribute__((noreturn)) die(const char *what)
{
	fprintf(stderr, "nlseal: %s\n", what);
	exit(2);
}

static int deliver(const struct sealed *m, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = cmk_request_new(nl, CMK_CMD_KEY_SET, false);
	cmk_request_put(req, CMK_A_MAIN_UUID, m->to.uuid, CMK_UUID_LEN);
	cmk_request_put_u32(req, CMK_A_MAIN_RANGE, m->to.range);
	cmk_request_put_u32(req, CMK_A_MAIN_GENERATION, m->to.generation);
	cmk_request_nest(req, CMK_A_MAIN_KEY);
	cmk_request_put(req, CMK_A_KEY_EPOCH, &m->epoch, sizeof(m->epoch));
	cmk_request_put(req, CMK_A_KEY_COUNTER, &m->counter,
			sizeof(m->counter));
	cmk_request_put(req, CMK_A_KEY_DATA, m->data, m->len);
	cmk_request_nest_end(req);
	return cmk_request_send(req, NULL, NULL, e);
}

static void expect(const char *what, int r, int want, const char *text)
{
	printf("%-28s %s%s %s\n", what, r ? strerrorname_np(-r) : "ok",
	       r == want ? "" : want ? " NOT REFUSED SO" : " REFUSED",
	       r ? text : "");
	bad += r != want;
}

static void try(const char *what, const struct sealed *m, int want)
{
	struct cmk_error e = { 0 };
	int r = deliver(m, &e);

	expect(what, r, want, e.text);
}

/* The next message of the session, sealed for @place and sent there. */
static struct sealed seal_for(struct cmk_seal_place place)
{
	struct sealed m = {
		.to = place, .len = CMK_DEK_LEN + CMK_SEAL_TAG_LEN,
	};

	if (cmk_seal_message(&nl->seal, &place, &dek, m.data))
		die("cannot seal");
	m.epoch = nl->seal.epoch;
	m.counter = nl->seal.counter;
	return m;
}

static const struct cmk_seal_place here = {
	.cmd = CMK_CMD_KEY_SET, .uuid = uuid, .generation = 1,
};

static void counters(void)
{
	struct sealed m = seal_for(here);

	try("a good message", &m, 0);
	try("the same again", &m, -EKEYREJECTED);
	nl->seal.counter--;
	m = seal_for(here);
	try("sealed anew, same counter", &m, -EKEYREJECTED);
	nl->seal.counter -= 1;
	m = seal_for(here);
	m.counter++;
	try("another counter told", &m, -EKEYREJECTED);
	nl->seal.counter += 10;
	m = seal_for(here);
	try("counters left out", &m, 0);
	nl->seal.counter -= 5;
	m = seal_for(here);
	try("a lower counter", &m, -EKEYREJECTED);
	nl->seal.counter += 5;
}

/*
 * The first one is for a range without a key, which would take any: where a
 * key is, the kernel's memory of generations refuses it as well.
 */
static void places(void)
{
	struct cmk_seal_place place = here;
	struct sealed m;

	place.range = 1;
	m = seal_for(place);
	m.to.generation = 2;
	try("another generation", &m, -EKEYREJECTED);
	m = seal_for(here);
	m.to.range = 1;
	try("another range", &m, -EKEYREJECTED);
	m = seal_for(here);
	m.to.uuid = other;
	try("another volume", &m, -EKEYREJECTED);
	place = here;
	place.cmd = CMK_CMD_KEY_DROP;
	m = seal_for(place);
	try("another command", &m, -EKEYREJECTED);
}

static void changes(void)
{
	struct sealed m = seal_for(here);

	m.data[5] ^= 1;
	try("a bit of the key changed", &m, -EKEYREJECTED);
	m = seal_for(here);
	m.data[CMK_DEK_LEN + 3] ^= 1;
	try("a bit of the tag changed", &m, -EKEYREJECTED);
	m = seal_for(here);
	m.len--;
	try("cut short", &m, -EINVAL);
	m = seal_for(here);
	m.len++;
	try("too long", &m, -EINVAL);
	m = seal_for(here);
	m.len = 0;
	try("empty", &m, -EINVAL);
	m = seal_for(here);
	m.epoch++;
	try("another epoch", &m, -ESTALE);
	m = seal_for(here);
	try("a good one after all that", &m, 0);
}

static void begin(void)
{
	struct cmk_error e;

	if (cmk_nl_keys_begin(nl, &e))
		die(e.text);
}

/* A rekey's DEK until now, the one from now on and its MAC key, as sealed. */
static void try_rekey(const char *what, const struct sealed *m, int want)
{
	static const int type[] = {
		CMK_A_MAIN_OLD_KEY, CMK_A_MAIN_KEY, CMK_A_MAIN_MAC_KEY,
	};
	struct cmk_request *req __cmk_request = NULL;
	struct cmk_error e = { 0 };
	uint64_t seq = 1;
	int i, r;

	req = cmk_request_new(nl, CMK_CMD_REKEY_START, false);
	cmk_request_put(req, CMK_A_MAIN_UUID, uuid, CMK_UUID_LEN);
	cmk_request_put_u32(req, CMK_A_MAIN_RANGE, 0);
	cmk_request_put(req, CMK_A_MAIN_RUN, "0123456789abcdef", CMK_RUN_LEN);
	cmk_request_put(req, CMK_A_MAIN_HEADER_SEQ, &seq, sizeof(seq));
	cmk_request_put_u32(req, CMK_A_MAIN_OLD_GENERATION, 1);
	cmk_request_put_u32(req, CMK_A_MAIN_GENERATION, 2);
	for (i = 0; i < 3; i++) {
		cmk_request_nest(req, type[i]);
		cmk_request_put(req, CMK_A_KEY_EPOCH, &m[i].epoch, 8);
		cmk_request_put(req, CMK_A_KEY_COUNTER, &m[i].counter, 8);
		cmk_request_put(req, CMK_A_KEY_DATA, m[i].data, m[i].len);
		cmk_request_nest_end(req);
	}
	r = cmk_request_send(req, NULL, NULL, &e);
	expect(what, r, want, e.text);
}

/* Three messages in a row, sealed for these generations. */
static void seal_three(struct sealed *m, uint32_t old, uint32_t new,
		       uint32_t mac)
{
	struct cmk_seal_place place = here;

	place.cmd = CMK_CMD_REKEY_START;
	place.generation = old;
	m[0] = seal_for(place);
	place.generation = new;
	m[1] = seal_for(place);
	place.generation = mac;
	dek.len = CMK_MAC_KEY_LEN;
	m[2] = seal_for(place);
	dek.len = CMK_DEK_LEN;
	m[2].len = CMK_MAC_KEY_LEN + CMK_SEAL_TAG_LEN;
}

/* The volume has no record area: that is said when all could be opened. */
static void rekeys(void)
{
	struct sealed m[3], other_key;

	seal_three(m, 1, 2, 0);
	try_rekey("three keys of a rekey", m, -EOPNOTSUPP);
	try_rekey("the same three again", m, -EKEYREJECTED);
	seal_three(m, 2, 2, 0);
	try_rekey("the new key as the old one", m, -EKEYREJECTED);
	seal_three(m, 1, 1, 0);
	try_rekey("the old key as the new one", m, -EKEYREJECTED);
	seal_three(m, 1, 2, 2);
	try_rekey("a MAC key of a generation", m, -EKEYREJECTED);
	seal_three(m, 1, 2, 0);
	other_key = m[0];
	m[0] = m[1];
	m[1] = other_key;
	try_rekey("old and new exchanged", m, -EKEYREJECTED);
	seal_three(m, 1, 2, 0);
	m[2] = m[1];
	try_rekey("a DEK as the MAC key", m, -EINVAL);
}

static void sessions(void)
{
	struct sealed old, m;
	struct cmk_nl_bind bind;
	struct cmk_error e = { 0 };
	int r;

	nl->seal.counter += 100;
	old = seal_for(here);
	begin();
	try("of the session before", &old, -ESTALE);
	old.epoch = nl->seal.epoch;
	try("the same, as of this one", &old, -EKEYREJECTED);
	m = seal_for(here);
	try("a good one of this one", &m, 0);

	m = seal_for(here);
	r = cmk_nl_hold(nl, other, CMK_ACTOR_VAULT, CMK_CAUSE_KEK_DELETED,
			NULL, &e);
	if (r)
		die(e.text);
	try("after a gate was closed", &m, -ESTALE);
	r = cmk_nl_key_set(nl, uuid, 0, 1, &dek, &e);
	expect("the library goes on", r, 0, e.text);

	m = seal_for(here);
	if (cmk_nl_bind(nl, &bind, &e))
		die(e.text);
	try("after a bind without a key", &m, -ESTALE);
}

int main(int argc, char **argv)
{
	struct cmk_error e = { 0 };

	if (argc != 3 || uuid_parse(argv[1], uuid) ||
	    uuid_parse(argv[2], other))
		return 2;
	if (cmk_secret_random(&dek, CMK_DEK_LEN) || cmk_nl_open(&nl, &e))
		die(e.text);
	begin();
	counters();
	places();
	changes();
	rekeys();
	sessions();
	cmk_secret_wipe(&dek);
	cmk_nl_close(nl);
	return !!bad;
}
