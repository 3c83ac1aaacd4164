// SPDX-License-Identifier: GPL-2.0
/*
 * What token endpoints say: the token and its life, the claims in it, errors.
 */
#include <ctype.h>
#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "json-secret.h"
#include "printable.h"
#include "token-source.h"

#define LIFE_MAX	(7 * 24 * 3600)
#define CLAIMS_MAX	16384

static void copy_claim(const json_t *claims, const char *name,
		       char ret[CMK_CLAIM_LEN])
{
	const char *s = json_string_value(json_object_get(claims, name));

	/* A part of an id would be another id. */
	if (s && strlen(s) < CMK_CLAIM_LEN)
		cmk_printable(ret, CMK_CLAIM_LEN, s);
}

void cmk_token_claims(struct cmk_token *token)
{
	const char *text = (const char *)token->bearer.data;
	const char *end = text + token->bearer.len, *from, *to;
	unsigned char *buf;
	json_t *claims;
	ssize_t n;

	token->oid[0] = '\0';
	token->tid[0] = '\0';
	token->appid[0] = '\0';
	from = memchr(text, '.', end - text);
	to = from ? memchr(from + 1, '.', end - from - 1) : NULL;
	if (!to || to - from > CLAIMS_MAX)
		return;
	from++;
	buf = malloc(to - from + 1);
	if (!buf)
		return;
	n = cmk_base64url_decode(from, to - from, buf, to - from);
	claims = n > 0 ? json_loadb((char *)buf, n, 0, NULL) : NULL;
	copy_claim(claims, "oid", token->oid);
	copy_claim(claims, "tid", token->tid);
	copy_claim(claims, "appid", token->appid);
	json_decref(claims);
	free(buf);
}

static int64_t number(const json_t *v)
{
	const char *s = json_string_value(v);
	char *end;
	int64_t n;

	if (json_is_integer(v))
		return json_integer_value(v);
	if (!s || !isdigit((unsigned char)*s))
		return -1;
	errno = 0;
	n = strtoll(s, &end, 10);
	return errno || *end ? -1 : n;
}

/* A token's characters in a header (RFC 6750), or it could end the line. */
static bool is_bearer(const struct cmk_secret *s)
{
	size_t i;

	for (i = 0; i < s->len; i++)
		if (!isalnum(s->data[i]) && !strchr("-._~+/=", s->data[i]))
			return false;
	return s->len > 0;
}

int cmk_token_parse(char *body, size_t len, struct cmk_token *ret,
		    int64_t *ret_life)
{
	__cmk_secret struct cmk_secret bearer = CMK_SECRET_INIT;
	int64_t life;
	json_t *o;

	if (cmk_json_take_secret(body, len, "access_token", &bearer))
		return -EBADMSG;
	o = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	life = number(json_object_get(o, "expires_in"));
	json_decref(o);
	if (life <= 0 || life > LIFE_MAX || !is_bearer(&bearer))
		return -EBADMSG;
	cmk_secret_move(&ret->bearer, &bearer);
	cmk_token_claims(ret);
	*ret_life = life;
	return 0;
}

void cmk_token_parse_error(const char *body, size_t len, char *error,
			   size_t error_size, char *description,
			   size_t description_size)
{
	json_t *o = json_loadb(body, len, 0, NULL);

	cmk_printable(error, error_size,
		      json_string_value(json_object_get(o, "error")));
	cmk_printable(description, description_size,
		      json_string_value(json_object_get(o,
							"error_description")));
	json_decref(o);
}

int cmk_percent_encode(char *buf, size_t size, size_t *pos, const char *text,
		       size_t len)
{
	static const char hex[] = "0123456789ABCDEF";
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = text[i];
		bool plain = isalnum(c) || (c && strchr("-._~", c));

		if (size - *pos < (plain ? 1 : 3))
			return -ENOSPC;
		if (plain) {
			buf[(*pos)++] = c;
			continue;
		}
		buf[(*pos)++] = '%';
		buf[(*pos)++] = hex[c >> 4];
		buf[(*pos)++] = hex[c & 15];
	}
	return 0;
}
