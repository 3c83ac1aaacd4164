// SPDX-License-Identifier: GPL-2.0
/*
 * What Key Vault's answers mean.  Owns the table from status and codes to an
 * enum cmk_answer, and the parsers of the three successful answers.  The facts
 * are of the REST API's description (api-version 7.4) and of recordings of the
 * service.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto.h"
#include "json-secret.h"
#include "kek-azure-answer.h"
#include "printable.h"

static const struct {
	const char *inner;
	enum cmk_answer answer;
} forbidden[] = {
	{ "KeyDisabled", CMK_DENIED_DISABLED },
	{ "KeyOperationForbidden", CMK_DENIED_PERMISSION },
	{ "ForbiddenByPolicy", CMK_DENIED_PERMISSION },
	{ "ForbiddenByRbac", CMK_DENIED_PERMISSION },
	{ "AccessDenied", CMK_DENIED_PERMISSION },
	{ "ForbiddenByFirewall", CMK_NETWORK_DENIED },
	{ "ForbiddenByConnection", CMK_NETWORK_DENIED },
};

void cmk_azure_read(struct cmk_azure_reply *ret, int status, bool is_json,
		    const char *body, size_t len)
{
	json_t *o, *error, *inner;
	const char *code;

	memset(ret, 0, sizeof(*ret));
	ret->status = status;
	ret->empty = len == 0;
	o = is_json ? json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL) :
		      NULL;
	error = json_object_get(o, "error");
	inner = json_object_get(error, "innererror");
	code = json_string_value(json_object_get(error, "code"));
	if (code && *code) {
		ret->is_error = true;
		cmk_printable(ret->code, sizeof(ret->code), code);
		code = json_string_value(json_object_get(inner, "code"));
		cmk_printable(ret->inner, sizeof(ret->inner), code);
		code = json_string_value(json_object_get(error, "message"));
		cmk_printable(ret->message, sizeof(ret->message), code);
	}
	json_decref(o);
}

static enum cmk_answer classify_forbidden(const struct cmk_azure_reply *reply)
{
	size_t i;

	if (strcmp(reply->code, "Forbidden"))
		return CMK_UNKNOWN;
	for (i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++)
		if (!strcmp(reply->inner, forbidden[i].inner))
			return forbidden[i].answer;
	return CMK_UNKNOWN;
}

enum cmk_answer cmk_azure_classify(const struct cmk_azure_reply *reply,
				   enum cmk_kek_again *ret_again)
{
	*ret_again = CMK_AGAIN_NO;
	switch (reply->status) {
	case 401:
		if (!reply->is_error && !reply->empty)
			return CMK_UNKNOWN;
		*ret_again = CMK_AGAIN_TOKEN;
		return CMK_UNAUTHENTICATED;
	case 403:
		return classify_forbidden(reply);
	case 404:
		return strcmp(reply->code, "KeyNotFound") ?
			CMK_UNKNOWN : CMK_DENIED_DELETED;
	case 408:
	case 409:
	case 429:
		*ret_again = CMK_AGAIN_LATER;
		return CMK_UNKNOWN;
	default:
		if (reply->status >= 500)
			*ret_again = CMK_AGAIN_LATER;
		return CMK_UNKNOWN;
	}
}

static const char *take_kid(struct cmk_kek_op *op, const char *kid)
{
	struct cmk_kek_uri uri;

	if (!kid || cmk_kek_uri_parse(&uri, kid) || !uri.version[0])
		return "its answer names no version of a key";
	if (!cmk_kek_uri_same_key(&op->key, &uri) ||
	    (op->key.version[0] && strcmp(op->key.version, uri.version)))
		return "its answer is about another key";
	if (cmk_kek_uri_format(&uri, op->res.kid, sizeof(op->res.kid)))
		return "its answer has too long an id";
	return NULL;
}

static const char *take_wrapped(struct cmk_kek_op *op, const json_t *o)
{
	const char *value = json_string_value(json_object_get(o, "value"));
	ssize_t n = -1;

	if (value)
		n = cmk_base64url_decode(value, strlen(value), op->res.blob,
					 sizeof(op->res.blob));
	if (n <= 0)
		return "its answer has no value that could be read";
	op->res.blob_len = n;
	return NULL;
}

static bool is_rsa(const char *kty)
{
	return !strcmp(kty, "RSA") || !strcmp(kty, "RSA-HSM");
}

static const char *take_public_key(struct cmk_kek_op *op, const json_t *key)
{
	__cmk_rsa struct cmk_rsa *rsa = NULL;
	const char *n = json_string_value(json_object_get(key, "n"));
	const char *e = json_string_value(json_object_get(key, "e"));

	cmk_printable(op->res.kty, sizeof(op->res.kty),
		      json_string_value(json_object_get(key, "kty")));
	if (!is_rsa(op->res.kty))
		return NULL;
	if (!n || !e || cmk_rsa_from_jwk(&rsa, n, e, NULL))
		return "its answer has no public key that could be read";
	op->res.bits = cmk_rsa_bits(rsa);
	return cmk_rsa_thumbprint(rsa, op->res.thumbprint) ?
		"the thumbprint of its key cannot be computed" : NULL;
}

static const char *take_attributes(struct cmk_kek_op *op, const json_t *o)
{
	const json_t *a = json_object_get(o, "attributes");
	const json_t *enabled = json_object_get(a, "enabled");
	const char *level;

	if (!json_is_boolean(enabled))
		return "its answer has no attributes";
	op->res.enabled = json_is_true(enabled);
	op->res.exp = json_integer_value(json_object_get(a, "exp"));
	op->res.nbf = json_integer_value(json_object_get(a, "nbf"));
	op->res.exportable = json_is_true(json_object_get(a, "exportable"));
	op->res.recoverable_days =
		json_integer_value(json_object_get(a, "recoverableDays"));
	level = json_string_value(json_object_get(a, "recoveryLevel"));
	/* "Purgeable" in the level means that protection is off. */
	op->res.purge_protected = level && strstr(level, "Recoverable") &&
				  !strstr(level, "Purgeable");
	return NULL;
}

