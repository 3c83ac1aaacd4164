// SPDX-License-Identifier: GPL-2.0
/*
 * The works of a rekey, each in one turn of the event loop.  The order of
 * writes is what a crash anywhere is survived by:
 *
 *	start	header: next DEK, both copies, read back | kernel: rekey-start
 *	finish	header: next DEK is current, likewise    | kernel: rekey-done
 *	discard	header: no next DEK, while the kernel knows that the record has
 *		no rekey; a volume without a record area tells nothing
 *
 * The header is read anew, under its lock and against its MAC: a rewrap may
 * have changed it since the key server was asked.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <unistd.h>

#include "audit.h"
#include "backup.h"
#include "clock.h"
#include "config.h"
#include "crypto.h"
#include "link.h"
#include "rekey-internal.h"
#include "rewrap-internal.h"
#include "volume-internal.h"

#define DONE_AGAIN	10000000ULL	/* microseconds */

static const char *path_of(const struct cmk_volume *v)
{
	return v->st.header[0] ? v->st.header : v->st.device;
}

/* -- the header -- */

static int read_header(struct cmk_rekey *j, const struct cmk_volume *v, int fd,
		       struct cmk_header **ret, struct cmk_error *e)
{
	struct cmk_header_info info;
	struct cmk_header *h = NULL;
	int r;

	r = cmk_header_read(&h, fd, e);
	if (r)
		return r;
	cmk_header_get_info(h, &info);
	r = cmk_header_verify(h, &j->hk, e) ?:
	    cmk_rewrap_check_copies(&info, e);
	if (!r && (memcmp(info.uuid, j->uuid, 16) || info.seq < v->info.seq))
		r = cmk_error_set(e, CMK_UNSUITABLE, -ESTALE,
				  "header-rolled-back",
				  "the header on the device is not the last one of this volume");
	if (r)
		cmk_header_free(h);
	else
		*ret = h;
	return r;
}

/* Is what was written what is there, in both copies?  Then that is @h. */
static int read_back(struct cmk_rekey *j, const struct cmk_volume *v, int fd,
		     struct cmk_header **h, struct cmk_error *e)
{
	struct cmk_header *again = NULL;
	struct cmk_header_info info;
	int r;

	r = read_header(j, v, fd, &again, e);
	if (r)
		return r;
	cmk_header_get_info(again, &info);
	if (info.valid_copies != 3 || info.copies_differ ||
	    !cmk_header_same(again, *h)) {
		cmk_header_free(again);
		return cmk_error_set(e, CMK_PARTIAL, -EIO, "header-io",
				     "the header, read back from %s, is not what was written",
				     path_of(v));
	}
	cmk_header_free(*h);
	*h = again;
	return 0;
}

/* The wrap that the next DEK has, if it is still one of the header's. */
static int current_kek(const struct cmk_rekey *j, const struct cmk_volume *v,
		       const struct cmk_header *h, unsigned int *ret,
		       struct cmk_error *e)
{
	struct cmk_header_kek kek;
	int r;

	r = cmk_volume_known_wrap(h, &v->st, ret, &kek, e);
	if (!r && strcasecmp(kek.kid, j->kid))
		r = cmk_error_set(e, CMK_TEMPORARY, -EAGAIN, "header-changed",
				  "the header was rewrapped meanwhile");
	return r;
}

static int put_next(struct cmk_rekey *j, const struct cmk_volume *v,
		    struct cmk_header *h, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	unsigned int kek;
	int r;

	if (v->info.wrap == CMK_FORMAT_WRAP_HK) {
		r = cmk_header_slot_key(h, &j->hk, &key) ?:
		    cmk_header_set_next_hk(h, &j->next, &key, &j->dek);
	} else {
		r = current_kek(j, v, h, &kek, e);
		if (r)
			return r;
		r = cmk_header_set_next_direct(h, &j->next, kek, j->blob,
					       j->len);
	}
	return r ? cmk_error_set(e, CMK_FAILED, r, "spare-slot",
				 "range %u: its next key has no place in the header: %s",
				 j->next.range, strerror(-r)) : 0;
}

