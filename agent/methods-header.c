// SPDX-License-Identifier: GPL-2.0
/*
 * The methods HeaderRepair and HeaderRestore.  What is written is a header
 * whose MAC was checked under its unwrapped header key; only the header of an
 * open volume, which was checked when it was opened, goes back without asking
 * the key server.
 *
 * A restore brings old wraps back, and may bring old DEKs back.  Old DEKs would
 * make garbage of what was rekeyed since, so that a known higher generation is
 * final; merely older wraps are taken on a person's word.  The record area of
 * the kernel's rekey belongs into newer_generation(), too.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "audit.h"
#include "config.h"
#include "methods.h"
#include "span.h"
#include "volume-internal.h"

/**
 * struct upkeep - one request
 * @path: device or file that the header is or will be on
 * @header: what is to be written
 * @st, @known: what the node remembers, if it does
 */
struct upkeep {
	struct cmk_agent *agent;
	struct cmk_request *req;
	enum cmk_audit_event event;
	char path[CMK_STATE_PATH_LEN];
	struct cmk_header *header;
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	struct cmk_state st;
	bool known;
};

static void upkeep_free(struct upkeep *u)
{
	cmk_header_free(u->header);
	free(u);
}

static json_t *result(const struct upkeep *u)
{
	return json_pack("{s:I, s:I, s:s}", "seq", (json_int_t)u->info.seq,
			 "written", (json_int_t)u->info.written, "kid",
			 u->kek.kid);
}

static void finish(struct upkeep *u, const struct cmk_error *e)
{
	struct cmk_audit_entry en = {
		.event = u->event,
		.result = e ? CMK_AUDIT_REFUSED : CMK_AUDIT_OK,
		.uuid = u->info.uuid,
		.device = u->path,
		.range = "header",
		.kid = u->kek.kid,
		.uid = u->req->uid,
		.pid = u->req->pid,
	};

	cmk_audit_write(u->agent->audit, &en,
			"%s: header of sequence %llu: %s", u->path,
			(unsigned long long)u->info.seq,
			e ? e->text : "written");
	if (e)
		cmk_request_fail(u->req, e);
	else
		cmk_request_result(u->req, result(u));
	upkeep_free(u);
}

static int read_path(const char *path, struct cmk_header **ret,
		     struct cmk_error *e)
{
	int fd, r;

	r = cmk_header_open(&fd, path, false, e);
	if (r)
		return r;
	r = cmk_header_read(ret, fd, e);
	close(fd);
	return r;
}

static int write_path(struct upkeep *u, bool fix, struct cmk_error *e)
{
	struct cmk_header *again __cmk_header = NULL;
	struct cmk_header_info info;
	int fd, r;

	r = cmk_header_open(&fd, u->path, true, e);
	if (r)
		return r;
	if (fix)
		r = cmk_header_repair(u->header, fd, e);
	else
		r = cmk_header_write_back(u->header, fd, e);
	if (!r)
		r = cmk_header_read(&again, fd, e);
	close(fd);
	if (r)
		return r;
	cmk_header_get_info(again, &info);
	if (info.valid_copies == 3 && !info.copies_differ &&
	    info.seq == u->info.seq)
		return 0;
	return cmk_error_set(e, CMK_PARTIAL, -EIO, "header-io",
			     "the header, read back from %s, is not what was written",
			     u->path);
}

/* -- under the header key -- */

static int check_hk(struct upkeep *u, struct cmk_secret *payload,
		    struct cmk_error *e)
{
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	unsigned char id[32];
	int r;

	r = cmk_header_hk_open(u->header, payload, &hk, e);
	if (!r)
		r = cmk_header_verify(u->header, &hk, e);
	if (!r && cmk_header_hk_id(&hk, id))
		r = cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				  "cannot digest the header key");
	if (!r && u->known && u->st.has_hk && memcmp(id, u->st.hk_id, 32))
		r = cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				  "header-exchanged",
				  "the header has another header key than the one that this node knows");
	return r;
}

static int remember(struct upkeep *u, struct cmk_error *e)
{
	if (!u->known)
		return 0;
	u->st.seq = u->info.seq;
	u->st.generations = cmk_header_generations(u->header);
	snprintf(u->st.kid, sizeof(u->st.kid), "%s", u->kek.kid);
	return cmk_state_save(u->agent->config->state_directory, &u->st, e);
}

