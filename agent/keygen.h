/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A new RSA key, made in a thread of its own: that takes seconds, on a slow
 * machine many, in which the event loop has leases to renew.  The thread makes
 * the key and does nothing else; all that is here is called by the loop.
 */
#ifndef CMK_KEYGEN_H
#define CMK_KEYGEN_H

#include <systemd/sd-event.h>

#include "crypto.h"
#include "error.h"

struct cmk_keygen;		/* one key in the making */

/*
 * @key: borrowed until the callback returns, and wiped then; NULL on failure,
 * of which @e tells.  The keygen is freed after the callback, not before.
 */
typedef void (*cmk_keygen_done_t)(const struct cmk_rsa *key,
				  const struct cmk_error *e, void *userdata);

/**
 * cmk_keygen_start() - begin to make a key
 * @bits: as for cmk_rsa_generate()
 * @done: called exactly once, by the loop, unless cmk_keygen_stop() comes first
 *
 * Return: 0, or a negative errno, with @e set; then @done is never called.
 */
int cmk_keygen_start(struct cmk_keygen **ret, sd_event *event,
		     unsigned int bits, cmk_keygen_done_t done, void *userdata,
		     struct cmk_error *e);

/*
 * Ends the thread and wipes what it has made; waits for it, which is at most
 * the test of one candidate for a prime.  NULL is allowed.  Not from @done.
 */
void cmk_keygen_stop(struct cmk_keygen *g);

#endif
