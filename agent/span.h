/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The small values that configuration files and options hold: time spans as
 * in systemd.time(7), percentages, booleans, uuids.
 */
#ifndef CMK_SPAN_H
#define CMK_SPAN_H

#include <stdbool.h>
#include <stdint.h>

/**
 * cmk_parse_span() - "90", "500ms", "5min 30s", "4h" to microseconds
 *
 * A number without a unit counts seconds.
 *
 * Return: 0, -EINVAL, or -ERANGE above 100 years.
 */
int cmk_parse_span(const char *s, uint64_t *ret);

/* "5s", "4h 30min"; @buf of 64 bytes is always enough. */
const char *cmk_format_span(uint64_t us, char *buf, unsigned int size);

/* "20%", 0 to 100. */
int cmk_parse_percent(const char *s, unsigned int *ret);
int cmk_parse_uint(const char *s, unsigned int *ret);
int cmk_parse_bool(const char *s, bool *ret);

/* The 36 characters of RFC 9562, any case, to 16 bytes big endian and back. */
int cmk_parse_uuid(const char *s, unsigned char ret[16]);
void cmk_format_uuid(const unsigned char uuid[16], char ret[37]);

#endif
