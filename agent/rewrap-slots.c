// SPDX-License-Identifier: GPL-2.0
/*
 * The DEKs of wrap mode direct: each unwrapped with the old version, wrapped
 * with the new one and unwrapped again.  A DEK is here only from one answer to
 * the request that it is put into; of what the new wrap must hold a digest is
 * kept.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "crypto.h"
#include "rewrap-internal.h"

static void more(struct cmk_rewrap *j);

static void first_failure(struct cmk_rewrap *j, const struct cmk_error *e)
{
	if (!j->failed)
		j->e = *e;
	j->failed = true;
}

/* The range and the generation of its DEK. */
static bool name_dek(const struct rewrap_slot *s, uint32_t *ret_range,
		     uint32_t *ret_generation)
{
	struct cmk_header_next next;

	if (s->range != CMK_SLOT_SPARE) {
		*ret_range = s->range;
		return cmk_header_slot(s->job->header, s->range,
				       ret_generation);
	}
	if (!cmk_header_get_next(s->job->header, &next))
		return false;
	*ret_range = next.range;
	*ret_generation = next.generation;
	return true;
}

/* What is said of it. */
static uint32_t number(const struct rewrap_slot *s)
{
	uint32_t range = s->range, generation;

	name_dek(s, &range, &generation);
	return range;
}

/* This slot is done with, for better or worse; @j may be gone afterwards. */
static void ended(struct rewrap_slot *s, const struct cmk_error *e)
{
	struct cmk_rewrap *j = s->job;

	if (e)
		first_failure(j, e);
	j->pending--;
	more(j);
}

static int same_dek(const struct rewrap_slot *s, struct cmk_secret *payload,
		    struct cmk_error *e)
{
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	unsigned char sum[CMK_SHA256_LEN];
	int r;

	r = cmk_header_open_direct(s->job->header, s->range, payload, &dek, e);
	if (r)
		return r;
	if (cmk_sha256(dek.data, dek.len, sum) ||
	    memcmp(sum, s->sum, sizeof(sum)))
		return cmk_error_set(e, CMK_FAILED, -EKEYREJECTED, "wrap",
				     "range %u: the new key does not unwrap to what it wrapped; nothing was written",
				     number(s));
	return 0;
}

static void on_again(struct cmk_kek_result *res, void *userdata)
{
	struct rewrap_slot *s = userdata;
	struct cmk_error e;

	s->op = NULL;
	cmk_rewrap_answer(s->job, res, false, number(s));
	if (res->answer != CMK_USABLE)
		ended(s, &res->error);
	else if (s->job->failed)
		ended(s, NULL);
	else if (same_dek(s, &res->plain, &e))
		ended(s, &e);
	else
		ended(s, NULL);
}

static void on_wrapped(struct cmk_kek_result *res, void *userdata)
{
	struct rewrap_slot *s = userdata;
	struct cmk_rewrap *j = s->job;
	struct cmk_error e;

	s->op = NULL;
	cmk_rewrap_answer(j, res, true, number(s));
	if (res->answer != CMK_USABLE || j->failed) {
		ended(s, res->answer != CMK_USABLE ? &res->error : NULL);
		return;
	}
	if (res->blob_len > sizeof(s->blob) ||
	    strcasecmp(res->kid, j->to.kid)) {
		cmk_error_set(&e, CMK_FAILED, -EPROTO, "wrap",
			      "the wrap of range %u came from %s", number(s),
			      res->kid);
		ended(s, &e);
		return;
	}
	memcpy(s->blob, res->blob, res->blob_len);
	s->len = res->blob_len;
	if (cmk_kek_unwrap(j->agent->keks, j->to.kid, j->to.alg, s->blob,
			   s->len, CMK_PATIENCE, on_again, s, &s->op, &e))
		ended(s, &e);
}

static int wrap_again(struct rewrap_slot *s, struct cmk_secret *opened,
		      struct cmk_error *e)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	struct cmk_rewrap *j = s->job;
	uint32_t range, generation;
	int r;

	r = cmk_header_open_direct(j->header, s->range, opened, &dek, e);
	if (r)
		return r;
	if (!name_dek(s, &range, &generation) ||
	    cmk_sha256(dek.data, dek.len, s->sum) ||
	    cmk_header_dek_payload(j->header, range, generation, &dek,
				   &payload))
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no locked memory for the key of range %u",
				     number(s));
	return cmk_kek_wrap(j->agent->keks, j->to.kid, &payload, CMK_PATIENCE,
			    on_wrapped, s, &s->op, e);
}

static void on_dek(struct cmk_kek_result *res, void *userdata)
{
	struct rewrap_slot *s = userdata;
	struct cmk_error e;

	s->op = NULL;
	cmk_rewrap_answer(s->job, res, false, number(s));
	if (res->answer != CMK_USABLE)
		ended(s, &res->error);
	else if (s->job->failed)
		ended(s, NULL);
	else if (wrap_again(s, &res->plain, &e))
		ended(s, &e);
}

static int begin(struct rewrap_slot *s, struct cmk_error *e)
{
	struct cmk_rewrap *j = s->job;
	const void *blob;
	unsigned int kek;
	size_t len;
	int r;

	r = cmk_header_get_direct(j->header, s->range, &kek, &blob, &len, e);
	if (r)
		return r;
	/* Only the KEK that the node allows is ever asked. */
	if (kek != j->old)
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				     "kek-not-allowed",
				     "range %u is wrapped by another KEK than the header key",
				     number(s));
	return cmk_kek_unwrap(j->agent->keks, j->from.kid, j->from.alg, blob,
			      len, CMK_PATIENCE, on_dek, s, &s->op, e);
}

/* Half of what a vault may be asked at once: an open must not stand behind. */
static unsigned int width(const struct cmk_rewrap *j)
{
	return (cmk_kek_concurrency(j->agent->keks) + 1) / 2;
}

/* @j may be gone afterwards. */
static void more(struct cmk_rewrap *j)
{
	struct cmk_error e;

	while (!j->failed && j->next_slot < j->n_slots &&
	       j->pending < width(j)) {
		struct rewrap_slot *s = &j->slots[j->next_slot++];

		s->job = j;
		if (begin(s, &e))
			first_failure(j, &e);
		else
			j->pending++;
	}
	if (j->pending)
		return;
	if (j->failed)
		cmk_rewrap_fail(j, &j->e);
	else
		cmk_rewrap_write(j);
}

void cmk_rewrap_slots_end(struct cmk_rewrap *j)
{
	uint32_t i;

	/* Not gone before the last. */
	j->pending++;
	for (i = 0; i < j->n_slots; i++)
		if (j->slots[i].op)
			cmk_kek_cancel(j->slots[i].op);
	j->pending--;
	more(j);
}

void cmk_rewrap_slots(struct cmk_rewrap *j)
{
	uint32_t ranges = j->info.ranges, i;
	struct cmk_error e;

	/* That of a range which is rekeyed has a wrap, too. */
	j->n_slots = ranges + cmk_header_spare_used(j->header);
	j->slots = calloc(j->n_slots, sizeof(*j->slots));
	for (i = 0; j->slots && i < j->n_slots; i++)
		j->slots[i].range = i < ranges ? i : CMK_SLOT_SPARE;
	if (j->slots) {
		more(j);
		return;
	}
	cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory", "out of memory");
	cmk_rewrap_fail(j, &e);
}
