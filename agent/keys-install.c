// SPDX-License-Identifier: GPL-2.0
/*
 * DEKs that have come, on their way into the kernel: may they be what it has in
 * mind, and then each into its place.  Of a range that is rekeyed both go, with
 * the key of the kernel's record, in one command; when all of its data is under
 * the next one, that alone.
 */
#include <errno.h>
#include <string.h>

#include "keys-internal.h"

/* @e: kept apart, since a dump that is ended early has an error of its own. */
struct generation_check {
	const struct cmk_keys *keys;
	uint32_t seen;
	struct cmk_error e;
};

/* Does the kernel rekey what the header has a next DEK for? */
static bool same_rekey(const struct cmk_keys *k)
{
	return k->has_rekey && k->kernel.range == k->rekey.range &&
	       k->kernel.generation == k->rekey.generation &&
	       !memcmp(k->kernel.run, k->rekey.run, sizeof(k->rekey.run));
}

/* Of this range the next DEK is the one to set: all its data is under it. */
static bool is_complete(const struct cmk_keys *k, uint32_t range)
{
	return k->kernel.state == CMK_REKEY_STATE_COMPLETE &&
	       k->kernel.range == range && same_rekey(k);
}

/* This range has two DEKs. */
static bool is_halfway(const struct cmk_keys *k, uint32_t range)
{
	switch (k->kernel.state) {
	case CMK_REKEY_STATE_NONE:
	case CMK_REKEY_STATE_ARMED:	/* nothing was touched */
	case CMK_REKEY_STATE_COMPLETE:
		return false;
	case CMK_REKEY_STATE_PENDING:
	case CMK_REKEY_STATE_RUNNING:
	case CMK_REKEY_STATE_PAUSED:
		break;
	}
	return k->kernel.range == range;
}

static bool generation_of(const struct cmk_keys *k, uint32_t range,
			  uint32_t *ret)
{
	if (!is_complete(k, range))
		return cmk_header_slot(k->header, range, ret);
	*ret = k->rekey.generation;
	return true;
}

static int check_run(const struct cmk_nl_range *run, void *userdata)
{
	struct generation_check *c = userdata;
	uint32_t i, generation;

	for (i = run->range; i - run->range < run->count; i++) {
		c->seen++;
		if (!generation_of(c->keys, i, &generation))
			return cmk_error_set(&c->e, CMK_UNSUITABLE, -ENOKEY,
					     "slot-empty",
					     "the header has no key for range %u",
					     i);
		if (run->generation && run->generation != generation)
			return cmk_error_set(&c->e, CMK_UNSUITABLE, -ESTALE,
				"generation",
				"range %u: the header has generation %u, the kernel had %u live; no key was set",
				i, generation, run->generation);
	}
	return 0;
}

static int check_geometry(const struct cmk_header_info *h,
			  const struct cmk_nl_volume *v, struct cmk_error *e)
{
	const char *what = NULL;

	if (h->ranges != v->ranges)
		what = "number of ranges";
	else if (h->range_sectors != v->range_sectors)
		what = "range size";
	else if (h->sector_size != v->sector_size)
		what = "sector size";
	if (!what)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "geometry",
			     "the %s of the mapped device is not the header's",
			     what);
}

/*
 * The record on the disk knows which header its data needs.  Nobody's word
 * changes that: an older one would make garbage of what was rekeyed.
 */
static int check_record(const struct cmk_keys *k, struct cmk_error *e)
{
	if (k->info.seq < k->kernel.header_seq)
		return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE, "generation",
				     "the header is older (sequence %llu) than the last rekey of this disk (%llu), which has replaced a key of it",
				     (unsigned long long)k->info.seq,
				     (unsigned long long)k->kernel.header_seq);
	/* Its cursor is in the record, and with one key half is garbage. */
	if (k->has_rekey && !k->kernel.record)
		return cmk_error_set(e, CMK_UNSUITABLE, -EOPNOTSUPP,
				     "no-record",
				     "range %u may be half rekeyed, and the volume is mapped without its record area; close it and open it again",
				     k->rekey.range);
	if (is_halfway(k, k->kernel.range) && !same_rekey(k))
		return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE, "rekey",
				     "range %u was being rekeyed, and the header does not have the key for that; restore the latest header",
				     k->kernel.range);
	return 0;
}

