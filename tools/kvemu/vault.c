// SPDX-License-Identifier: GPL-2.0
/*
 * Keys, versions and soft deletion, and the two views (live, deleted) that
 * differ for a while when a change is still on its way through the service.
 */
#include <openssl/crypto.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "vault.h"

static const char *const op_names[OP_COUNT] = {
	[OP_ENCRYPT] = "encrypt", [OP_DECRYPT] = "decrypt",
	[OP_SIGN] = "sign",	  [OP_VERIFY] = "verify",
	[OP_WRAP] = "wrapKey",	  [OP_UNWRAP] = "unwrapKey",
};

const char *key_op_name(enum key_op op)
{
	return op_names[op];
}

int key_op_find(const char *name)
{
	int i;

	for (i = 0; i < OP_COUNT; i++) {
		if (!strcasecmp(op_names[i], name))
			return i;
	}
	return -1;
}

bool key_name_valid(const char *name)
{
	size_t len = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "abcdefghijklmnopqrstuvwxyz0123456789-");

	return len && !name[len] && len <= KEY_NAME_MAX;
}

int64_t vault_now(const struct vault *v)
{
	return time(NULL) + v->sw.clock_offset;
}

const char *vault_recovery_level(const struct vault *v)
{
	bool full = v->sw.retention_days == 90;

	if (v->sw.purge_protection)
		return full ? "Recoverable" : "CustomizedRecoverable";
	return full ? "Recoverable+Purgeable" :
		      "CustomizedRecoverable+Purgeable";
}

struct version *version_alloc(void)
{
	struct version *ver = calloc(1, sizeof(*ver));

	if (!ver)
		return NULL;
	ver->enabled = true;
	ver->nbf = NO_TIME;
	ver->exp = NO_TIME;
	return ver;
}

void version_free(struct version *ver)
{
	if (!ver)
		return;
	keymat_clear(&ver->km);
	json_decref(ver->tags);
	free(ver);
}

void key_free(struct key *k)
{
	while (k->versions) {
		struct version *ver = k->versions;

		k->versions = ver->next;
		version_free(ver);
	}
	json_decref(k->policy);
	free(k);
}

void vault_insert(struct vault *v, struct key *k)
{
	struct key **at = &v->keys;

	while (*at && strcasecmp((*at)->name, k->name) < 0)
		at = &(*at)->next;
	k->next = *at;
	*at = k;
}

void key_purge(struct vault *v, struct key *k)
{
	struct key **at = &v->keys;

	while (*at != k)
		at = &(*at)->next;
	*at = k->next;
	key_free(k);
}

struct key *vault_find(struct vault *v, const char *name)
{
	struct key *k;

	for (k = v->keys; k; k = k->next) {
		if (!strcasecmp(k->name, name))
			break;
	}
	/* The retention period ends when somebody looks. */
	if (k && k->deleted && vault_now(v) >= k->purge_date) {
		key_purge(v, k);
		return NULL;
	}
	return k;
}

bool key_settling(const struct key *k)
{
	return boottime_us() < k->settled_us;
}

/* Replicas that disagree: requests are answered by the one and the other. */
static bool shown_old(struct vault *v, struct key *k)
{
	if (!v->sw.consistency_flap)
		return false;
	k->flip = !k->flip;
	return k->flip;
}

struct key *vault_live(struct vault *v, const char *name)
{
	struct key *k = vault_find(v, name);
	bool live;

	if (!k)
		return NULL;
	live = !k->deleted;
	if (key_settling(k)) {
		if (v->sw.consistency_flap)
			live ^= shown_old(v, k);
		else
			live = false;
	}
	return live ? k : NULL;
}

struct key *vault_deleted(struct vault *v, const char *name)
{
	struct key *k = vault_find(v, name);
	bool deleted;

	if (!k)
		return NULL;
	deleted = k->deleted;
	if (key_settling(k))
		deleted = !deleted;
	return deleted ? k : NULL;
}

struct version *key_version(struct key *k, const char *id)
{
	struct version *ver = k->versions;

	while (id && ver && strcasecmp(ver->id, id))
		ver = ver->next;
	return ver;
}

struct key *vault_add_version(struct vault *v, const char *name,
			      struct version *ver)
{
	struct key *k = vault_find(v, name);

	if (!k) {
		k = calloc(1, sizeof(*k));
		if (!k)
			return NULL;
		snprintf(k->name, sizeof(k->name), "%s", name);
		vault_insert(v, k);
	}
	version_new(ver->id);
	ver->created = vault_now(v);
	ver->updated = ver->created;
	ver->next = k->versions;
	k->versions = ver;
	return k;
}

static void settle(struct vault *v, struct key *k)
{
	k->settled_us = boottime_us() + v->sw.consistency_delay * 1000LL;
	k->flip = false;
}

void key_delete(struct vault *v, struct key *k)
{
	k->deleted = true;
	k->deleted_date = vault_now(v);
	k->purge_date = k->deleted_date + v->sw.retention_days * 86400LL;
	settle(v, k);
}

void key_recover(struct vault *v, struct key *k)
{
	k->deleted = false;
	settle(v, k);
}