static void on_hk(struct cmk_kek_result *res, void *userdata)
{
	struct upkeep *u = userdata;
	bool fix = u->event == CMK_AUDIT_HEADER_REPAIR;
	struct cmk_error e;
	int r;

	if (res->answer != CMK_USABLE) {
		finish(u, &res->error);
		return;
	}
	r = check_hk(u, &res->plain, &e);
	/* Opened meanwhile, with what was there before. */
	if (!r && !fix && cmk_volume_find(u->agent, u->info.uuid))
		r = cmk_error_set(&e, CMK_UNSUITABLE, -EBUSY, "open",
				  "the volume is open");
	if (!r)
		r = write_path(u, fix, &e);
	if (!r && !fix)
		r = remember(u, &e);
	finish(u, r ? &e : NULL);
}

static int ask_hk(struct upkeep *u, struct cmk_error *e)
{
	const char *pin = u->known && u->st.kek[0] ? u->st.kek : "-";
	unsigned int index;
	int r;

	r = cmk_volume_choose_wrap(u->header, pin, &index, &u->kek, e);
	if (r)
		return r;
	return cmk_kek_unwrap(u->agent->keks, u->kek.kid, u->kek.alg,
			      u->kek.blob, u->kek.blob_len, CMK_PATIENCE,
			      on_hk, u, NULL, e);
}

/* Runs @work, which ends in an answer if it returns 0. */
static void begin(struct cmk_request *req, struct cmk_agent *a,
		  enum cmk_audit_event event,
		  int (*work)(struct upkeep *u, struct cmk_error *e))
{
	struct upkeep *u = calloc(1, sizeof(*u));
	struct cmk_error e;

	if (!u) {
		cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory",
			      "out of memory");
		cmk_request_fail(req, &e);
		return;
	}
	u->agent = a;
	u->req = req;
	u->event = event;
	if (work(u, &e))
		finish(u, &e);
}

static int recall(struct upkeep *u, struct cmk_error *e)
{
	int r;

	r = cmk_state_load(u->agent->config->state_directory, u->info.uuid,
			   &u->st, e);
	u->known = !r;
	return r == -ENOENT ? 0 : r;
}

/* -- repair -- */

/* What is on the disk must not be ahead of what is in memory. */
static int write_from_memory(struct upkeep *u, struct cmk_volume *v,
			     struct cmk_error *e)
{
	struct cmk_header *disk __cmk_header = NULL;
	struct cmk_header_info info;
	int r;

	if (!v || !v->header)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
				     "the volume is not open: the agent has no header of it");
	u->info = v->info;
	snprintf(u->kek.kid, sizeof(u->kek.kid), "%s", v->st.kid);
	snprintf(u->path, sizeof(u->path), "%s", v->st.header[0] ?
		 v->st.header : v->st.device);
	if (!read_path(u->path, &disk, NULL)) {
		cmk_header_get_info(disk, &info);
		if (memcmp(info.uuid, v->info.uuid, 16) ||
		    info.seq > v->info.seq)
			return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST,
					     "header-newer",
					     "there is a header of another volume, or a later one, on %s",
					     u->path);
	}
	u->header = v->header;
	r = write_path(u, false, e);
	u->header = NULL;
	return r;
}

static int repair(struct upkeep *u, struct cmk_error *e)
{
	static const char * const known[] = {
		"uuid", "path", "from_agent", NULL,
	};
	unsigned char uuid[16];
	bool from_agent;
	int r;

	r = cmk_param_check(u->req, known, e) ?:
	    cmk_param_flag(u->req, "from_agent", &from_agent, e) ?:
	    cmk_param_text(u->req, "path", u->path, sizeof(u->path),
			   !from_agent, e);
	if (!r && from_agent) {
		r = cmk_param_uuid(u->req, uuid, e) ?:
		    write_from_memory(u, cmk_volume_find(u->agent, uuid), e);
		if (!r)
			finish(u, NULL);
		return r;
	}
	if (!r)
		r = read_path(u->path, &u->header, e);
	if (r)
		return r;
	cmk_header_get_info(u->header, &u->info);
	return recall(u, e) ?: ask_hk(u, e);
}

void cmk_method_header_repair(struct cmk_request *req, void *userdata)
{
	begin(req, userdata, CMK_AUDIT_HEADER_REPAIR, repair);
}

