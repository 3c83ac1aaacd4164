// SPDX-License-Identifier: GPL-2.0
/*
 * Operations that make or change key versions: create, import, update.
 */
#include <string.h>

#include "bundle.h"
#include "jwk.h"
#include "ops.h"

#define OPS_RSA ((1u << OP_COUNT) - 1)
#define OPS_OCT ((1u << OP_ENCRYPT) | (1u << OP_DECRYPT) | \
		 (1u << OP_WRAP) | (1u << OP_UNWRAP))

/* The optional members that create, import and update have in common. */
struct spec {
	json_t *enabled;
	json_t *nbf;
	json_t *exp;
	json_t *tags;
	json_t *key_ops;
	unsigned int ops;
};

/* A member that is null is a member that is not there. */
static json_t *member(const json_t *object, const char *name)
{
	json_t *j = json_object_get(object, name);

	return json_is_null(j) ? NULL : j;
}

static bool tags_ok(const json_t *tags)
{
	const char *name;
	json_t *value;

	if (!json_is_object(tags))
		return false;
	json_object_foreach((json_t *)tags, name, value) {
		if (!json_is_string(value))
			return false;
	}
	return true;
}

static bool ops_parse(const json_t *list, unsigned int *ops)
{
	json_t *one;
	size_t i;

	*ops = 0;
	if (!json_is_array(list))
		return false;
	json_array_foreach(list, i, one) {
		const char *name = json_string_value(one);
		int op = name ? key_op_find(name) : -1;

		if (op < 0)
			return false;
		*ops |= 1u << op;
	}
	return true;
}

static bool spec_parse(struct call *c, struct spec *s)
{
	const json_t *a = member(c->body, "attributes");

	memset(s, 0, sizeof(*s));
	s->enabled = member(a, "enabled");
	s->nbf = member(a, "nbf");
	s->exp = member(a, "exp");
	s->tags = member(c->body, "tags");
	s->key_ops = member(c->body, "key_ops");
	if ((a && !json_is_object(a)) ||
	    (s->enabled && !json_is_boolean(s->enabled)) ||
	    (s->nbf && !json_is_integer(s->nbf)) ||
	    (s->exp && !json_is_integer(s->exp)) ||
	    (s->tags && !tags_ok(s->tags)) ||
	    (s->key_ops && !ops_parse(s->key_ops, &s->ops))) {
		call_bad(c, "Property  has invalid value\r\n");
		return false;
	}
	return true;
}

static void spec_apply(const struct spec *s, struct version *ver)
{
	if (s->enabled)
		ver->enabled = json_is_true(s->enabled);
	if (s->nbf)
		ver->nbf = json_integer_value(s->nbf);
	if (s->exp)
		ver->exp = json_integer_value(s->exp);
	if (s->key_ops)
		ver->ops = s->ops;
	if (s->tags) {
		json_decref(ver->tags);
		ver->tags = json_deep_copy(s->tags);
	}
}

/* A soft-deleted name is taken; the text depends on how far the deletion is. */
static bool name_free(struct call *c)
{
	const struct key *k = vault_find(c->v, c->name);

	if (!k || !k->deleted)
		return true;
	if (key_settling(k))
		call_fail(c, 409, "Conflict", "ObjectIsBeingDeleted",
			  "Key %s is currently being deleted and cannot be re-created; retry later.",
			  k->name);
	else
		call_fail(c, 409, "Conflict", "ObjectIsDeletedButRecoverable",
			  "Key %s is currently in a deleted but recoverable state, and its name cannot be reused; in this state, the key can only be recovered or purged.",
			  k->name);
	return false;
}

static bool name_free_now(struct call *c)
{
	VAULT_GUARD(c->v);

	return name_free(c);
}

void op_add_version(struct call *c, struct version *ver)
{
	struct key *k = vault_add_version(c->v, c->name, ver);

	if (!k) {
		version_free(ver);
		call_done(c, NULL);
		return;
	}
	if (!call_save(c))
		call_done(c, bundle_key(c, k, ver));
}

