// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on key encryption keys.  Owns the life of an operation: its
 * deadline, its tries by the one retry policy, and that it calls back exactly
 * once.  What a try does is the provider's business.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "kek-op.h"

static const struct cmk_kek_provider *const providers[] = {
	&cmk_kek_service,
	&cmk_kek_azure,
};

const char *cmk_kek_verb_name(enum cmk_kek_verb verb)
{
	switch (verb) {
	case CMK_KEK_WRAP:
		return "wrap";
	case CMK_KEK_UNWRAP:
		return "unwrap";
	case CMK_KEK_GET:
		return "get";
	}
	return "?";
}

const char *cmk_answer_name(enum cmk_answer answer)
{
	switch (answer) {
	case CMK_USABLE:
		return "usable";
	case CMK_DENIED_DELETED:
		return "denied-deleted";
	case CMK_DENIED_DISABLED:
		return "denied-disabled";
	case CMK_DENIED_EXPIRED:
		return "denied-expired";
	case CMK_DENIED_PERMISSION:
		return "denied-permission";
	case CMK_NETWORK_DENIED:
		return "network-denied";
	case CMK_UNAUTHENTICATED:
		return "unauthenticated";
	case CMK_UNKNOWN:
		return "unknown";
	}
	return "?";
}

bool cmk_answer_is_denial(enum cmk_answer answer)
{
	switch (answer) {
	case CMK_DENIED_DELETED:
	case CMK_DENIED_DISABLED:
	case CMK_DENIED_EXPIRED:
	case CMK_DENIED_PERMISSION:
		return true;
	case CMK_USABLE:
	case CMK_NETWORK_DENIED:
	case CMK_UNAUTHENTICATED:
	case CMK_UNKNOWN:
		return false;
	}
	return false;
}

uint64_t cmk_kek_op_timeout(const struct cmk_kek_op *op)
{
	return cmk_retry_timeout(&op->retry, cmk_boottime());
}

static void op_free(struct cmk_kek_op *op)
{
	if (!op)
		return;
	if (op->prev)
		op->prev->next = op->next;
	else if (op->set->ops == op)
		op->set->ops = op->next;
	if (op->next)
		op->next->prev = op->prev;
	sd_event_source_disable_unref(op->step);
	sd_event_source_disable_unref(op->end);
	cmk_secret_wipe(&op->plain);
	cmk_secret_wipe(&op->res.plain);
	free(op);
}

static void op_freep(struct cmk_kek_op **op)
{
	op_free(*op);
}

static void finish(struct cmk_kek_op *op)
{
	sd_event_source_set_enabled(op->step, SD_EVENT_OFF);
	sd_event_source_set_enabled(op->end, SD_EVENT_OFF);
	op->done(&op->res, op->userdata);
	op_free(op);
}

static void clear_result(struct cmk_kek_op *op)
{
	cmk_secret_wipe(&op->res.plain);
	memset(&op->res, 0, sizeof(op->res));
	op->res.answer = CMK_UNKNOWN;
}

static int on_step(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_kek_op *op = userdata;

	op->retry.tries++;
	clear_result(op);
	op->provider->try(op);
	return 0;
}

static int on_end(sd_event_source *s, uint64_t usec, void *userdata)
{
	struct cmk_kek_op *op = userdata;

	op->provider->abort(op);
	clear_result(op);
	cmk_error_set(&op->res.error, CMK_TEMPORARY, -ETIMEDOUT, "timeout",
		      "cannot %s with %s: no answer within %.1f s (%u %s)",
		      cmk_kek_verb_name(op->verb), op->uri,
		      op->retry.budget / 1e6, op->retry.tries,
		      op->retry.tries == 1 ? "try" : "tries");
	finish(op);
	return 0;
}

static int next_step(struct cmk_kek_op *op, uint64_t delay)
{
	int r = sd_event_source_set_time(op->step, cmk_boottime() + delay);

	if (r >= 0)
		r = sd_event_source_set_enabled(op->step, SD_EVENT_ONESHOT);
	return r;
}