/* -- restore -- */

static const char *when(int64_t t, char *buf, size_t size)
{
	time_t sec = t;
	struct tm tm;

	gmtime_r(&sec, &tm);
	strftime(buf, size, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return buf;
}

/* Return: does somebody know that a DEK of the backup was replaced since? */
static bool newer_generation(const struct upkeep *u,
			     const struct cmk_header *live)
{
	uint32_t i, a, b;

	if (u->known &&
	    u->st.generations > cmk_header_generations(u->header))
		return true;
	for (i = 0; live && i < u->info.ranges; i++)
		if (cmk_header_slot(live, i, &a) &&
		    cmk_header_slot(u->header, i, &b) && a > b)
			return true;
	return false;
}

static int refuse(const struct upkeep *u, uint64_t seq, bool final,
		  const char *why, struct cmk_error *e)
{
	char date[64];

	return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE,
			     final ? "generation" : "header-rolled-back",
			     "the backup is of %s, sequence %llu, generations %llu; %s (sequence %llu)%s",
			     when(u->info.written, date, sizeof(date)),
			     (unsigned long long)u->info.seq,
			     (unsigned long long)
			     cmk_header_generations(u->header), why,
			     (unsigned long long)seq,
			     final ? "; what was written since would be lost" :
			     "; if it is meant, use --accept-header");
}

static int check_age(const struct upkeep *u, const struct cmk_header *live,
		     bool accept, struct cmk_error *e)
{
	struct cmk_header_info info = { .seq = 0 };
	uint64_t seq = u->known ? u->st.seq : 0;

	if (live)
		cmk_header_get_info(live, &info);
	if (live && memcmp(info.uuid, u->info.uuid, 16))
		return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "uuid",
				     "there is a header of another volume on %s; erase it first",
				     u->path);
	if (info.seq > seq)
		seq = info.seq;
	if (newer_generation(u, live))
		return refuse(u, seq, true, "a key of it was replaced since",
			      e);
	if (accept)
		return 0;
	if (seq > u->info.seq)
		return refuse(u, seq, false,
			      "a later header of the volume is known", e);
	if (!u->known && !live)
		return refuse(u, seq, false,
			      "this node does not know whether it is the last",
			      e);
	return 0;
}

/* The data of the volume must have room behind it. */
static int check_size(const struct upkeep *u, struct cmk_error *e)
{
	uint64_t need = u->info.detached ? 0 :
			u->info.data_offset + u->info.data_size;
	struct stat st;
	uint64_t size;
	int fd, r;

	r = cmk_header_open(&fd, u->path, false, e);
	if (r)
		return r;
	size = lseek(fd, 0, SEEK_END);
	r = fstat(fd, &st);
	close(fd);
	if (r || (size < need && S_ISBLK(st.st_mode)) ||
	    (size < u->info.header_size && !S_ISREG(st.st_mode)))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOSPC,
				     "device-small",
				     "%s is smaller than the volume", u->path);
	return 0;
}

static int restore(struct upkeep *u, struct cmk_error *e)
{
	static const char * const known[] = {
		"path", "file", "accept_header", NULL,
	};
	struct cmk_header *live __cmk_header = NULL;
	char file[CMK_STATE_PATH_LEN];
	struct cmk_error none;
	bool accept;
	int r;

	r = cmk_param_check(u->req, known, e) ?:
	    cmk_param_text(u->req, "path", u->path, sizeof(u->path), true,
			   e) ?:
	    cmk_param_text(u->req, "file", file, sizeof(file), true, e) ?:
	    cmk_param_flag(u->req, "accept_header", &accept, e);
	if (!r)
		r = read_path(file, &u->header, e);
	if (r)
		return r;
	cmk_header_get_info(u->header, &u->info);
	if (cmk_volume_find(u->agent, u->info.uuid))
		return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "open",
				     "the volume is open; its header is put back by header repair --from-agent");
	if (read_path(u->path, &live, &none))
		live = NULL;
	return recall(u, e) ?: check_size(u, e) ?:
	       check_age(u, live, accept, e) ?: ask_hk(u, e);
}

void cmk_method_header_restore(struct cmk_request *req, void *userdata)
{
	begin(req, userdata, CMK_AUDIT_HEADER_RESTORE, restore);
}
