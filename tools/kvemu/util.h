/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small helpers that every file of kvemu may use: cleanup attributes, text
 * encodings, identifiers, clocks, and files that survive a power cut.  A leaf:
 * it includes nothing of kvemu.
 */
#ifndef KVEMU_UTIL_H
#define KVEMU_UTIL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))
#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Textual length of a UUID and of a key version, with the final NUL. */
#define UUID_LEN 37
#define VERSION_LEN 33

static inline void freep(void *p)
{
	free(*(void **)p);
}

static inline void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void fclosep(FILE **f)
{
	if (*f)
		fclose(*f);
}

/**
 * b64url_encode() - base64url without padding
 * @data: bytes to encode
 * @len: number of bytes
 *
 * Return: a string that the caller frees, or NULL.
 */
char *b64url_encode(const void *data, size_t len);

/**
 * b64url_decode() - strict decoder, padding tolerated
 * @text: base64url text
 * @ret: the bytes, freed by the caller; untouched on failure
 *
 * Return: number of bytes, -EINVAL for text that is not base64url, -ENOMEM.
 */
ssize_t b64url_decode(const char *text, unsigned char **ret);

/** uuid_new() - a random (version 4) UUID in its usual text form */
void uuid_new(char uuid[UUID_LEN]);

/** version_new() - 32 random lower case hex digits, as a key version is */
void version_new(char version[VERSION_LEN]);

/** boottime_us() - CLOCK_BOOTTIME in microseconds */
int64_t boottime_us(void);

/**
 * time_iso() - @us microseconds of Unix time as "2026-01-31T12:00:00.000000Z"
 */
void time_iso(int64_t us, char *buf, size_t size);

/** realtime_us() - CLOCK_REALTIME in microseconds */
int64_t realtime_us(void);

/**
 * file_write_atomic() - replace a file so that a power cut leaves old or new
 * @dir: open directory
 * @name: name in it
 * @data: content
 * @len: number of bytes
 * @mode: permission bits
 *
 * Return: 0 or a negative errno.
 */
int file_write_atomic(int dir, const char *name, const void *data, size_t len,
		      mode_t mode);

/**
 * file_read() - whole content of a file as a string
 * @dir: open directory
 * @name: name in it
 * @ret: content with a NUL behind it, freed by the caller
 *
 * Return: number of bytes or a negative errno.
 */
ssize_t file_read(int dir, const char *name, char **ret);

#endif
