// SPDX-License-Identifier: GPL-2.0
/*
 * wrapKey, unwrapKey, encrypt and decrypt, and the rules by which the state of
 * a key version allows them.
 */
#include <errno.h>
#include <string.h>

#include "ops.h"

/* One crypto operation: what it is called and in which direction it goes. */
struct crypt {
	enum key_op op;
	bool forward;
	const char *alg;
	unsigned char *in;
	size_t in_len;
	unsigned char *out;
	size_t out_len;
};

static void crypt_clear(struct crypt *x)
{
	crypto_free(x->in, x->in_len);
	crypto_free(x->out, x->out_len);
}

static bool crypt_parse(struct call *c, struct crypt *x)
{
	const char *value = json_string_value(json_object_get(c->body, "value"));
	ssize_t len;

	x->alg = json_string_value(json_object_get(c->body, "alg"));
	len = value ? b64url_decode(value, &x->in) : -EINVAL;
	if (!x->alg || len < 0) {
		call_bad(c, "Property  has invalid value\r\n");
		return false;
	}
	x->in_len = len;
	return true;
}

/*
 * A disabled key refuses what needs its private half; that it still wraps was
 * reported of the service, and a switch turns it off.  Dates refuse the
 * forward direction only: what was wrapped can be unwrapped (documented; the
 * inner code and the text are not known).
 */
static bool state_allows(struct call *c, const struct version *ver,
			 const struct crypt *x)
{
	const char *op = key_op_name(x->op);
	int64_t now = vault_now(c->v);

	if (!ver->enabled && (!x->forward || !c->v->sw.disabled_wrap)) {
		call_fail(c, 403, "Forbidden", "KeyDisabled",
			  "Operation %s is not allowed on a disabled key.", op);
		return false;
	}
	if (!(ver->ops & (1u << x->op))) {
		call_fail(c, 403, "Forbidden", "KeyOperationForbidden",
			  "Operation %s is not permitted on this key.", op);
		return false;
	}
	if (x->forward && ver->nbf != NO_TIME && now < ver->nbf) {
		call_fail(c, 403, "Forbidden", NULL,
			  "Operation %s is not allowed on a key that is not yet valid.",
			  op);
		return false;
	}
	if (x->forward && ver->exp != NO_TIME && now >= ver->exp) {
		call_fail(c, 403, "Forbidden", NULL,
			  "Operation %s is not allowed on an expired key.", op);
		return false;
	}
	return true;
}

/* Takes what the operation needs out of the vault, so that it runs unlocked. */
static bool crypt_key(struct call *c, const struct crypt *x, struct keymat *km,
		      char *kid, size_t size)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);
	struct version *ver = k ? key_version(k, c->version) : NULL;

	if (!ver) {
		call_not_found(c);
		return false;
	}
	call_kid(c, k, ver, kid, size);
	if (!state_allows(c, ver, x))
		return false;
	keymat_copy(km, &ver->km);
	return true;
}

static void crypt_refuse(struct call *c, const struct crypt *x, int err)
{
	switch (err) {
	case -ENOTSUP:
		call_bad(c, "Algorithm '%s' is not supported by this key.",
			 x->alg);
		break;
	case -EMSGSIZE:
		call_bad(c, "The value is too long for this key and algorithm.");
		break;
	case -EBADMSG:
		/* Status and text are guesses. */
		call_bad(c, "Error occurred while decoding OAEP padding.");
		break;
	default:
		call_broken(c, err);
	}
}

/* Faults of the answer itself, for clients that trust it too much. */
static int crypt_fault(struct call *c, struct crypt *x)
{
	VAULT_GUARD(c->v);

	if (x->forward)
		return 0;
	if (c->v->sw.bad_padding)
		return -EBADMSG;
	if (c->v->sw.wrong_plaintext && x->out_len)
		x->out[0] ^= 0xff;
	return 0;
}

static void crypt_run(struct call *c, struct crypt *x)
{
	_cleanup_(keymat_clear) struct keymat km = { NULL };
	_cleanup_(freep) char *value = NULL;
	char kid[512];
	int ret;

	if (!crypt_parse(c, x) || !crypt_key(c, x, &km, kid, sizeof(kid)))
		return;
	if (x->forward)
		ret = crypto_wrap(&km, x->alg, x->in, x->in_len, &x->out,
				  &x->out_len);
	else
		ret = crypto_unwrap(&km, x->alg, x->in, x->in_len, &x->out,
				    &x->out_len);
	if (!ret)
		ret = crypt_fault(c, x);
	if (ret) {
		crypt_refuse(c, x, ret);
		return;
	}
	value = b64url_encode(x->out, x->out_len);
	if (!value)
		call_done(c, NULL);
	else if (c->v->hsm)
		call_done(c, json_pack("{s:s, s:s, s:s}", "alg", x->alg,
				       "kid", kid, "value", value));
	else
		call_done(c, json_pack("{s:s, s:s}", "kid", kid,
				       "value", value));
}

void op_wrap(struct call *c)
{
	_cleanup_(crypt_clear) struct crypt x = { OP_WRAP, true };

	crypt_run(c, &x);
}

void op_unwrap(struct call *c)
{
	_cleanup_(crypt_clear) struct crypt x = { OP_UNWRAP, false };

	crypt_run(c, &x);
}

void op_encrypt(struct call *c)
{
	_cleanup_(crypt_clear) struct crypt x = { OP_ENCRYPT, true };

	crypt_run(c, &x);
}

void op_decrypt(struct call *c)
{
	_cleanup_(crypt_clear) struct crypt x = { OP_DECRYPT, false };

	crypt_run(c, &x);
}
