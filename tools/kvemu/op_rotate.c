// SPDX-License-Identifier: GPL-2.0
/*
 * Rotation on demand, and rotation policies: kept, normalised as the service
 * does it, and used for the expiry of rotated versions.  Nothing rotates by
 * itself: a test that wants a new version asks for one.
 */
#include <errno.h>
#include <string.h>
#include <strings.h>

#include "bundle.h"
#include "duration.h"
#include "ops.h"

#define DAY 86400

static const char *expiry_time(const json_t *policy)
{
	const json_t *a = json_object_get(policy, "attributes");

	return json_string_value(json_object_get(a, "expiryTime"));
}

/* What the new version inherits from the newest one. */
struct model {
	char kty[16];
	int bits;
	unsigned int ops;
	json_t *tags;
};

static bool model_take(struct call *c, struct model *m)
{
	VAULT_GUARD(c->v);
	const struct key *k = vault_live(c->v, c->name);

	if (!k) {
		call_not_found(c);
		return false;
	}
	strcpy(m->kty, k->versions->kty);
	m->bits = keymat_bits(&k->versions->km);
	m->ops = k->versions->ops;
	m->tags = json_incref(k->versions->tags);
	return true;
}

static void rotate_store(struct call *c, struct version *ver)
{
	VAULT_GUARD(c->v);
	const struct key *k = vault_find(c->v, c->name);
	const char *expiry = k ? expiry_time(k->policy) : NULL;

	/* It may have been deleted while the new key was generated. */
	if (!k || k->deleted) {
		version_free(ver);
		call_not_found(c);
		return;
	}
	if (expiry)
		duration_add(vault_now(c->v), expiry, &ver->exp);
	op_add_version(c, ver);
}

void op_rotate(struct call *c)
{
	struct version *ver;
	struct model m;

	if (!model_take(c, &m))
		return;
	ver = op_generate(c, m.kty, m.bits);
	if (!ver) {
		json_decref(m.tags);
		return;
	}
	ver->ops = m.ops;
	ver->tags = m.tags;
	rotate_store(c, ver);
}

static json_t *notify_action(void)
{
	return json_pack("{s:{s:s}, s:{s:s}}",
			 "trigger", "timeBeforeExpiry", "P30D",
			 "action", "type", "Notify");
}

void op_get_policy(struct call *c)
{
	VAULT_GUARD(c->v);
	const struct key *k = vault_live(c->v, c->name);

	if (!k)
		call_not_found(c);
	else if (k->policy)
		call_done(c, json_deep_copy(k->policy));
	else
		call_done(c, json_pack("{s:[o], s:n}", "lifetimeActions",
				       notify_action(), "attributes"));
}

static int seconds_of(const char *text, int64_t *ret)
{
	return duration_add(0, text, ret);
}

static json_t *action_normal(const struct call *c, json_t *in, bool *notify)
{
	const char *type = NULL, *after = NULL, *before = NULL;
	int64_t least = c->v->hsm ? 28 : 7, seconds = 0;
	json_t *trigger;

	if (json_unpack(in, "{s:{s?s, s?s}, s:{s:s}}", "trigger",
			"timeAfterCreate", &after, "timeBeforeExpiry", &before,
			"action", "type", &type) || !after == !before ||
	    seconds_of(after ? after : before, &seconds))
		return NULL;
	if (!strcasecmp(type, "Notify"))
		*notify = true;
	else if (strcasecmp(type, "Rotate"))
		return NULL;
	else if (seconds < least * DAY)
		return NULL;
	trigger = json_pack("{s:s}", after ? "timeAfterCreate" :
			    "timeBeforeExpiry", after ? after : before);
	return json_pack("{s:o, s:{s:s}}", "trigger", trigger, "action", "type",
			 strcasecmp(type, "Notify") ? "Rotate" : "Notify");
}

static json_t *actions_normal(const struct call *c, json_t *list)
{
	json_t *out = json_array();
	bool notify = false;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		if (json_array_append_new(out, action_normal(c, one,
							     &notify))) {
			json_decref(out);
			return NULL;
		}
	}
	if (!notify)
		json_array_append_new(out, notify_action());
	return out;
}

static json_t *policy_normal(struct call *c, const struct key *k)
{
	const char *expiry = expiry_time(c->body);
	json_int_t now = vault_now(c->v);
	json_int_t created = now;
	json_t *actions;
	char id[512];
	int64_t seconds;

	if (expiry && (seconds_of(expiry, &seconds) || seconds < 28 * DAY))
		return NULL;
	actions = actions_normal(c, json_object_get(c->body,
						    "lifetimeActions"));
	if (!actions)
		return NULL;
	json_unpack(k->policy, "{s:{s:I}}", "attributes", "created", &created);
	snprintf(id, sizeof(id), "%s/keys/%s/rotationpolicy", c->base, k->name);
	return json_pack("{s:s, s:o, s:{s:s*, s:I, s:I}}", "id", id,
			 "lifetimeActions", actions, "attributes",
			 "expiryTime", expiry, "created", created,
			 "updated", now);
}

void op_set_policy(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);
	json_t *policy;

	if (!k) {
		call_not_found(c);
		return;
	}
	policy = policy_normal(c, k);
	if (!policy) {
		call_bad(c, "The rotation policy is not valid.");
		return;
	}
	json_decref(k->policy);
	k->policy = policy;
	if (!call_save(c))
		call_done(c, json_deep_copy(policy));
}
