// SPDX-License-Identifier: GPL-2.0
/*
 * Writes what a rewrap has brought together, in one turn of the event loop.
 * The header is read anew: what a rekey has changed meanwhile stays, since
 * only the wraps of the header key, and in mode direct those of the DEKs, are
 * put in.  The two copies are written one after the other, so that at each
 * moment one is on disk which opens, by the old key or by the new one.
 *
 * A change of the KEK goes through a header that has both wraps: until it is
 * on disk and was read back, none that the node still needs is taken away.
 * Then, before the former wrap goes, the node's memory allows either: whatever
 * is interrupted after that, it finds a wrap that it may use.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "backup.h"
#include "config.h"
#include "kek-uri.h"
#include "rewrap-internal.h"
#include "span.h"
#include "volume-internal.h"

#define PAUSE	100000ULL	/* microseconds */

/* Is it in the middle of the same rekey, or of none? */
static bool same_next(const struct cmk_header *a, const struct cmk_header *b)
{
	struct cmk_header_next x = { .range = 0 }, y = { .range = 0 };

	return cmk_header_get_next(a, &x) == cmk_header_get_next(b, &y) &&
	       !memcmp(&x, &y, sizeof(x));
}

/* Are the keys that were wrapped again still those of the header? */
static int check_same(const struct cmk_rewrap *j, const struct cmk_header *h,
		      struct cmk_error *e)
{
	uint32_t was = 0, is = 0, i;
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	bool same;
	int r;

	cmk_header_get_info(h, &info);
	r = cmk_rewrap_check_copies(&info, e);
	if (r)
		return r;
	same = cmk_header_get_kek(h, j->old, &kek) &&
	       kek.blob_len == j->from.blob_len &&
	       !memcmp(kek.blob, j->from.blob, kek.blob_len);
	if (j->slots)
		same &= same_next(j->header, h);
	for (i = 0; same && j->slots && i < j->info.ranges; i++)
		same = cmk_header_slot(j->header, i, &was) &&
		       cmk_header_slot(h, i, &is) && was == is;
	if (same)
		return 0;
	return cmk_error_set(e, CMK_TEMPORARY, -EAGAIN, "header-changed",
			     "the header was changed meanwhile; try again");
}

static int read_header(struct cmk_rewrap *j, int fd, struct cmk_header **ret,
		       struct cmk_error *e)
{
	struct cmk_header *h = NULL;
	int r;

	r = cmk_header_read(&h, fd, e);
	if (!r)
		r = cmk_header_verify(h, &j->hk, e);
	if (r)
		cmk_header_free(h);
	else
		*ret = h;
	return r;
}

/*
 * Writes @h, and replaces it by what is then on the disk.
 * @last: nothing in it is under the former key any more
 */
static int write_and_read(struct cmk_rewrap *j, int fd, struct cmk_header **h,
			  bool last, struct cmk_error *e)
{
	struct cmk_header_info want, got;
	struct cmk_header *again = NULL;
	int r;

	r = cmk_header_write(*h, fd, &j->hk, e);
	if (!r || e->status == CMK_PARTIAL) {
		j->touched = true;
		j->moved = last;
	}
	if (r)
		return r;
	r = read_header(j, fd, &again, e);
	if (r)
		return r;
	cmk_header_get_info(*h, &want);
	cmk_header_get_info(again, &got);
	cmk_header_free(*h);
	*h = again;
	if (got.valid_copies == 3 && !got.copies_differ && got.seq == want.seq)
		return 0;
	return cmk_error_set(e, CMK_PARTIAL, -EIO, "header-io",
			     "the header, read back from %s, is not what was written; the old key is still needed",
			     cmk_rewrap_path(j));
}

static int set_wrap(struct cmk_rewrap *j, struct cmk_header *h,
		    unsigned int *ret, struct cmk_error *e)
{
	int index = cmk_header_place_kek(h, j->to.kid, j->old);

	if (index < 0 || cmk_header_set_kek(h, index, &j->to))
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOSPC, "no-room",
				     "the header has no room for %s",
				     j->to.kid);
	*ret = index;
	return 0;
}

