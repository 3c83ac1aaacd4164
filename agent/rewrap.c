// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a rewrap, and the way of the header key from the old wrap into
 * the new one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "audit.h"
#include "kek-fit.h"
#include "rewrap-internal.h"

const char *cmk_rewrap_path(const struct cmk_rewrap *j)
{
	return j->st.header[0] ? j->st.header : j->st.device;
}

static const char *name_of(const struct cmk_rewrap *j)
{
	return j->st.name[0] ? j->st.name : j->st.device;
}

static struct cmk_audit_entry entry(const struct cmk_rewrap *j,
				    enum cmk_audit_event event)
{
	struct cmk_audit_entry en = {
		.event = event,
		.uuid = j->st.uuid,
		.name = j->st.name,
		.device = j->st.device,
	};

	if (j->req) {
		en.uid = j->req->uid;
		en.pid = j->req->pid;
	}
	return en;
}

static enum cmk_audit_event event_of(const struct cmk_rewrap *j)
{
	return j->kind == CMK_REWRAP_KEK ? CMK_AUDIT_SET_KEK :
					   CMK_AUDIT_REWRAP;
}

/* -- its end -- */

static void job_free(struct cmk_rewrap *j)
{
	struct cmk_rewrap **p = &j->agent->rewraps;

	while (*p && *p != j)
		p = &(*p)->next;
	if (*p)
		*p = j->next;
	sd_event_source_disable_unref(j->wait);
	cmk_secret_wipe(&j->hk);
	cmk_header_free(j->header);
	json_decref(j->warnings);
	free(j->slots);
	free(j);
}

/* The next one of this volume may begin as soon as this one has answered. */
static void answer(struct cmk_rewrap *j, const struct cmk_error *e,
		   json_t *result)
{
	cmk_rewrap_ended_t ended = j->ended;
	struct cmk_request *req = j->req;
	void *userdata = j->userdata;

	job_free(j);
	if (req && e)
		cmk_request_fail(req, e);
	else if (req)
		cmk_request_result(req, result);
	else
		json_decref(result);
	if (!req)
		ended(e, userdata);
}

bool cmk_rewrap_same_key(const struct cmk_rewrap *j)
{
	return !strcasecmp(j->from.kid, j->to.kid);
}

/* What was written is said, so that nobody takes it for undone. */
static void audit_failure(const struct cmk_rewrap *j,
			  const struct cmk_error *e)
{
	struct cmk_audit_entry en = entry(j, event_of(j));

	en.result = CMK_AUDIT_FAILED;
	en.kid = j->from.kid;
	if (j->moved) {
		en.state_old = j->from.kid;
		en.state_new = j->to.kid;
	}
	cmk_audit_write(j->agent->audit, &en, "%s: %s: %s", name_of(j),
			j->moved ? "rewrapped, but not to the end" :
			j->touched ? "rewrapped in part, the former key is needed" :
			"not rewrapped", e->text);
}

void cmk_rewrap_fail(struct cmk_rewrap *j, const struct cmk_error *e)
{
	struct cmk_error copy = *e;

	/* As when the configuration is read again meanwhile. */
	if (copy.err == -ECANCELED)
		copy.status = CMK_TEMPORARY;
	if (j->touched)
		copy.status = CMK_PARTIAL;
	/* What the agent tries by itself each round is rotate.c's to tell. */
	if (!j->dry_run && (j->req || j->done || j->touched))
		audit_failure(j, &copy);
	answer(j, &copy, NULL);
}

static json_t *result(const struct cmk_rewrap *j, bool changed)
{
	return json_pack("{s:b, s:s, s:s, s:s, s:I, s:I, s:O}",
			 "changed", changed, "name", j->st.name,
			 "kid", j->to.kid, "former",
			 changed && cmk_rewrap_same_key(j) ? "" : j->from.kid,
			 "vault_operations", (json_int_t)j->total,
			 "written", (json_int_t)(changed && !j->dry_run ?
						 time(NULL) : 0),
			 "warnings", j->warnings);
}

