// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the commands of the family "cmk" as functions: which attributes each
 * one carries, and how volumes and ranges are read from replies.  Contract:
 * Documentation/netlink/specs/cmk.yaml.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "netlink-wire.h"

#define DUMP_TRIES	8	/* a dump that was interrupted is repeated */

/* Replies of a dump, kept until it is known to be whole. */
struct list {
	void *items;
	size_t n, max, size;		/* @size of one item */
};

static void list_free(struct list *l)
{
	free(l->items);
}

#define __list __attribute__((cleanup(list_free)))

/* Return: a zeroed item at the end, or NULL. */
static void *list_add(struct list *l)
{
	size_t max = l->max ? 2 * l->max : 16;
	void *items = l->items;

	if (l->n == l->max) {
		items = reallocarray(l->items, max, l->size);
		if (!items)
			return NULL;
		l->items = items;
		l->max = max;
	}
	items = (char *)items + l->n++ * l->size;
	return memset(items, 0, l->size);
}

/*
 * The caller's function is called when the dump is over, so that it may use
 * the connection itself, and so that it sees no list that changed on the way.
 */
static int dump(struct cmk_request *req, struct list *l, cmk_reply_t take,
		struct cmk_error *e)
{
	int tries, r = -EAGAIN;

	for (tries = 0; tries < DUMP_TRIES && r == -EAGAIN; tries++) {
		l->n = 0;
		r = cmk_request_send(req, take, l, e);
	}
	return r;
}

static int take_bind(struct nlattr **attrs, void *arg)
{
	struct cmk_nl_bind *b = arg;

	b->epoch = cmk_attr_u64(attrs, CMK_A_MAIN_EPOCH);
	b->features = cmk_attr_u64(attrs, CMK_A_MAIN_FEATURES);
	b->version = cmk_attr_u32(attrs, CMK_A_MAIN_VERSION);
	b->seq = cmk_attr_u32(attrs, CMK_A_MAIN_SEQ);
	b->has_key = attrs[CMK_A_MAIN_PUBLIC_KEY];
	cmk_attr_bytes(attrs, CMK_A_MAIN_PUBLIC_KEY, b->public_key,
		       sizeof(b->public_key));
	return 0;
}

static uint32_t own_version(void)
{
	unsigned int major = 0, minor = 0, patch = 0;

	sscanf(CMK_VERSION, "%u.%u.%u", &major, &minor, &patch);
	return major << 16 | minor << 8 | patch;
}

/* @key: NULL for no session */
static int bind_with(struct cmk_nl *nl, const unsigned char *key,
		     struct cmk_nl_bind *ret, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;
	struct cmk_nl_bind bind = { 0 };
	int r;

	req = cmk_request_new(nl, CMK_CMD_BIND, false);
	cmk_request_put_u32(req, CMK_A_MAIN_VERSION, own_version());
	if (key)
		cmk_request_put(req, CMK_A_MAIN_PUBLIC_KEY, key,
				CMK_PUBLIC_KEY_LEN);
	r = cmk_request_send(req, take_bind, &bind, e);
	if (r < 0)
		return r;
	if (!nl->event_seq_known) {
		nl->event_seq = bind.seq;
		nl->event_seq_known = true;
	}
	*ret = bind;
	return 0;
}

int cmk_nl_bind(struct cmk_nl *nl, struct cmk_nl_bind *ret,
		struct cmk_error *e)
{
	cmk_seal_end(&nl->seal);
	return bind_with(nl, NULL, ret, e);
}

int cmk_nl_keys_begin(struct cmk_nl *nl, struct cmk_error *e)
{
	struct cmk_nl_bind bind;
	int r;

	r = cmk_seal_begin(&nl->seal);
	if (!r) {
		r = bind_with(nl, nl->seal.public, &bind, e);
		if (r) {
			cmk_seal_end(&nl->seal);
			return r;
		}
		r = !bind.has_key ? -EPROTO :
		    cmk_seal_agree(&nl->seal, bind.epoch, bind.public_key);
	}
	if (!r)
		return 0;
	cmk_seal_end(&nl->seal);
	return cmk_error_set(e, CMK_FAILED, r, "seal",
			     "no session for sealed keys with the kernel");
}

void cmk_nl_keys_end(struct cmk_nl *nl)
{
	cmk_seal_end(&nl->seal);
}

/* A mapped device can be renamed; only sysfs knows what it is called now. */
static void read_name(struct cmk_nl_volume *v)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/name", v->major,
		 v->minor);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(v->name, sizeof(v->name), f))
		v->name[strcspn(v->name, "\n")] = '\0';
	fclose(f);
}

