/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Text that a server chose, made fit for a message: one line, ASCII, bounded.
 */
#ifndef CMK_PRINTABLE_H
#define CMK_PRINTABLE_H

#include <stddef.h>

/* @src may be NULL; @ret is cut to @size - 1 characters. */
static inline void cmk_printable(char *ret, size_t size, const char *src)
{
	size_t i;

	for (i = 0; src && src[i] && i + 1 < size; i++)
		ret[i] = src[i] < ' ' || src[i] > '~' ? ' ' : src[i];
	ret[i] = '\0';
}

#endif
