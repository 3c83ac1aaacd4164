// SPDX-License-Identifier: GPL-2.0
/*
 * base64url without padding.  OpenSSL's encoder knows plain base64 only and
 * looks characters up in a table; here each character is computed, so that
 * neither caches nor branches tell of the key bytes that pass through.
 */
#include <errno.h>
#include <stdint.h>

#include "base64url.h"

/* All ones if lo <= c <= hi, else 0; for values below 2^31. */
static uint32_t in_range(uint32_t c, uint32_t lo, uint32_t hi)
{
	return (((c - lo) | (hi - c)) >> 31) - 1;
}

static char to_char(uint32_t v)
{
	uint32_t c;

	c = in_range(v, 0, 25) & (v + 'A');
	c |= in_range(v, 26, 51) & (v - 26 + 'a');
	c |= in_range(v, 52, 61) & (v - 52 + '0');
	c |= in_range(v, 62, 62) & '-';
	c |= in_range(v, 63, 63) & '_';
	return c;
}

/* Sets bits of @bad if @c is none of the 64 characters. */
static uint32_t from_char(unsigned char c, uint32_t *bad)
{
	uint32_t upper = in_range(c, 'A', 'Z'), lower = in_range(c, 'a', 'z');
	uint32_t digit = in_range(c, '0', '9');
	uint32_t minus = in_range(c, '-', '-'), under = in_range(c, '_', '_');

	*bad |= ~(upper | lower | digit | minus | under);
	return (upper & (c - 'A')) | (lower & (c - 'a' + 26)) |
	       (digit & (c - '0' + 52)) | (minus & 62) | (under & 63);
}

static void encode(const unsigned char *in, size_t len, char *ret)
{
	uint32_t acc = 0;
	int bits = 0;

	for (; len; len--) {
		acc = acc << 8 | *in++;
		for (bits += 8; bits >= 6; bits -= 6)
			*ret++ = to_char(acc >> (bits - 6) & 63);
	}
	if (bits)
		*ret++ = to_char(acc << (6 - bits) & 63);
}

/* Return: 0, or -EINVAL after all of @len was looked at. */
static int decode(const char *text, size_t len, unsigned char *ret)
{
	uint32_t acc = 0, bad = 0;
	int bits = 0;

	for (; len; len--) {
		acc = acc << 6 | from_char(*text++, &bad);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			*ret++ = acc >> bits;
		}
	}
	bad |= acc & ((1U << bits) - 1);
	return bad ? -EINVAL : 0;
}

void cmk_base64url_encode(const void *data, size_t len, char *ret)
{
	encode(data, len, ret);
	ret[CMK_BASE64URL_LEN(len)] = '\0';
}

ssize_t cmk_base64url_decode(const char *text, size_t len, void *ret,
			     size_t size)
{
	size_t bytes = len / 4 * 3 + len % 4 * 3 / 4;

	if (len % 4 == 1)
		return -EINVAL;
	if (bytes > size)
		return -ENOSPC;
	return decode(text, len, ret) ? -EINVAL : (ssize_t)bytes;
}

int cmk_base64url_encode_secret(const struct cmk_secret *s,
				struct cmk_secret *ret)
{
	int r;

	r = cmk_secret_alloc(ret, CMK_BASE64URL_LEN(s->len));
	if (r < 0)
		return r;
	encode(s->data, s->len, (char *)ret->data);
	return 0;
}

int cmk_base64url_decode_secret(const char *text, size_t len,
				struct cmk_secret *ret)
{
	int r;

	if (len % 4 == 1)
		return -EINVAL;
	r = cmk_secret_alloc(ret, len / 4 * 3 + len % 4 * 3 / 4);
	if (r < 0)
		return r;
	r = decode(text, len, ret->data);
	if (r < 0)
		cmk_secret_wipe(ret);
	return r;
}
