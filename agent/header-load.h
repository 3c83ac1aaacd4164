/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Reads a header without waiting for its disk.  A read that the disk does not
 * answer cannot be given up, not even by ending: so a process of its own makes
 * it, and that may hang for as long as it likes.
 */
#ifndef CMK_HEADER_LOAD_H
#define CMK_HEADER_LOAD_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "header.h"

/* How this program is started for it; the path follows. */
#define CMK_HEADER_LOAD_OPTION	"--read-header"

struct cmk_header_load;		/* one that is under way */

/**
 * typedef cmk_header_loaded_t - it has been read, or could not be
 * @h: the reader's now; NULL with @e
 * @e: as of cmk_header_open() and cmk_header_read(); or "header-reader", when
 *	the process ended without a word
 */
typedef void (*cmk_header_loaded_t)(struct cmk_header *h,
				    const struct cmk_error *e,
				    void *userdata);

/**
 * cmk_header_load_start() - begin to read a header
 * @path: device or file, as for cmk_header_open()
 * @done: called once, from the event loop or cmk_header_load_wait(), unless
 *	the load is cancelled; it is gone then
 *
 * Return: 0; or negative errno with @e, "header-reader".
 */
int cmk_header_load_start(struct cmk_header_load **ret, sd_event *event,
			  const char *path, cmk_header_loaded_t done,
			  void *userdata, struct cmk_error *e);

/**
 * cmk_header_load_wait() - wait for it after all, for a while
 * @until: boot time in microseconds
 *
 * Return: was it in time?  Then @done has been called.
 */
bool cmk_header_load_wait(struct cmk_header_load *l, uint64_t until);

/* @done is not called; the process may still be there.  NULL is nothing. */
void cmk_header_load_cancel(struct cmk_header_load *l);

/* The process: what main() does after CMK_HEADER_LOAD_OPTION. */
int cmk_header_load_main(const char *path);

#endif
