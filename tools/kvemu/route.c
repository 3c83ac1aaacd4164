// SPDX-License-Identifier: GPL-2.0
/*
 * Routing table of the vault and the order of its checks: faults that a test
 * has switched on, authentication, network rules, api-version, name,
 * permission, and then the operation, which judges existence and state.
 */
#include <string.h>
#include <strings.h>
#include <time.h>

#include "auth.h"
#include "ops.h"
#include "route.h"

#define SEGMENTS 4

struct route {
	const char *method;
	const char *pattern[SEGMENTS];
	const char *op;
	enum perm perm;
	void (*run)(struct call *c);
};

#define NAME "*n"
#define VERSION "*v"

/* The first match counts, so that words come before placeholders. */
static const struct route routes[] = {
	{ "GET", { "keys" }, "list", PERM_LIST, op_list },
	{ "GET", { "keys", NAME }, "get", PERM_GET, op_get },
	{ "PUT", { "keys", NAME }, "import", PERM_IMPORT, op_import },
	{ "PATCH", { "keys", NAME }, "update", PERM_UPDATE, op_update },
	{ "DELETE", { "keys", NAME }, "delete", PERM_DELETE, op_delete },
	{ "POST", { "keys", NAME, "create" }, "create", PERM_CREATE,
	  op_create },
	{ "GET", { "keys", NAME, "versions" }, "versions", PERM_LIST,
	  op_list_versions },
	{ "POST", { "keys", NAME, "rotate" }, "rotate", PERM_ROTATE,
	  op_rotate },
	{ "GET", { "keys", NAME, "rotationpolicy" }, "getrotationpolicy",
	  PERM_GET_POLICY, op_get_policy },
	{ "PUT", { "keys", NAME, "rotationpolicy" }, "setrotationpolicy",
	  PERM_SET_POLICY, op_set_policy },
	{ "POST", { "keys", NAME, "wrapkey" }, "wrapKey", PERM_WRAP, op_wrap },
	{ "POST", { "keys", NAME, "unwrapkey" }, "unwrapKey", PERM_UNWRAP,
	  op_unwrap },
	{ "POST", { "keys", NAME, "encrypt" }, "encrypt", PERM_ENCRYPT,
	  op_encrypt },
	{ "POST", { "keys", NAME, "decrypt" }, "decrypt", PERM_DECRYPT,
	  op_decrypt },
	{ "GET", { "keys", NAME, VERSION }, "get", PERM_GET, op_get },
	{ "PATCH", { "keys", NAME, VERSION }, "update", PERM_UPDATE,
	  op_update },
	{ "POST", { "keys", NAME, VERSION, "wrapkey" }, "wrapKey", PERM_WRAP,
	  op_wrap },
	{ "POST", { "keys", NAME, VERSION, "unwrapkey" }, "unwrapKey",
	  PERM_UNWRAP, op_unwrap },
	{ "POST", { "keys", NAME, VERSION, "encrypt" }, "encrypt",
	  PERM_ENCRYPT, op_encrypt },
	{ "POST", { "keys", NAME, VERSION, "decrypt" }, "decrypt",
	  PERM_DECRYPT, op_decrypt },
	{ "GET", { "deletedkeys" }, "listdeleted", PERM_LIST,
	  op_list_deleted },
	{ "GET", { "deletedkeys", NAME }, "getdeleted", PERM_GET,
	  op_get_deleted },
	{ "DELETE", { "deletedkeys", NAME }, "purge", PERM_PURGE, op_purge },
	{ "POST", { "deletedkeys", NAME, "recover" }, "recover", PERM_RECOVER,
	  op_recover },
};

static const struct {
	const char *name;
	enum api api;
} versions[] = {
	{ "2016-10-01", API_2016 },
	{ "7.0", API_7_0 },
	{ "7.1", API_7_1 },
	{ "7.2", API_7_1 },
	{ "7.3", API_7_3 },
	{ "7.4-preview.1", API_7_4 },
	{ "7.4", API_7_4 },
	{ "7.5", API_7_5 },
	{ "7.6-preview.2", API_7_6 },
	{ "7.6", API_7_6 },
	{ "2025-06-01-preview", API_2025 },
	{ "2025-07-01", API_2025 },
	{ "2026-01-01-preview", API_2025 },
	{ "2026-03-01-preview", API_2025 },
};

/* A path in pieces; empty pieces (doubled or trailing slashes) are dropped. */
struct path {
	char text[1024];
	const char *seg[SEGMENTS + 1];
	size_t count;
};

