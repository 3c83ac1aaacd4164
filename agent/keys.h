/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The DEKs of one volume on their way from its header, through the KEK, into
 * the kernel.  They exist here only between the last answer of the key server
 * and the call that hands them over; the caller makes both in one turn of the
 * event loop.
 */
#ifndef CMK_KEYS_H
#define CMK_KEYS_H

#include "header.h"
#include "kek.h"
#include "netlink.h"

struct cmk_keys;

/**
 * typedef cmk_keys_done_t - the DEKs are here, or will not come
 * @keys: to be installed and freed by the callee, which may free it at once
 * @e: NULL, or why they do not come
 * @last: the answer of the key server that decided; NULL if there was none
 */
typedef void (*cmk_keys_done_t)(struct cmk_keys *keys,
				const struct cmk_error *e,
				const struct cmk_kek_result *last,
				void *userdata);

/* Each answer of the key server; @range is UINT32_MAX for the header. */
typedef void (*cmk_keys_answer_t)(const struct cmk_kek_result *res,
				  uint32_t range, void *userdata);

/**
 * cmk_keys_fetch() - unwrap the header key and all DEKs
 * @header: borrowed until cmk_keys_free()
 * @kek: index of the header's wrap to use
 * @hk_id: digest that the header key must have; NULL: any
 * @answer: for the audit trail
 *
 * The header's MAC is checked before a DEK is asked for, so that no forged
 * header makes the vault unwrap what it likes.  Calls back once, never from
 * inside this call; not after cmk_keys_free().
 */
int cmk_keys_fetch(struct cmk_keys **ret, struct cmk_kek_set *set,
		   const struct cmk_header *header, unsigned int kek,
		   const unsigned char *hk_id, cmk_keys_answer_t answer,
		   cmk_keys_done_t done, void *userdata, struct cmk_error *e);

/* Digest of the header key, once the DEKs are here. */
const unsigned char *cmk_keys_hk_id(const struct cmk_keys *keys);

/**
 * cmk_keys_check() - may these DEKs be the kernel's?
 *
 * Compares geometry and the generation of each range with what the kernel
 * remembers, in its memory and in its record of a rekey.  One mismatch, and no
 * key is set at all: code "generation", "geometry" or "rekey".
 */
int cmk_keys_check(struct cmk_keys *keys, struct cmk_nl *nl,
		   const struct cmk_nl_volume *kernel, struct cmk_error *e);

/* How a rekey that was interrupted goes on; @bandwidth: KiB a second, 0: all */
struct cmk_keys_rekey {
	bool paused;
	uint32_t bandwidth;
};

/**
 * cmk_keys_install() - set the DEK of each range
 * @terms: of a range that is rekeyed, which gets both of its DEKs
 * @live: how many ranges have theirs
 *
 * After cmk_keys_check(), once.  In a session of its own, which is over when it
 * returns.
 */
int cmk_keys_install(struct cmk_keys *keys, struct cmk_nl *nl,
		     const struct cmk_keys_rekey *terms, uint32_t *live,
		     struct cmk_error *e);

/* Ends what is under way, wipes; NULL is fine. */
void cmk_keys_free(struct cmk_keys *keys);

#endif