/* Mode direct: the blob is what was unwrapped again, and it was read back. */
static int check_next(struct cmk_rekey *j, const struct cmk_volume *v,
		      const struct cmk_header *h, struct cmk_error *e)
{
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret dek = CMK_SECRET_INIT;
	int r;

	if (v->info.wrap != CMK_FORMAT_WRAP_HK)
		return 0;
	if (cmk_header_slot_key(h, &j->hk, &key))
		return cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				     "cannot make the key of the slots");
	r = cmk_header_open_hk(h, CMK_SLOT_SPARE, &key, &dek, e);
	if (!r && !cmk_equal(dek.data, j->dek.data, CMK_DEK_BYTES))
		r = cmk_error_set(e, CMK_FAILED, -EIO, "header-io",
				  "range %u: its next key does not open again",
				  j->next.range);
	return r;
}

/* What the work does to the header.  *@write: and it has to be written. */
static int change(struct cmk_rekey *j, const struct cmk_volume *v,
		  const struct cmk_nl_rekeying *kernel, struct cmk_header *h,
		  bool *write, struct cmk_error *e)
{
	struct cmk_header_next next;
	uint32_t generation;

	*write = true;
	if (j->work == REKEY_START) {
		/* Of a write that was not finished; the kernel never had it. */
		if (cmk_header_spare_used(h))
			cmk_header_discard(h);
		return put_next(j, v, h, e);
	}
	if (j->work == REKEY_DISCARD) {
		cmk_header_discard(h);
		return 0;
	}
	if (cmk_header_get_next(h, &next) && next.range == kernel->range &&
	    next.generation == kernel->generation &&
	    !memcmp(next.run, kernel->run, sizeof(next.run)))
		return cmk_header_promote(h);
	/* It is current already, and only the rest is left to be done. */
	*write = false;
	if (!cmk_header_spare_used(h) &&
	    cmk_header_slot(h, kernel->range, &generation) &&
	    generation == kernel->generation)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -ESTALE, "rekey",
			     "range %u was rekeyed, and the header does not have its key",
			     kernel->range);
}

static int write_fd(struct cmk_rekey *j, const struct cmk_volume *v,
		    const struct cmk_nl_rekeying *kernel, int fd,
		    struct cmk_header **h, struct cmk_error *e)
{
	bool write;
	int r;

	r = read_header(j, v, fd, h, e);
	if (!r)
		r = change(j, v, kernel, *h, &write, e);
	if (!r)
		r = write ? cmk_header_write(*h, fd, &j->hk, e) :
			    cmk_header_repair(*h, fd, e);
	if (!r)
		r = read_back(j, v, fd, h, e);
	if (!r && j->work == REKEY_START)
		r = check_next(j, v, *h, e);
	return r;
}

static int write_header(struct cmk_rekey *j, struct cmk_volume *v,
			const struct cmk_nl_rekeying *kernel,
			struct cmk_error *e)
{
	struct cmk_header *h = NULL;
	int fd, r;

	r = cmk_header_open(&fd, path_of(v), true, e);
	if (r)
		return r;
	r = write_fd(j, v, kernel, fd, &h, e);
	close(fd);
	if (r)
		cmk_header_free(h);
	return r ?: cmk_volume_replace_header(v, h, e);
}

/* A copy that cannot be made does not stop the rekey, and is told. */
static void back_up(struct cmk_rekey *j, const struct cmk_volume *v)
{
	const struct cmk_config *c = j->agent->config;
	struct cmk_error e;
	int r;

	r = cmk_backup_header(c->state_directory, path_of(v), &v->info,
			      c->header_backups, j->backup, sizeof(j->backup),
			      &e);
	/* The older ones have a DEK that must open nothing any more. */
	if (!r && j->work == REKEY_FINISH)
		r = cmk_backup_forget(c->state_directory, j->uuid, j->backup,
				      &e);
	if (r)
		cmk_audit_log(j->agent->audit, LOG_ERR, "%s: %s", v->st.name,
			      e.text);
}

/* -- the kernel -- */

static int hand_over(struct cmk_rekey *j, const struct cmk_volume *v,
		     struct cmk_nl *nl, struct cmk_nl_rekey *terms,
		     struct cmk_error *e)
{
	__cmk_secret struct cmk_secret mac = CMK_SECRET_INIT;
	int r;

