/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other DEKs for ranges, one after the other, while the volume is in use.  The
 * kernel does the work; what is here makes the DEKs, keeps the header in step,
 * and goes on after whatever has come between.
 */
#ifndef CMK_REKEY_H
#define CMK_REKEY_H

#include "agent.h"
#include "control.h"
#include "error.h"

struct cmk_rekey;		/* one volume with ranges to rekey */

/**
 * struct cmk_rekey_order - what is asked for
 * @all: all ranges; else from @first to @last
 * @bandwidth: KiB a second, 0 for no limit
 * @detach: @req is answered as soon as the kernel works
 */
struct cmk_rekey_order {
	unsigned char uuid[16];
	bool all, detach;
	uint32_t first, last, bandwidth;
};

/**
 * cmk_rekey_start() - begin, or watch the same order that is under way
 * @req: answered at the end, or when it stops
 *
 * The order outlives this agent: it is in the node's memory of the volume.  On
 * an error nothing was begun, and @req is not answered.  Codes: "no-volume",
 * "not-live", "bad-range", "no-record", "busy".
 */
int cmk_rekey_start(struct cmk_agent *a, const struct cmk_rekey_order *order,
		    struct cmk_request *req, struct cmk_error *e);

/* @req is answered as that of cmk_rekey_start().  "no-rekey" */
int cmk_rekey_attach(struct cmk_agent *a, const unsigned char uuid[16],
		     struct cmk_request *req, struct cmk_error *e);

/**
 * cmk_rekey_pause() - stop after the stripe in flight, or go on
 * @pause: false: go on, also after an error that it would not try again
 *
 * Remembered, as the order is.  "no-rekey"
 */
int cmk_rekey_pause(struct cmk_agent *a, const unsigned char uuid[16],
		    bool pause, struct cmk_error *e);

/**
 * struct cmk_rekey_view - how far an order is
 * @done, @total: bytes
 * @why: what it waits for or has stopped by, "" if it goes on
 */
struct cmk_rekey_view {
	uint32_t first, last;
	bool paused;
	uint64_t done, total;
	const char *why;
};

/* Return: false if there is none. */
bool cmk_rekey_look_at(const struct cmk_agent *a,
		       const unsigned char uuid[16],
		       struct cmk_rekey_view *ret);

/* Something about a volume is new: is there something to do? */
void cmk_rekey_look(struct cmk_agent *a, const unsigned char uuid[16]);

/*
 * The gate of the volume was closed, or it goes: no key stays in memory.  What
 * is under way at the key server is given up, and begun anew when it is back.
 */
void cmk_rekey_end(struct cmk_agent *a, const unsigned char uuid[16]);

void cmk_rekeys_free(struct cmk_agent *a);

#endif
