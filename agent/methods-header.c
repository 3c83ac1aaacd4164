// SPDX-License-Identifier: GPL-2.0
/*
 * The methods HeaderRepair and HeaderRestore.  What is written is a header
 * whose MAC was checked under its unwrapped header key; only the header of an
 * open volume, which this agent has checked, goes back without asking the key
 * server.
 *
 * The key server may take seconds, and meanwhile others write.  What was looked
 * at before it was asked is only for an early no: all is read again when it has
 * answered, the header under its lock, and then written in the same turn of the
 * event loop.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "methods-header.h"
#include "rewrap-internal.h"
#include "span.h"
#include "volume-internal.h"

static void upkeep_free(struct upkeep *u)
{
	if (!u->from_agent)
		cmk_header_free(u->header);
	if (u->claim >= 0)
		close(u->claim);
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
		.result = !e ? CMK_AUDIT_OK : e->status == CMK_PARTIAL ?
			  CMK_AUDIT_FAILED : CMK_AUDIT_REFUSED,
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

static bool is_restore(const struct upkeep *u)
{
	return u->event == CMK_AUDIT_HEADER_RESTORE;
}

/* -- what may have changed while the key server was asked -- */

static int recall(struct upkeep *u, struct cmk_error *e)
{
	int r;

	r = cmk_state_load(u->agent->config->state_directory, u->info.uuid,
			   &u->st, e);
	u->known = !r;
	return r == -ENOENT ? 0 : r;
}

/* Takes the header that the agent has of an open volume; and no other. */
static int borrow(struct upkeep *u, const unsigned char uuid[16],
		  struct cmk_volume **ret, struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(u->agent, uuid);

	u->header = NULL;
	if (v && v->life != CMK_VOLUME_WATCHED)
		return cmk_error_set(e, CMK_TEMPORARY, -EBUSY, "opening",
				     "%s", v->blind.err ? v->blind.text :
				     "the volume is being opened");
	if (!v || !v->header)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV, "no-volume",
				     "the volume is not open: the agent has no header of it");
	u->header = v->header;
	u->info = v->info;
	u->st = v->st;
	u->known = true;
	snprintf(u->kek.kid, sizeof(u->kek.kid), "%s", v->st.kid);
	snprintf(u->path, sizeof(u->path), "%s", v->st.header[0] ?
		 v->st.header : v->st.device);
	*ret = v;
	return 0;
}

static int check_free(const struct upkeep *u, struct cmk_error *e)
{
	const struct cmk_rewrap *j;

	for (j = u->agent->rewraps; j; j = j->next)
		if (!memcmp(j->st.uuid, u->info.uuid, 16))
			return cmk_error_set(e, CMK_TEMPORARY, -EBUSY, "busy",
					     "the volume is being rewrapped; try again when that is done");
	if (!is_restore(u))
		return 0;
	return cmk_volume_check_closed(u->agent, u->info.uuid,
				       "its header is put back by header repair --from-agent",
				       e);
}

/* Only what is known to be none counts as none. */
static int read_live(int fd, struct cmk_header **ret, struct cmk_error *e)
{
	int r;

	r = cmk_header_read(ret, fd, e);
	return r == -ENODATA || r == -EBADMSG ? 0 : r;
}

/* What is on the disk must not be ahead of what is in memory. */
static int check_not_newer(const struct upkeep *u,
			   const struct cmk_header *live, struct cmk_error *e)
{
	struct cmk_header_info info;

	if (!live)
		return 0;
	cmk_header_get_info(live, &info);
	if (!memcmp(info.uuid, u->info.uuid, 16) && info.seq <= u->info.seq)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "header-newer",
			     "there is a header of another volume, or a later one, on %s",
			     u->path);
}

/* The other copy is made from the one that is there now. */
static int read_again(struct upkeep *u, int fd, struct cmk_error *e)
{
	struct cmk_header *now = NULL;
	int r;

	r = cmk_header_read(&now, fd, e);
	if (r)
		return r;
	if (!cmk_header_same(now, u->header)) {
		cmk_header_free(now);
		return cmk_error_set(e, CMK_TEMPORARY, -EAGAIN,
				     "header-changed",
				     "the header was changed meanwhile; try again");
	}
	cmk_header_free(u->header);
	u->header = now;
	return 0;
}

static int check_disk(struct upkeep *u, int fd, struct cmk_error *e)
{
	struct cmk_header *live __cmk_header = NULL;
	int r;

	if (!is_restore(u) && !u->from_agent)
		return read_again(u, fd, e);
	r = read_live(fd, &live, e);
	if (r)
		return r;
	return is_restore(u) ? cmk_upkeep_check_age(u, live, e) :
			       check_not_newer(u, live, e);
}

/* -- writing -- */

static int put(struct upkeep *u, int fd, struct cmk_error *e)
{
	struct cmk_header *again __cmk_header = NULL;
	struct cmk_header_info info;
	int r;

	if (is_restore(u) || u->from_agent)
		r = cmk_header_write_back(u->header, fd, e);
	else
		r = cmk_header_repair(u->header, fd, e);
	if (!r)
		r = cmk_header_read(&again, fd, e);
	if (r)
		return r;
	cmk_header_get_info(again, &info);
	if (info.valid_copies == 3 && !info.copies_differ &&
	    cmk_header_same(again, u->header))
		return 0;
	return cmk_error_set(e, CMK_PARTIAL, -EIO, "header-io",
			     "the header, read back from %s, is not what was written",
			     u->path);
}

static int write_path(struct upkeep *u, struct cmk_error *e)
{
	int fd, r;

	r = cmk_header_open(&fd, u->path, true, e);
	if (r)
		return r;
	r = check_disk(u, fd, e);
	if (!r)
		r = put(u, fd, e);
	close(fd);
	return r;
}

