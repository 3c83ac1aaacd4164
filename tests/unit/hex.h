/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Test vectors are written as hexadecimal text.  Also what each cmocka
 * program includes first.
 */
#ifndef CMK_TEST_HEX_H
#define CMK_TEST_HEX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "secret.h"

#define HEX_MAX	1024

/* Bytes of @text in one of a few static buffers. */
static inline const unsigned char *unhex(const char *text)
{
	static unsigned char buf[8][HEX_MAX];
	static unsigned int turn;
	unsigned char *p = buf[turn++ % 8];
	unsigned int v;
	size_t n;

	assert_true(strlen(text) / 2 <= HEX_MAX);
	for (n = 0; n < strlen(text) / 2; n++) {
		assert_int_equal(sscanf(text + 2 * n, "%2x", &v), 1);
		p[n] = v;
	}
	return p;
}

static inline void secret_from_hex(struct cmk_secret *s, const char *text)
{
	assert_int_equal(cmk_secret_alloc(s, strlen(text) / 2), 0);
	memcpy(s->data, unhex(text), s->len);
}

static inline void assert_hex(const void *data, size_t len, const char *text)
{
	assert_int_equal(len, strlen(text) / 2);
	assert_memory_equal(data, unhex(text), len);
}

#endif