static void path_split(struct path *p, const char *text)
{
	char *save = NULL;
	char *seg;

	snprintf(p->text, sizeof(p->text), "%s", text);
	p->count = 0;
	for (seg = strtok_r(p->text, "/", &save); seg && p->count <= SEGMENTS;
	     seg = strtok_r(NULL, "/", &save))
		p->seg[p->count++] = seg;
}

static bool pattern_matches(const struct route *r, const struct path *p)
{
	size_t i;

	for (i = 0; i < SEGMENTS && r->pattern[i]; i++) {
		if (i >= p->count)
			return false;
		if (r->pattern[i][0] != '*' &&
		    strcasecmp(r->pattern[i], p->seg[i]))
			return false;
	}
	return i == p->count;
}

/* Returns NULL for no such path; *known tells a path with another method. */
static const struct route *route_find(const struct path *p, const char *method,
				      bool *known)
{
	size_t i;

	*known = false;
	for (i = 0; i < ARRAY_SIZE(routes); i++) {
		if (!pattern_matches(&routes[i], p))
			continue;
		*known = true;
		if (!strcmp(routes[i].method, method))
			return &routes[i];
	}
	return NULL;
}

void route_base(const struct request *rq, char *buf, size_t size)
{
	const char *host = request_header(rq, "Host");
	size_t len = host ? strspn(host, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "abcdefghijklmnopqrstuvwxyz0123456789-.:[]")
			  : 0;

	if (!len || host[len] || len > 255)
		host = rq->local;
	snprintf(buf, size, "https://%s", host);
}

static void header_date(const struct call *c)
{
	time_t now;
	char text[64];
	struct tm tm;

	vault_lock(c->v);
	now = vault_now(c->v);
	pthread_mutex_unlock(&c->v->lock);
	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	reply_header(c->rp, "Date", "%s", text);
}

/* As recorded; a Managed HSM sends another set, without a Date. */
static void headers_vault(const struct call *c)
{
	const char *theirs = request_header(c->rq, "x-ms-client-request-id");
	struct reply *rp = c->rp;
	bool v6 = strchr(c->rq->client, ':');

	reply_header(rp, "x-ms-request-id", "%s", c->rq->id);
	if (theirs)
		reply_header(rp, "x-ms-client-request-id", "%s", theirs);
	reply_header(rp, "Strict-Transport-Security",
		     "max-age=31536000;includeSubDomains");
	reply_header(rp, "X-Content-Type-Options", "nosniff");
	reply_header(rp, "x-ms-keyvault-network-info",
		     "conn_type=%s;addr=%s;act_addr_fam=%s;",
		     v6 ? "Ipv6" : "Ipv4", c->rq->client,
		     v6 ? "InterNetworkV6" : "InterNetwork");
	reply_header(rp, "x-ms-keyvault-region", "%s", VAULT_REGION);
	reply_header(rp, "Cache-Control", "no-cache");
	if (c->v->hsm) {
		reply_header(rp, "X-Frame-Options", "SAMEORIGIN");
		reply_header(rp, "Content-Security-Policy",
			     "default-src 'self'");
		reply_header(rp, "x-ms-server-latency", "%lld",
			     (long long)(boottime_us() - c->rq->start_us) /
				     1000);
		return;
	}
	header_date(c);
	reply_header(rp, "Pragma", "no-cache");
	reply_header(rp, "Expires", "-1");
	reply_header(rp, "x-ms-keyvault-service-version", "kvemu-%s",
		     CMK_VERSION);
}

/* A fault that answers in place of the vault; NULL when none is switched on. */
static const char *fault_strike(struct call *c, const char *op, int *slow)
{
	VAULT_GUARD(c->v);
	struct switches *sw = &c->v->sw;

	*slow = 0;
	if (sw->fault_op[0] && strcasecmp(sw->fault_op, op))
		return NULL;
	*slow = switches_take(&sw->quick) ? 0 : sw->slow;
	if (switches_take(&sw->drop))
		return "drop";
	if (sw->html) {
		c->rp->status = sw->html;
		return "html";
	}
	if (sw->outage) {
		c->rp->status = sw->outage;
		return "outage";
	}
	if (switches_take(&sw->throttle)) {
		if (sw->retry_after >= 0)
			reply_header(c->rp, "Retry-After", "%d",
				     sw->retry_after);
		return "throttle";
	}
	if (switches_take(&sw->claims))
		return "claims";
	c->rp->truncate = switches_take(&sw->truncate);
	return NULL;
}

