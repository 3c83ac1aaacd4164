/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_DIGEST_H
#define CMK_DIGEST_H

#include <linux/types.h>

struct kvec;

#define CMK_DIGEST_SIZE		32
#define CMK_FINGERPRINT_SIZE	16

int cmk_digest_init(void);
void cmk_digest_exit(void);
int cmk_digest(const struct kvec *parts, unsigned int n,
	       u8 digest[CMK_DIGEST_SIZE]);
int cmk_digest_fingerprint(const u8 *dek, u8 fingerprint[CMK_FINGERPRINT_SIZE]);

#endif