/* -- under the header key -- */

static int check_hk(struct upkeep *u, struct cmk_secret *payload,
		    struct cmk_error *e)
{
	__cmk_secret struct cmk_secret hk = CMK_SECRET_INIT;
	int r;

	r = cmk_header_hk_open(u->header, payload, &hk, e);
	if (!r)
		r = cmk_header_verify(u->header, &hk, e);
	if (!r && cmk_header_hk_id(&hk, u->hk_id))
		r = cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				  "cannot digest the header key");
	if (!r && u->known && u->st.has_hk &&
	    memcmp(u->hk_id, u->st.hk_id, 32))
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
	if (!cmk_state_save(u->agent->config->state_directory, &u->st, e))
		return 0;
	return cmk_error_partly(e, "the header is written",
				"see to that and restore it again");
}

/* The wrap that the node allows; while the key server is asked that changes. */
static int choose(struct upkeep *u, struct cmk_error *e)
{
	const char *pin = u->pin[0] ? u->pin : "-";
	unsigned int index;

	if (u->known && u->st.kek[0])
		pin = u->st.kek;
	return cmk_volume_choose_wrap(u->header, pin, &index, &u->kek, e);
}

static int write_proven(struct upkeep *u, struct cmk_secret *payload,
			struct cmk_error *e)
{
	unsigned char uuid[16];
	struct cmk_volume *v = NULL;
	int r;

	memcpy(uuid, u->info.uuid, sizeof(uuid));
	r = u->from_agent ? borrow(u, uuid, &v, e) : recall(u, e);
	if (!r)
		r = check_free(u, e) ?: choose(u, e) ?:
		    check_hk(u, payload, e);
	if (r)
		return r;
	if (v)
		v->header_proven = true;
	r = write_path(u, e);
	if (!r && is_restore(u))
		r = remember(u, e);
	else if (!r && u->device[0])
		r = cmk_upkeep_complete(u, e);
	return r;
}

static void on_hk(struct cmk_kek_result *res, void *userdata)
{
	struct upkeep *u = userdata;
	struct cmk_error e;

	if (res->answer != CMK_USABLE)
		finish(u, &res->error);
	else if (write_proven(u, &res->plain, &e))
		finish(u, &e);
	else
		finish(u, NULL);
}

static int ask_hk(struct upkeep *u, struct cmk_error *e)
{
	int r;

	r = choose(u, e);
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
	u->claim = -1;
	if (work(u, &e))
		finish(u, &e);
}

/* -- repair -- */

/* Proven, it is written back with the key server away. */
static int repair_open(struct upkeep *u, struct cmk_error *e)
{
	unsigned char uuid[16];
	struct cmk_volume *v;
	int r;

	u->from_agent = true;
	r = cmk_param_uuid(u->req, uuid, e) ?: borrow(u, uuid, &v, e) ?:
	    check_free(u, e);
	if (r)
		return r;
	if (!v->header_proven)
		return ask_hk(u, e);
	r = write_path(u, e);
	if (!r)
		finish(u, NULL);
	return r;
}

static int repair(struct upkeep *u, struct cmk_error *e)
{
	static const char * const known[] = {
		"uuid", "path", "from_agent", "device", "kek", NULL,
	};
	bool from_agent;
	int r;

	r = cmk_param_check(u->req, known, e) ?:
	    cmk_param_flag(u->req, "from_agent", &from_agent, e) ?:
	    cmk_param_text(u->req, "path", u->path, sizeof(u->path),
			   !from_agent, e) ?:
	    cmk_param_text(u->req, "device", u->device, sizeof(u->device),
			   false, e) ?:
	    cmk_param_text(u->req, "kek", u->pin, sizeof(u->pin),
			   u->device[0], e);
	if (!r && from_agent)
		return repair_open(u, e);
	if (!r)
		r = read_path(u->path, &u->header, e);
	if (r)
		return r;
	cmk_header_get_info(u->header, &u->info);
	return check_free(u, e) ?: recall(u, e) ?: ask_hk(u, e);
}

void cmk_method_header_repair(struct cmk_request *req, void *userdata)
{
	begin(req, userdata, CMK_AUDIT_HEADER_REPAIR, repair);
}

/* -- restore -- */

static int check_backup(struct upkeep *u, struct cmk_error *e)
{
	struct cmk_header *live __cmk_header = NULL;
	int fd, r;

	r = recall(u, e) ?: cmk_upkeep_check_place(u, e) ?:
	    cmk_header_open(&fd, u->path, false, e);
	if (r)
		return r;
	r = read_live(fd, &live, e);
	close(fd);
	return r ?: cmk_upkeep_check_age(u, live, e);
}

static int restore(struct upkeep *u, struct cmk_error *e)
{
	static const char * const known[] = {
		"path", "file", "accept_header", NULL,
	};
	char file[CMK_STATE_PATH_LEN];
	int r;

	r = cmk_param_check(u->req, known, e) ?:
	    cmk_param_text(u->req, "path", u->path, sizeof(u->path), true,
			   e) ?:
	    cmk_param_text(u->req, "file", file, sizeof(file), true, e) ?:
	    cmk_param_flag(u->req, "accept_header", &u->accept, e);
	if (!r)
		r = read_path(file, &u->header, e);
	if (r)
		return r;
	cmk_header_get_info(u->header, &u->info);
	return check_free(u, e) ?:
	       cmk_header_claim(&u->claim, u->path, e) ?:
	       check_backup(u, e) ?: ask_hk(u, e);
}

void cmk_method_header_restore(struct cmk_request *req, void *userdata)
{
	begin(req, userdata, CMK_AUDIT_HEADER_RESTORE, restore);
}
