/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent's end of the sealed transport, by which keys go to the kernel; see
 * "Sealed messages" in Documentation/netlink/specs/cmk.yaml.  Order: begin,
 * send the public key in a bind, agree, messages, end.
 *
 * A session lasts for one batch of keys.  Functions return 0 or a negative
 * errno as those of crypto.h do.
 */
#ifndef CMK_SEAL_H
#define CMK_SEAL_H

#include <stdint.h>
#include <linux/cmk.h>

#include "crypto.h"

/**
 * struct cmk_seal - a session
 * @pair: the agent's key, between begin and agree
 * @public: its public half
 * @key: derived; empty when there is no session
 * @epoch: as the kernel has told it
 * @counter: of the last message
 */
struct cmk_seal {
	struct cmk_ecdh *pair;
	unsigned char public[CMK_PUBLIC_KEY_LEN];
	struct cmk_secret key;
	uint64_t epoch;
	uint64_t counter;
};

/**
 * struct cmk_seal_place - what a message is sealed for
 * @cmd: the command that carries it
 * @uuid: CMK_UUID_LEN bytes
 */
struct cmk_seal_place {
	enum cmk_cmd cmd;
	const unsigned char *uuid;
	uint32_t range;
	uint32_t generation;
};

/* Makes @seal->public.  A session that there was ends. */
int cmk_seal_begin(struct cmk_seal *seal);

/**
 * cmk_seal_agree() - make the key of the session
 * @epoch: from the answer to the bind
 * @public: the kernel's, from there
 *
 * The agent's private key is gone afterwards, also after an error.
 */
int cmk_seal_agree(struct cmk_seal *seal, uint64_t epoch,
		   const unsigned char public[CMK_PUBLIC_KEY_LEN]);

/* The derivation alone; agent: the agent's public key. */
int cmk_seal_derive(const struct cmk_secret *z, uint64_t epoch,
		    const unsigned char kernel[CMK_PUBLIC_KEY_LEN],
		    const unsigned char agent[CMK_PUBLIC_KEY_LEN],
		    struct cmk_secret *ret);

/**
 * cmk_seal_message() - seal a key; the counter rises
 * @data: @plain->len + CMK_SEAL_TAG_LEN bytes
 *
 * Return: 0; -ESTALE when there is no session; or as above.
 */
int cmk_seal_message(struct cmk_seal *seal, const struct cmk_seal_place *place,
		     const struct cmk_secret *plain, unsigned char *data);

/* Wipes all; may be called at any time, and again. */
void cmk_seal_end(struct cmk_seal *seal);

#endif
