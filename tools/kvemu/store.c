// SPDX-License-Identifier: GPL-2.0
/*
 * state.json: the translation of a vault to JSON and back.  The file holds
 * every private key in clear and is readable by its owner only; an emulator
 * protects nothing else.
 */
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>

#include "jwk.h"
#include "store.h"

#define STATE "state.json"
#define FORMAT 1

static json_t *time_to_json(int64_t t)
{
	return t == NO_TIME ? json_null() : json_integer(t);
}

static int64_t time_from_json(const json_t *j)
{
	return json_is_integer(j) ? json_integer_value(j) : NO_TIME;
}

static json_t *version_to_json(const struct version *ver)
{
	char *text = jwk_to_text(&ver->km);
	json_t *j;

	if (!text)
		return NULL;
	j = json_pack("{s:s, s:s, s:s, s:i, s:b, s:o, s:o, s:I, s:I, s:b, s:O*}",
		      "id", ver->id, "kty", ver->kty, "secret", text,
		      "ops", (int)ver->ops, "enabled", ver->enabled,
		      "nbf", time_to_json(ver->nbf),
		      "exp", time_to_json(ver->exp),
		      "created", (json_int_t)ver->created,
		      "updated", (json_int_t)ver->updated,
		      "imported", ver->imported, "tags", ver->tags);
	crypto_free((unsigned char *)text, strlen(text));
	return j;
}

static struct version *version_from_json(const json_t *j)
{
	const char *id, *kty, *secret;
	struct version *ver = version_alloc();
	json_int_t created, updated;
	int ops, enabled, imported;
	json_t *tags = NULL;

	if (!ver || json_unpack((json_t *)j,
				"{s:s, s:s, s:s, s:i, s:b, s:I, s:I, s:b, s?o}",
				"id", &id, "kty", &kty, "secret", &secret,
				"ops", &ops, "enabled", &enabled,
				"created", &created, "updated", &updated,
				"imported", &imported, "tags", &tags) ||
	    jwk_from_text(secret, &ver->km)) {
		version_free(ver);
		return NULL;
	}
	snprintf(ver->id, sizeof(ver->id), "%s", id);
	snprintf(ver->kty, sizeof(ver->kty), "%s", kty);
	ver->ops = ops;
	ver->enabled = enabled;
	ver->nbf = time_from_json(json_object_get(j, "nbf"));
	ver->exp = time_from_json(json_object_get(j, "exp"));
	ver->created = created;
	ver->updated = updated;
	ver->imported = imported;
	ver->tags = json_incref(tags);
	return ver;
}

static json_t *key_to_json(const struct key *k)
{
	json_t *list = json_array();
	const struct version *ver;

	for (ver = k->versions; ver; ver = ver->next) {
		if (json_array_append_new(list, version_to_json(ver))) {
			json_decref(list);
			return NULL;
		}
	}
	return json_pack("{s:s, s:b, s:I, s:I, s:o, s:O*}", "name", k->name,
			 "deleted", k->deleted,
			 "deleted_date", (json_int_t)k->deleted_date,
			 "purge_date", (json_int_t)k->purge_date,
			 "versions", list, "policy", k->policy);
}

static struct key *key_from_json(const json_t *j)
{
	struct key *k = calloc(1, sizeof(*k));
	struct version **at;
	json_int_t date, purge;
	const char *name;
	json_t *list, *one, *policy = NULL;
	int deleted;
	size_t i;

	if (!k)
		return NULL;
	at = &k->versions;
	if (json_unpack((json_t *)j, "{s:s, s:b, s:I, s:I, s:o, s?o}",
			"name", &name, "deleted", &deleted,
			"deleted_date", &date, "purge_date", &purge,
			"versions", &list, "policy", &policy))
		goto fail;
	snprintf(k->name, sizeof(k->name), "%s", name);
	k->deleted = deleted;
	k->deleted_date = date;
	k->purge_date = purge;
	k->policy = json_incref(policy);
	json_array_foreach(list, i, one) {
		*at = version_from_json(one);
		if (!*at)
			goto fail;
		at = &(*at)->next;
	}
	if (k->versions)
		return k;
fail:
	key_free(k);
	return NULL;
}

