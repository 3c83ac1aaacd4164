/* SPDX-License-Identifier: GPL-2.0 */
/* What the files that know OpenSSL share.  Not for others. */
#ifndef CMK_CRYPTO_INTERNAL_H
#define CMK_CRYPTO_INTERNAL_H

#include <errno.h>
#include <openssl/err.h>

#define DEFINE_FREE(type, func) \
	static inline void func##_p(typeof(type) **p) { func(*p); }
#define _free(func) __attribute__((cleanup(func##_p)))

/* What failed is of no use to anybody; the queue of errors is emptied. */
static inline int lib_error(void)
{
	ERR_clear_error();
	return -EIO;
}

#endif
