// SPDX-License-Identifier: GPL-2.0
/*
 * Makes the keys of a new volume, has them wrapped, and writes its header.
 * In this order, each step begun by the answer to the one before:
 *
 *	wrap		the header key
 *	unwrap		it again: what cannot be unwrapped is no backup of it
 *	wrap		each DEK (mode direct), as many at once as allowed
 *	GET		the thumbprint (service: the wrap may make its key)
 *
 * then the header is written, read back and verified, and copied, and the
 * kernel's record area is cleared.  Nothing is written before the last answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "backup.h"
#include "config.h"
#include "format.h"
#include "span.h"

struct dek_wrap {
	struct format *f;
	uint32_t range;
};

static void format_free(struct format *f)
{
	if (f->fd >= 0)
		close(f->fd);
	cmk_secret_wipe(&f->hk);
	cmk_header_free(f->header);
	json_decref(f->warnings);
	free(f);
}

void cmk_format_fail(struct format *f, const struct cmk_error *e)
{
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_FORMAT,
		.result = CMK_AUDIT_FAILED,
		.device = f->device,
		.uid = f->req->uid,
		.pid = f->req->pid,
	};

	cmk_audit_write(f->agent->audit, &en, "%s: %s: %s", f->device,
			e->status == CMK_PARTIAL ? "formatted in part" :
			"not formatted", e->text);
	cmk_request_fail(f->req, e);
	format_free(f);
}

static void audit_wrap(struct format *f, const struct cmk_kek_result *res,
		       uint32_t range)
{
	char text[16] = "header";
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_WRAP,
		.result = cmk_audit_result_of(res->answer),
		.uuid = f->info.uuid,
		.device = f->device,
		.range = text,
		.kid = res->kid,
		.kek = res,
	};

	if (range != UINT32_MAX)
		snprintf(text, sizeof(text), "%u", range);
	cmk_audit_write(f->agent->audit, &en, "%s: wrap, %s: %s", f->device,
			text, res->answer == CMK_USABLE ? "ok" :
			res->error.text);
}

/* -- writing -- */

static int verify_written(struct format *f, const char *path,
			  struct cmk_error *e)
{
	struct cmk_header *h __cmk_header = NULL;
	struct cmk_header_info info;
	int fd, r;

	r = cmk_header_open(&fd, path, false, e);
	if (r)
		return r;
	r = cmk_header_read(&h, fd, e);
	close(fd);
	if (!r)
		r = cmk_header_verify(h, &f->hk, e);
	if (r)
		return r;
	cmk_header_get_info(h, &info);
	if (info.valid_copies != 3 || info.copies_differ ||
	    info.seq != f->info.seq)
		return cmk_error_set(e, CMK_FAILED, -EIO, "header-io",
				     "the header, read back from %s, is not what was written",
				     path);
	return 0;
}

/*
 * After the header: what the area has of a former volume may be all that its
 * data can be repaired with.
 */
static int clear_record(struct format *f, struct cmk_error *e)
{
	static const unsigned char zero[65536];
	uint64_t at = f->info.record_offset, end = at + CMK_RECORD_SIZE;

	for (; at < end; at += sizeof(zero))
		if (pwrite(f->fd, zero, sizeof(zero), at) != sizeof(zero))
			break;
	if (at == end && !fsync(f->fd))
		return 0;
	return cmk_error_set(e, CMK_FAILED, errno ? -errno : -EIO, "record",
			     "the record area on %s cannot be cleared: %m",
			     f->device);
}

static int write_header(struct format *f, const char *path,
			struct cmk_error *e)
{
	int fd, r;

	r = cmk_header_open(&fd, path, true, e);
	if (r)
		return r;
	r = cmk_header_write(f->header, fd, &f->hk, e);
	close(fd);
	if (r && e->status != CMK_PARTIAL)
		return r;
	if (!r) {
		cmk_header_get_info(f->header, &f->info);
		r = clear_record(f, e) ?: verify_written(f, path, e);
	}
	return r ? cmk_error_partly(e, "the header is written",
				    "see to that and format it again with --force") :
		   0;
}

static int remember(struct format *f, struct cmk_error *e)
{
	struct cmk_state st = { .has_hk = true, .seq = f->info.seq };

	st.generations = cmk_header_generations(f->header);
	memcpy(st.uuid, f->info.uuid, 16);
	memcpy(st.hk_id, f->hk_id, 32);
	strcpy(st.device, f->device);
	strcpy(st.header, f->header_path);
	strcpy(st.kek, f->kek);
	strcpy(st.kid, f->wrap.kid);
	return cmk_state_save(f->agent->config->state_directory, &st, e);
}

/* The header first: without it there is nothing to back up or to remember. */
static int write_all(struct format *f, char *backup, unsigned int size,
		     struct cmk_error *e)
{
	const char *path = f->header_path[0] ? f->header_path : f->device;
	const struct cmk_config *c = f->agent->config;
	int r;