static void parse_rekey(struct nlattr **attrs, struct cmk_nl_rekeying *r)
{
	r->record = attrs[CMK_A_MAIN_REKEY_STATE];
	r->state = cmk_attr_u32(attrs, CMK_A_MAIN_REKEY_STATE);
	r->range = cmk_attr_u32(attrs, CMK_A_MAIN_REKEY_RANGE);
	r->old_generation = cmk_attr_u32(attrs, CMK_A_MAIN_OLD_GENERATION);
	r->generation = cmk_attr_u32(attrs, CMK_A_MAIN_GENERATION);
	cmk_attr_bytes(attrs, CMK_A_MAIN_RUN, r->run, sizeof(r->run));
	r->done = cmk_attr_u64(attrs, CMK_A_MAIN_REKEY_DONE);
	r->sectors = cmk_attr_u64(attrs, CMK_A_MAIN_REKEY_SECTORS);
	r->sector = cmk_attr_u64(attrs, CMK_A_MAIN_REKEY_SECTOR);
	r->error = cmk_attr_u32(attrs, CMK_A_MAIN_REKEY_ERROR);
	r->header_seq = cmk_attr_u64(attrs, CMK_A_MAIN_HEADER_SEQ);
}

static void parse_volume(struct nlattr **attrs, struct cmk_nl_volume *v)
{
	cmk_attr_bytes(attrs, CMK_A_MAIN_UUID, v->uuid, sizeof(v->uuid));
	v->major = cmk_attr_u32(attrs, CMK_A_MAIN_MAJOR);
	v->minor = cmk_attr_u32(attrs, CMK_A_MAIN_MINOR);
	v->gate = cmk_attr_u32(attrs, CMK_A_MAIN_GATE);
	v->cause = cmk_attr_u32(attrs, CMK_A_MAIN_CAUSE);
	v->sticky = attrs[CMK_A_MAIN_STICKY];
	v->closing = cmk_attr_u64(attrs, CMK_A_MAIN_CLOSING);
	cmk_attr_text(attrs, CMK_A_MAIN_REASON, v->reason, sizeof(v->reason));
	v->ranges = cmk_attr_u32(attrs, CMK_A_MAIN_RANGES);
	v->range_sectors = cmk_attr_u64(attrs, CMK_A_MAIN_RANGE_SECTORS);
	v->sectors = cmk_attr_u64(attrs, CMK_A_MAIN_SECTORS);
	v->sector_size = cmk_attr_u32(attrs, CMK_A_MAIN_SECTOR_SIZE);
	v->live = cmk_attr_u32(attrs, CMK_A_MAIN_LIVE);
	v->wanted = cmk_attr_u32(attrs, CMK_A_MAIN_WANTED);
	v->parked = cmk_attr_u32(attrs, CMK_A_MAIN_PARKED);
	cmk_attr_text(attrs, CMK_A_MAIN_DRIVER, v->driver, sizeof(v->driver));
	v->key_bytes = cmk_attr_u64(attrs, CMK_A_MAIN_KEY_BYTES);
	v->nr_inline = cmk_attr_u64(attrs, CMK_A_MAIN_INLINE);
	v->nr_queued = cmk_attr_u64(attrs, CMK_A_MAIN_QUEUED);
	v->nr_deferred = cmk_attr_u64(attrs, CMK_A_MAIN_DEFERRED);
	v->no_lease = attrs[CMK_A_MAIN_NO_LEASE];
	v->lease_ttl = cmk_attr_u32(attrs, CMK_A_MAIN_LEASE_TTL);
	v->lease_left_ms = cmk_attr_u64(attrs, CMK_A_MAIN_LEASE_LEFT_MS);
	v->not_after = cmk_attr_u64(attrs, CMK_A_MAIN_NOT_AFTER);
	v->lapse = cmk_attr_u32(attrs, CMK_A_MAIN_LAPSE);
	v->keep_asleep = attrs[CMK_A_MAIN_KEEP_ASLEEP];
	parse_rekey(attrs, &v->rekey);
}

bool cmk_nl_keys_missing(const struct cmk_nl_volume *v)
{
	switch (v->rekey.state) {
	case CMK_REKEY_STATE_NONE:
	case CMK_REKEY_STATE_COMPLETE:
		break;
	case CMK_REKEY_STATE_PENDING:
	case CMK_REKEY_STATE_ARMED:
	case CMK_REKEY_STATE_RUNNING:
	case CMK_REKEY_STATE_PAUSED:
		return v->live <= v->ranges;
	}
	return v->live < v->ranges;
}

static int take_volume(struct nlattr **attrs, void *arg)
{
	struct cmk_nl_volume *v = list_add(arg);

	if (!v)
		return -ENOMEM;
	parse_volume(attrs, v);
	return 0;
}

static struct cmk_request *volume_request(struct cmk_nl *nl, enum cmk_cmd cmd,
					  const unsigned char *uuid)
{
	struct cmk_request *req = cmk_request_new(nl, cmd, false);

	cmk_request_put(req, CMK_A_MAIN_UUID, uuid, CMK_UUID_LEN);
	return req;
}