static bool is_other_key(const struct cmk_rewrap *j)
{
	struct cmk_kek_uri from, to;

	if (cmk_kek_uri_parse(&from, j->from.kid) ||
	    cmk_kek_uri_parse(&to, j->to.kid))
		return strcmp(j->from.kid, j->to.kid);
	return !cmk_kek_uri_same_key(&from, &to);
}

/* From here on nothing in the header needs the former key. */
static int exchange(struct cmk_rewrap *j, struct cmk_header *h,
		    unsigned int new, struct cmk_error *e)
{
	const struct rewrap_slot *s;
	unsigned int i;

	for (s = j->slots; s && s < j->slots + j->n_slots; s++)
		if (cmk_header_rewrap(h, s->range, new, s->blob, s->len))
			return cmk_error_set(e, CMK_FAILED, -EINVAL, "rewrap",
					     "range %u: its wrap has no place",
					     s->range);
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (i != new)
			cmk_header_clear_kek(h, i);
	if (is_other_key(j))
		cmk_header_expose(h);
	return 0;
}

/* The former wrap is about to go: from now on the node allows the new one. */
static int allow_both(struct cmk_rewrap *j, struct cmk_error *e)
{
	struct cmk_volume *v = cmk_volume_find(j->agent, j->st.uuid);
	struct cmk_state *known = v ? &v->st : &j->st;
	struct cmk_state st = *known;
	int r;

	snprintf(st.kek, sizeof(st.kek), "%s", j->target);
	snprintf(st.leaving, sizeof(st.leaving), "%s", j->from.kid);
	r = cmk_state_save(j->agent->config->state_directory, &st, e);
	if (!r)
		*known = st;
	return r;
}

static int change(struct cmk_rewrap *j, int fd, struct cmk_header **h,
		  unsigned int *new, struct cmk_error *e)
{
	int r;

	r = read_header(j, fd, h, e);
	if (!r)
		r = check_same(j, *h, e);
	if (!r)
		r = set_wrap(j, *h, new, e);
	if (!r && j->kind == CMK_REWRAP_KEK)
		r = write_and_read(j, fd, h, false, e) ?: allow_both(j, e);
	if (!r)
		r = exchange(j, *h, *new, e);
	if (!r)
		r = write_and_read(j, fd, h, true, e);
	return r;
}

static int write_header(struct cmk_rewrap *j, struct cmk_header **ret,
			unsigned int *new, struct cmk_error *e)
{
	struct cmk_header *h = NULL;
	int fd, r;

	r = cmk_header_open(&fd, cmk_rewrap_path(j), true, e);
	if (r)
		return r;
	r = change(j, fd, &h, new, e);
	close(fd);
	if (r)
		cmk_header_free(h);
	else
		*ret = h;
	return r;
}

/* What the node remembers of the volume from now on. */
static void update_state(const struct cmk_rewrap *j, struct cmk_state *st)
{
	st->has_hk = true;
	memcpy(st->hk_id, j->hk_id, sizeof(st->hk_id));
	if (!cmk_rewrap_same_key(j)) {
		snprintf(st->former, sizeof(st->former), "%s", j->from.kid);
		st->former_at = time(NULL);
	}
	if (j->kind == CMK_REWRAP_KEK)
		snprintf(st->kek, sizeof(st->kek), "%s", j->target);
	st->leaving[0] = 0;
}

static int remember_closed(struct cmk_rewrap *j, const struct cmk_header *h,
			   struct cmk_error *e)
{
	struct cmk_header_info info;

	cmk_header_get_info(h, &info);
	update_state(j, &j->st);
	j->st.seq = info.seq;
	j->st.generations = cmk_header_generations(h);
	snprintf(j->st.kid, sizeof(j->st.kid), "%s", j->to.kid);
	snprintf(j->st.oid, sizeof(j->st.oid), "%s", j->proof.oid);
	snprintf(j->st.tid, sizeof(j->st.tid), "%s", j->proof.tid);
	return cmk_state_save(j->agent->config->state_directory, &j->st, e);
}

