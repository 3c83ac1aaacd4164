/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vault as data: keys, their versions, soft deletion, and what a request
 * sees of them.  Nothing here knows HTTP or the folder on disk.
 */
#ifndef KVEMU_VAULT_H
#define KVEMU_VAULT_H

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "crypto.h"
#include "identity.h"
#include "switches.h"
#include "util.h"

#define KEY_NAME_MAX 127
#define NO_TIME INT64_MIN

/* Operations of a key ("key_ops"), in the order in which the service lists. */
enum key_op {
	OP_ENCRYPT,
	OP_DECRYPT,
	OP_SIGN,
	OP_VERIFY,
	OP_WRAP,
	OP_UNWRAP,
	OP_COUNT,
};

/**
 * struct version - one version of a key
 * @next: older version
 * @id: 32 hex digits
 * @kty: RSA, RSA-HSM or oct-HSM
 * @km: the key itself
 * @ops: bit mask over enum key_op
 * @enabled, @nbf, @exp, @created, @updated: attributes, Unix seconds, @nbf and
 *	@exp are NO_TIME when the key has none
 * @imported: came from outside
 * @tags: object or NULL
 */
struct version {
	struct version *next;
	char id[VERSION_LEN];
	char kty[16];
	struct keymat km;
	unsigned int ops;
	bool enabled;
	int64_t nbf;
	int64_t exp;
	int64_t created;
	int64_t updated;
	bool imported;
	json_t *tags;
};

/**
 * struct key - a name and its versions
 * @next: in the vault's list, which is sorted by name
 * @name: as it was given first; names are equal without regard to case
 * @versions: newest first, never empty
 * @policy: rotation policy as the service shows it, or NULL
 * @deleted: soft-deleted
 * @deleted_date: when, Unix seconds
 * @purge_date: when the vault forgets it
 * @settled_us: CLOCK_BOOTTIME until which the last delete or recover does not
 *	show everywhere (switch consistency-delay)
 * @flip: which of the two states the last request was shown
 */
struct key {
	struct key *next;
	char name[KEY_NAME_MAX + 1];
	struct version *versions;
	json_t *policy;
	bool deleted;
	int64_t deleted_date;
	int64_t purge_date;
	int64_t settled_us;
	bool flip;
};

/**
 * struct vault - everything that the folder holds, and the switches
 * @lock: guards all fields but those set once before the first request
 * @dir: the open folder, set once
 * @hsm: behave as a Managed HSM, set once
 * @resource: audience of tokens, set once
 * @tenant: tenant id, set once
 * @name: for messages, set once
 * @base: "https://127.0.0.1:8443", where the control interface says we are, set
 *	once
 * @wake: eventfd that tells the main loop of a changed switch, set once
 * @secret: key of the MAC on tokens and client secrets, set once
 * @keys: all keys
 * @identities: all principals
 * @sw: the switches
 */
struct vault {
	pthread_mutex_t lock;
	int dir;
	bool hsm;
	const char *resource;
	char tenant[UUID_LEN];
	char name[32];
	char base[160];
	int wake;
	unsigned char secret[MAC_LEN];
	struct key *keys;
	struct identity *identities;
	struct switches sw;
};

static inline struct vault *vault_lock(struct vault *v)
{
	pthread_mutex_lock(&v->lock);
	return v;
}

static inline void vault_unlockp(struct vault **v)
{
	pthread_mutex_unlock(&(*v)->lock);
}

/* Holds the lock until the end of the block. */
#define VAULT_GUARD(v) \
	_cleanup_(vault_unlockp) struct vault *guard __attribute__((unused)) = \
		vault_lock(v)

#define VAULT_REGION "local"

/** vault_now() - the vault's clock, Unix seconds */
int64_t vault_now(const struct vault *v);

/** vault_find() - a key by name in whatever state, or NULL */
struct key *vault_find(struct vault *v, const char *name);

/** vault_live() - a key as requests see it now, or NULL */
struct key *vault_live(struct vault *v, const char *name);

/** vault_deleted() - a deleted key as requests see it now, or NULL */
struct key *vault_deleted(struct vault *v, const char *name);

/** key_settling() - is a delete or recover of this key still on its way? */
bool key_settling(const struct key *k);

/** key_version() - version by id, the newest for NULL; NULL if there is none */
struct version *key_version(struct key *k, const char *id);

/**
 * vault_add_version() - add a version, and the key if the name is new
 * @v: the vault
 * @name: valid name
 * @ver: version with kty and km; ids and dates are filled in; owned afterwards
 *
 * Return: the key, or NULL when out of memory (@ver stays the caller's).
 */
struct key *vault_add_version(struct vault *v, const char *name,
			      struct version *ver);

/** version_alloc() - a version without key, enabled, without dates, or NULL */
struct version *version_alloc(void);

/** version_free() - wipe and free */
void version_free(struct version *ver);

/** key_delete() - soft deletion */
void key_delete(struct vault *v, struct key *k);

/** key_recover() - undo a soft deletion */
void key_recover(struct vault *v, struct key *k);

/** key_purge() - forget the key */
void key_purge(struct vault *v, struct key *k);

/** vault_insert() - put a key that was read from the store into the list */
void vault_insert(struct vault *v, struct key *k);

/** key_free() - free a key that is in no list */
void key_free(struct key *k);

/** key_name_valid() - 1 to 127 of letters, digits and '-' */
bool key_name_valid(const char *name);

/** key_op_name() - "wrapKey" for OP_WRAP and so on */
const char *key_op_name(enum key_op op);

/** key_op_find() - operation by name; -1 if unknown */
int key_op_find(const char *name);

/** vault_recovery_level() - the value of attributes.recoveryLevel */
const char *vault_recovery_level(const struct vault *v);

#endif
