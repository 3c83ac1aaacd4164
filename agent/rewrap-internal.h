/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rewrap*.c files share: rewrap.c brings the header key from one wrap
 * into another, rewrap-slots.c does the same with the DEKs of mode direct, and
 * rewrap-write.c has the result written.  Each step is begun by the answer to
 * the one before:
 *
 *	GET		the newest version of the key, and its attributes
 *	unwrap		the header key, with the old one; the MAC is checked
 *	wrap		it with the new one
 *	unwrap		it again: what cannot be unwrapped is no wrap
 *	these three	for each DEK (mode direct)
 *
 * Until then nothing is written.
 */
#ifndef CMK_REWRAP_INTERNAL_H
#define CMK_REWRAP_INTERNAL_H

#include "header.h"
#include "kek.h"
#include "rewrap.h"
#include "state.h"

/**
 * struct rewrap_slot - a DEK of mode direct on its way
 * @range: or CMK_SLOT_SPARE
 * @sum: of the DEK that the old wrap held; the new one must hold the same
 * @blob, @len: the new wrap, once it is known
 * @op: under way at the key server, or NULL
 */
struct rewrap_slot {
	struct cmk_rewrap *job;
	uint32_t range;
	unsigned char sum[32];
	unsigned char blob[CMK_FORMAT_BLOB_LEN];
	size_t len;
	struct cmk_kek_op *op;
};

/**
 * struct cmk_rewrap - one job
 * @st: what the node knows of the volume; what is written becomes of it
 * @target: key to wrap with, as it was named
 * @header: as it was when the job began
 * @old, @from: its wrap that the node allows
 * @to: the wrap that is to take its place
 * @made: it is under the node's key, which the wrap may make: GET comes later
 * @hk: from the first unwrap to the last write
 * @n_slots, @next_slot, @pending: of @slots, in mode direct
 * @done, @total: operations at the key server, for progress
 * @proof: the answer that unwrapped @to; without the plaintext
 * @touched: something was written to the header
 * @moved: and that was the write after which @from is not needed
 * @writing: it ends in this turn of the event loop
 * @op: for the header key, or NULL
 * @wait: until keys that are on their way have come
 * @e, @failed: the first failure
 */
struct cmk_rewrap {
	struct cmk_agent *agent;
	struct cmk_rewrap *next;
	struct cmk_request *req;
	cmk_rewrap_ended_t ended;
	void *userdata;
	enum cmk_rewrap_kind kind;
	bool force, dry_run, made, touched, moved;
	bool writing;
	struct cmk_kek_op *op;
	struct cmk_state st;
	char target[CMK_KID_MAX + 1];
	struct cmk_header *header;
	struct cmk_header_info info;
	unsigned int old;
	struct cmk_header_kek from, to;
	struct cmk_secret hk;
	unsigned char hk_id[32];
	struct rewrap_slot *slots;
	uint32_t n_slots, next_slot, pending;
	uint32_t done, total;
	struct cmk_kek_result proof;
	sd_event_source *wait;
	json_t *warnings;
	struct cmk_error e;
	bool failed;
};

/* rewrap-find.c: fills @j; nothing is begun. */
int cmk_rewrap_find(struct cmk_rewrap *j, const struct cmk_rewrap_order *order,
		    struct cmk_error *e);

/* May the copies be written over?  "header-copies", "header-feature". */
int cmk_rewrap_check_copies(const struct cmk_header_info *info,
			    struct cmk_error *e);

/* Is the newest wrap there, alone and in both copies? */
bool cmk_rewrap_is_current(const struct cmk_rewrap *j);

/* Path of the device or file that the header is on. */
const char *cmk_rewrap_path(const struct cmk_rewrap *j);

/* Answers and frees @j; in the audit trail, too. */
void cmk_rewrap_fail(struct cmk_rewrap *j, const struct cmk_error *e);
void cmk_rewrap_succeed(struct cmk_rewrap *j, const char *backup,
			uint32_t exposed);

/* An operation at the key server has ended; @range UINT32_MAX: the header. */
void cmk_rewrap_answer(struct cmk_rewrap *j, const struct cmk_kek_result *res,
		       bool wrap, uint32_t range);

/* rewrap-slots.c: ends in cmk_rewrap_write() or cmk_rewrap_fail(). */
void cmk_rewrap_slots(struct cmk_rewrap *j);

/* Cancels what is under way; @j, which has failed, is gone afterwards. */
void cmk_rewrap_slots_end(struct cmk_rewrap *j);

/* rewrap-write.c: ends in _succeed() or _fail(). */
void cmk_rewrap_write(struct cmk_rewrap *j);

/*
 * The backup of this header alone, as an interrupted rewrap owes it.  Unasked,
 * the agent does so only if this header has none.
 */
int cmk_rewrap_backup(struct cmk_rewrap *j, bool asked, char *ret, size_t size,
		      struct cmk_error *e);

/* Is it the same key, and only the header was made whole? */
bool cmk_rewrap_same_key(const struct cmk_rewrap *j);

#endif
