// SPDX-License-Identifier: GPL-2.0
/*
 * Owns how sizes and times look, and how a size is read.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <jansson.h>

#include "text.h"

static const char units[] = "KMGT";

const char *text_size(uint64_t bytes, char buf[TEXT_SIZE])
{
	uint64_t unit = 1, tenths;
	int i = -1;

	while (i < 3 && bytes / unit >= 1024) {
		unit *= 1024;
		i++;
	}
	tenths = bytes % unit * 10 / unit;
	if (i < 0)
		snprintf(buf, TEXT_SIZE, "%llu B", (unsigned long long)bytes);
	else if (bytes % unit == 0)
		snprintf(buf, TEXT_SIZE, "%llu %ciB",
			 (unsigned long long)(bytes / unit), units[i]);
	else
		snprintf(buf, TEXT_SIZE, "%llu.%llu %ciB",
			 (unsigned long long)(bytes / unit),
			 (unsigned long long)tenths, units[i]);
	return buf;
}

const char *text_time(int64_t unix_seconds, char buf[TEXT_SIZE])
{
	time_t t = unix_seconds;
	struct tm tm;

	if (unix_seconds == 0)
		snprintf(buf, TEXT_SIZE, "never");
	else if (!gmtime_r(&t, &tm) ||
		 !strftime(buf, TEXT_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm))
		snprintf(buf, TEXT_SIZE, "%lld", (long long)unix_seconds);
	return buf;
}

const char *text_hex(const unsigned char *bytes, size_t len, char *ret)
{
	size_t i;

	for (i = 0; i < len; i++)
		sprintf(ret + 2 * i, "%02x", bytes[i]);
	ret[2 * len] = '\0';
	return ret;
}

char *text_printable(char *s)
{
	char *p;

	for (p = s; *p; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return s;
}

char *text_clean(char *s)
{
	json_t *text = json_string(s);
	char *p;

	for (p = s; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	if (!text)
		text_printable(s);
	json_decref(text);
	return s;
}

int text_parse_size(const char *s, uint64_t *ret)
{
	unsigned long long n;
	unsigned int shift;
	const char *unit;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno)
		return -ERANGE;
	if (!*end) {
		*ret = n;
		return 0;
	}
	unit = strchr(units, toupper((unsigned char)*end));
	if (!unit || (end[1] && strcmp(end + 1, "iB") != 0))
		return -EINVAL;
	shift = 10 * (unit - units + 1);
	if (n > UINT64_MAX >> shift)
		return -ERANGE;
	*ret = n << shift;
	return 0;
}