int cmk_nl_volume_get(struct cmk_nl *nl, const unsigned char *uuid,
		      struct cmk_nl_volume *ret, struct cmk_error *e)
{
	struct list l __list = { .size = sizeof(struct cmk_nl_volume) };
	struct cmk_request *req __cmk_request = NULL;
	int r;

	req = volume_request(nl, CMK_CMD_VOLUME_GET, uuid);
	r = cmk_request_send(req, take_volume, &l, e);
	if (r < 0)
		return r;
	if (l.n != 1)
		return cmk_error_set(e, CMK_FAILED, -EPROTO, "protocol",
				     "kernel: no volume in the answer");
	*ret = *(struct cmk_nl_volume *)l.items;
	read_name(ret);
	return 0;
}

int cmk_nl_volumes(struct cmk_nl *nl, cmk_nl_volume_t cb, void *userdata,
		   struct cmk_error *e)
{
	struct list l __list = { .size = sizeof(struct cmk_nl_volume) };
	struct cmk_request *req __cmk_request = NULL;
	struct cmk_nl_volume *v;
	int r;

	req = cmk_request_new(nl, CMK_CMD_VOLUME_GET, true);
	r = dump(req, &l, take_volume, e);
	for (v = l.items; r >= 0 && v && v < (struct cmk_nl_volume *)l.items +
	     l.n; v++) {
		read_name(v);
		r = cb(v, userdata);
	}
	return r < 0 ? r : 0;
}

static int take_range(struct nlattr **attrs, void *arg)
{
	struct cmk_nl_range *range = list_add(arg);

	if (!range)
		return -ENOMEM;
	range->range = cmk_attr_u32(attrs, CMK_A_MAIN_RANGE);
	range->count = cmk_attr_u32(attrs, CMK_A_MAIN_COUNT);
	range->state = cmk_attr_u32(attrs, CMK_A_MAIN_STATE);
	range->generation = cmk_attr_u32(attrs, CMK_A_MAIN_GENERATION);
	range->wanted = cmk_attr_u32(attrs, CMK_A_MAIN_WANTED);
	return 0;
}

int cmk_nl_ranges(struct cmk_nl *nl, const unsigned char *uuid,
		  bool wanted_only, cmk_nl_range_t cb, void *userdata,
		  struct cmk_error *e)
{
	struct list l __list = { .size = sizeof(struct cmk_nl_range) };
	struct cmk_request *req __cmk_request = NULL;
	struct cmk_nl_range *range;
	int r;

	req = cmk_request_new(nl, CMK_CMD_RANGE_GET, true);
	cmk_request_put(req, CMK_A_MAIN_UUID, uuid, CMK_UUID_LEN);
	if (wanted_only)
		cmk_request_put(req, CMK_A_MAIN_WANTED_ONLY, NULL, 0);
	r = dump(req, &l, take_range, e);
	for (range = l.items; r >= 0 && range &&
	     range < (struct cmk_nl_range *)l.items + l.n; range++)
		r = cb(range, userdata);
	return r < 0 ? r : 0;
}

int cmk_nl_put_key(struct cmk_nl *nl, struct cmk_request *req, int type,
		   const struct cmk_seal_place *place,
		   const struct cmk_secret *key)
{
	unsigned char data[CMK_DEK_LEN + CMK_SEAL_TAG_LEN];
	int r = -EINVAL;

	if (key->len + CMK_SEAL_TAG_LEN <= sizeof(data))
		r = cmk_seal_message(&nl->seal, place, key, data);
	if (r)
		return r;
	cmk_request_nest(req, type);
	cmk_request_put(req, CMK_A_KEY_EPOCH, &nl->seal.epoch,
			sizeof(nl->seal.epoch));
	cmk_request_put(req, CMK_A_KEY_COUNTER, &nl->seal.counter,
			sizeof(nl->seal.counter));
	cmk_request_put(req, CMK_A_KEY_DATA, data,
			key->len + CMK_SEAL_TAG_LEN);
	cmk_request_nest_end(req);
	return 0;
}

int cmk_nl_not_sealed(struct cmk_error *e, int r)
{
	return cmk_error_set(e, CMK_FAILED, r, "seal",
			     "the key cannot be sealed");
}

static int set_key(struct cmk_nl *nl, const struct cmk_seal_place *place,
		   const struct cmk_secret *dek, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;
	int r;

	req = volume_request(nl, place->cmd, place->uuid);
	cmk_request_put_u32(req, CMK_A_MAIN_RANGE, place->range);
	cmk_request_put_u32(req, CMK_A_MAIN_GENERATION, place->generation);
	r = dek->len == CMK_DEK_LEN ?
		cmk_nl_put_key(nl, req, CMK_A_MAIN_KEY, place, dek) : -EINVAL;
	return r ? cmk_nl_not_sealed(e, r) :
		   cmk_request_send(req, NULL, NULL, e);
}

