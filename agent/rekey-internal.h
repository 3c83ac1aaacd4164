/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the rekey*.c files share.  There is no list of states here: what is to
 * be done follows, each time that something has changed, from three facts that
 * outlive the agent, and rekey.c is the table of it:
 *
 *	the order	of the node's memory of the volume
 *	the header	has it a next DEK?
 *	the kernel	how far is the rekey?
 *
 * What needs the header key is one of three works; each asks the key server for
 * it and ends in one turn of the event loop, in rekey-write.c.
 */
#ifndef CMK_REKEY_INTERNAL_H
#define CMK_REKEY_INTERNAL_H

#include "header.h"
#include "kek.h"
#include "rekey.h"
#include "volume.h"

/**
 * enum rekey_work - why the header key is asked for
 * @REKEY_START: a DEK is made, written into the header, given to the kernel
 * @REKEY_FINISH: the kernel is done: the former DEK goes
 * @REKEY_DISCARD: the next DEK in the header was never used: it goes
 */
enum rekey_work {
	REKEY_IDLE,
	REKEY_START,
	REKEY_FINISH,
	REKEY_DISCARD,
};

/* Somebody who waits for the end; @detach: only for the beginning. */
struct rekey_waiter {
	struct rekey_waiter *next;
	struct cmk_request *req;
	bool detach;
};

/**
 * struct cmk_rekey - a volume
 * @timer: of the next look
 * @waiters: who is answered
 * @fresh: nothing was written yet for this order: a failure ends it
 * @work, @op: under way
 * @ready: all that it needs has come
 * @hk: from the answer of the key server until the work is done
 * @next, @dek: REKEY_START: the new DEK, and which it is
 * @kid: the KEK that was asked, and that has wrapped @dek
 * @blob, @len: mode direct: @dek, wrapped
 * @seq: of the header that rekey-done was sent for
 * @retry: microseconds to wait after the next failure
 * @waits: it does
 * @drain_at: not before this is the device drained again
 * @done_at: nor rekey-done sent again for that @seq
 * @e: why it does not go on; err 0 if it does
 * @told: code of what was written of that
 * @asked: somebody wants it to try again
 * @uid, @pid: who ordered it, 0 if this agent was not asked
 * @backup: of the header, since the last work
 */
struct cmk_rekey {
	struct cmk_agent *agent;
	struct cmk_rekey *link;
	unsigned char uuid[16];
	sd_event_source *timer;
	struct rekey_waiter *waiters;
	bool fresh;
	enum rekey_work work;
	struct cmk_kek_op *op;
	bool ready;
	struct cmk_secret hk, dek;
	struct cmk_header_next next;
	char kid[CMK_KID_MAX + 1];
	unsigned char blob[CMK_FORMAT_BLOB_LEN];
	size_t len;
	uint64_t seq, retry, drain_at, done_at;
	bool waits, asked;
	uid_t uid;
	pid_t pid;
	struct cmk_error e;
	char told[48];
	char backup[4096];
};

/* rekey-work.c: asks the key server; ends in cmk_rekey_worked(). */
int cmk_rekey_begin(struct cmk_rekey *j, struct cmk_volume *v,
		    enum rekey_work work, struct cmk_error *e);

/* Gives up what is under way, wipes. */
void cmk_rekey_reset(struct cmk_rekey *j);

/* rekey-write.c: the work itself, all of it in this call. */
int cmk_rekey_write(struct cmk_rekey *j, struct cmk_volume *v,
		    struct cmk_error *e);

/* rekey.c: @e NULL, or why the work was not done. */
void cmk_rekey_worked(struct cmk_rekey *j, const struct cmk_error *e);
struct cmk_rekey *cmk_rekey_find(const struct cmk_agent *a,
				 const unsigned char uuid[16]);
/* The one that there is, or a new one; NULL without memory. */
struct cmk_rekey *cmk_rekey_job(struct cmk_agent *a,
				const unsigned char uuid[16]);
/* Looks as soon as the event loop turns, whatever it waits for. */
void cmk_rekey_now(struct cmk_rekey *j);

/* rekey-order.c: how far is it?  All but @ret->why. */
void cmk_rekey_measure(const struct cmk_volume *v, struct cmk_rekey_view *ret);
/* May what has stopped the kernel be over, some time? */
bool cmk_rekey_may_pass(uint32_t error);
/* What has stopped it, where, and what comes next. */
void cmk_rekey_say(const struct cmk_nl_rekeying *k, char *ret, size_t size);

#endif