static void nothing_to_do(struct cmk_rewrap *j)
{
	char backup[4096];
	struct cmk_error e;

	j->total = 0;
	if (!j->dry_run && cmk_rewrap_is_current(j) &&
	    cmk_rewrap_backup(j, j->req, backup, sizeof(backup), &e)) {
		e.status = CMK_PARTIAL;
		cmk_rewrap_fail(j, &e);
		return;
	}
	answer(j, NULL, result(j, false));
}

void cmk_rewrap_succeed(struct cmk_rewrap *j, const char *backup,
			uint32_t exposed)
{
	struct cmk_audit_entry en = entry(j, event_of(j));
	json_t *o = result(j, true);

	en.range = "all";
	en.kid = j->to.kid;
	en.thumbprint = j->to.thumbprint;
	en.state_old = j->from.kid;
	en.state_new = j->to.kid;
	if (cmk_rewrap_same_key(j))
		cmk_audit_write(j->agent->audit, &en,
				"%s: the header was made whole, under %s",
				name_of(j), j->to.kid);
	else
		cmk_audit_write(j->agent->audit, &en,
				"%s: %s is used instead of %s", name_of(j),
				j->to.kid, j->from.kid);
	json_object_set_new(o, "header_backup", json_string(backup));
	json_object_set_new(o, "exposed", json_integer(exposed));
	answer(j, NULL, o);
}

/* -- answers of the key server -- */

void cmk_rewrap_answer(struct cmk_rewrap *j, const struct cmk_kek_result *res,
		       bool wrap, uint32_t range)
{
	struct cmk_audit_entry en = entry(j, wrap ? CMK_AUDIT_WRAP :
						    CMK_AUDIT_UNWRAP);
	char text[16] = "header";

	if (range != UINT32_MAX)
		snprintf(text, sizeof(text), "%u", range);
	en.range = text;
	en.result = cmk_audit_result_of(res->answer);
	en.kid = res->kid;
	en.kek = res;
	cmk_audit_write(j->agent->audit, &en, "%s: %s, %s: %s", name_of(j),
			wrap ? "wrap" : "unwrap", text,
			res->answer == CMK_USABLE ? "ok" : res->error.text);
	j->done++;
	if (j->req)
		cmk_request_progress(j->req, "rewrap", j->done, j->total);
}

static void fail_with(struct cmk_rewrap *j, enum cmk_status status, int err,
		      const char *code, const char *text)
{
	struct cmk_error e;

	cmk_error_set(&e, status, err, code, "%s", text);
	cmk_rewrap_fail(j, &e);
}

/* Given up, or refused?  Then @j->e says why. */
static bool has_failed(struct cmk_rewrap *j, const struct cmk_kek_result *res)
{
	j->op = NULL;
	if (!j->failed && res->answer != CMK_USABLE) {
		j->e = res->error;
		j->failed = true;
	}
	return j->failed;
}

static void go_on(struct cmk_rewrap *j)
{
	if (j->info.wrap == CMK_FORMAT_WRAP_DIRECT)
		cmk_rewrap_slots(j);
	else
		cmk_rewrap_write(j);
}

static void on_thumbprint(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rewrap *j = userdata;

	if (has_failed(j, res)) {
		cmk_rewrap_fail(j, &j->e);
		return;
	}
	memcpy(j->to.thumbprint, res->thumbprint, sizeof(j->to.thumbprint));
	go_on(j);
}

static void on_again(struct cmk_kek_result *res, void *userdata)
{
	__cmk_secret struct cmk_secret again = CMK_SECRET_INIT;
	struct cmk_rewrap *j = userdata;
	unsigned char id[32];
	struct cmk_error e;

	cmk_rewrap_answer(j, res, false, UINT32_MAX);
	if (has_failed(j, res)) {
		cmk_rewrap_fail(j, &j->e);
		return;
	}
	if (cmk_header_hk_open(j->header, &res->plain, &again, &e) ||
	    cmk_header_hk_id(&again, id) ||
	    memcmp(id, j->hk_id, sizeof(id))) {
		fail_with(j, CMK_FAILED, -EKEYREJECTED, "wrap",
			  "the new key does not unwrap to what it wrapped; nothing was written");
		return;
	}
	j->proof = *res;
	memset(&j->proof.plain, 0, sizeof(j->proof.plain));
	if (!j->made)
		go_on(j);
	else if (cmk_kek_get(j->agent->keks, j->to.kid, CMK_PATIENCE,
			     on_thumbprint, j, &j->op, &e))
		cmk_rewrap_fail(j, &e);
}