	r = write_header(f, path, e);
	if (r)
		return r;
	r = cmk_backup_header(c->state_directory, path, &f->info,
			      c->header_backups, backup, size, e);
	if (!r)
		r = remember(f, e);
	return r ? cmk_error_partly(e, "the header is written",
				    "see to that and format it again with --ensure, which keeps the header and writes what is missing") :
		   0;
}

static json_t *result(struct format *f, const char *backup)
{
	bool direct = f->info.wrap == CMK_FORMAT_WRAP_DIRECT;
	char uuid[37], thumbprint[65];
	unsigned int i;

	cmk_format_uuid(f->info.uuid, uuid);
	for (i = 0; i < 32; i++)
		sprintf(thumbprint + 2 * i, "%02x", f->wrap.thumbprint[i]);
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:s, s:I, s:I, s:s, s:O}",
		"uuid", uuid, "kid", f->wrap.kid, "thumbprint", thumbprint,
		"ranges", (json_int_t)f->info.ranges,
		"range_sectors", (json_int_t)f->info.range_sectors,
		"wrap", direct ? "direct" : "hk",
		"data_offset", (json_int_t)f->info.data_offset,
		"vault_operations",
		(json_int_t)(direct ? f->info.ranges + 2 : 2),
		"header_backup", backup, "warnings", f->warnings);
}

static void finish(struct format *f)
{
	struct cmk_audit_entry en = {
		.event = CMK_AUDIT_FORMAT,
		.uuid = f->info.uuid,
		.device = f->device,
		.range = "all",
		.kid = f->wrap.kid,
		.thumbprint = f->wrap.thumbprint,
		.uid = f->req->uid,
		.pid = f->req->pid,
	};
	char backup[4096] = "";
	struct cmk_error e;

	if (cmk_header_set_kek(f->header, 0, &f->wrap)) {
		cmk_error_set(&e, CMK_FAILED, -EINVAL, "format",
			      "the header has no room for %s", f->wrap.kid);
		cmk_format_fail(f, &e);
		return;
	}
	if (write_all(f, backup, sizeof(backup), &e)) {
		cmk_format_fail(f, &e);
		return;
	}
	cmk_audit_write(f->agent->audit, &en, "%s: formatted, %u ranges under %s",
			f->device, f->info.ranges, f->wrap.kid);
	cmk_request_result(f->req, result(f, backup));
	format_free(f);
}

/* -- thumbprint of the service KEK -- */

static void on_thumbprint(struct cmk_kek_result *res, void *userdata)
{
	struct format *f = userdata;

	if (res->answer != CMK_USABLE) {
		cmk_format_fail(f, &res->error);
		return;
	}
	memcpy(f->wrap.thumbprint, res->thumbprint, 32);
	finish(f);
}

static void keys_ready(struct format *f)
{
	struct cmk_error e;

	if (f->azure)
		finish(f);
	else if (cmk_kek_get(f->agent->keks, f->wrap.kid, CMK_PATIENCE,
			     on_thumbprint, f, NULL, &e))
		cmk_format_fail(f, &e);
}

/* -- DEKs -- */

static void first_failure(struct format *f, const struct cmk_error *e)
{
	if (!f->failed)
		f->e = *e;
	f->failed = true;
}

static void wrap_more(struct format *f);

static void on_dek(struct cmk_kek_result *res, void *userdata)
{
	struct dek_wrap *w = userdata;
	struct format *f = w->f;
	uint32_t range = w->range;
	struct cmk_error e;

	free(w);
	f->pending--;
	audit_wrap(f, res, range);
	if (res->answer != CMK_USABLE) {
		first_failure(f, &res->error);
	} else if (strcmp(res->kid, f->wrap.kid) ||
		   cmk_header_set_direct(f->header, range, 1, 0, res->blob,
					 res->blob_len)) {
		cmk_error_set(&e, CMK_FAILED, -EPROTO, "wrap",
			      "the wrap of range %u came from %s", range,
			      res->kid);
		first_failure(f, &e);
	}
	f->wrapped++;
	cmk_request_progress(f->req, "wrap", f->wrapped, f->info.ranges);
	wrap_more(f);
}

static int wrap_dek(struct format *f, uint32_t range, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct dek_wrap *w = malloc(sizeof(*w));
	int r;

	if (!w || cmk_secret_random(&dek, CMK_DEK_BYTES) ||
	    cmk_header_dek_payload(f->header, range, 1, &dek, &payload)) {
		free(w);
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "cannot make a key");
	}
	w->f = f;
	w->range = range;
	r = cmk_kek_wrap(f->agent->keks, f->wrap.kid, &payload, CMK_PATIENCE,
			 on_dek, w, NULL, e);
	if (r)
		free(w);
	return r;
}