static const char *take_bundle(struct cmk_kek_op *op, const json_t *o)
{
	const json_t *key = json_object_get(o, "key");
	const char *bad;

	bad = take_kid(op, json_string_value(json_object_get(key, "kid")));
	if (!bad)
		bad = take_public_key(op, key);
	if (!bad)
		bad = take_attributes(op, o);
	return bad;
}

static const char *take_json(struct cmk_kek_op *op, const json_t *o)
{
	const json_t *kid = json_object_get(o, "kid");
	const char *bad;

	if (!json_is_object(o))
		return "its answer is not JSON, or ends too early";
	switch (op->verb) {
	case CMK_KEK_WRAP:
		bad = take_kid(op, json_string_value(kid));
		return bad ? bad : take_wrapped(op, o);
	case CMK_KEK_UNWRAP:
		return take_kid(op, json_string_value(kid));
	case CMK_KEK_GET:
		return take_bundle(op, o);
	}
	return "nothing was asked";
}

const char *cmk_azure_take(struct cmk_kek_op *op, char *body, size_t len)
{
	__cmk_secret struct cmk_secret value = CMK_SECRET_INIT;
	__cmk_secret struct cmk_secret plain = CMK_SECRET_INIT;
	const char *bad;
	json_t *o;

	if (op->verb == CMK_KEK_UNWRAP) {
		if (cmk_json_take_secret(body, len, "value", &value))
			return "its answer has no value, or ends too early";
		if (cmk_base64url_decode_secret((const char *)value.data,
						value.len, &plain))
			return "its answer has no value that could be read";
	}
	o = json_loadb(body, len, JSON_REJECT_DUPLICATES, NULL);
	bad = take_json(op, o);
	json_decref(o);
	if (!bad)
		cmk_secret_move(&op->res.plain, &plain);
	return bad;
}
