// SPDX-License-Identifier: GPL-2.0
/*
 * Tokens for the vault.  Owns the tokens in hand and the fetches under way:
 * one token and at most one fetch for each resource.  How a source is asked is
 * in token-imds.c and token-secret.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "clock.h"
#include "token-source.h"

#define USEC_PER_SEC	1000000ULL
/* After a failed renewal while the old token is still good. */
#define RENEW_AGAIN	(30 * USEC_PER_SEC)

LIST_HEAD(waits, cmk_token_wait);

/**
 * struct entry - the token for one resource; times in CLOCK_BOOTTIME usec
 * @token: empty if there is none
 * @renew_at: two thirds of its life, or later when a renewal failed
 * @ends_at: it is not used any more
 * @request: the fetch under way
 */
struct entry {
	struct entry *next;
	struct cmk_token_source *src;
	const struct cmk_cloud *cloud;
	struct cmk_token token;
	uint64_t renew_at, ends_at;
	struct cmk_http_request *request;
	struct waits waits;
};

struct cmk_token_wait {
	LIST_ENTRY(cmk_token_wait) link;
	cmk_token_done_t done;
	void *userdata;
};

struct cmk_token_source {
	struct cmk_http *http;
	struct cmk_token_settings settings;
	const struct cmk_token_method *method;
	struct entry *entries;
	uint64_t serial;
};

static const struct cmk_token_method *const methods[] = {
	&cmk_token_imds,
	&cmk_token_client_secret,
};

static struct entry *find_entry(struct cmk_token_source *src,
				const struct cmk_cloud *cloud)
{
	struct entry *n;

	for (n = src->entries; n; n = n->next)
		if (!strcmp(n->cloud->resource, cloud->resource))
			return n;
	n = calloc(1, sizeof(*n));
	if (!n)
		return NULL;
	n->src = src;
	n->cloud = cloud;
	n->next = src->entries;
	src->entries = n;
	return n;
}

/*
 * The waits are taken off the entry first, since a callback may begin to wait
 * again; one that cancels another wait takes it off the local list.
 */
static void tell(struct entry *n, const struct cmk_token_result *res)
{
	struct waits waits = LIST_HEAD_INITIALIZER(waits);
	struct cmk_token_wait *w;

	while ((w = LIST_FIRST(&n->waits))) {
		LIST_REMOVE(w, link);
		LIST_INSERT_HEAD(&waits, w, link);
	}
	while ((w = LIST_FIRST(&waits))) {
		LIST_REMOVE(w, link);
		w->done(res, w->userdata);
		free(w);
	}
}

static void set_token(struct entry *n, struct cmk_token *token, int64_t life)
{
	uint64_t now = cmk_boottime();

	cmk_secret_move(&n->token.bearer, &token->bearer);
	memcpy(n->token.oid, token->oid, sizeof(token->oid));
	memcpy(n->token.tid, token->tid, sizeof(token->tid));
	memcpy(n->token.appid, token->appid, sizeof(token->appid));
	n->token.serial = ++n->src->serial;
	n->renew_at = now + life * USEC_PER_SEC * 2 / 3;
	n->ends_at = now + life * USEC_PER_SEC;
}

static void judge(struct entry *n, struct cmk_http_answer *a,
		  struct cmk_token_result *res)
{
	const struct cmk_token_method *m = n->src->method;
	char code[64] = "", text[160] = "", word[48];

	if (a->is_json && a->body_len)
		cmk_token_parse_error((const char *)a->body.data, a->body_len,
				      code, sizeof(code), text, sizeof(text));
	m->judge(a->status, code[0] ? code : NULL, res);
	res->retry_after = a->retry_after;
	snprintf(word, sizeof(word), "token-%.40s", code[0] ? code : "http");
	cmk_error_set(&res->error, CMK_TEMPORARY,
		      res->refused ? -EACCES : -EAGAIN, word,
		      "no token from %s: it answers %d %s%s%s%s", m->what,
		      a->status, code[0] ? code : "(no reason of its own)",
		      text[0] ? " (" : "", text, text[0] ? ")" : "");
}

