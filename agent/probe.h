/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Asks the key server, for all volumes of one versioned key with one question:
 * may this node use it?  The question is the unwrap of a header key, never of
 * a DEK; the plaintext is checked and wiped.  Attributes are asked for rarely,
 * and only for the key's expiry.
 */
#ifndef CMK_PROBE_H
#define CMK_PROBE_H

#include <systemd/sd-event.h>

#include "header.h"
#include "kek.h"

struct cmk_probe;		/* of one key */
struct cmk_prober;		/* of all keys */

/**
 * struct cmk_probe_user - one volume, embedded in it
 * @header, @kek: the wrap to unwrap; borrowed while joined
 * @probe_at, @get_at: when the user wants the next answer, boot time in
 *	microseconds; the user changes them and calls cmk_probe_update()
 * @answer: the answer to an unwrap that was sent at @started.  An unwrap that
 *	succeeded with a plaintext that is not this volume's is CMK_UNKNOWN,
 *	and so is one that could not be sent
 * @attributes: the answer to a GET, likewise
 *
 * A callback comes from the event loop.  It moves the time that it answers to,
 * or is called again at once; it may leave with its own user, and free it.
 */
struct cmk_probe_user {
	const struct cmk_header *header;
	unsigned int kek;
	uint64_t probe_at, get_at;
	void (*answer)(struct cmk_probe_user *u,
		       const struct cmk_kek_result *res, uint64_t started);
	void (*attributes)(struct cmk_probe_user *u,
			   const struct cmk_kek_result *res);
	struct cmk_probe *probe;
	struct cmk_probe_user *next;
};

int cmk_prober_new(struct cmk_prober **ret, sd_event *event);
void cmk_prober_free(struct cmk_prober *p);

/* @set: used from now on; what runs on the former one ends without answer. */
void cmk_prober_set_keks(struct cmk_prober *p, struct cmk_kek_set *set);

/* Joins the others of the same key. */
int cmk_probe_join(struct cmk_prober *p, struct cmk_probe_user *u);
void cmk_probe_leave(struct cmk_probe_user *u);

/* @u wants its answers at other times than before. */
void cmk_probe_update(struct cmk_probe_user *u);

#endif
