/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the keys*.c files share: keys.c brings the DEKs here, keys-install.c
 * hands them to the kernel.
 */
#ifndef CMK_KEYS_INTERNAL_H
#define CMK_KEYS_INTERNAL_H

#include "keys.h"

struct dek_op {
	struct cmk_keys *keys;
	uint32_t slot;			/* a range, or CMK_SLOT_SPARE */
	struct cmk_kek_op *op;
	struct cmk_secret dek;
};

struct cmk_keys {
	struct cmk_kek_set *set;
	const struct cmk_header *header;
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	unsigned int kek_index;
	bool has_id;
	unsigned char hk_id[32];
	struct cmk_secret hk;
	struct cmk_kek_op *hk_op;
	bool has_rekey;			/* the header has a next DEK */
	struct cmk_header_next rekey;
	struct cmk_secret record_key;
	struct cmk_nl_rekeying kernel;	/* what the kernel says of it */
	struct dek_op *deks;		/* mode direct, one a slot */
	uint32_t slots;			/* ranges, and the spare slot */
	uint32_t next;			/* slot to ask for */
	uint32_t pending;
	bool over;			/* called back, or never will */
	cmk_keys_answer_t answer;
	cmk_keys_done_t done;
	void *userdata;
};

#endif
