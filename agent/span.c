// SPDX-License-Identifier: GPL-2.0
/*
 * Small values of configuration files, read strictly: what is not wholly
 * understood is refused.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "span.h"

#define SPAN_MAX	(100ULL * 365 * 86400 * 1000000)

static const struct unit {
	const char *name;
	uint64_t us;
} units[] = {
	{ "us", 1 }, { "usec", 1 },
	{ "ms", 1000 }, { "msec", 1000 },
	{ "s", 1000000 }, { "sec", 1000000 }, { "second", 1000000 },
	{ "seconds", 1000000 },
	{ "m", 60000000 }, { "min", 60000000 }, { "minute", 60000000 },
	{ "minutes", 60000000 },
	{ "h", 3600000000 }, { "hr", 3600000000 }, { "hour", 3600000000 },
	{ "hours", 3600000000 },
	{ "d", 86400000000 }, { "day", 86400000000 }, { "days", 86400000000 },
	{ "w", 604800000000 }, { "week", 604800000000 },
	{ "weeks", 604800000000 },
};

static uint64_t unit_us(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len &&
		    !strncmp(units[i].name, name, len))
			return units[i].us;
	return 0;
}

/* Digits of a number that is at most SPAN_MAX. */
static int digits(const char **s, uint64_t *ret)
{
	uint64_t n = 0;
	const char *p = *s;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		n = n * 10 + (*p - '0');
		if (n > SPAN_MAX)
			return -ERANGE;
	}
	*s = p;
	*ret = n;
	return 0;
}

/* ".5": millionths. */
static int fraction(const char **s, uint64_t *ret)
{
	uint64_t n = 0, scale = 1000000;
	const char *p = *s;

	*ret = 0;
	if (*p != '.')
		return 0;
	p++;
	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		scale /= 10;
		n += (*p - '0') * scale;
	}
	*s = p;
	*ret = n;
	return 0;
}

static const char *skip_space(const char *s)
{
	return s + strspn(s, " \t");
}

/* One "number unit"; a missing unit is seconds. */
static int span_part(const char **s, uint64_t *ret)
{
	uint64_t n, frac, unit;
	size_t len;
	int r;

	r = digits(s, &n);
	if (!r)
		r = fraction(s, &frac);
	if (r)
		return r;
	*s = skip_space(*s);
	len = strspn(*s, "abcdefghijklmnopqrstuvwxyz");
	unit = len ? unit_us(*s, len) : 1000000;
	if (!unit)
		return -EINVAL;
	*s += len;
	if (n > SPAN_MAX / unit)
		return -ERANGE;
	*ret = n * unit + frac * unit / 1000000;
	return 0;
}

int cmk_parse_span(const char *s, uint64_t *ret)
{
	uint64_t sum = 0, part;
	int r;

	s = skip_space(s);
	do {
		r = span_part(&s, &part);
		if (r)
			return r;
		sum += part;
		if (sum > SPAN_MAX)
			return -ERANGE;
		s = skip_space(s);
	} while (*s);
	*ret = sum;
	return 0;
}

const char *cmk_format_span(uint64_t us, char *buf, unsigned int size)
{
	static const struct unit steps[] = {
		{ "d", 86400000000 }, { "h", 3600000000 }, { "min", 60000000 },
		{ "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
	};
	unsigned int i, used = 0;

	buf[0] = 0;
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]) && used < size; i++) {
		uint64_t n = us / steps[i].us;

		us %= steps[i].us;
		if (n)
			used += snprintf(buf + used, size - used, "%s%llu%s",
					 used ? " " : "",
					 (unsigned long long)n, steps[i].name);
	}
	if (!used)
		snprintf(buf, size, "0");
	return buf;
}

int cmk_parse_uint(const char *s, unsigned int *ret)
{
	unsigned long n;
	char *end;

	if (!isdigit((unsigned char)*s))
		return -EINVAL;
	errno = 0;
	n = strtoul(s, &end, 10);
	if (*end)
		return -EINVAL;
	if (errno || n > UINT32_MAX)
		return -ERANGE;
	*ret = n;
	return 0;
}

int cmk_parse_percent(const char *s, unsigned int *ret)
{
	char buf[8];
	size_t len = strlen(s);

	if (len < 2 || len > sizeof(buf) || s[len - 1] != '%')
		return -EINVAL;
	memcpy(buf, s, len - 1);
	buf[len - 1] = 0;
	if (cmk_parse_uint(buf, ret))
		return -EINVAL;
	return *ret > 100 ? -ERANGE : 0;
}

int cmk_parse_bool(const char *s, bool *ret)
{
	static const char * const yes[] = { "yes", "true", "on", "1" };
	static const char * const no[] = { "no", "false", "off", "0" };
	unsigned int i;

	for (i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
		if (!strcasecmp(s, yes[i])) {
			*ret = true;
			return 0;
		}
		if (!strcasecmp(s, no[i])) {
			*ret = false;
			return 0;
		}
	}
	return -EINVAL;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -1;
}

int cmk_parse_uuid(const char *s, unsigned char ret[16])
{
	unsigned char uuid[16];
	unsigned int i;

	if (strlen(s) != 36)
		return -EINVAL;
	for (i = 0; i < 16; i++) {
		int hi, lo;

		if (i == 4 || i == 6 || i == 8 || i == 10) {
			if (*s++ != '-')
				return -EINVAL;
		}
		hi = hex(s[0]);
		lo = hex(s[1]);
		if (hi < 0 || lo < 0)
			return -EINVAL;
		uuid[i] = hi << 4 | lo;
		s += 2;
	}
	memcpy(ret, uuid, 16);
	return 0;
}

void cmk_format_uuid(const unsigned char uuid[16], char ret[37])
{
	unsigned int i, n = 0;

	for (i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			ret[n++] = '-';
		n += sprintf(ret + n, "%02x", uuid[i]);
	}
}
