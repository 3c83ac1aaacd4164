// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens look like those of the directory (v1 claims, three base64url parts)
 * but carry a MAC under the vault's own secret instead of a signature.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <string.h>

#include "token.h"

static char *part(json_t *json)
{
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	char *b64 = text ? b64url_encode(text, strlen(text)) : NULL;

	free(text);
	json_decref(json);
	return b64;
}

static json_t *claims(const struct token *tk)
{
	char iss[80];

	snprintf(iss, sizeof(iss), "https://sts.windows.net/%s/", tk->tid);
	return json_pack("{s:s, s:s, s:I, s:I, s:I, s:s, s:s, s:s, s:s, s:s, s:s}",
			 "aud", tk->aud, "iss", iss,
			 "iat", (json_int_t)tk->nbf, "nbf", (json_int_t)tk->nbf,
			 "exp", (json_int_t)tk->exp, "appid", tk->appid,
			 "idtyp", "app", "oid", tk->oid, "sub", tk->oid,
			 "tid", tk->tid, "ver", "1.0");
}

char *token_issue(const struct vault *v, const struct token *tk)
{
	_cleanup_(freep) char *head = part(json_pack("{s:s, s:s}", "typ", "JWT",
						     "alg", "HS256"));
	_cleanup_(freep) char *body = part(claims(tk));
	_cleanup_(freep) char *sign = NULL;
	unsigned char mac[MAC_LEN];
	char *text = NULL;

	if (!head || !body || asprintf(&text, "%s.%s", head, body) < 0)
		return NULL;
	crypto_mac(v->secret, text, strlen(text), mac);
	sign = b64url_encode(mac, sizeof(mac));
	free(text);
	if (!sign || asprintf(&text, "%s.%s.%s", head, body, sign) < 0)
		return NULL;
	return text;
}

static bool signature_ok(const struct vault *v, const char *text,
			 const char *dot)
{
	_cleanup_(freep) unsigned char *given = NULL;
	unsigned char mac[MAC_LEN];

	if (b64url_decode(dot + 1, &given) != (ssize_t)sizeof(mac))
		return false;
	crypto_mac(v->secret, text, dot - text, mac);
	return !CRYPTO_memcmp(given, mac, sizeof(mac));
}

static int claims_read(json_t *j, struct token *tk)
{
	const char *oid, *appid, *tid, *aud;
	json_int_t nbf, exp;

	if (json_unpack(j, "{s:s, s:s, s:s, s:s, s:I, s:I}", "oid", &oid,
			"appid", &appid, "tid", &tid, "aud", &aud,
			"nbf", &nbf, "exp", &exp))
		return -EBADMSG;
	snprintf(tk->oid, sizeof(tk->oid), "%s", oid);
	snprintf(tk->appid, sizeof(tk->appid), "%s", appid);
	snprintf(tk->tid, sizeof(tk->tid), "%s", tid);
	snprintf(tk->aud, sizeof(tk->aud), "%s", aud);
	tk->nbf = nbf;
	tk->exp = exp;
	return 0;
}

int token_verify(const struct vault *v, const char *text, struct token *tk)
{
	_cleanup_(freep) unsigned char *raw = NULL;
	_cleanup_(freep) char *body = NULL;
	const char *first = strchr(text, '.');
	const char *last = strrchr(text, '.');
	json_auto_t *j = NULL;
	ssize_t len;

	if (!first || last == first || !signature_ok(v, text, last))
		return -EBADMSG;
	body = strndup(first + 1, last - first - 1);
	len = body ? b64url_decode(body, &raw) : -ENOMEM;
	if (len < 0)
		return -EBADMSG;
	j = json_loadb((char *)raw, len, 0, NULL);
	return j ? claims_read(j, tk) : -EBADMSG;
}
