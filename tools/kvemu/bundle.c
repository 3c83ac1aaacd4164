// SPDX-License-Identifier: GPL-2.0
/*
 * KeyBundle, DeletedKeyBundle and list items, with the members that each
 * api-version knows: recoverableDays came with 7.1, exportable with 7.4
 * (recordings of 7.0, 7.1, 7.3 and 7.4).
 */
#include "bundle.h"
#include "jwk.h"

static json_t *attributes(struct call *c, const struct version *ver)
{
	json_t *a = json_object();

	json_object_set_new(a, "enabled", json_boolean(ver->enabled));
	if (ver->nbf != NO_TIME)
		json_object_set_new(a, "nbf", json_integer(ver->nbf));
	if (ver->exp != NO_TIME)
		json_object_set_new(a, "exp", json_integer(ver->exp));
	json_object_set_new(a, "created", json_integer(ver->created));
	json_object_set_new(a, "updated", json_integer(ver->updated));
	json_object_set_new(a, "recoveryLevel",
			    json_string(vault_recovery_level(c->v)));
	if (c->api >= API_7_1)
		json_object_set_new(a, "recoverableDays",
				    json_integer(c->v->sw.retention_days));
	if (c->api >= API_7_4)
		json_object_set_new(a, "exportable", json_false());
	return a;
}

static json_t *public_key(struct call *c, const struct key *k,
			  const struct version *ver)
{
	json_t *ops = json_array();
	char kid[512];
	json_t *j;
	int i;

	for (i = 0; i < OP_COUNT; i++) {
		if (ver->ops & (1u << i))
			json_array_append_new(ops, json_string(key_op_name(i)));
	}
	call_kid(c, k, ver, kid, sizeof(kid));
	j = json_pack("{s:s, s:s, s:o}", "kid", kid, "kty", ver->kty,
		      "key_ops", ops);
	if (j && jwk_add_public(j, &ver->km, ver->imported)) {
		json_decref(j);
		return NULL;
	}
	return j;
}

static void add_deletion(struct call *c, const struct key *k, json_t *j)
{
	char id[512];

	if (!k->deleted)
		return;
	snprintf(id, sizeof(id), "%s/deletedkeys/%s", c->base, k->name);
	json_object_set_new(j, "recoveryId", json_string(id));
	json_object_set_new(j, "deletedDate", json_integer(k->deleted_date));
	json_object_set_new(j, "scheduledPurgeDate",
			    json_integer(k->purge_date));
}

json_t *bundle_key(struct call *c, const struct key *k,
		   const struct version *ver)
{
	json_t *pub = public_key(c, k, ver);
	json_t *j;

	if (!pub)
		return NULL;
	j = json_object();
	add_deletion(c, k, j);
	json_object_set_new(j, "key", pub);
	json_object_set_new(j, "attributes", attributes(c, ver));
	if (ver->tags)
		json_object_set(j, "tags", ver->tags);
	return j;
}

json_t *bundle_item(struct call *c, const struct key *k,
		    const struct version *ver, bool versioned)
{
	json_t *j = json_object();
	char kid[512];

	add_deletion(c, k, j);
	snprintf(kid, sizeof(kid), "%s/keys/%s%s%s", c->base, k->name,
		 versioned ? "/" : "", versioned ? ver->id : "");
	json_object_set_new(j, "kid", json_string(kid));
	json_object_set_new(j, "attributes", attributes(c, ver));
	if (ver->tags)
		json_object_set(j, "tags", ver->tags);
	return j;
}