int cmk_keys_check(struct cmk_keys *k, struct cmk_nl *nl,
		   const struct cmk_nl_volume *kernel, struct cmk_error *e)
{
	struct generation_check c = { .keys = k };
	int r;

	k->kernel = kernel->rekey;
	r = check_geometry(&k->info, kernel, e) ?: check_record(k, e);
	if (!r)
		r = cmk_nl_ranges(nl, k->info.uuid, false, check_run, &c, e);
	if (r && c.e.err)
		*e = c.e;
	if (!r && c.seen != k->info.ranges)
		r = cmk_error_set(e, CMK_FAILED, -EPROTO, "geometry",
				  "the kernel told of %u ranges, not %u",
				  c.seen, k->info.ranges);
	return r;
}

/* *@ret is in @buf, or stays where it is: an install may be repeated. */
static int open_dek(const struct cmk_keys *k, uint32_t slot,
		    const struct cmk_secret *slot_key, struct cmk_secret *buf,
		    const struct cmk_secret **ret, struct cmk_error *e)
{
	uint32_t i = slot == CMK_SLOT_SPARE ? k->info.ranges : slot;

	*ret = k->deks ? &k->deks[i].dek : buf;
	return k->deks ? 0 : cmk_header_open_hk(k->header, slot, slot_key, buf,
						e);
}

static int install_one(struct cmk_keys *k, struct cmk_nl *nl, uint32_t range,
		       const struct cmk_secret *slot_key, struct cmk_error *e)
{
	uint32_t slot = is_complete(k, range) ? CMK_SLOT_SPARE : range;
	__cmk_secret struct cmk_secret buf = CMK_SECRET_INIT;
	const struct cmk_secret *dek;
	uint32_t generation;
	int r;

	if (!generation_of(k, range, &generation))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOKEY, "slot-empty",
				     "the header has no key for range %u",
				     range);
	r = open_dek(k, slot, slot_key, &buf, &dek, e);
	return r ?: cmk_nl_key_set(nl, k->info.uuid, range, generation, dek,
				   e);
}

/* The rekey goes on where the record says. */
static int install_rekey(struct cmk_keys *k, struct cmk_nl *nl,
			 const struct cmk_secret *slot_key,
			 const struct cmk_keys_rekey *terms,
			 struct cmk_error *e)
{
	__cmk_secret struct cmk_secret old = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret new = CMK_SECRET_INIT;
	struct cmk_nl_rekey rekey = {
		.range = k->rekey.range, .header_seq = k->info.seq,
		.mac_key = &k->record_key,
		.old_generation = k->kernel.old_generation,
		.generation = k->rekey.generation, .resume = true,
		.paused = terms->paused, .bandwidth = terms->bandwidth,
	};
	int r;

	memcpy(rekey.run, k->rekey.run, sizeof(rekey.run));
	r = open_dek(k, k->rekey.range, slot_key, &old, &rekey.old_key, e) ?:
	    open_dek(k, CMK_SLOT_SPARE, slot_key, &new, &rekey.key, e);
	return r ?: cmk_nl_rekey_start(nl, k->info.uuid, &rekey, e);
}

static int install_all(struct cmk_keys *k, struct cmk_nl *nl,
		       const struct cmk_keys_rekey *terms, uint32_t *live,
		       struct cmk_error *e)
{
	__cmk_secret struct cmk_secret slot_key = CMK_SECRET_INIT;
	uint32_t i;
	int r = 0;

	if (!k->deks)
		r = cmk_header_slot_key(k->header, &k->hk, &slot_key);
	if (r)
		return cmk_error_set(e, CMK_FAILED, r, "crypto",
				     "cannot make the key of the slots");
	for (i = 0; i < k->info.ranges; i++) {
		r = is_halfway(k, i) ?
		    install_rekey(k, nl, &slot_key, terms, e) :
		    install_one(k, nl, i, &slot_key, e);
		if (r)
			return r;
		++*live;
	}
	return 0;
}

int cmk_keys_install(struct cmk_keys *k, struct cmk_nl *nl,
		     const struct cmk_keys_rekey *terms, uint32_t *live,
		     struct cmk_error *e)
{
	int r = cmk_nl_keys_begin(nl, e);

	*live = 0;
	if (r)
		return r;
	r = install_all(k, nl, terms, live, e);
	cmk_nl_keys_end(nl);
	return r;
}