void cmk_kek_op_tried(struct cmk_kek_op *op, enum cmk_kek_again again)
{
	uint64_t delay = 0;
	uint32_t random = 0;

	switch (again) {
	case CMK_AGAIN_NO:
		break;
	case CMK_AGAIN_LATER:
		cmk_random(&random, sizeof(random));
		if (cmk_retry_delay(&op->retry, cmk_boottime(),
				    op->res.retry_after, random, &delay) &&
		    next_step(op, delay) >= 0)
			return;
		break;
	case CMK_AGAIN_TOKEN:
		op->retry.tries--;
		if (next_step(op, 0) >= 0)
			return;
		break;
	}
	finish(op);
}

static int set_timers(struct cmk_kek_op *op)
{
	sd_event *event = op->set->event;
	int r;

	op->retry.start = cmk_boottime();
	r = sd_event_add_time(event, &op->step, CLOCK_BOOTTIME,
			      op->retry.start, 1000, on_step, op);
	if (r < 0)
		return r;
	return sd_event_add_time(event, &op->end, CLOCK_BOOTTIME,
				 op->retry.start + op->retry.budget, 1000,
				 on_end, op);
}

static int find_provider(struct cmk_kek_op *op, struct cmk_error *e)
{
	size_t i;

	for (i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		if (providers[i]->owns(op->uri)) {
			op->provider = providers[i];
			return op->provider->check(op, e);
		}
	}
	return cmk_error_set(e, CMK_USAGE, -EINVAL, "kek-uri",
			     "'%s' names no key: use \"service\" or https://VAULT/keys/NAME[/VERSION]",
			     op->uri);
}

static void link_op(struct cmk_kek_op *op)
{
	op->next = op->set->ops;
	if (op->next)
		op->next->prev = op;
	op->set->ops = op;
}

/* Takes over @op, which is freed on failure. */
static int start(struct cmk_kek_op *op, const char *uri, uint64_t deadline,
		 struct cmk_kek_op **ret, struct cmk_error *e)
{
	__attribute__((cleanup(op_freep))) struct cmk_kek_op *own = op;
	int r;

	if (strlen(uri) > CMK_KID_MAX)
		return cmk_error_set(e, CMK_USAGE, -EINVAL, "kek-uri",
				     "the name of the key is longer than %d characters",
				     CMK_KID_MAX);
	strcpy(op->uri, uri);
	op->retry.budget = deadline ? deadline :
				      op->set->settings.request_timeout;
	r = find_provider(op, e);
	if (r)
		return r;
	r = set_timers(op);
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "event-loop",
				     "cannot start to %s with %s: %s",
				     cmk_kek_verb_name(op->verb), uri,
				     strerror(-r));
	link_op(op);
	if (ret)
		*ret = op;
	own = NULL;
	return 0;
}

static struct cmk_kek_op *op_new(struct cmk_kek_set *set,
				 enum cmk_kek_verb verb, cmk_kek_done_t done,
				 void *userdata, struct cmk_error *e)
{
	struct cmk_kek_op *op = calloc(1, sizeof(*op));

	if (!op) {
		cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
			      "no memory for an operation");
		return NULL;
	}
	op->set = set;
	op->verb = verb;
	op->done = done;
	op->userdata = userdata;
	return op;
}

int cmk_kek_wrap(struct cmk_kek_set *set, const char *uri,
		 const struct cmk_secret *plain, uint64_t deadline,
		 cmk_kek_done_t done, void *userdata, struct cmk_kek_op **ret,
		 struct cmk_error *e)
{
	struct cmk_kek_op *op = op_new(set, CMK_KEK_WRAP, done, userdata, e);
	int r;

	if (!op)
		return -ENOMEM;
	/* The one copy of a secret: the operation outlives the caller's. */
	r = cmk_secret_alloc(&op->plain, plain->len);
	if (r) {
		op_free(op);
		return cmk_error_set(e, CMK_FAILED, r, "no-memory",
				     "no locked memory for a key to wrap");
	}
	memcpy(op->plain.data, plain->data, plain->len);
	return start(op, uri, deadline, ret, e);
}