/*
 * ESTALE may mean something else, which a new session does not change; and
 * where none can be had, the first refusal is what the caller has to know.
 */
int cmk_nl_key_set(struct cmk_nl *nl, const unsigned char *uuid,
		   uint32_t range, uint32_t generation,
		   const struct cmk_secret *dek, struct cmk_error *e)
{
	const struct cmk_seal_place place = {
		.cmd = CMK_CMD_KEY_SET,
		.uuid = uuid,
		.range = range,
		.generation = generation,
	};
	struct cmk_error other;
	int tries, r;

	r = set_key(nl, &place, dek, e);
	for (tries = 1; r == -ESTALE && tries < CMK_SEAL_TRIES; tries++) {
		if (cmk_nl_keys_begin(nl, &other))
			break;
		r = set_key(nl, &place, dek, e);
	}
	return r;
}

int cmk_nl_key_drop(struct cmk_nl *nl, const unsigned char *uuid,
		    uint32_t range, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = volume_request(nl, CMK_CMD_KEY_DROP, uuid);
	if (range != UINT32_MAX)
		cmk_request_put_u32(req, CMK_A_MAIN_RANGE, range);
	return cmk_request_send(req, NULL, NULL, e);
}

static void put_lease(struct cmk_request *req, const struct cmk_nl_lease *l)
{
	cmk_request_put_u32(req, CMK_A_MAIN_LEASE_TTL, l->ttl);
	cmk_request_put(req, CMK_A_MAIN_NOT_AFTER, &l->not_after,
			sizeof(l->not_after));
	cmk_request_put_u32(req, CMK_A_MAIN_LAPSE, l->lapse);
	if (l->keep_asleep)
		cmk_request_put(req, CMK_A_MAIN_KEEP_ASLEEP, NULL, 0);
}

int cmk_nl_lease_renew(struct cmk_nl *nl, const unsigned char *uuid,
		       const struct cmk_nl_lease *lease, struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = volume_request(nl, CMK_CMD_LEASE_RENEW, uuid);
	put_lease(req, lease);
	return cmk_request_send(req, NULL, NULL, e);
}

static int close_gate(struct cmk_nl *nl, enum cmk_cmd cmd,
		      const unsigned char *uuid, enum cmk_actor actor,
		      enum cmk_cause cause, const char *reason,
		      struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = volume_request(nl, cmd, uuid);
	cmk_request_put_u32(req, CMK_A_MAIN_ACTOR, actor);
	cmk_request_put_u32(req, CMK_A_MAIN_CAUSE, cause);
	if (reason && *reason)
		cmk_request_put(req, CMK_A_MAIN_REASON, reason,
				strlen(reason) + 1);
	return cmk_request_send(req, NULL, NULL, e);
}

int cmk_nl_hold(struct cmk_nl *nl, const unsigned char *uuid,
		enum cmk_actor actor, enum cmk_cause cause,
		const char *reason, struct cmk_error *e)
{
	return close_gate(nl, CMK_CMD_HOLD, uuid, actor, cause, reason, e);
}

int cmk_nl_revoke(struct cmk_nl *nl, const unsigned char *uuid,
		  enum cmk_actor actor, enum cmk_cause cause,
		  const char *reason, struct cmk_error *e)
{
	return close_gate(nl, CMK_CMD_REVOKE, uuid, actor, cause, reason, e);
}

int cmk_nl_restore(struct cmk_nl *nl, const unsigned char *uuid, bool admin,
		   uint64_t closing, const struct cmk_nl_lease *lease,
		   struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;
	struct cmk_error why;
	int r;

	req = volume_request(nl, CMK_CMD_RESTORE, uuid);
	if (admin)
		cmk_request_put(req, CMK_A_MAIN_ADMIN, NULL, 0);
	cmk_request_put(req, CMK_A_MAIN_CLOSING, &closing, sizeof(closing));
	put_lease(req, lease);
	r = cmk_request_send(req, NULL, NULL, &why);
	if (r == -ESTALE)
		return cmk_error_set(e, CMK_TEMPORARY, r, "closed-again", "%s",
				     why.text);
	if (r)
		*e = why;
	return r;
}

int cmk_nl_benchmark(struct cmk_nl *nl, uint32_t sector_size,
		     struct cmk_error *e)
{
	struct cmk_request *req __cmk_request = NULL;

	req = cmk_request_new(nl, CMK_CMD_BENCHMARK, false);
	cmk_request_put_u32(req, CMK_A_MAIN_SECTOR_SIZE, sector_size);
	return cmk_request_send(req, NULL, NULL, e);
}
