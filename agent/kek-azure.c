// SPDX-License-Identifier: GPL-2.0
/*
 * Keys in Azure Key Vault and Managed HSM: get, wrapKey and unwrapKey over
 * HTTPS.  Owns the course of one try: token, request, answer.  What answers
 * mean is in kek-azure-answer.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "crypto.h"
#include "kek-azure-text.h"
#include "printable.h"

static bool azure_owns(const char *uri)
{
	return !strncasecmp(uri, "https://", 8);
}

static bool has_emulator(const struct cmk_kek_settings *s)
{
	return (s->authority_host && *s->authority_host) ||
	       (s->imds_endpoint && *s->imds_endpoint);
}

/*
 * A token opens every vault of its resource, so it goes to the resource's
 * hosts only.  With a token source of the administrator's own (an emulator),
 * it goes to the host that the administrator's KEK names.
 */
static int azure_check(struct cmk_kek_op *op, struct cmk_error *e)
{
	if (cmk_kek_uri_parse(&op->key, op->uri))
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "kek-uri",
				     "'%s' names no key: the form is https://VAULT/keys/NAME[/VERSION]",
				     op->uri);
	if (op->verb == CMK_KEK_UNWRAP && !op->key.version[0])
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "kek-uri",
				     "cannot unwrap with %s: a version is needed",
				     op->uri);
	op->cloud = cmk_cloud_of(&op->key);
	if (!op->cloud && has_emulator(&op->set->settings))
		op->cloud = cmk_cloud_default();
	if (!op->cloud)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "kek-host",
				     "%s: %s is no host of Key Vault or Managed HSM; no token is sent there (an emulator needs AuthorityHost= or ImdsEndpoint=)",
				     op->uri, op->key.host);
	return 0;
}

static void end_try(struct cmk_kek_op *op, enum cmk_answer answer,
		    enum cmk_kek_again again)
{
	op->res.answer = answer;
	cmk_kek_op_tried(op, again);
}

static void read_success(struct cmk_kek_op *op, struct cmk_http_answer *a,
			 const struct cmk_azure_reply *reply,
			 const char *network)
{
	const char *bad = cmk_azure_take(op, (char *)a->body.data,
					 a->body_len);
	struct cmk_kek_result *res = &op->res;
	char text[128];

	if (bad) {
		snprintf(text, sizeof(text), "%.64s: %s", op->key.host, bad);
		cmk_azure_explain_failure(op, -EBADMSG, "malformed", text);
		end_try(op, CMK_UNKNOWN, CMK_AGAIN_NO);
		return;
	}
	res->answer = CMK_USABLE;
	/* The vault unwraps with an expired key: that is for us to see. */
	if (op->verb == CMK_KEK_GET && res->exp && res->date &&
	    res->exp <= res->date) {
		res->answer = CMK_DENIED_EXPIRED;
		cmk_azure_explain(op, reply, a->address, network);
	}
	end_try(op, res->answer, CMK_AGAIN_NO);
}

static void read_refusal(struct cmk_kek_op *op, struct cmk_http_answer *a,
			 const struct cmk_azure_reply *reply,
			 const char *network)
{
	struct cmk_kek_result *res = &op->res;
	enum cmk_kek_again again;

	res->answer = cmk_azure_classify(reply, &again);
	if (reply->is_error)
		snprintf(res->code, sizeof(res->code), "%.47s%s%.47s",
			 reply->code, reply->inner[0] ? "/" : "",
			 reply->inner);
	cmk_azure_explain(op, reply, a->address, network);
	if (again == CMK_AGAIN_TOKEN) {
		cmk_token_forget(op->set->tokens, op->serial);
		if (op->fresh)
			again = CMK_AGAIN_NO;
		op->fresh = true;
	}
	end_try(op, res->answer, again);
}

static void on_answer(struct cmk_http_request *req, struct cmk_http_answer *a,
		      void *userdata)
{
	struct cmk_kek_op *op = userdata;
	struct cmk_kek_result *res = &op->res;
	const char *network = cmk_http_header(req,
					      "x-ms-keyvault-network-info");
	struct cmk_azure_reply reply;

	op->request = NULL;
	res->latency_us = a->latency_us;
	cmk_printable(res->client_request_id, sizeof(res->client_request_id),
		      a->client_request_id);
	if (a->err) {
		cmk_azure_explain_failure(op, a->err,
					  a->err == -ETIMEDOUT ? "timeout" :
					  "unreachable", a->reason);
		end_try(op, CMK_UNKNOWN,
			a->again ? CMK_AGAIN_LATER : CMK_AGAIN_NO);
		return;
	}
	res->http = a->status;
	res->date = a->date;
	res->retry_after = a->retry_after;
	cmk_printable(res->request_id, sizeof(res->request_id),
		      cmk_http_header(req, "x-ms-request-id"));
	if (a->status == 200) {
		memset(&reply, 0, sizeof(reply));
		reply.status = 200;
		read_success(op, a, &reply, network);
		return;
	}
	cmk_azure_read(&reply, a->status, a->is_json,
		       (const char *)a->body.data, a->body_len);
	read_refusal(op, a, &reply, network);
}

