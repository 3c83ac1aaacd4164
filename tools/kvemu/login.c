// SPDX-License-Identifier: GPL-2.0
/*
 * Token endpoints.  Forms and errors: the public documentation of the managed
 * identity endpoint of virtual machines and of the client credentials flow.
 */
#include <openssl/crypto.h>
#include <string.h>
#include <time.h>

#include "login.h"
#include "token.h"

#define IMDS_PATH "/metadata/identity/oauth2/token"
#define DIRECTORY_TAIL "/oauth2/v2.0/token"

static void secret_mac(const struct vault *v, const char *secret, char hex[65])
{
	unsigned char mac[MAC_LEN];
	size_t i;

	crypto_mac(v->secret, secret, strlen(secret), mac);
	for (i = 0; i < sizeof(mac); i++)
		snprintf(hex + 2 * i, 3, "%02x", mac[i]);
}

void login_secret_set(const struct vault *v, struct identity *id,
		      const char *secret)
{
	secret_mac(v, secret, id->secret_mac);
	id->secret_expired = false;
}

static bool secret_ok(const struct vault *v, const struct identity *id,
		      const char *secret)
{
	char hex[65];

	secret_mac(v, secret, hex);
	return id->secret_mac[0] &&
	       !CRYPTO_memcmp(hex, id->secret_mac, sizeof(hex));
}

static void token_fill(const struct vault *v, const struct identity *id,
		       const char *aud, struct token *tk)
{
	memset(tk, 0, sizeof(*tk));
	strcpy(tk->oid, id->oid);
	strcpy(tk->appid, id->client_id);
	strcpy(tk->tid, v->tenant);
	snprintf(tk->aud, sizeof(tk->aud), "%s", aud);
	tk->nbf = time(NULL);
	tk->exp = tk->nbf + v->sw.token_lifetime;
}

static void headers(struct reply *rp)
{
	reply_header(rp, "Cache-Control", "no-store, no-cache");
	reply_header(rp, "Pragma", "no-cache");
}

/* Takes the delay and the error that a test has switched on. */
static void fault_take(struct vault *v, char error[32], int *slow)
{
	VAULT_GUARD(v);

	strcpy(error, v->sw.token_error);
	*slow = v->sw.token_slow;
}

static void directory_fail(struct reply *rp, unsigned int status,
			   const char *error, int number, const char *text)
{
	char description[256], when[48], trace[UUID_LEN], corr[UUID_LEN];

	uuid_new(trace);
	uuid_new(corr);
	time_iso(realtime_us(), when, sizeof(when));
	snprintf(description, sizeof(description), "AADSTS%d: %s", number,
		 text);
	rp->status = status;
	rp->json = json_pack("{s:s, s:s, s:[i], s:s, s:s, s:s}",
			     "error", error, "error_description", description,
			     "error_codes", number, "timestamp", when,
			     "trace_id", trace, "correlation_id", corr);
	snprintf(rp->code, sizeof(rp->code), "%s", error);
}

static void directory_fault(struct reply *rp, const char *error)
{
	int status = atoi(error);

	rp->fault = "token-error";
	if (status >= 400)
		directory_fail(rp, status, status == 429 || status >= 500 ?
			       "temporarily_unavailable" : "invalid_request",
			       90033, "A transient error has occurred.");
	else
		directory_fail(rp, strcmp(error, "invalid_client") ? 400 : 401,
			       error, 7000215, "Switched on.");
}

/* The application that asks, or NULL after an error has been answered. */
static const struct identity *application(const struct vault *v,
					  struct request *rq, struct reply *rp)
{
	_cleanup_(freep) char *client = request_form(rq, "client_id");
	char *secret = request_form(rq, "client_secret");
	const struct identity *id = NULL;
	bool ok = false;

	if (client)
		id = identity_find(v->identities, client);
	if (id && secret)
		ok = secret_ok(v, id, secret);
	if (!client || !secret)
		directory_fail(rp, 401, "invalid_client", 7000216,
			       "'client_assertion', 'client_secret' or 'request' is required.");
	else if (!id || !id->secret_mac[0])
		directory_fail(rp, 400, "unauthorized_client", 700016,
			       "Application was not found in the directory.");
	else if (!ok)
		directory_fail(rp, 401, "invalid_client", 7000215,
			       "Invalid client secret provided.");
	else if (id->secret_expired)
		directory_fail(rp, 401, "invalid_client", 7000222,
			       "The provided client secret keys are expired.");
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
	return ok && !id->secret_expired ? id : NULL;
}

static void directory_grant(struct vault *v, struct request *rq,
			    struct reply *rp)
{
	_cleanup_(freep) char *grant = request_form(rq, "grant_type");
	_cleanup_(freep) char *scope = request_form(rq, "scope");
	_cleanup_(freep) char *text = NULL;
	VAULT_GUARD(v);
	const struct identity *id;
	char *tail = scope ? strstr(scope, "/.default") : NULL;
	struct token tk;

