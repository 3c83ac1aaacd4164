// SPDX-License-Identifier: GPL-2.0
/*
 * What a rekey asks of the key server: the header key, for each of its works;
 * and in mode direct a wrap of the new DEK, which is unwrapped again: what
 * cannot be unwrapped is no wrap.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "audit.h"
#include "crypto.h"
#include "rekey-internal.h"

void cmk_rekey_reset(struct cmk_rekey *j)
{
	struct cmk_kek_op *op = j->op;

	/* Its callback finds that nobody waits. */
	j->op = NULL;
	if (op)
		cmk_kek_cancel(op);
	cmk_secret_wipe(&j->hk);
	cmk_secret_wipe(&j->dek);
	j->work = REKEY_IDLE;
	j->ready = false;
}

static void audit(const struct cmk_rekey *j, const struct cmk_kek_result *res,
		  bool wrap, bool header)
{
	const struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);
	char text[16] = "header";
	struct cmk_audit_entry en = {
		.event = wrap ? CMK_AUDIT_WRAP : CMK_AUDIT_UNWRAP,
		.result = cmk_audit_result_of(res->answer),
		.uuid = j->uuid, .range = text, .kid = res->kid, .kek = res,
		.name = v ? v->st.name : NULL,
	};

	if (!header)
		snprintf(text, sizeof(text), "%u", j->next.range);
	cmk_audit_write(j->agent->audit, &en, "%s: %s, %s: %s",
			v ? v->st.name : "", wrap ? "wrap" : "unwrap", text,
			res->answer == CMK_USABLE ? "ok" : res->error.text);
}

/* An answer: does anybody wait for it, and is it one? */
static bool take(struct cmk_rekey *j, const struct cmk_kek_result *res,
		 bool wrap, bool header)
{
	if (!j->op)
		return false;
	j->op = NULL;
	audit(j, res, wrap, header);
	if (res->answer == CMK_USABLE)
		return true;
	cmk_rekey_worked(j, &res->error);
	return false;
}

static void on_again(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rekey *j = userdata;
	struct cmk_error e;

	if (!take(j, res, false, false))
		return;
	/* The rest of the payload binds it to its place; the header asks. */
	if (res->plain.len < CMK_DEK_BYTES ||
	    !cmk_equal(res->plain.data, j->dek.data, CMK_DEK_BYTES)) {
		cmk_error_set(&e, CMK_FAILED, -EKEYREJECTED, "wrap",
			      "range %u: the key does not unwrap to what it wrapped; nothing was written",
			      j->next.range);
		cmk_rekey_worked(j, &e);
		return;
	}
	j->ready = true;
	cmk_rekey_look(j->agent, j->uuid);
}

static void on_wrapped(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rekey *j = userdata;
	struct cmk_error e;

	if (!take(j, res, true, false))
		return;
	if (res->blob_len > sizeof(j->blob) || strcasecmp(res->kid, j->kid)) {
		cmk_error_set(&e, CMK_FAILED, -EPROTO, "wrap",
			      "the wrap of range %u came from %s",
			      j->next.range, res->kid);
		cmk_rekey_worked(j, &e);
		return;
	}
	memcpy(j->blob, res->blob, res->blob_len);
	j->len = res->blob_len;
	if (cmk_kek_unwrap(j->agent->keks, j->kid, CMK_RSA_OAEP_256, j->blob,
			   j->len, CMK_PATIENCE, on_again, j, &j->op, &e))
		cmk_rekey_worked(j, &e);
}

static int make_dek(struct cmk_rekey *j, const struct cmk_volume *v,
		    struct cmk_error *e)
{
	uint32_t generation;

	j->next.range = v->st.rekey.next;
	if (!cmk_header_slot(v->header, j->next.range, &generation))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOKEY, "slot-empty",
				     "the header has no key for range %u",
				     j->next.range);
	j->next.generation = generation + 1;
	if (getrandom(j->next.run, sizeof(j->next.run), 0) !=
	    sizeof(j->next.run) || cmk_secret_random(&j->dek, CMK_DEK_BYTES))
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "cannot make a key");
	return 0;
}

static int wrap_dek(struct cmk_rekey *j, const struct cmk_volume *v,
		    struct cmk_error *e)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;

	if (cmk_header_dek_payload(v->header, j->next.range,
				   j->next.generation, &j->dek, &payload))
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no locked memory for the key of range %u",
				     j->next.range);
	return cmk_kek_wrap(j->agent->keks, j->kid, &payload, CMK_PATIENCE,
			    on_wrapped, j, &j->op, e);
}

static int check_hk(struct cmk_rekey *j, const struct cmk_volume *v,
		    struct cmk_secret *payload, struct cmk_error *e)
{
	unsigned char id[32];
	int r;

	r = cmk_header_hk_open(v->header, payload, &j->hk, e) ?:
	    cmk_header_verify(v->header, &j->hk, e);
	if (!r && (cmk_header_hk_id(&j->hk, id) || !v->st.has_hk ||
		   memcmp(id, v->st.hk_id, sizeof(id))))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				  "header-exchanged",
				  "the header has another header key than the one that this node knows");
	return r;
}

/* @j->ready: all is here.  Else the next answer goes on. */
static int go_on(struct cmk_rekey *j, const struct cmk_volume *v,
		 struct cmk_secret *payload, struct cmk_error *e)
{
	int r = check_hk(j, v, payload, e);

	if (!r && j->work == REKEY_START) {
		r = make_dek(j, v, e);
		if (!r && v->info.wrap == CMK_FORMAT_WRAP_DIRECT)
			return wrap_dek(j, v, e);
	}
	j->ready = !r;
	return r;
}

static void on_hk(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rekey *j = userdata;
	const struct cmk_volume *v = cmk_volume_find(j->agent, j->uuid);
	struct cmk_error e;

	if (!take(j, res, false, true))
		return;
	if (!v || !v->header) {
		cmk_error_set(&e, CMK_UNSUITABLE, -ENODEV, "no-volume",
			      "the volume was closed");
		cmk_rekey_worked(j, &e);
	} else if (go_on(j, v, &res->plain, &e)) {
		cmk_rekey_worked(j, &e);
	} else if (j->ready) {
		cmk_rekey_look(j->agent, j->uuid);
	}
}

int cmk_rekey_begin(struct cmk_rekey *j, struct cmk_volume *v,
		    enum rekey_work work, struct cmk_error *e)
{
	struct cmk_header_kek kek;

	if (!cmk_header_get_kek(v->header, v->kek, &kek))
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "no-wrap",
				     "the header has no such wrap");
	j->work = work;
	if (work == REKEY_FINISH)
		j->next.range = v->kernel.rekey.range;
	snprintf(j->kid, sizeof(j->kid), "%s", kek.kid);
	return cmk_kek_unwrap(j->agent->keks, kek.kid, kek.alg, kek.blob,
			      kek.blob_len, CMK_PATIENCE, on_hk, j, &j->op, e);
}