static json_t *vault_to_json(const struct vault *v)
{
	char *secret = b64url_encode(v->secret, sizeof(v->secret));
	json_t *identities = json_array();
	const struct identity *id;
	json_t *keys = json_array();
	const struct key *k;
	json_t *j;

	for (id = v->identities; id; id = id->next)
		json_array_append_new(identities, identity_to_json(id));
	for (k = v->keys; k; k = k->next) {
		if (json_array_append_new(keys, key_to_json(k)))
			break;
	}
	j = json_pack("{s:i, s:s, s:s, s:s, s:o, s:o, s:o}", "format", FORMAT,
		      "tenant", v->tenant, "name", v->name, "secret", secret,
		      "settings", switches_to_json(&v->sw, true),
		      "identities", identities, "keys", keys);
	free(secret);
	if (k) {
		json_decref(j);
		return NULL;
	}
	return j;
}

int store_save(struct vault *v)
{
	json_auto_t *j = vault_to_json(v);
	char *text = j ? json_dumps(j, JSON_INDENT(1)) : NULL;
	int ret;

	if (!text)
		return -ENOMEM;
	ret = file_write_atomic(v->dir, STATE, text, strlen(text), 0600);
	crypto_free((unsigned char *)text, strlen(text));
	return ret;
}

static int load_lists(struct vault *v, json_t *identities, json_t *keys)
{
	struct identity **at = &v->identities;
	json_t *one;
	size_t i;

	json_array_foreach(identities, i, one) {
		*at = identity_from_json(one);
		if (!*at)
			return -EINVAL;
		at = &(*at)->next;
	}
	json_array_foreach(keys, i, one) {
		struct key *k = key_from_json(one);

		if (!k)
			return -EINVAL;
		vault_insert(v, k);
	}
	return 0;
}

static int vault_from_json(struct vault *v, json_t *j)
{
	json_t *settings, *identities, *keys, *value;
	const char *tenant, *name, *secret, *which;
	_cleanup_(freep) unsigned char *raw = NULL;
	int format;

	if (json_unpack(j, "{s:i, s:s, s:s, s:s, s:o, s:o, s:o}",
			"format", &format, "tenant", &tenant, "name", &name,
			"secret", &secret, "settings", &settings,
			"identities", &identities, "keys", &keys) ||
	    format != FORMAT ||
	    b64url_decode(secret, &raw) != (ssize_t)sizeof(v->secret))
		return -EINVAL;
	memcpy(v->secret, raw, sizeof(v->secret));
	snprintf(v->tenant, sizeof(v->tenant), "%s", tenant);
	snprintf(v->name, sizeof(v->name), "%s", name);
	json_object_foreach(settings, which, value) {
		if (switches_set(&v->sw, which, value))
			return -EINVAL;
	}
	return load_lists(v, identities, keys);
}

static int vault_make(struct vault *v)
{
	if (RAND_bytes(v->secret, sizeof(v->secret)) != 1)
		return -EIO;
	uuid_new(v->tenant);
	snprintf(v->name, sizeof(v->name), "kvemu");
	v->identities = identity_new("default", PERM_SERVICE);
	if (!v->identities)
		return -ENOMEM;
	v->identities->next = identity_new("admin", PERM_ALL);
	return v->identities->next ? store_save(v) : -ENOMEM;
}

int store_load(struct vault *v)
{
	json_auto_t *j = NULL;
	char *text = NULL;
	ssize_t len;

	switches_init(&v->sw);
	len = file_read(v->dir, STATE, &text);
	if (len == -ENOENT)
		return vault_make(v);
	if (len < 0)
		return len;
	j = json_loadb(text, len, 0, NULL);
	crypto_free((unsigned char *)text, len);
	return j ? vault_from_json(v, j) : -EINVAL;
}