static void on_wrapped(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rewrap *j = userdata;
	struct cmk_error e;

	cmk_rewrap_answer(j, res, true, UINT32_MAX);
	if (has_failed(j, res)) {
		cmk_rewrap_fail(j, &j->e);
		return;
	}
	if (j->made)
		snprintf(j->to.kid, sizeof(j->to.kid), "%s", res->kid);
	if (res->blob_len > sizeof(j->to.blob) ||
	    strcasecmp(res->kid, j->to.kid)) {
		fail_with(j, CMK_FAILED, -EPROTO, "wrap",
			  "the wrap is not of the version that was asked, or too long");
		return;
	}
	memcpy(j->to.blob, res->blob, res->blob_len);
	j->to.blob_len = res->blob_len;
	j->to.wrapped_at = time(NULL);
	if (cmk_kek_unwrap(j->agent->keks, j->to.kid, j->to.alg, j->to.blob,
			   j->to.blob_len, CMK_PATIENCE, on_again, j, &j->op,
			   &e))
		cmk_rewrap_fail(j, &e);
}

/* What is wrapped again is the volume's own, or nothing is. */
static int take_hk(struct cmk_rewrap *j, struct cmk_secret *payload,
		   struct cmk_error *e)
{
	int r;

	r = cmk_header_hk_open(j->header, payload, &j->hk, e);
	if (!r)
		r = cmk_header_verify(j->header, &j->hk, e);
	if (!r && cmk_header_hk_id(&j->hk, j->hk_id))
		r = cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				  "cannot digest the header key");
	if (!r && j->st.has_hk && memcmp(j->hk_id, j->st.hk_id, 32))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				  "header-exchanged",
				  "the header has another header key than the one that this node opened last");
	return r;
}

static void on_hk(struct cmk_kek_result *res, void *userdata)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_rewrap *j = userdata;
	struct cmk_error e;
	int r;

	cmk_rewrap_answer(j, res, false, UINT32_MAX);
	if (has_failed(j, res)) {
		cmk_rewrap_fail(j, &j->e);
		return;
	}
	r = take_hk(j, &res->plain, &e);
	if (!r && cmk_header_hk_payload(j->header, &j->hk, &payload))
		r = cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
				  "no locked memory for the header key");
	if (!r)
		r = cmk_kek_wrap(j->agent->keks, j->to.kid, &payload,
				 CMK_PATIENCE, on_wrapped, j, &j->op, &e);
	if (r)
		cmk_rewrap_fail(j, &e);
}

static int ask_hk(struct cmk_rewrap *j, struct cmk_error *e)
{
	return cmk_kek_unwrap(j->agent->keks, j->from.kid, j->from.alg,
			      j->from.blob, j->from.blob_len, CMK_PATIENCE,
			      on_hk, j, &j->op, e);
}

static void on_attributes(struct cmk_kek_result *res, void *userdata)
{
	struct cmk_rewrap *j = userdata;
	struct cmk_error e;
	int r = 0;

	if (has_failed(j, res)) {
		cmk_rewrap_fail(j, &j->e);
		return;
	}
	snprintf(j->to.kid, sizeof(j->to.kid), "%s", res->kid);
	memcpy(j->to.thumbprint, res->thumbprint, sizeof(j->to.thumbprint));
	j->to.provider = strncmp(res->kid, "service", 7) ?
			 CMK_FORMAT_KEK_AZURE : CMK_FORMAT_KEK_SERVICE;
	j->to.alg = CMK_RSA_OAEP_256;
	/* Of its own accord the agent takes over a new version, no more. */
	if (cmk_rewrap_is_current(j) ||
	    (!j->req && cmk_rewrap_same_key(j))) {
		nothing_to_do(j);
		return;
	}
	if (j->to.provider == CMK_FORMAT_KEK_AZURE)
		/* Of a new version nobody asked for, nobody reads warnings. */
		r = cmk_kek_fit(res, j->target, j->force ||
				(j->req && j->kind == CMK_REWRAP_VERSION),
				j->warnings, &e);
	if (r) {
		cmk_rewrap_fail(j, &e);
		return;
	}
	if (j->dry_run) {
		answer(j, NULL, result(j, true));
		return;
	}
	if (ask_hk(j, &e))
		cmk_rewrap_fail(j, &e);
}

