/* SPDX-License-Identifier: GPL-2.0 */
/*
 * base64url without padding (RFC 4648 section 5), the form of all binary
 * values in Key Vault's JSON and in JWTs.
 */
#ifndef CMK_BASE64URL_H
#define CMK_BASE64URL_H

#include <stddef.h>
#include <sys/types.h>

#include "secret.h"

/* Characters that @len bytes become, without the NUL. */
#define CMK_BASE64URL_LEN(len)	(((len) * 4 + 2) / 3)

/**
 * cmk_base64url_encode() - encode bytes
 * @ret: room for CMK_BASE64URL_LEN(@len) + 1 characters; ends with a NUL
 */
void cmk_base64url_encode(const void *data, size_t len, char *ret);

/**
 * cmk_base64url_decode() - decode @len characters
 * @ret: @size bytes; CMK_BASE64URL_LEN tells what fits
 *
 * Padding, white space, the characters of plain base64 and non-zero bits
 * after the last byte are errors: what has two spellings cannot be compared.
 *
 * Return: number of bytes, -EINVAL (malformed) or -ENOSPC.
 */
ssize_t cmk_base64url_decode(const char *text, size_t len, void *ret,
			     size_t size);

/*
 * The same for key bytes: from and into locked memory, in a time that depends
 * on the length only.  @ret of the first holds characters without a NUL.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int cmk_base64url_encode_secret(const struct cmk_secret *s,
				struct cmk_secret *ret);
int cmk_base64url_decode_secret(const char *text, size_t len,
				struct cmk_secret *ret);

#endif