int cmk_kek_unwrap(struct cmk_kek_set *set, const char *kid,
		   enum cmk_wrap_alg alg, const void *blob, size_t len,
		   uint64_t deadline, cmk_kek_done_t done, void *userdata,
		   struct cmk_kek_op **ret, struct cmk_error *e)
{
	struct cmk_kek_op *op;

	if (alg != CMK_RSA_OAEP_256 || !len || len > CMK_BLOB_MAX)
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "wrap-unknown",
				     "cannot unwrap with %s: algorithm %d or length %zu is not known",
				     kid, alg, len);
	op = op_new(set, CMK_KEK_UNWRAP, done, userdata, e);
	if (!op)
		return -ENOMEM;
	memcpy(op->blob, blob, len);
	op->blob_len = len;
	return start(op, kid, deadline, ret, e);
}

int cmk_kek_get(struct cmk_kek_set *set, const char *uri, uint64_t deadline,
		cmk_kek_done_t done, void *userdata, struct cmk_kek_op **ret,
		struct cmk_error *e)
{
	struct cmk_kek_op *op = op_new(set, CMK_KEK_GET, done, userdata, e);

	if (!op)
		return -ENOMEM;
	return start(op, uri, deadline, ret, e);
}

void cmk_kek_cancel(struct cmk_kek_op *op)
{
	op->provider->abort(op);
	clear_result(op);
	cmk_error_set(&op->res.error, CMK_FAILED, -ECANCELED, "cancelled",
		      "%s with %s was cancelled", cmk_kek_verb_name(op->verb),
		      op->uri);
	finish(op);
}

void cmk_kek_set_free(struct cmk_kek_set *set)
{
	if (!set)
		return;
	while (set->ops)
		cmk_kek_cancel(set->ops);
	cmk_keygen_stop(set->keygen);
	cmk_token_source_free(set->tokens);
	cmk_http_free(set->http);
	sd_event_unref(set->event);
	free(set);
}

unsigned int cmk_kek_concurrency(const struct cmk_kek_set *set)
{
	return set->settings.max_concurrent;
}

static struct cmk_token_settings
token_settings(const struct cmk_kek_settings *s)
{
	struct cmk_token_settings token = {
		.auth = s->auth,
		.tenant_id = s->tenant_id,
		.client_id = s->client_id,
		.client_secret = s->client_secret,
		.authority_host = s->authority_host,
		.imds_endpoint = s->imds_endpoint,
		.timeout = s->request_timeout,
	};

	return token;
}

int cmk_kek_check(const struct cmk_kek_settings *settings, struct cmk_error *e)
{
	struct cmk_token_settings token = token_settings(settings);
	int r = cmk_token_check(&token, e);

	return r ? r : cmk_kek_service_check(settings, e);
}

static int start_azure(struct cmk_kek_set *set, struct cmk_error *e)
{
	const struct cmk_kek_settings *s = &set->settings;
	struct cmk_http_settings http = {
		.ca_file = s->ca_file,
		.proxy = s->proxy,
		.connect_timeout = s->connect_timeout,
		.max_per_host = s->max_concurrent,
	};
	struct cmk_token_settings token = token_settings(s);
	int r = cmk_http_new(&set->http, set->event, &http, e);

	if (r)
		return r;
	return cmk_token_source_new(&set->tokens, set->http, &token, e);
}

int cmk_kek_set_new(struct cmk_kek_set **ret, sd_event *event,
		    const struct cmk_kek_settings *settings,
		    struct cmk_error *e)
{
	struct cmk_kek_set *set;
	int r = cmk_kek_check(settings, e);

	if (r)
		return r;
	set = calloc(1, sizeof(*set));
	if (!set)
		return cmk_error_set(e, CMK_FAILED, -ENOMEM, "no-memory",
				     "no memory for KEK providers");
	set->event = sd_event_ref(event);
	set->settings = *settings;
	r = start_azure(set, e);
	if (r) {
		cmk_kek_set_free(set);
		return r;
	}
	*ret = set;
	return 0;
}
