/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may call the vault: managed identities and applications, and the key
 * permissions each of them has.  The lock of the vault guards every field.
 */
#ifndef KVEMU_IDENTITY_H
#define KVEMU_IDENTITY_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "util.h"

/* Key permissions, by their names in access policies. */
enum perm {
	PERM_GET,
	PERM_LIST,
	PERM_CREATE,
	PERM_IMPORT,
	PERM_UPDATE,
	PERM_DELETE,
	PERM_RECOVER,
	PERM_PURGE,
	PERM_WRAP,
	PERM_UNWRAP,
	PERM_ENCRYPT,
	PERM_DECRYPT,
	PERM_ROTATE,
	PERM_GET_POLICY,
	PERM_SET_POLICY,
	PERM_COUNT,
};

#define PERM_ALL ((1u << PERM_COUNT) - 1)
/* What a service that encrypts with a customer's key is given. */
#define PERM_SERVICE ((1u << PERM_GET) | (1u << PERM_WRAP) | \
		      (1u << PERM_UNWRAP))

/* How the vault words a refusal; the three occur in the field. */
enum deny_style {
	DENY_POLICY,
	DENY_RBAC,
	DENY_ACCESS,
};

/**
 * struct identity - one principal
 * @next: in the vault's list
 * @name: what the control interface calls it
 * @oid: object id, the "oid" claim of its tokens
 * @client_id: application id, the "appid" claim
 * @secret_mac: MAC of its client secret in hex, empty for a managed identity
 * @secret_expired: the token endpoint says that the secret has expired
 * @perms: bit mask over enum perm
 * @given: @perms as the identity was made, to go back to
 * @style: wording of refusals
 */
struct identity {
	struct identity *next;
	char name[64];
	char oid[UUID_LEN];
	char client_id[UUID_LEN];
	char secret_mac[65];
	bool secret_expired;
	uint32_t perms;
	uint32_t given;
	enum deny_style style;
};

/** perm_name() - "wrapKey" for PERM_WRAP and so on */
const char *perm_name(enum perm perm);

/** perm_action() - the data action that Azure RBAC names for a permission */
const char *perm_action(enum perm perm);

/** perm_find() - permission by name, without regard to case; -1 if unknown */
int perm_find(const char *name);

/** deny_style_find() - "policy", "rbac" or "access"; -1 if unknown */
int deny_style_find(const char *name);

/** identity_new() - allocate with fresh ids; NULL when out of memory */
struct identity *identity_new(const char *name, uint32_t perms);

/** identities_free() - free a whole list */
void identities_free(struct identity *list);

/** identity_find() - by name, oid or client id; NULL when there is none */
struct identity *identity_find(struct identity *list, const char *who);

/** identity_to_json() - form for the store, with the MAC of the secret */
json_t *identity_to_json(const struct identity *id);

/** identity_from_json() - the way back, NULL for a damaged one */
struct identity *identity_from_json(const json_t *json);

/** identity_describe() - form for people: permissions by name, no secret */
json_t *identity_describe(const struct identity *id);

#endif
