/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Other wraps of the same keys: under a new version of the KEK, or under
 * another KEK.  No data is rewritten, no DEK replaced, and a volume that is
 * live stays live.
 */
#ifndef CMK_REWRAP_H
#define CMK_REWRAP_H

#include "agent.h"
#include "control.h"
#include "error.h"

struct cmk_rewrap;		/* one volume on its way to another wrap */

enum cmk_rewrap_kind {
	CMK_REWRAP_VERSION,	/* the newest version of the same key */
	CMK_REWRAP_KEK,		/* another key */
};

/**
 * struct cmk_rewrap_order - what is to be done
 * @device, @header: of a volume that is not open; "" as the node remembers
 * @kek: the other key, for CMK_REWRAP_KEK
 * @force: take a key that format would refuse
 * @dry_run: look and tell, write nothing
 */
struct cmk_rewrap_order {
	enum cmk_rewrap_kind kind;
	unsigned char uuid[16];
	const char *device, *header, *kek;
	bool force, dry_run;
};

/**
 * typedef cmk_rewrap_ended_t - for the agent's own rewraps
 * @e: NULL, also if there was nothing to do, or why not
 */
typedef void (*cmk_rewrap_ended_t)(const struct cmk_error *e, void *userdata);

/**
 * cmk_rewrap_start() - begin
 * @req: answered at the end, with progress before; NULL: @ended is called
 *
 * One at a time for a volume: "busy" (temporary).  On an error nothing was
 * begun and nobody is answered.
 */
int cmk_rewrap_start(struct cmk_agent *a, const struct cmk_rewrap_order *order,
		     struct cmk_request *req, cmk_rewrap_ended_t ended,
		     void *userdata, struct cmk_error *e);

/* Is one of this volume under way? */
bool cmk_rewrap_runs(const struct cmk_agent *a, const unsigned char uuid[16]);

/**
 * cmk_rewrap_end() - give up the one of this volume, if there is one
 *
 * Its gate was closed, or it goes: no key of it stays in memory.  What is under
 * way at the key server is cancelled, and who waits is answered, with
 * "gate-closed".  One that is writing already goes to its end.
 */
void cmk_rewrap_end(struct cmk_agent *a, const unsigned char uuid[16]);

/* How far is the one of this volume?  false: there is none. */
bool cmk_rewrap_progress(const struct cmk_agent *a,
			 const unsigned char uuid[16], uint32_t *ret_done,
			 uint32_t *ret_total);

/* Ends those that wait for nobody outside of the agent. */
void cmk_rewraps_free(struct cmk_agent *a);

#endif
