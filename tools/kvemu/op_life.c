// SPDX-License-Identifier: GPL-2.0
/*
 * The life of a key as a whole: get, soft deletion, recovery, purge.
 */
#include "bundle.h"
#include "ops.h"

void op_get(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);
	struct version *ver = k ? key_version(k, c->version) : NULL;

	/* A disabled key is shown like any other (recorded). */
	if (ver)
		call_done(c, bundle_key(c, k, ver));
	else
		call_not_found(c);
}

void op_delete(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_live(c->v, c->name);

	/* While replicas disagree, a deleted key may be shown as live. */
	if (!k || k->deleted) {
		call_not_found(c);
		return;
	}
	key_delete(c->v, k);
	if (!call_save(c))
		call_done(c, bundle_key(c, k, k->versions));
}

void op_get_deleted(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_deleted(c->v, c->name);

	if (k && k->deleted)
		call_done(c, bundle_key(c, k, k->versions));
	else
		call_not_deleted(c);
}

/* A deletion on its way can be neither undone nor finished. */
static bool being_deleted(struct call *c, const struct key *k)
{
	if (!k || !k->deleted || !key_settling(k))
		return false;
	call_fail(c, 409, "Conflict", "ObjectIsBeingDeleted",
		  "Key %s is currently being deleted.", k->name);
	return true;
}

void op_recover(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_find(c->v, c->name);

	if (being_deleted(c, k))
		return;
	if (!k || !k->deleted) {
		call_not_found(c);
		return;
	}
	key_recover(c->v, k);
	if (!call_save(c))
		call_done(c, bundle_key(c, k, k->versions));
}

void op_purge(struct call *c)
{
	VAULT_GUARD(c->v);
	struct key *k = vault_find(c->v, c->name);

	if (being_deleted(c, k))
		return;
	if (!k || !k->deleted) {
		call_not_deleted(c);
		return;
	}
	if (c->v->sw.purge_protection) {
		call_fail(c, 403, "Forbidden", NULL,
			  "Operation \"purge\" is not allowed because purge protection is enabled for this vault. Key Vault service will automatically purge it after the retention period has passed.\r\nVault: %s;location=%s",
			  c->v->name, VAULT_REGION);
		return;
	}
	key_purge(c->v, k);
	if (!call_save(c))
		c->rp->status = 204;
}