static bool fault(struct call *c, const char *op)
{
	int slow;
	const char *what = fault_strike(c, op, &slow);

	if (slow) {
		c->rp->fault = "slow";
		request_sleep(c->rq, slow);
	}
	if (!what)
		return false;
	c->rp->fault = what;
	if (!strcmp(what, "html"))
		c->rp->page = "<!DOCTYPE html>\r\n<html><head><title>Runtime Error</title></head>\r\n<body><h1>Server Error in '/' Application.</h1></body></html>\r\n";
	else if (!strcmp(what, "outage"))
		call_fail(c, c->rp->status, c->rp->status == 503 ?
			  "ServiceUnavailable" : "InternalServerError", NULL,
			  "The service is currently unable to handle the request.");
	else if (!strcmp(what, "throttle"))
		call_fail(c, 429, "Throttled", NULL,
			  "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached");
	else if (!strcmp(what, "claims"))
		auth_challenge_claims(c);
	return true;
}

static bool network_allows(struct call *c)
{
	VAULT_GUARD(c->v);
	char who[256];

	if (c->v->sw.no_public) {
		call_fail(c, 403, "Forbidden", "ForbiddenByConnection",
			  "Public network access is disabled and request is not from a trusted service nor via an approved private link.");
		return false;
	}
	if (!c->v->sw.firewall)
		return true;
	auth_caller(c, who, sizeof(who));
	call_fail(c, 403, "Forbidden", "ForbiddenByFirewall",
		  "Client address is not authorized and caller is not a trusted service.\r\nClient address: %s\r\nCaller: %s\r\nVault: %s;location=%s",
		  c->rq->client, who, c->v->name, VAULT_REGION);
	return false;
}

static bool api_known(struct call *c)
{
	const char *name = request_query(c->rq, "api-version");
	size_t i;

	/* The text for a missing version is a guess. */
	if (!name || !*name) {
		call_bad(c, "The api-version query parameter is required.");
		return false;
	}
	for (i = 0; i < ARRAY_SIZE(versions); i++) {
		if (!strcmp(versions[i].name, name)) {
			c->api = versions[i].api;
			return true;
		}
	}
	call_bad(c, "The specified version (%s) is not recognized. Consider using the latest supported version (2025-07-01).",
		 name);
	return false;
}

static bool body_parse(struct call *c)
{
	c->body = c->rq->len ? json_loadb(c->rq->body, c->rq->len,
					  JSON_REJECT_DUPLICATES, NULL) :
			       json_object();
	if (json_is_object(c->body))
		return true;
	call_bad(c, "Property  has invalid value\r\n");
	return false;
}

static bool permitted(struct call *c, enum perm perm)
{
	VAULT_GUARD(c->v);

	return auth_permitted(c, perm);
}

static void dispatch(struct call *c, const struct route *r,
		     const struct path *p, bool known)
{
	if (!auth_check(c) || !network_allows(c) || !api_known(c))
		return;
	if (!r && known) {
		call_bad(c, "Method %s does not allow operation '%s'",
			 c->rq->method,
			 p->count > 2 ? p->seg[p->count - 1] : "");
		return;
	}
	if (!r) {
		call_fail(c, 404, "NotFound", NULL, "There is no such path.");
		return;
	}
	c->name = p->count > 1 ? p->seg[1] : NULL;
	if (p->count > 2 && r->pattern[2] && !strcmp(r->pattern[2], VERSION))
		c->version = p->seg[2];
	if (c->name && !key_name_valid(c->name)) {
		if (c->v->hsm)
			call_bad(c, "Invalid key identifier or name");
		else
			call_bad(c, "The request URI contains an invalid name: %s",
				 c->name);
		return;
	}
	if (permitted(c, r->perm) && body_parse(c))
		r->run(c);
}

void route_vault(struct vault *v, struct request *rq, struct reply *rp)
{
	struct call c = { .v = v, .rq = rq, .rp = rp };
	const struct route *r;
	struct path p;
	bool known;

	path_split(&p, rq->path);
	r = route_find(&p, rq->method, &known);
	rp->op = r ? r->op : "unknown";
	route_base(rq, c.base, sizeof(c.base));
	if (!fault(&c, rp->op))
		dispatch(&c, r, &p, known);
	snprintf(rp->oid, sizeof(rp->oid), "%s", c.oid);
	headers_vault(&c);
	json_decref(c.body);
}