/* @h is taken over. */
static int remember(struct cmk_rewrap *j, struct cmk_volume *v,
		    struct cmk_header *h, unsigned int new,
		    struct cmk_error *e)
{
	int r;

	if (!v) {
		r = remember_closed(j, h, e);
		cmk_header_free(h);
		return r;
	}
	update_state(j, &v->st);
	return cmk_volume_take_header(v, h, new, &j->proof, e);
}

/* The name that cmk_backup_header() gives it. */
static bool has_backup(const struct cmk_rewrap *j, const char *dir, char *ret,
		       size_t size)
{
	char uuid[37];

	cmk_format_uuid(j->info.uuid, uuid);
	snprintf(ret, size, "%s/backup/%s-%010" PRIu64 ".hdr", dir, uuid,
		 j->info.seq);
	return !access(ret, F_OK);
}

int cmk_rewrap_backup(struct cmk_rewrap *j, bool asked, char *ret, size_t size,
		      struct cmk_error *e)
{
	const struct cmk_config *c = j->agent->config;
	bool has = has_backup(j, c->state_directory, ret, size);
	int r = 0;

	if (has && !asked)
		return 0;
	/* After a return to an older header another may have had the number. */
	if (!has || j->moved)
		r = cmk_backup_header(c->state_directory, cmk_rewrap_path(j),
				      &j->info, c->header_backups, ret, size,
				      e);
	/* The older ones hold wraps by the former key. */
	if (!r)
		r = cmk_backup_forget(c->state_directory, j->info.uuid, ret, e);
	return r;
}

static void finish(struct cmk_rewrap *j, struct cmk_volume *v)
{
	struct cmk_header *h = NULL;
	char backup[4096] = "";
	unsigned int new = 0;
	struct cmk_error e;
	uint32_t exposed;
	int r;

	j->writing = true;
	r = write_header(j, &h, &new, &e);
	if (r) {
		cmk_rewrap_fail(j, &e);
		return;
	}
	cmk_secret_wipe(&j->hk);
	cmk_header_get_info(h, &j->info);
	exposed = cmk_header_exposed(h);
	r = remember(j, v, h, new, &e);
	if (!r)
		r = cmk_rewrap_backup(j, true, backup, sizeof(backup), &e);
	if (r)
		cmk_rewrap_fail(j, &e);
	else
		cmk_rewrap_succeed(j, backup, exposed);
}

static int on_pause(sd_event_source *s, uint64_t usec, void *userdata)
{
	cmk_rewrap_write(userdata);
	return 0;
}

static void pause_job(struct cmk_rewrap *j)
{
	struct cmk_error e;

	j->wait = sd_event_source_disable_unref(j->wait);
	if (sd_event_add_time_relative(j->agent->event, &j->wait,
				       CLOCK_BOOTTIME, PAUSE, 1000, on_pause,
				       j) >= 0)
		return;
	cmk_error_set(&e, CMK_FAILED, -ENOMEM, "no-memory", "out of memory");
	cmk_rewrap_fail(j, &e);
}

void cmk_rewrap_write(struct cmk_rewrap *j)
{
	struct cmk_volume *v = cmk_volume_find(j->agent, j->st.uuid);
	struct cmk_error e;

	/* Keys on their way are opened with the header as it was. */
	if (v && (v->keys || v->life == CMK_VOLUME_OPENING)) {
		pause_job(j);
	} else if (v && (v->life != CMK_VOLUME_WATCHED ||
			 !cmk_pol_phase_live(v->pol.phase))) {
		cmk_error_set(&e, CMK_UNSUITABLE, -EBUSY, "not-live",
			      "the volume is not live any more; nothing was written");
		cmk_rewrap_fail(j, &e);
	} else {
		finish(j, v);
	}
}