static void on_fetched(struct cmk_http_request *req, struct cmk_http_answer *a,
		       void *userdata)
{
	struct entry *n = userdata;
	struct cmk_token token = { 0 };
	struct cmk_token_result res = { 0 };
	int64_t life = 0;

	n->request = NULL;
	if (a->err) {
		res.again = a->again;
		cmk_error_set(&res.error, CMK_TEMPORARY, a->err,
			      "token-unreachable", "no token from %s: %s",
			      n->src->method->what, a->reason);
	} else if (a->status != 200 || !a->is_json) {
		judge(n, a, &res);
	} else if (cmk_token_parse((char *)a->body.data, a->body_len, &token,
				   &life)) {
		cmk_error_set(&res.error, CMK_TEMPORARY, -EBADMSG,
			      "token-malformed",
			      "no token from %s: its answer cannot be read",
			      n->src->method->what);
	} else {
		set_token(n, &token, life);
		res.token = &n->token;
	}
	if (!res.token)
		n->renew_at = cmk_boottime() + RENEW_AGAIN;
	tell(n, &res);
}

static int fetch(struct entry *n, struct cmk_error *e)
{
	struct cmk_token_source *src = n->src;
	struct cmk_token_ask ask = { 0 };
	struct cmk_http_call call = { 0 };
	int r = src->method->ask(&src->settings, n->cloud, &ask, e);

	if (r)
		return r;
	call.kind = ask.kind;
	call.url = ask.url;
	call.headers = ask.headers;
	call.timeout = src->settings.timeout;
	if (ask.form.len) {
		call.content_type = "application/x-www-form-urlencoded";
		call.body = &ask.form;
	}
	return cmk_http_start(src->http, &call, on_fetched, n, &n->request, e);
}

const struct cmk_token *cmk_token_cached(struct cmk_token_source *src,
					 const struct cmk_cloud *cloud)
{
	struct entry *n = find_entry(src, cloud);
	uint64_t now = cmk_boottime();

	if (!n || !n->token.bearer.data)
		return NULL;
	if (now >= n->ends_at) {
		cmk_secret_wipe(&n->token.bearer);
		return NULL;
	}
	/* Nobody waits for it: a failure shows when the token has ended. */
	if (now >= n->renew_at && !n->request && fetch(n, NULL))
		n->renew_at = now + RENEW_AGAIN;
	return &n->token;
}

int cmk_token_wait(struct cmk_token_source *src,
		   const struct cmk_cloud *cloud, cmk_token_done_t done,
		   void *userdata, struct cmk_token_wait **ret,
		   struct cmk_error *e)
{
	struct entry *n = find_entry(src, cloud);
	struct cmk_token_wait *w = calloc(1, sizeof(*w));
	int r = 0;

	if (!n || !w) {
		free(w);
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for a token");
	}
	if (!n->request)
		r = fetch(n, e);
	if (r) {
		free(w);
		return r;
	}
	w->done = done;
	w->userdata = userdata;
	LIST_INSERT_HEAD(&n->waits, w, link);
	*ret = w;
	return 0;
}

void cmk_token_cancel(struct cmk_token_wait *wait)
{
	LIST_REMOVE(wait, link);
	free(wait);
}

void cmk_token_forget(struct cmk_token_source *src, uint64_t serial)
{
	struct entry *n;

	for (n = src->entries; n; n = n->next)
		if (n->token.serial == serial)
			cmk_secret_wipe(&n->token.bearer);
}

static const struct cmk_token_method *find_method(const char *auth)
{
	size_t i;

	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++)
		if (!strcmp(methods[i]->auth, auth))
			return methods[i];
	return NULL;
}

int cmk_token_check(const struct cmk_token_settings *settings,
		    struct cmk_error *e)
{
	const struct cmk_token_method *m = find_method(settings->auth);

	if (!m)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "auth-unsupported",
				     "Auth=%s is not supported yet: use managed-identity or client-secret",
				     settings->auth);
	return m->check(settings, e);
}

int cmk_token_source_new(struct cmk_token_source **ret, struct cmk_http *http,
			 const struct cmk_token_settings *settings,
			 struct cmk_error *e)
{
	struct cmk_token_source *src;
	int r = cmk_token_check(settings, e);

	if (r)
		return r;
	src = calloc(1, sizeof(*src));
	if (!src)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for tokens");
	src->http = http;
	src->settings = *settings;
	src->method = find_method(settings->auth);
	*ret = src;
	return 0;
}

void cmk_token_source_free(struct cmk_token_source *src)
{
	struct entry *n;

	if (!src)
		return;
	while ((n = src->entries)) {
		src->entries = n->next;
		if (n->request)
			cmk_http_cancel(n->request);
		cmk_secret_wipe(&n->token.bearer);
		free(n);
	}
	free(src);
}
