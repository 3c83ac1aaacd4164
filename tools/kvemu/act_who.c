// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on identities, permissions, client secrets and tokens.
 */
#include <openssl/rand.h>
#include <string.h>
#include <time.h>

#include "act.h"
#include "login.h"
#include "token.h"

json_t *act_identities(struct vault *v)
{
	json_t *list = json_array();
	const struct identity *id;

	for (id = v->identities; id; id = id->next)
		json_array_append_new(list, identity_describe(id));
	return list;
}

void act_identity_list(struct act *a)
{
	VAULT_GUARD(a->v);

	a->out = json_pack("{s:o}", "identities", act_identities(a->v));
}

static struct identity *who(struct act *a)
{
	struct identity *id = identity_find(a->v->identities, a->arg[0]);

	if (!id)
		act_fail(a, "no identity '%s'", a->arg[0]);
	return id;
}

/* Permissions by name, each argument one or more with commas; "all" too. */
static bool perms_parse(struct act *a, const char *text, uint32_t *mask)
{
	_cleanup_(freep) char *copy = strdup(text);
	char *save = NULL;
	char *word;

	for (word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save)) {
		int perm = perm_find(word);

		if (!strcmp(word, "all")) {
			*mask |= PERM_ALL;
		} else if (perm >= 0) {
			*mask |= 1u << perm;
		} else {
			act_fail(a, "no permission '%s'", word);
			return false;
		}
	}
	return true;
}

static bool perms_args(struct act *a, uint32_t *mask)
{
	size_t i;

	*mask = 0;
	for (i = 1; i < a->args; i++) {
		if (!perms_parse(a, a->arg[i], mask))
			return false;
	}
	return true;
}

void act_allow(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = who(a);
	uint32_t mask;

	if (!id || !perms_args(a, &mask))
		return;
	id->perms |= mask;
	act_commit(a);
}

void act_deny(struct act *a)
{
	const char *style = act_option(a, "style");
	VAULT_GUARD(a->v);
	struct identity *id = who(a);
	uint32_t mask;

	if (!id || !perms_args(a, &mask))
		return;
	if (style && deny_style_find(style) < 0) {
		act_fail(a, "no style '%s'", style);
		return;
	}
	id->perms &= ~mask;
	id->style = style ? deny_style_find(style) : DENY_POLICY;
	act_commit(a);
}

/* A new identity at the end of the list; vault locked. */
static struct identity *add(struct act *a)
{
	const char *perms = act_option(a, "permissions");
	struct identity **at = &a->v->identities;
	uint32_t mask = perms ? 0 : PERM_SERVICE;

	if (identity_find(*at, a->arg[0])) {
		act_fail(a, "identity '%s' exists", a->arg[0]);
		return NULL;
	}
	if (perms && !perms_parse(a, perms, &mask))
		return NULL;
	while (*at)
		at = &(*at)->next;
	*at = identity_new(a->arg[0], mask);
	if (!*at)
		act_fail(a, "out of memory");
	return *at;
}

void act_identity_add(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = add(a);

	if (!id)
		return;
	a->out = identity_describe(id);
	act_commit(a);
}

void act_identity_remove(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = who(a);
	struct identity **at = &a->v->identities;

	if (!id)
		return;
	while (*at != id)
		at = &(*at)->next;
	*at = id->next;
	free(id);
	act_commit(a);
}

/* The secret is made here and shown once, so that no command line holds it. */
static void new_secret(struct act *a, struct identity *id)
{
	unsigned char raw[30];
	char *secret = NULL;

	if (RAND_bytes(raw, sizeof(raw)) == 1)
		secret = b64url_encode(raw, sizeof(raw));
	if (!secret) {
		act_fail(a, "no random secret");
		return;
	}
	login_secret_set(a->v, id, secret);
	a->out = json_pack("{s:s, s:s, s:s, s:s}", "client_id", id->client_id,
			   "client_secret", secret, "oid", id->oid,
			   "tenant", a->v->tenant);
	explicit_bzero(secret, strlen(secret));
	free(secret);
	act_commit(a);
}

void act_app_add(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = add(a);

	if (id)
		new_secret(a, id);
}

void act_app_secret(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = who(a);

	if (id)
		new_secret(a, id);
}

void act_app_expire(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id = who(a);

	if (!id)
		return;
	id->secret_expired = true;
	act_commit(a);
}

void act_token(struct act *a)
{
	const char *aud = act_option(a, "resource");
	const char *life = act_option(a, "lifetime");
	const char *tenant = act_option(a, "tenant");
	_cleanup_(freep) char *text = NULL;
	VAULT_GUARD(a->v);
	const struct identity *id = who(a);
	struct token tk = { .nbf = time(NULL) };

	if (!id)
		return;
	strcpy(tk.oid, id->oid);
	strcpy(tk.appid, id->client_id);
	snprintf(tk.tid, sizeof(tk.tid), "%s", tenant ? tenant : a->v->tenant);
	snprintf(tk.aud, sizeof(tk.aud), "%s", aud ? aud : a->v->resource);
	tk.exp = tk.nbf + (life ? atoi(life) : a->v->sw.token_lifetime);
	text = token_issue(a->v, &tk);
	a->out = json_pack("{s:s, s:I, s:s}", "access_token", text,
			   "expires_on", (json_int_t)tk.exp, "oid", tk.oid);
}
