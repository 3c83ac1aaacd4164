/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One operation on a KEK, between kek.c, which owns its life (deadline,
 * tries, the one callback), and the providers, which do the tries.  Private
 * to kek.c and the kek-*.c files.
 */
#ifndef CMK_KEK_OP_H
#define CMK_KEK_OP_H

#include "http.h"
#include "kek.h"
#include "kek-uri.h"
#include "keygen.h"
#include "retry.h"
#include "token.h"

enum cmk_kek_verb {
	CMK_KEK_WRAP,
	CMK_KEK_UNWRAP,
	CMK_KEK_GET,
};

/**
 * enum cmk_kek_again - what the provider advises after a try
 * @CMK_AGAIN_NO: the answer stands
 * @CMK_AGAIN_LATER: by the rule of retry.h
 * @CMK_AGAIN_TOKEN: at once, once, with a token that was not cached
 */
enum cmk_kek_again {
	CMK_AGAIN_NO,
	CMK_AGAIN_LATER,
	CMK_AGAIN_TOKEN,
};

struct cmk_kek_op;

/**
 * struct cmk_kek_provider - where keys are kept
 * @owns: does @uri name a key of this provider?
 * @check: refuse at once what can never work; @op has all that was asked
 * @try: begin a try; ends in one cmk_kek_op_tried(), now or later
 * @abort: forget the try that is under way, if one is
 */
struct cmk_kek_provider {
	bool (*owns)(const char *uri);
	int (*check)(struct cmk_kek_op *op, struct cmk_error *e);
	void (*try)(struct cmk_kek_op *op);
	void (*abort)(struct cmk_kek_op *op);
};

/**
 * struct cmk_kek_set - providers and their settings
 * @http, @tokens: what the azure provider works with
 * @keygen: of the service provider: the node's key in the making, or NULL
 * @ops: all that have not called back yet
 */
struct cmk_kek_set {
	sd_event *event;
	struct cmk_kek_settings settings;
	struct cmk_http *http;
	struct cmk_token_source *tokens;
	struct cmk_keygen *keygen;
	struct cmk_kek_op *ops;
};

/**
 * struct cmk_kek_op - one operation
 * @uri: as it was given, for messages
 * @plain: what to wrap
 * @blob, @blob_len: what to unwrap
 * @step: event source of the next try
 * @end: event source of the deadline
 * @retry: tries so far
 * @res: the answer of the last try
 * @key, @token, @request, @serial, @fresh: of the azure provider: the key,
 *	the wait that is under way (at most one of the two), which token was
 *	sent, and whether a refused one has been replaced already
 * @keygen: of the service provider: the key that this waits for, or NULL
 */
struct cmk_kek_op {
	struct cmk_kek_set *set;
	struct cmk_kek_op *prev, *next;
	const struct cmk_kek_provider *provider;
	enum cmk_kek_verb verb;
	char uri[CMK_KID_MAX + 1];
	struct cmk_secret plain;
	unsigned char blob[CMK_BLOB_MAX];
	size_t blob_len;
	cmk_kek_done_t done;
	void *userdata;
	sd_event_source *step, *end;
	struct cmk_retry retry;
	struct cmk_kek_result res;

	struct cmk_kek_uri key;
	const struct cmk_cloud *cloud;
	struct cmk_token_wait *token;
	struct cmk_http_request *request;
	uint64_t serial;
	bool fresh;

	const struct cmk_keygen *keygen;
};

/* The try of @op has ended and op->res holds its answer; @op may be gone. */
void cmk_kek_op_tried(struct cmk_kek_op *op, enum cmk_kek_again again);

/* How long the try that begins now may take, in microseconds. */
uint64_t cmk_kek_op_timeout(const struct cmk_kek_op *op);

/* "wrap", "unwrap", "get" */
const char *cmk_kek_verb_name(enum cmk_kek_verb verb);

/* Can the service provider work with these settings? */
int cmk_kek_service_check(const struct cmk_kek_settings *s,
			  struct cmk_error *e);

extern const struct cmk_kek_provider cmk_kek_azure;
extern const struct cmk_kek_provider cmk_kek_service;

#endif