static int make_body(struct cmk_kek_op *op, struct cmk_secret *ret)
{
	static const char head[] = "{\"alg\":\"RSA-OAEP-256\",\"value\":\"";
	static const char tail[] = "\"}";
	__cmk_secret struct cmk_secret value = CMK_SECRET_INIT;
	char text[CMK_BASE64URL_LEN(CMK_BLOB_MAX) + 1];
	const void *middle = text;
	size_t n, h = strlen(head);
	int r = 0;

	if (op->verb == CMK_KEK_WRAP) {
		r = cmk_base64url_encode_secret(&op->plain, &value);
		middle = value.data;
		n = value.len;
	} else {
		cmk_base64url_encode(op->blob, op->blob_len, text);
		n = strlen(text);
	}
	if (!r)
		r = cmk_secret_alloc(ret, h + n + strlen(tail));
	if (r)
		return r;
	memcpy(ret->data, head, h);
	memcpy(ret->data + h, middle, n);
	memcpy(ret->data + h + n, tail, strlen(tail));
	return 0;
}

static const char *verb_path(enum cmk_kek_verb verb)
{
	switch (verb) {
	case CMK_KEK_WRAP:
		return "/wrapkey";
	case CMK_KEK_UNWRAP:
		return "/unwrapkey";
	case CMK_KEK_GET:
		return "";
	}
	return "";
}

static int send_request(struct cmk_kek_op *op, const struct cmk_token *token)
{
	__cmk_secret struct cmk_secret body = CMK_SECRET_INIT;
	struct cmk_http_call call = { .kind = CMK_HTTP_TLS };
	char kid[CMK_KID_MAX + 1], url[CMK_KID_MAX + 64];
	int r = cmk_kek_uri_format(&op->key, kid, sizeof(kid));

	if (!r && op->verb != CMK_KEK_GET) {
		r = make_body(op, &body);
		call.body = &body;
		call.content_type = "application/json";
	}
	if (r)
		return cmk_error_set(&op->res.error, CMK_FAILED, r, "request",
				     "cannot make a request to %s: %s",
				     op->uri, strerror(-r));
	snprintf(url, sizeof(url), "%s%s?api-version=%.20s", kid,
		 verb_path(op->verb), op->set->settings.api_version);
	call.url = url;
	call.bearer = &token->bearer;
	call.timeout = cmk_kek_op_timeout(op);
	return cmk_http_start(op->set->http, &call, on_answer, op,
			      &op->request, &op->res.error);
}

static void send_with(struct cmk_kek_op *op, const struct cmk_token *token)
{
	struct cmk_kek_result *res = &op->res;

	op->serial = token->serial;
	memcpy(res->oid, token->oid, sizeof(res->oid));
	memcpy(res->tid, token->tid, sizeof(res->tid));
	memcpy(res->appid, token->appid, sizeof(res->appid));
	if (send_request(op, token))
		end_try(op, CMK_UNKNOWN, CMK_AGAIN_NO);
}

static void on_token(const struct cmk_token_result *t, void *userdata)
{
	struct cmk_kek_op *op = userdata;

	op->token = NULL;
	if (t->token) {
		/* Just fetched: another one would be no better. */
		op->fresh = true;
		send_with(op, t->token);
		return;
	}
	op->res.retry_after = t->retry_after;
	cmk_printable(op->res.code, sizeof(op->res.code), t->error.code);
	cmk_azure_explain_failure(op, t->error.err, t->error.code,
				  t->error.text);
	end_try(op, t->refused ? CMK_UNAUTHENTICATED : CMK_UNKNOWN,
		t->again ? CMK_AGAIN_LATER : CMK_AGAIN_NO);
}

static void azure_try(struct cmk_kek_op *op)
{
	struct cmk_token_source *tokens = op->set->tokens;
	const struct cmk_token *token = cmk_token_cached(tokens, op->cloud);
	struct cmk_error e = { 0 };

	if (token) {
		send_with(op, token);
		return;
	}
	if (!cmk_token_wait(tokens, op->cloud, on_token, op, &op->token, &e))
		return;
	cmk_azure_explain_failure(op, e.err, e.code, e.text);
	end_try(op, CMK_UNKNOWN, CMK_AGAIN_NO);
}

static void azure_abort(struct cmk_kek_op *op)
{
	if (op->token)
		cmk_token_cancel(op->token);
	if (op->request)
		cmk_http_cancel(op->request);
	op->token = NULL;
	op->request = NULL;
}

const struct cmk_kek_provider cmk_kek_azure = {
	.owns = azure_owns,
	.check = azure_check,
	.try = azure_try,
	.abort = azure_abort,
};
