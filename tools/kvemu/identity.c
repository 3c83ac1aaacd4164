// SPDX-License-Identifier: GPL-2.0
/*
 * Principals and permissions as data: names, lookup, and their JSON forms.
 */
#include <string.h>
#include <strings.h>

#include "identity.h"

static const struct {
	const char *name;
	const char *action;
} perms[PERM_COUNT] = {
	[PERM_GET] = { "get", "keys/read" },
	[PERM_LIST] = { "list", "keys/read" },
	[PERM_CREATE] = { "create", "keys/create/action" },
	[PERM_IMPORT] = { "import", "keys/import/action" },
	[PERM_UPDATE] = { "update", "keys/update/action" },
	[PERM_DELETE] = { "delete", "keys/delete" },
	[PERM_RECOVER] = { "recover", "keys/recover/action" },
	[PERM_PURGE] = { "purge", "keys/purge/action" },
	[PERM_WRAP] = { "wrapKey", "keys/wrap/action" },
	[PERM_UNWRAP] = { "unwrapKey", "keys/unwrap/action" },
	[PERM_ENCRYPT] = { "encrypt", "keys/encrypt/action" },
	[PERM_DECRYPT] = { "decrypt", "keys/decrypt/action" },
	[PERM_ROTATE] = { "rotate", "keys/rotate/action" },
	[PERM_GET_POLICY] = { "getrotationpolicy", "keyrotationpolicies/read" },
	[PERM_SET_POLICY] = { "setrotationpolicy",
			      "keyrotationpolicies/write" },
};

static const char *const styles[] = {
	[DENY_POLICY] = "policy",
	[DENY_RBAC] = "rbac",
	[DENY_ACCESS] = "access",
};

const char *perm_name(enum perm perm)
{
	return perms[perm].name;
}

const char *perm_action(enum perm perm)
{
	return perms[perm].action;
}

int perm_find(const char *name)
{
	int i;

	for (i = 0; i < PERM_COUNT; i++) {
		if (!strcasecmp(perms[i].name, name))
			return i;
	}
	return -1;
}

int deny_style_find(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(styles); i++) {
		if (!strcmp(styles[i], name))
			return i;
	}
	return -1;
}

struct identity *identity_new(const char *name, uint32_t given)
{
	struct identity *id = calloc(1, sizeof(*id));

	if (!id)
		return NULL;
	snprintf(id->name, sizeof(id->name), "%s", name);
	uuid_new(id->oid);
	uuid_new(id->client_id);
	id->perms = given;
	id->given = given;
	return id;
}

void identities_free(struct identity *list)
{
	struct identity *id;

	while (list) {
		id = list;
		list = id->next;
		free(id);
	}
}

struct identity *identity_find(struct identity *list, const char *who)
{
	struct identity *id;

	for (id = list; id; id = id->next) {
		if (!strcasecmp(id->name, who) || !strcasecmp(id->oid, who) ||
		    !strcasecmp(id->client_id, who))
			return id;
	}
	return NULL;
}

json_t *identity_to_json(const struct identity *id)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:s}",
			 "name", id->name, "oid", id->oid,
			 "client_id", id->client_id,
			 "secret_mac", id->secret_mac,
			 "secret_expired", id->secret_expired,
			 "perms", (json_int_t)id->perms,
			 "given", (json_int_t)id->given,
			 "style", styles[id->style]);
}

struct identity *identity_from_json(const json_t *json)
{
	const char *name, *oid, *client, *mac, *style;
	json_int_t granted, given;
	struct identity *id;
	int expired;

	if (json_unpack((json_t *)json,
			"{s:s, s:s, s:s, s:s, s:b, s:I, s:I, s:s}",
			"name", &name, "oid", &oid, "client_id", &client,
			"secret_mac", &mac, "secret_expired", &expired,
			"perms", &granted, "given", &given, "style", &style) ||
	    deny_style_find(style) < 0)
		return NULL;
	id = identity_new(name, given);
	if (!id)
		return NULL;
	snprintf(id->oid, sizeof(id->oid), "%s", oid);
	snprintf(id->client_id, sizeof(id->client_id), "%s", client);
	snprintf(id->secret_mac, sizeof(id->secret_mac), "%s", mac);
	id->secret_expired = expired;
	id->perms = granted;
	id->style = deny_style_find(style);
	return id;
}

json_t *identity_describe(const struct identity *id)
{
	json_t *list = json_array();
	int i;

	for (i = 0; i < PERM_COUNT; i++) {
		if (id->perms & (1u << i))
			json_array_append_new(list, json_string(perms[i].name));
	}
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}",
			 "name", id->name, "oid", id->oid,
			 "client_id", id->client_id,
			 "kind", id->secret_mac[0] ? "application" : "managed",
			 "permissions", list, "style", styles[id->style]);
}
