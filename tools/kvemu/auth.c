// SPDX-License-Identifier: GPL-2.0
/*
 * The 401 challenge, the checks of a token, and refusals for lack of
 * permission in the three wordings of the service.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth.h"
#include "token.h"

/* Application id of Key Vault, which is accepted as an audience as well. */
#define VAULT_APP "cfa8b339-82a2-471a-a3c9-0fc0be7a4093"

/*
 * The recorded authority is the public directory; here it is the emulator
 * itself, so that a client that follows the challenge stays on this machine.
 */
static void challenge(struct call *c, const char *error)
{
	reply_header(c->rp, "WWW-Authenticate",
		     "Bearer authorization=\"%s/%s\", resource=\"%s\"%s",
		     c->base, c->v->tenant, c->v->resource, error);
}

__attribute__((format(printf, 2, 3)))
static bool refuse(struct call *c, const char *fmt, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	challenge(c, ", error=\"invalid_token\"");
	call_fail(c, 401, "Unauthorized", NULL, "%s", text ? text : "");
	return false;
}

static bool missing(struct call *c)
{
	challenge(c, "");
	if (c->v->hsm) {
		c->rp->status = 401;
		return false;
	}
	call_fail(c, 401, "Unauthorized", NULL,
		  "AKV10000: Request is missing a Bearer or PoP token.");
	return false;
}

void auth_challenge_claims(struct call *c)
{
	static const char claims[] =
		"{\"access_token\":{\"nbf\":{\"essential\":true,\"value\":\"1\"}}}";
	_cleanup_(freep) char *b64 = b64url_encode(claims, strlen(claims));
	char error[256];

	snprintf(error, sizeof(error),
		 ", error=\"insufficient_claims\", claims=\"%s\"",
		 b64 ? b64 : "");
	challenge(c, error);
	call_fail(c, 401, "Unauthorized", NULL,
		  "AKV10092: Continuous access evaluation resulted in a challenge.");
}

static bool audience_ok(const struct call *c, const char *aud)
{
	return !strcmp(aud, c->v->resource) || !strcmp(aud, VAULT_APP);
}

/* Any bearer token at all, when the vault is told to take it. */
static bool admin_instead(struct call *c)
{
	VAULT_GUARD(c->v);
	struct identity *admin;

	if (!c->v->sw.any_token)
		return false;
	admin = identity_find(c->v->identities, "admin");
	if (!admin)
		return false;
	strcpy(c->oid, admin->oid);
	strcpy(c->appid, admin->client_id);
	strcpy(c->tid, c->v->tenant);
	return true;
}

bool auth_check(struct call *c)
{
	const char *text = request_header(c->rq, "Authorization");
	int64_t now = time(NULL);
	struct token tk;

	if (!text || strncasecmp(text, "Bearer ", 7) || !text[7])
		return missing(c);
	/* Texts of a forged and of an expired token are guesses. */
	if (token_verify(c->v, text + 7, &tk))
		return admin_instead(c) ||
		       refuse(c, "Error validating token: bad signature.");
	if (!audience_ok(c, tk.aud))
		return refuse(c, "AKV10022: Invalid audience. Expected %s, found: %s.",
			      c->v->resource, tk.aud);
	if (strcasecmp(tk.tid, c->v->tenant))
		return refuse(c, "AKV10032: Invalid issuer. Expected one of https://sts.windows.net/%s/, found https://sts.windows.net/%s/.",
			      c->v->tenant, tk.tid);
	if (now >= tk.exp || now < tk.nbf - 300)
		return refuse(c, "Error validating token: lifetime.");
	strcpy(c->oid, tk.oid);
	strcpy(c->appid, tk.appid);
	strcpy(c->tid, tk.tid);
	return true;
}

void auth_caller(const struct call *c, char *buf, size_t size)
{
	snprintf(buf, size, "appid=%s;oid=%s;iss=https://sts.windows.net/%s/",
		 c->appid, c->oid, c->tid);
}

static void deny_policy(struct call *c, enum perm perm, const char *inner)
{
	char who[256];

	auth_caller(c, who, sizeof(who));
	call_fail(c, 403, "Forbidden", inner,
		  "The user, group or application '%s' does not have keys %s permission on key vault '%s;location=%s'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287",
		  who, perm_name(perm), c->v->name, VAULT_REGION);
}

static void deny_rbac(struct call *c, enum perm perm)
{
	char who[256];

	auth_caller(c, who, sizeof(who));
	call_fail(c, 403, "Forbidden", "ForbiddenByRbac",
		  "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: %s\r\nAction: 'Microsoft.KeyVault/vaults/%s'\r\nResource: '/subscriptions/00000000-0000-0000-0000-000000000000/resourcegroups/kvemu/providers/microsoft.keyvault/vaults/%s%s%s'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: %s;location=%s\r\n",
		  who, perm_action(perm), c->v->name, c->name ? "/keys/" : "",
		  c->name ? c->name : "", c->v->name, VAULT_REGION);
}

bool auth_permitted(struct call *c, enum perm perm)
{
	struct identity *id = identity_find(c->v->identities, c->oid);

	if (id && id->perms & (1u << perm))
		return true;
	switch (id ? id->style : DENY_POLICY) {
	case DENY_POLICY:
		deny_policy(c, perm, "ForbiddenByPolicy");
		break;
	case DENY_RBAC:
		deny_rbac(c, perm);
		break;
	case DENY_ACCESS:
		deny_policy(c, perm, "AccessDenied");
		break;
	}
	return false;
}
