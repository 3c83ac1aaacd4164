// SPDX-License-Identifier: GPL-2.0
/*
 * The digest and the MAC of a header, and the header key that makes the MAC:
 * its binding to the volume and the keys that are derived from it.
 */
#include <errno.h>
#include <string.h>

#include "crypto.h"
#include "header-internal.h"

#define SUM_BYTES	32
#define AFTER_DIGEST	(CMK_DIGEST_OFFSET + SUM_BYTES)
#define AFTER_MAC	(CMK_MAC_OFFSET + SUM_BYTES)

static const unsigned char zeros[2 * SUM_BYTES];

int cmk_header_digest(const struct cmk_header *h, unsigned char ret[32])
{
	const struct cmk_bytes parts[] = {
		{ h->image, CMK_DIGEST_OFFSET },
		{ zeros, SUM_BYTES },
		{ h->image + AFTER_DIGEST, h->size - AFTER_DIGEST },
	};

	return cmk_sha256v(parts, 3, ret);
}

bool cmk_header_same(const struct cmk_header *a, const struct cmk_header *b)
{
	return !memcmp(cmk_header_super(a)->digest,
		       cmk_header_super(b)->digest, SUM_BYTES);
}

int cmk_header_derive(const struct cmk_header *h, const struct cmk_secret *hk,
		      const char *label, struct cmk_secret *ret)
{
	const struct cmk_bytes none = { NULL, 0 };
	unsigned char text[64];
	struct cmk_bytes info = { text, strlen(label) + 16 };

	if (hk->len != CMK_HK_BYTES || info.len > sizeof(text))
		return -EINVAL;
	memcpy(text, label, info.len - 16);
	memcpy(text + info.len - 16, cmk_header_super(h)->uuid, 16);
	return cmk_hkdf_sha256(hk, none, info, CMK_GCM_KEY_LEN, ret);
}

int cmk_header_mac(const struct cmk_header *h, const struct cmk_secret *hk,
		   unsigned char ret[32])
{
	const struct cmk_bytes parts[] = {
		{ h->image, CMK_DIGEST_OFFSET },
		{ zeros, 2 * SUM_BYTES },
		{ h->image + AFTER_MAC, h->size - AFTER_MAC },
	};
	__cmk_secret struct cmk_secret key = CMK_SECRET_INIT;
	int r;

	r = cmk_header_derive(h, hk, "cmk header mac v1", &key);
	return r < 0 ? r : cmk_hmac_sha256v(&key, parts, 3, ret);
}

int cmk_header_verify(const struct cmk_header *h, const struct cmk_secret *hk,
		      struct cmk_error *e)
{
	unsigned char mac[SUM_BYTES];
	int r = cmk_header_mac(h, hk, mac);

	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "header-verify",
				     "the header's MAC cannot be computed: %s",
				     strerror(-r));
	if (!cmk_equal(mac, cmk_header_super(h)->mac, sizeof(mac)))
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED,
				     "header-forged",
				     "the header was not written by a holder of its header key: changed by somebody else, or put together from two headers");
	return 0;
}

int cmk_header_hk_id(const struct cmk_secret *hk, unsigned char ret[32])
{
	static const char label[] = "cmk hk id";
	const struct cmk_bytes parts[] = {
		{ label, sizeof(label) - 1 }, { hk->data, hk->len }
	};

	return cmk_sha256v(parts, 2, ret);
}

static int hk_binding(const struct cmk_header *h, unsigned char ret[32])
{
	static const char label[] = "cmk hk v1";
	const struct cmk_bytes parts[] = {
		{ label, sizeof(label) - 1 }, { cmk_header_super(h)->uuid, 16 }
	};

	return cmk_sha256v(parts, 2, ret);
}

int cmk_header_hk_payload(const struct cmk_header *h,
			  const struct cmk_secret *hk, struct cmk_secret *ret)
{
	int r;

	if (hk->len != CMK_HK_BYTES)
		return -EINVAL;
	r = cmk_secret_alloc(ret, CMK_HK_BYTES + SUM_BYTES);
	if (r < 0)
		return r;
	memcpy(ret->data, hk->data, CMK_HK_BYTES);
	r = hk_binding(h, ret->data + CMK_HK_BYTES);
	if (r < 0)
		cmk_secret_wipe(ret);
	return r;
}

static int open_payload(const struct cmk_header *h,
			const struct cmk_secret *payload,
			struct cmk_secret *ret_hk)
{
	unsigned char want[SUM_BYTES];
	int r = hk_binding(h, want);

	if (r < 0)
		return r;
	if (payload->len != CMK_HK_BYTES + SUM_BYTES ||
	    !cmk_equal(payload->data + CMK_HK_BYTES, want, sizeof(want)))
		return -EKEYREJECTED;
	r = cmk_secret_alloc(ret_hk, CMK_HK_BYTES);
	if (r < 0)
		return r;
	memcpy(ret_hk->data, payload->data, CMK_HK_BYTES);
	return 0;
}

int cmk_header_hk_open(const struct cmk_header *h, struct cmk_secret *payload,
		       struct cmk_secret *ret_hk, struct cmk_error *e)
{
	int r = open_payload(h, payload, ret_hk);

	cmk_secret_wipe(payload);
	if (r == -EKEYREJECTED)
		return cmk_error_set(e, CMK_UNSUITABLE, r, "hk-foreign",
				     "what the key server unwrapped is not the header key of this volume");
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "no-locked-memory",
				     "the header key: %s", strerror(-r));
	return 0;
}
