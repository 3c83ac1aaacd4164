/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_DIGEST_H
#define CMK_DIGEST_H

#include <linux/types.h>

struct kvec;

#define CMK_DIGEST_SIZE		32
#define CMK_FINGERPRINT_SIZE	16

struct cmk_mac;

int cmk_digest_init(void);
void cmk_digest_exit(void);
int cmk_digest(const struct kvec *parts, unsigned int n,
	       u8 digest[CMK_DIGEST_SIZE]);
int cmk_digest_fingerprint(const u8 *dek, u8 fingerprint[CMK_FINGERPRINT_SIZE]);

struct cmk_mac *cmk_mac_create(const u8 *key);
void cmk_mac_free(struct cmk_mac *mac);
int cmk_mac_digest(struct cmk_mac *mac, const void *data, size_t len,
		   u8 digest[32]);
bool cmk_mac_equal(const u8 a[32], const u8 b[32]);
u64 cmk_mac_tag(const struct cmk_mac *mac, const void *data, size_t len);

#endif