	if (cmk_header_record_key(v->header, &j->hk, &j->next, &mac))
		return cmk_error_set(e, CMK_FAILED, -EIO, "crypto",
				     "cannot make the key of the rekey's record");
	memcpy(terms->run, j->next.run, sizeof(terms->run));
	terms->range = j->next.range;
	terms->header_seq = v->info.seq;
	terms->mac_key = &mac;
	r = cmk_nl_keys_begin(nl, e);
	if (r)
		return r;
	r = j->work == REKEY_START ?
	    cmk_nl_rekey_start(nl, j->uuid, terms, e) :
	    cmk_nl_rekey_done(nl, j->uuid, terms, e);
	cmk_nl_keys_end(nl);
	return r;
}

static int start(struct cmk_rekey *j, struct cmk_volume *v, struct cmk_nl *nl,
		 struct cmk_error *e)
{
	struct cmk_nl_rekey terms = {
		.old_generation = j->next.generation - 1,
		.generation = j->next.generation,
		.key = &j->dek,
		.paused = v->st.rekey.paused,
		.bandwidth = v->st.rekey.bandwidth,
	};
	const struct cmk_nl_rekeying none = { .range = 0 };
	int r;

	r = write_header(j, v, &none, e);
	if (r)
		return r;
	back_up(j, v);
	return hand_over(j, v, nl, &terms, e);
}

/* The order goes on behind this range. */
static void count(struct cmk_volume *v, uint32_t range)
{
	struct cmk_state_rekey *o = &v->st.rekey;

	if (!o->wanted || o->next != range)
		return;
	if (range == o->last)
		memset(o, 0, sizeof(*o));
	else
		o->next++;
}

static int finish(struct cmk_rekey *j, struct cmk_volume *v,
		  const struct cmk_nl_rekeying *kernel, struct cmk_nl *nl,
		  struct cmk_error *e)
{
	struct cmk_nl_rekey terms = { .range = 0 };
	uint64_t seq = v->info.seq;
	int r;

	j->next.range = kernel->range;
	j->next.generation = kernel->generation;
	memcpy(j->next.run, kernel->run, sizeof(j->next.run));
	r = write_header(j, v, kernel, e);
	if (r)
		return r;
	if (v->info.seq != seq) {
		count(v, kernel->range);
		cmk_volume_save(v);
	}
	back_up(j, v);
	j->seq = v->info.seq;
	j->done_at = cmk_boottime() + DONE_AGAIN;
	return hand_over(j, v, nl, &terms, e);
}

/* What was decided is still right only if the kernel is where it was. */
static int check_kernel(const struct cmk_rekey *j, const struct cmk_volume *v,
			const struct cmk_nl_volume *k, struct cmk_error *e)
{
	enum cmk_rekey_state want = j->work == REKEY_FINISH ?
				    CMK_REKEY_STATE_COMPLETE :
				    CMK_REKEY_STATE_NONE;

	if (k->rekey.record && k->rekey.state == want &&
	    k->gate == CMK_GATE_OPEN)
		return 0;
	return cmk_error_set(e, CMK_TEMPORARY, -EAGAIN, "changing",
			     "%s: the volume has changed meanwhile",
			     v->st.name);
}

int cmk_rekey_write(struct cmk_rekey *j, struct cmk_volume *v,
		    struct cmk_error *e)
{
	struct cmk_nl *nl = cmk_link_get(j->agent->link, e);
	const struct cmk_nl_rekeying none = { .range = 0 };
	struct cmk_nl_volume k;
	int r;

	if (!nl)
		return e->err ?: -ENOTCONN;
	r = cmk_nl_volume_get(nl, j->uuid, &k, e) ?: check_kernel(j, v, &k, e);
	if (r)
		return r;
	switch (j->work) {
	case REKEY_START:
		return start(j, v, nl, e);
	case REKEY_FINISH:
		return finish(j, v, &k.rekey, nl, e);
	case REKEY_DISCARD:
		return write_header(j, v, &none, e);
	case REKEY_IDLE:
		break;
	}
	return 0;
}