/* No more at once than the providers take: the rest would only time out. */
static void wrap_more(struct format *f)
{
	unsigned int max = cmk_kek_concurrency(f->agent->keks);
	struct cmk_error e;

	while (!f->failed && f->next < f->info.ranges && f->pending < max) {
		if (wrap_dek(f, f->next, &e))
			first_failure(f, &e);
		else
			f->pending++;
		f->next++;
	}
	if (f->pending)
		return;
	if (f->failed)
		cmk_format_fail(f, &f->e);
	else
		keys_ready(f);
}

static int seal_deks(struct format *f, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	uint32_t i;
	int r = cmk_header_slot_key(f->header, &f->hk, &key);

	if (r)
		return cmk_error_set(e, CMK_FAILED, r, "format",
				     "cannot make the key of the slots");
	for (i = 0; i < f->info.ranges; i++) {
		__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;

		r = cmk_secret_random(&dek, CMK_DEK_BYTES);
		if (!r)
			r = cmk_header_set_hk(f->header, i, 1, &key, &dek);
		if (r)
			return cmk_error_set(e, CMK_FAILED, r, "format",
					     "cannot make the key of range %u",
					     i);
	}
	return 0;
}

/* A slot names its KEK entry, which therefore comes first. */
static void make_deks(struct format *f)
{
	struct cmk_error e;

	if (cmk_header_set_kek(f->header, 0, &f->wrap)) {
		cmk_error_set(&e, CMK_UNSUITABLE, -EINVAL, "format",
			      "the header has no room for %s", f->wrap.kid);
		cmk_format_fail(f, &e);
	} else if (f->info.wrap == CMK_FORMAT_WRAP_DIRECT) {
		wrap_more(f);
	} else if (seal_deks(f, &e)) {
		cmk_format_fail(f, &e);
	} else {
		keys_ready(f);
	}
}

/* -- header key -- */

static void on_unwrapped(struct cmk_kek_result *res, void *userdata)
{
	__cmk_secret struct cmk_secret again = CMK_SECRET_INIT;
	struct format *f = userdata;
	unsigned char id[32];
	struct cmk_error e;

	if (res->answer != CMK_USABLE) {
		cmk_format_fail(f, &res->error);
		return;
	}
	if (cmk_header_hk_open(f->header, &res->plain, &again, &e) ||
	    cmk_header_hk_id(&again, id) || memcmp(id, f->hk_id, 32)) {
		cmk_error_set(&e, CMK_FAILED, -EKEYREJECTED, "wrap",
			      "%s does not unwrap to what it wrapped",
			      f->wrap.kid);
		cmk_format_fail(f, &e);
		return;
	}
	make_deks(f);
}

static void on_wrapped(struct cmk_kek_result *res, void *userdata)
{
	struct format *f = userdata;
	struct cmk_error e;

	audit_wrap(f, res, UINT32_MAX);
	if (res->answer != CMK_USABLE) {
		cmk_format_fail(f, &res->error);
		return;
	}
	if (res->blob_len > sizeof(f->wrap.blob)) {
		cmk_error_set(&e, CMK_UNSUITABLE, -EMSGSIZE, "wrap",
			      "the wrap of %s is too long", res->kid);
		cmk_format_fail(f, &e);
		return;
	}
	strcpy(f->wrap.kid, res->kid);
	memcpy(f->wrap.blob, res->blob, res->blob_len);
	f->wrap.blob_len = res->blob_len;
	f->wrap.provider = f->azure ? CMK_FORMAT_KEK_AZURE :
				      CMK_FORMAT_KEK_SERVICE;
	f->wrap.alg = CMK_RSA_OAEP_256;
	f->wrap.wrapped_at = time(NULL);
	if (cmk_kek_unwrap(f->agent->keks, f->wrap.kid, CMK_RSA_OAEP_256,
			   f->wrap.blob, f->wrap.blob_len, CMK_PATIENCE,
			   on_unwrapped, f, NULL, &e))
		cmk_format_fail(f, &e);
}

void cmk_format_start(struct format *f, const char *uri)
{
	__cmk_secret struct cmk_secret payload = CMK_SECRET_INIT;
	struct cmk_error e;

	if (cmk_secret_random(&f->hk, CMK_HK_BYTES) ||
	    cmk_header_hk_payload(f->header, &f->hk, &payload) ||
	    cmk_header_hk_id(&f->hk, f->hk_id)) {
		cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
			      "cannot make a header key");
		cmk_format_fail(f, &e);
	} else if (cmk_kek_wrap(f->agent->keks, uri, &payload, CMK_PATIENCE,
				on_wrapped, f, NULL, &e)) {
		cmk_format_fail(f, &e);
	}
}