/* What the vault makes of a requested type; NULL if it has no such keys. */
static const char *kty_made(const struct call *c, const char *kty)
{
	if (!strcmp(kty, "RSA"))
		return c->v->hsm ? "RSA-HSM" : "RSA";
	if (!strcmp(kty, "RSA-HSM"))
		return kty;
	if (c->v->hsm && (!strcmp(kty, "oct") || !strcmp(kty, "oct-HSM")))
		return "oct-HSM";
	return NULL;
}

struct version *op_generate(struct call *c, const char *kty, int bits)
{
	const char *made = kty_made(c, kty);
	struct version *ver;
	int ret;

	if (!made) {
		call_fail(c, 400, "NotSupported", NULL,
			  "kvemu: keys of type '%s' are not supported", kty);
		return NULL;
	}
	ver = version_alloc();
	if (!ver) {
		call_done(c, NULL);
		return NULL;
	}
	snprintf(ver->kty, sizeof(ver->kty), "%s", made);
	if (made[0] == 'o') {
		ver->ops = OPS_OCT;
		ret = keymat_oct(&ver->km, bits ? bits : 256);
	} else {
		ver->ops = OPS_RSA;
		ret = keymat_rsa(&ver->km, bits ? bits : 2048);
	}
	if (!ret)
		return ver;
	call_bad(c, "The specified key size is not valid for a key of type %s",
		 made);
	version_free(ver);
	return NULL;
}

/* The name may have been taken while the key was generated. */
static void add_if_free(struct call *c, struct version *ver)
{
	VAULT_GUARD(c->v);

	if (name_free(c))
		op_add_version(c, ver);
	else
		version_free(ver);
}

void op_create(struct call *c)
{
	const char *kty = json_string_value(json_object_get(c->body, "kty"));
	const json_t *size = member(c->body, "key_size");
	struct version *ver;
	struct spec s;

	if (!kty || (size && !json_is_integer(size))) {
		call_bad(c, "Property  has invalid value\r\n");
		return;
	}
	if (!spec_parse(c, &s) || !name_free_now(c))
		return;
	/* Takes seconds on a slow machine: not under the lock. */
	ver = op_generate(c, kty, json_integer_value(size));
	if (!ver)
		return;
	spec_apply(&s, ver);
	add_if_free(c, ver);
}

void op_import(struct call *c)
{
	const json_t *jwk = json_object_get(c->body, "key");
	bool hsm = json_is_true(json_object_get(c->body, "Hsm")) || c->v->hsm;
	VAULT_GUARD(c->v);
	struct version *ver;
	struct spec s;

	if (!spec_parse(c, &s) || !name_free(c))
		return;
	ver = version_alloc();
	if (!ver || jwk_import(jwk, &ver->km) ||
	    (ver->km.oct_len && !c->v->hsm)) {
		version_free(ver);
		call_bad(c, "The property \"key\" must be a valid JsonWebKey object.");
		return;
	}
	snprintf(ver->kty, sizeof(ver->kty), "%s%s",
		 ver->km.pkey ? "RSA" : "oct", hsm ? "-HSM" : "");
	ver->ops = ver->km.pkey ? OPS_RSA : OPS_OCT;
	ver->imported = true;
	/* key_ops of an import are those of the JSON Web Key. */
	ops_parse(json_object_get(jwk, "key_ops"), &s.ops);
	if (s.ops)
		ver->ops = s.ops;
	spec_apply(&s, ver);
	op_add_version(c, ver);
}

void op_update(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);
	struct version *ver = k ? key_version(k, c->version) : NULL;
	struct spec s;

	if (!ver) {
		call_not_found(c);
		return;
	}
	if (!spec_parse(c, &s))
		return;
	spec_apply(&s, ver);
	ver->updated = vault_now(c->v);
	if (!call_save(c))
		call_done(c, bundle_key(c, k, ver));
}
