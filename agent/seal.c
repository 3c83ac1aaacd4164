// SPDX-License-Identifier: GPL-2.0
/*
 * Sealed messages to the kernel: what goes into the derivation of a session's
 * key, into a nonce and beside a message, byte for byte.
 */
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "seal.h"

#define LABEL		"cmk seal v1"

/* As they are digested and authenticated. */
struct info {
	unsigned char label[sizeof(LABEL) - 1];
	uint64_t epoch;
	unsigned char kernel[CMK_PUBLIC_KEY_LEN];
	unsigned char agent[CMK_PUBLIC_KEY_LEN];
} __attribute__((packed));

struct aad {
	uint32_t cmd;
	unsigned char uuid[CMK_UUID_LEN];
	uint32_t range;
	uint32_t generation;
	uint64_t epoch;
} __attribute__((packed));

struct nonce {
	uint32_t zero;
	uint64_t counter;
} __attribute__((packed));

static void drop_pair(struct cmk_seal *seal)
{
	cmk_ecdh_free(seal->pair);
	seal->pair = NULL;
}

void cmk_seal_end(struct cmk_seal *seal)
{
	drop_pair(seal);
	cmk_secret_wipe(&seal->key);
	seal->epoch = 0;
	seal->counter = 0;
}

int cmk_seal_begin(struct cmk_seal *seal)
{
	cmk_seal_end(seal);
	return cmk_ecdh_new(&seal->pair, seal->public);
}

int cmk_seal_derive(const struct cmk_secret *z, uint64_t epoch,
		    const unsigned char kernel[CMK_PUBLIC_KEY_LEN],
		    const unsigned char agent[CMK_PUBLIC_KEY_LEN],
		    struct cmk_secret *ret)
{
	struct info info = { .epoch = htobe64(epoch) };

	memcpy(info.label, LABEL, sizeof(info.label));
	memcpy(info.kernel, kernel, sizeof(info.kernel));
	memcpy(info.agent, agent, sizeof(info.agent));
	return cmk_kdf_sha256(z, (struct cmk_bytes){ &info, sizeof(info) },
			      CMK_GCM_KEY_LEN, ret);
}

int cmk_seal_agree(struct cmk_seal *seal, uint64_t epoch,
		   const unsigned char public[CMK_PUBLIC_KEY_LEN])
{
	__cmk_secret struct cmk_secret z = CMK_SECRET_INIT;
	int r;

	if (!seal->pair)
		return -EINVAL;
	r = cmk_ecdh_derive(seal->pair, public, &z);
	if (!r)
		r = cmk_seal_derive(&z, epoch, public, seal->public,
				    &seal->key);
	drop_pair(seal);
	if (r)
		return r;
	seal->epoch = epoch;
	seal->counter = 0;
	return 0;
}

int cmk_seal_message(struct cmk_seal *seal, const struct cmk_seal_place *place,
		     const struct cmk_secret *plain, unsigned char *data)
{
	struct nonce nonce = { .counter = htobe64(++seal->counter) };
	struct aad aad = {
		.cmd = htobe32(place->cmd),
		.range = htobe32(place->range),
		.generation = htobe32(place->generation),
		.epoch = htobe64(seal->epoch),
	};

	if (!seal->key.len)
		return -ESTALE;
	memcpy(aad.uuid, place->uuid, sizeof(aad.uuid));
	return cmk_gcm_seal_at(&seal->key,
			       (struct cmk_bytes){ &aad, sizeof(aad) }, plain,
			       (unsigned char *)&nonce, data,
			       data + plain->len);
}
