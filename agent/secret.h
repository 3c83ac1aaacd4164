/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one type for key bytes in userspace.  A secret has one owner; it is
 * moved, never copied, and wiped when it goes.  Its memory is locked, not
 * dumped and not inherited by a child.
 */
#ifndef CMK_SECRET_H
#define CMK_SECRET_H

#include <stddef.h>

struct cmk_secret {
	unsigned char *data;	/* NULL when empty */
	size_t len;		/* bytes in use */
};

#define CMK_SECRET_INIT { NULL, 0 }

/**
 * cmk_secret_alloc() - make an empty secret hold @len zero bytes
 *
 * Return: 0, or -ENOMEM (also when the memory cannot be locked).
 */
int cmk_secret_alloc(struct cmk_secret *s, size_t len);

/* As cmk_secret_alloc(), filled from the CSPRNG. */
int cmk_secret_random(struct cmk_secret *s, size_t len);

/* @dst, wiped first, gets the bytes of @src, which is empty afterwards. */
void cmk_secret_move(struct cmk_secret *dst, struct cmk_secret *src);

/* Wipes and releases; an empty secret may be wiped again. */
void cmk_secret_wipe(struct cmk_secret *s);

/* Wipes @len bytes that no secret owns, e.g. a buffer of a library. */
void cmk_wipe(void *p, size_t len);

#define __cmk_secret __attribute__((cleanup(cmk_secret_wipe)))

#endif
