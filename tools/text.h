/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Numbers and foreign text for people.
 */
#ifndef CMKCTL_TEXT_H
#define CMKCTL_TEXT_H

#include <stddef.h>
#include <stdint.h>

#define TEXT_SIZE	64	/* enough for each function below */

/* "16 MiB", "1.5 GiB"; exact when it divides, else one decimal. */
const char *text_size(uint64_t bytes, char buf[TEXT_SIZE]);

/* "2026-11-24 03:51:39 UTC", "never" for 0. */
const char *text_time(int64_t unix_seconds, char buf[TEXT_SIZE]);

/* Lower-case hexadecimal; @ret holds 2 * @len + 1 characters. */
const char *text_hex(const unsigned char *bytes, size_t len, char *ret);

/* Another program's words: as they are if they are text, else ASCII. */
char *text_clean(char *s);

/* What a disk said, made harmless for a terminal and for JSON, in place. */
char *text_printable(char *s);

/**
 * text_parse_size() - "16M", "1G", "4096"; K M G T, powers of 1024
 *
 * Return: 0, -EINVAL or -ERANGE.
 */
int text_parse_size(const char *s, uint64_t *ret);

#endif