	if (!grant || strcmp(grant, "client_credentials")) {
		directory_fail(rp, 400, "unsupported_grant_type", 70003,
			       "The app requested an unsupported grant type.");
		return;
	}
	if (!tail || strcmp(tail, "/.default")) {
		directory_fail(rp, 400, "invalid_scope", 1002012,
			       "The provided value for scope is not valid.");
		return;
	}
	*tail = '\0';
	id = application(v, rq, rp);
	if (!id)
		return;
	token_fill(v, id, scope, &tk);
	text = token_issue(v, &tk);
	rp->status = 200;
	rp->json = json_pack("{s:s, s:i, s:i, s:s}", "token_type", "Bearer",
			     "expires_in", v->sw.token_lifetime,
			     "ext_expires_in", v->sw.token_lifetime,
			     "access_token", text);
	strcpy(rp->oid, id->oid);
}

bool login_is_directory(const char *path)
{
	size_t len = strlen(path), tail = strlen(DIRECTORY_TAIL);

	return len > tail && !strcmp(path + len - tail, DIRECTORY_TAIL);
}

void login_directory(struct vault *v, struct request *rq, struct reply *rp)
{
	size_t len = strlen(rq->path) - strlen(DIRECTORY_TAIL);
	char error[32];
	int slow;

	rp->op = "token";
	headers(rp);
	fault_take(v, error, &slow);
	if (slow)
		request_sleep(rq, slow);
	if (error[0])
		directory_fault(rp, error);
	else if (strcmp(rq->method, "POST"))
		directory_fail(rp, 405, "invalid_request", 900561,
			       "The endpoint only accepts POST requests.");
	else if (len != UUID_LEN || strncmp(rq->path + 1, v->tenant,
					    UUID_LEN - 1))
		directory_fail(rp, 400, "invalid_request", 90002,
			       "Tenant not found.");
	else
		directory_grant(v, rq, rp);
}

static void imds_fail(struct reply *rp, unsigned int status, const char *error,
		      const char *text)
{
	rp->status = status;
	rp->json = json_pack("{s:s, s:s}", "error", error,
			     "error_description", text);
	snprintf(rp->code, sizeof(rp->code), "%s", error);
}

/* The identity that the query names; without a name, the machine's own. */
static const struct identity *imds_identity(const struct vault *v,
					    const struct request *rq)
{
	static const char *const names[] = {
		"client_id", "object_id", "msi_res_id", "mi_res_id",
	};
	const struct identity *id;
	const char *who = NULL;
	size_t i;

	for (i = 0; !who && i < ARRAY_SIZE(names); i++)
		who = request_query(rq, names[i]);
	if (!who)
		who = v->sw.imds_identity[0] ? v->sw.imds_identity : "default";
	/* A resource id ends in the name of the identity. */
	if (strrchr(who, '/'))
		who = strrchr(who, '/') + 1;
	id = identity_find(v->identities, who);
	return id && !id->secret_mac[0] ? id : NULL;
}

/* All numbers of this answer are strings (documented). */
static json_t *imds_answer(const struct token *tk, const char *text)
{
	char in[24], on[24], nbf[24];

	snprintf(in, sizeof(in), "%lld", (long long)(tk->exp - tk->nbf));
	snprintf(on, sizeof(on), "%lld", (long long)tk->exp);
	snprintf(nbf, sizeof(nbf), "%lld", (long long)tk->nbf);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}",
			 "access_token", text, "client_id", tk->appid,
			 "expires_in", in, "expires_on", on,
			 "ext_expires_in", in, "not_before", nbf,
			 "resource", tk->aud, "token_type", "Bearer");
}

static void imds_grant(struct vault *v, struct request *rq, struct reply *rp,
		       const char *resource)
{
	_cleanup_(freep) char *text = NULL;
	VAULT_GUARD(v);
	const struct identity *id = imds_identity(v, rq);
	struct token tk;

	if (!id) {
		imds_fail(rp, 400, "invalid_request", "Identity not found");
		return;
	}
	token_fill(v, id, resource, &tk);
	text = token_issue(v, &tk);
	rp->status = 200;
	rp->json = imds_answer(&tk, text);
	strcpy(rp->oid, id->oid);
}

void login_imds(struct vault *v, struct request *rq, struct reply *rp)
{
	const char *metadata = request_header(rq, "Metadata");
	const char *resource = request_query(rq, "resource");
	char error[32];
	int slow;

	rp->op = "imds";
	headers(rp);
	fault_take(v, error, &slow);
	if (slow)
		request_sleep(rq, slow);
	if (error[0]) {
		rp->fault = "token-error";
		imds_fail(rp, atoi(error) >= 400 ? atoi(error) : 400,
			  atoi(error) >= 400 ? "unknown" : error,
			  "Switched on.");
	} else if (strcmp(rq->path, IMDS_PATH)) {
		imds_fail(rp, 404, "not_found", "There is no such path.");
	} else if (!metadata || strcmp(metadata, "true")) {
		imds_fail(rp, 400, "bad_request_102",
			  "Required metadata header not specified");
	} else if (!request_query(rq, "api-version")) {
		imds_fail(rp, 400, "invalid_request",
			  "Required query variable 'api-version' is missing");
	} else if (!resource || !*resource) {
		imds_fail(rp, 400, "invalid_resource",
			  "Required query variable 'resource' is missing");
	} else {
		imds_grant(v, rq, rp, resource);
	}
}
