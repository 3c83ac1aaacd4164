// SPDX-License-Identifier: GPL-2.0
/*
 * Fetches and installs the DEKs of a volume.  Wrap mode hk: one unwrap, then
 * each DEK is opened, set and wiped in turn.  Wrap mode direct: one unwrap for
 * each range, as many at once as the providers allow, and the DEKs are
 * collected until the last is here, because a restore sets all or none.  The
 * other requests are not made yet: the time of one runs from the moment that
 * it is made, and in line behind the others it would run out.
 *
 * Of a range that is rekeyed both DEKs are brought, and the key of the kernel's
 * record: the three go to the kernel in one command.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"
#include "keys-internal.h"

static void cancel_all(struct cmk_keys *k)
{
	uint32_t i;

	if (k->hk_op)
		cmk_kek_cancel(k->hk_op);
	for (i = 0; k->deks && i < k->slots; i++)
		if (k->deks[i].op)
			cmk_kek_cancel(k->deks[i].op);
}

void cmk_keys_free(struct cmk_keys *k)
{
	uint32_t i;

	if (!k)
		return;
	k->over = true;
	cancel_all(k);
	for (i = 0; k->deks && i < k->slots; i++)
		cmk_secret_wipe(&k->deks[i].dek);
	cmk_secret_wipe(&k->record_key);
	cmk_secret_wipe(&k->hk);
	free(k->deks);
	free(k);
}

/* @k may be gone afterwards. */
static void finish(struct cmk_keys *k, const struct cmk_error *e,
		   const struct cmk_kek_result *last)
{
	if (k->over)
		return;
	k->over = true;
	k->done(k, e, last, k->userdata);
}

static int fetch_more(struct cmk_keys *k, struct cmk_error *e);

static void on_dek(struct cmk_kek_result *res, void *userdata)
{
	struct dek_op *d = userdata;
	struct cmk_keys *k = d->keys;
	struct cmk_error e;

	d->op = NULL;
	k->pending--;
	if (k->over)
		return;
	k->answer(res, d->slot == CMK_SLOT_SPARE ? k->rekey.range : d->slot,
		  k->userdata);
	if (res->answer != CMK_USABLE) {
		finish(k, &res->error, res);
		return;
	}
	if (cmk_header_open_direct(k->header, d->slot, &res->plain, &d->dek,
				   &e) ||
	    fetch_more(k, &e)) {
		finish(k, &e, res);
		return;
	}
	if (!k->pending)
		finish(k, NULL, res);
}

static uint32_t slot_at(const struct cmk_keys *k, uint32_t i)
{
	return i < k->info.ranges ? i : CMK_SLOT_SPARE;
}

static int get_blob(const struct cmk_keys *k, uint32_t slot,
		    const void **blob, size_t *len, struct cmk_error *e)
{
	unsigned int kek;
	int r;

	r = cmk_header_get_direct(k->header, slot, &kek, blob, len, e);
	if (r)
		return r;
	/* Only the KEK that the node allows is ever asked. */
	if (kek != k->kek_index)
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				     "kek-not-allowed",
				     "range %u is wrapped by another KEK than the header key",
				     slot == CMK_SLOT_SPARE ? k->rekey.range :
							      slot);
	return 0;
}

static int fetch_dek(struct cmk_keys *k, uint32_t i, struct cmk_error *e)
{
	struct dek_op *d = &k->deks[i];
	const void *blob;
	size_t len;
	int r;

	d->keys = k;
	d->slot = slot_at(k, i);
	r = get_blob(k, d->slot, &blob, &len, e);
	if (!r)
		r = cmk_kek_unwrap(k->set, k->kek.kid, k->kek.alg, blob, len,
				   CMK_PATIENCE, on_dek, d, &d->op, e);
	return r;
}

/*
 * A request that was throttled keeps its place while it waits, so that a vault
 * which has enough is asked less.
 */
static int fetch_more(struct cmk_keys *k, struct cmk_error *e)
{
	unsigned int max = cmk_kek_concurrency(k->set);
	int r;

	while (k->next < k->slots && k->pending < max) {
		r = fetch_dek(k, k->next, e);
		if (r)
			return r;
		k->next++;
		k->pending++;
	}
	return 0;
}

/* A slot that cannot be used is found before the vault is asked for any. */
static int fetch_deks(struct cmk_keys *k, struct cmk_error *e)
{
	const void *blob;
	size_t len;
	uint32_t i;
	int r;

	for (i = 0; i < k->slots; i++) {
		r = get_blob(k, slot_at(k, i), &blob, &len, e);
		if (r)
			return r;
	}
	k->deks = calloc(k->slots, sizeof(*k->deks));
	if (!k->deks)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	return fetch_more(k, e);
}

static int check_hk(struct cmk_keys *k, struct cmk_secret *payload,
		    struct cmk_error *e)
{
	unsigned char id[32];
	int r;

	r = cmk_header_hk_open(k->header, payload, &k->hk, e);
	if (!r)
		r = cmk_header_verify(k->header, &k->hk, e);
	if (!r && cmk_header_hk_id(&k->hk, id))
		r = cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				  "cannot digest the header key");
	if (r)
		return r;
	if (k->has_id && memcmp(id, k->hk_id, sizeof(id)))
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				     "header-exchanged",
				     "the header has another header key than the one that this node opened last; if that is meant, use --accept-header");
	memcpy(k->hk_id, id, sizeof(id));
	if (k->has_rekey &&
	    cmk_header_record_key(k->header, &k->hk, &k->rekey,
				  &k->record_key))
		return cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				     "cannot make the key of the rekey's record");
	return 0;
}

static void on_hk(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_keys *k = userdata;
	struct cmk_error e;
	int r;

	k->hk_op = NULL;
	if (k->over)
		return;
	k->answer(res, UINT32_MAX, k->userdata);
	if (res->answer != CMK_USABLE) {
		finish(k, &res->error, res);
		return;
	}
	r = check_hk(k, &res->plain, &e);
	if (!r && k->info.wrap == CMK_FORMAT_WRAP_DIRECT) {
		/* Verified, and not needed again. */
		cmk_secret_wipe(&k->hk);
		r = fetch_deks(k, &e);
		if (!r)
			return;
	}
	finish(k, r ? &e : NULL, res);
}

int cmk_keys_fetch(struct cmk_keys **ret, struct cmk_kek_set *set,
		   const struct cmk_header *header, unsigned int kek,
		   const unsigned char *hk_id, cmk_keys_answer_t answer,
		   cmk_keys_done_t done, void *userdata, struct cmk_error *e)
{
	struct cmk_keys *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	k->set = set;
	k->header = header;
	k->kek_index = kek;
	k->answer = answer;
	k->done = done;
	k->userdata = userdata;
	cmk_header_get_info(header, &k->info);
	k->has_rekey = cmk_header_get_next(header, &k->rekey);
	k->slots = k->info.ranges + k->has_rekey;
	if (hk_id) {
		k->has_id = true;
		memcpy(k->hk_id, hk_id, 32);
	}
	if (!cmk_header_get_kek(header, kek, &k->kek))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "no-wrap",
				  "the header has no such wrap");
	else
		r = cmk_kek_unwrap(set, k->kek.kid, k->kek.alg, k->kek.blob,
				   k->kek.blob_len, CMK_PATIENCE, on_hk, k,
				   &k->hk_op, e);
	if (r) {
		cmk_keys_free(k);
		return r;
	}
	*ret = k;
	return 0;
}

const unsigned char *cmk_keys_hk_id(const struct cmk_keys *k)
{
	return k->hk_id;
}