/* -- its beginning -- */

static struct cmk_rewrap *find(const struct cmk_agent *a,
			       const unsigned char uuid[16])
{
	struct cmk_rewrap *j;

	for (j = a->rewraps; j; j = j->next)
		if (!memcmp(j->st.uuid, uuid, 16))
			return j;
	return NULL;
}

static int prepare(struct cmk_rewrap *j, const struct cmk_rewrap_order *order,
		   struct cmk_error *e)
{
	if (find(j->agent, order->uuid))
		return cmk_error_set(e, CMK_TEMPORARY, -EBUSY, "busy",
				     "the volume is being rewrapped already");
	return cmk_rewrap_find(j, order, e);
}

/*
 * The node's key is made by the first wrap with it, and has no attributes
 * before that.
 */
static int first_step(struct cmk_rewrap *j, struct cmk_error *e)
{
	j->made = j->from.provider == CMK_FORMAT_KEK_AZURE && !j->dry_run &&
		  !strcmp(j->target, "service");
	if (!j->made)
		return cmk_kek_get(j->agent->keks, j->target, CMK_PATIENCE,
				   on_attributes, j, &j->op, e);
	strcpy(j->to.kid, j->target);
	j->to.provider = CMK_FORMAT_KEK_SERVICE;
	j->to.alg = CMK_RSA_OAEP_256;
	return ask_hk(j, e);
}

int cmk_rewrap_start(struct cmk_agent *a, const struct cmk_rewrap_order *order,
		     struct cmk_request *req, cmk_rewrap_ended_t ended,
		     void *userdata, struct cmk_error *e)
{
	struct cmk_rewrap *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "out of memory");
	j->agent = a;
	j->req = req;
	j->ended = ended;
	j->userdata = userdata;
	j->kind = order->kind;
	j->force = order->force;
	j->dry_run = order->dry_run;
	j->warnings = json_array();
	r = prepare(j, order, e);
	if (!r)
		r = first_step(j, e);
	if (r) {
		job_free(j);
		return r;
	}
	j->next = a->rewraps;
	a->rewraps = j;
	a->end_rewrap = cmk_rewrap_end;
	return 0;
}

void cmk_rewrap_end(struct cmk_agent *a, const unsigned char uuid[16])
{
	struct cmk_rewrap *j = find(a, uuid);

	if (!j || j->writing)
		return;
	cmk_secret_wipe(&j->hk);
	if (!j->failed)
		cmk_error_set(&j->e, CMK_UNSUITABLE, -EKEYREVOKED,
			      "gate-closed",
			      "the gate or the volume was closed meanwhile, or the agent ends; nothing was written");
	j->failed = true;
	if (j->slots)
		cmk_rewrap_slots_end(j);
	else if (j->op)
		cmk_kek_cancel(j->op);
	else
		cmk_rewrap_fail(j, &j->e);
}

bool cmk_rewrap_runs(const struct cmk_agent *a, const unsigned char uuid[16])
{
	return find(a, uuid);
}

bool cmk_rewrap_progress(const struct cmk_agent *a,
			 const unsigned char uuid[16], uint32_t *ret_done,
			 uint32_t *ret_total)
{
	const struct cmk_rewrap *j;

	for (j = a->rewraps; j; j = j->next) {
		if (memcmp(j->st.uuid, uuid, 16) || !j->done)
			continue;
		*ret_done = j->done;
		*ret_total = j->total;
		return true;
	}
	return false;
}

void cmk_rewraps_free(struct cmk_agent *a)
{
	while (a->rewraps)
		fail_with(a->rewraps, CMK_TEMPORARY, -ECANCELED, "cancelled",
			  "the agent ends");
}
