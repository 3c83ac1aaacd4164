/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tokens for the vault: fetched from the configured source, kept for two
 * thirds of their life, one fetch at a time for each resource.
 */
#ifndef CMK_TOKEN_H
#define CMK_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "http.h"
#include "kek-uri.h"
#include "secret.h"

#define CMK_CLAIM_LEN	64

/**
 * struct cmk_token - a token in hand
 * @bearer: its characters, without a NUL
 * @oid, @tid, @appid: claims, read without verification: to compare with
 *	those of the last proof and for messages, never to grant anything
 * @serial: grows with each token of a source
 */
struct cmk_token {
	struct cmk_secret bearer;
	char oid[CMK_CLAIM_LEN], tid[CMK_CLAIM_LEN], appid[CMK_CLAIM_LEN];
	uint64_t serial;
};

/**
 * struct cmk_token_settings - strings are borrowed
 * @auth: "managed-identity" or "client-secret"
 * @client_secret: "credential:NAME" or "file:PATH"; read for each fetch, so
 *	that a renewed secret needs no restart
 * @authority_host, @imds_endpoint: NULL or "" for the cloud's
 * @timeout: of one fetch, microseconds
 */
struct cmk_token_settings {
	const char *auth, *tenant_id, *client_id, *client_secret;
	const char *authority_host, *imds_endpoint;
	uint64_t timeout;
};

/**
 * struct cmk_token_result - how a fetch ended
 * @token: NULL on failure; valid in the callback only
 * @refused: the source has answered, and its answer is no
 * @again: another try may succeed
 * @retry_after: seconds that the source asked for, 0 if it did not
 * @error: on failure
 */
struct cmk_token_result {
	const struct cmk_token *token;
	bool refused, again;
	unsigned int retry_after;
	struct cmk_error error;
};

struct cmk_token_source;
struct cmk_token_wait;

typedef void (*cmk_token_done_t)(const struct cmk_token_result *res,
				 void *userdata);

/**
 * cmk_token_check() - can a source be made of these settings?
 *
 * Nothing is read, and nobody is asked.  Error codes: "auth-unsupported",
 * "auth-settings".
 */
int cmk_token_check(const struct cmk_token_settings *settings,
		    struct cmk_error *e);

/* Error codes: those of cmk_token_check(). */
int cmk_token_source_new(struct cmk_token_source **ret, struct cmk_http *http,
			 const struct cmk_token_settings *settings,
			 struct cmk_error *e);
/* Nobody may wait any more. */
void cmk_token_source_free(struct cmk_token_source *src);

/**
 * cmk_token_cached() - the token for a cloud's vaults, if one is in hand
 *
 * One that is past two thirds of its life is still given, and a new one
 * fetched meanwhile.
 *
 * Return: valid until control returns to the event loop; NULL if there is
 * none: cmk_token_wait().
 */
const struct cmk_token *cmk_token_cached(struct cmk_token_source *src,
					 const struct cmk_cloud *cloud);

/**
 * cmk_token_wait() - wait for the fetch under way, or begin one
 * @done: called once, from the event loop, unless cancelled before
 */
int cmk_token_wait(struct cmk_token_source *src,
		   const struct cmk_cloud *cloud, cmk_token_done_t done,
		   void *userdata, struct cmk_token_wait **ret,
		   struct cmk_error *e);
void cmk_token_cancel(struct cmk_token_wait *wait);

/* The vault refused token @serial: it is not given out again. */
void cmk_token_forget(struct cmk_token_source *src, uint64_t serial);

#endif
