// SPDX-License-Identifier: GPL-2.0
/*
 * Taking a secret out of a JSON text.  Owns a scanner that walks the members
 * of the top-level object in place and copies nothing but the wanted string,
 * straight into locked memory.
 */
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/types.h>

#include "json-secret.h"

struct scan {
	char *at, *end;
};

static void skip_space(struct scan *s)
{
	while (s->at < s->end && (*s->at == ' ' || *s->at == '\t' ||
				  *s->at == '\r' || *s->at == '\n'))
		s->at++;
}

static bool take_char(struct scan *s, char c)
{
	skip_space(s);
	if (s->at == s->end || *s->at != c)
		return false;
	s->at++;
	return true;
}

/* [@from, @to) is what stands between the quotes. */
static int take_string(struct scan *s, char **from, char **to)
{
	if (!take_char(s, '"'))
		return -EBADMSG;
	*from = s->at;
	for (; s->at < s->end; s->at++) {
		if (*s->at == '"') {
			*to = s->at++;
			return 0;
		}
		if (*s->at == '\\' && ++s->at == s->end)
			break;
	}
	return -EBADMSG;
}

static bool ends_value(char c)
{
	return c == ',' || c == ']' || c == '}';
}

/* Over a value of any kind: to the comma or bracket that follows it. */
static int skip_value(struct scan *s)
{
	char *from, *to;
	size_t depth = 0;

	for (;;) {
		skip_space(s);
		if (s->at == s->end)
			return -EBADMSG;
		if (depth == 0 && ends_value(*s->at))
			return 0;
		if (*s->at == '"') {
			if (take_string(s, &from, &to))
				return -EBADMSG;
			continue;
		}
		if (*s->at == '{' || *s->at == '[')
			depth++;
		else if (*s->at == '}' || *s->at == ']')
			depth--;
		s->at++;
	}
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* \u00XX: some serialisers write even "+" that way; no secret is beyond it. */
static int unescape_u(const char *p, const char *to, unsigned char *ret)
{
	int i, v = 0;

	if (to - p < 4)
		return -EBADMSG;
	for (i = 0; i < 4; i++) {
		if (hex(p[i]) < 0)
			return -EBADMSG;
		v = v << 4 | hex(p[i]);
	}
	if (v > 0x7f)
		return -EBADMSG;
	*ret = v;
	return 0;
}

/* @out has room for @to - @from bytes.  Return: bytes written. */
static ssize_t unescape(const char *from, const char *to, unsigned char *out)
{
	size_t n = 0;

	while (from < to) {
		if (*from != '\\') {
			out[n++] = *from++;
			continue;
		}
		from++;
		if (*from == 'u') {
			if (unescape_u(from + 1, to, &out[n++]))
				return -EBADMSG;
			from += 5;
		} else if (*from == '"' || *from == '\\' || *from == '/') {
			out[n++] = *from++;
		} else {
			return -EBADMSG;
		}
	}
	return n;
}

static int move_string(char *from, char *to, struct cmk_secret *ret)
{
	__cmk_secret struct cmk_secret raw = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret fit = CMK_SECRET_INIT;
	ssize_t n;
	int r;

	if (from == to)
		return -EBADMSG;
	r = cmk_secret_alloc(&raw, to - from);
	if (r)
		return r;
	n = unescape(from, to, raw.data);
	memset(from, ' ', to - from);
	if (n <= 0)
		return -EBADMSG;
	if ((size_t)n == raw.len) {
		cmk_secret_move(ret, &raw);
		return 0;
	}
	r = cmk_secret_alloc(&fit, n);
	if (r)
		return r;
	memcpy(fit.data, raw.data, n);
	cmk_secret_move(ret, &fit);
	return 0;
}

static bool is_name(const char *from, const char *to, const char *name)
{
	return (size_t)(to - from) == strlen(name) &&
	       !memcmp(from, name, to - from);
}

int cmk_json_take_secret(char *text, size_t len, const char *name,
			 struct cmk_secret *ret)
{
	struct scan s = { text, text + len };
	char *from, *to;

	if (!take_char(&s, '{'))
		return -EBADMSG;
	if (take_char(&s, '}'))
		return -ENOENT;
	do {
		if (take_string(&s, &from, &to) || !take_char(&s, ':'))
			return -EBADMSG;
		skip_space(&s);
		if (!is_name(from, to, name)) {
			if (skip_value(&s))
				return -EBADMSG;
			continue;
		}
		if (s.at == s.end)
			return -EBADMSG;
		if (*s.at != '"')
			return -EINVAL;
		if (take_string(&s, &from, &to))
			return -EBADMSG;
		return move_string(from, to, ret);
	} while (take_char(&s, ','));
	return take_char(&s, '}') ? -ENOENT : -EBADMSG;
}
