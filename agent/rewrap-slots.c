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
				     s->range);
	return 0;
}

static void on_again(struct cmk_kek_result *res, void *userdata)
{
	struct rewrap_slot *s = userdata;
	struct cmk_error e;

	s->op = NULL;
	cmk_rewrap_answer(s->job, res, false, s->range);
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
	cmk_rewrap_answer(j, res, true, s->range);
	if (res->answer != CMK_USABLE || j->failed) {
		ended(s, res->answer != CMK_USABLE ? &res->error : NULL);
		return;
	}
	if (res->blob_len > sizeof(s->blob) ||
	    strcasecmp(res->kid, j->to.kid)) {
		cmk_error_set(&e, CMK_FAILED, -EPROTO, "wrap",
			      "the wrap of range %u came from %s", s->range,
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
	uint32_t generation;
	int r;

	r = cmk_header_open_direct(j->header, s->range, opened, &dek, e);
	if (r)
		return r;
	if (!cmk_header_slot(j->header, s->range, &generation) ||
	    cmk_sha256(dek.data, dek.len, s->sum) ||
	    cmk_header_dek_payload(j->header, s->range, generation, &dek,
				   &payload))
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no locked memory for the key of range %u",
				     s->range);
	return cmk_kek_wrap(j->agent->keks, j->to.kid, &payload, CMK_PATIENCE,
			    on_wrapped, s, &s->op, e);
}

static void on_dek(struct cmk_kek_result *res, void *userdata)
{
	struct rewrap_slot *s = userdata;
	struct cmk_error e;

	s->op = NULL;
	cmk_rewrap_answer(s->job, res, false, s->range);
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
				     s->range);
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

	while (!j->failed && j->next_range < j->info.ranges &&
	       j->pending < width(j)) {
		struct rewrap_slot *s = &j->slots[j->next_range];

		s->job = j;
		s->range = j->next_range++;
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
	for (i = 0; i < j->info.ranges; i++)
		if (j->slots[i].op)
			cmk_kek_cancel(j->slots[i].op);
	j->pending--;
	more(j);
}

void cmk_rewrap_slots(struct cmk_rewrap *j)
{
	struct cmk_error e;

	j->slots = calloc(j->info.ranges, sizeof(*j->slots));
	if (j->slots) {
		more(j);
		return;
	}
	cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory", "out of memory");
	cmk_rewrap_fail(j, &e);
}
