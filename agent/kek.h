/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent asks of a key encryption key, whoever keeps it: wrap, unwrap,
 * look at its attributes.  Providers: kek-azure.c, kek-service.c.
 *
 * All operations are asynchronous on the agent's event loop.  One that could
 * not be started returns an error and never calls back; any other calls back
 * exactly once, also on failure and on cancel, never from inside the call that
 * started it.  In the callback other operations may be started and cancelled,
 * but the set not be freed.
 */
#ifndef CMK_KEK_H
#define CMK_KEK_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "secret.h"

#define CMK_KID_MAX	512	/* bytes without the NUL */
#define CMK_BLOB_MAX	1024	/* RSA-4096 needs 512 */

/**
 * enum cmk_answer - what an answer says about the right to use the key
 * @CMK_USABLE: the operation succeeded; a get also of a disabled key, which
 *	then says so in @enabled: only unwrap proves the right
 * @CMK_DENIED_DELETED: 404 KeyNotFound
 * @CMK_DENIED_DISABLED: 403 KeyDisabled
 * @CMK_DENIED_EXPIRED: exp has passed by the vault's Date header; said by get
 *	alone, since a vault unwraps with an expired key as before
 * @CMK_DENIED_PERMISSION: 403 ForbiddenByPolicy, ForbiddenByRbac,
 *	AccessDenied or KeyOperationForbidden
 * @CMK_NETWORK_DENIED: 403 ForbiddenByFirewall or ForbiddenByConnection
 * @CMK_UNAUTHENTICATED: 401, or the token source refused; a secret that
 *	cannot be read on this node is @CMK_UNKNOWN
 * @CMK_UNKNOWN: everything else: no answer, 408, 429, 5xx, not JSON, ...
 *
 * Only the four CMK_DENIED_* are a denial, and only under the conditions of
 * the policy (policy.h); all others leave the decision to the offline grace.
 */
enum cmk_answer {
	CMK_USABLE,
	CMK_DENIED_DELETED,
	CMK_DENIED_DISABLED,
	CMK_DENIED_EXPIRED,
	CMK_DENIED_PERMISSION,
	CMK_NETWORK_DENIED,
	CMK_UNAUTHENTICATED,
	CMK_UNKNOWN,
};

enum cmk_wrap_alg {
	CMK_RSA_OAEP_256 = 1,	/* value on disk */
};

/**
 * struct cmk_kek_result - the answer to one operation
 * @kid: versioned id of the key that answered, in one form; "" if unknown
 * @oid, @tid, @appid: claims of the token that was used, unverified, "" if none
 * @code: "Forbidden/KeyDisabled" and the like, for audit and status
 * @request_id, @client_request_id: the service's and ours, of the last try
 * @http: status of the vault's answer; 0 if there was none, also when it was
 *	the token source that answered
 * @date: the vault's Date header, Unix seconds, 0 if none
 * @retry_after: seconds, 0 if none
 * @exp, @nbf: attributes of the key (get), Unix seconds, 0 if none
 * @enabled, @purge_protected, @exportable, @recoverable_days, @bits,
 * @kty: attributes (get)
 * @blob, @blob_len: the wrapped value (wrap)
 * @plain: the unwrapped value (unwrap); the callee moves it out or it is wiped
 * @thumbprint: SHA-256 of the public key's DER SubjectPublicKeyInfo (get)
 */
struct cmk_kek_result {
	enum cmk_answer answer;
	struct cmk_error error;		/* when answer is not CMK_USABLE */
	char kid[CMK_KID_MAX + 1];
	char oid[64], tid[64], appid[64];
	char code[96];
	char request_id[64], client_request_id[64];
	int http;
	int64_t date;
	int64_t latency_us;
	unsigned int retry_after;
	int64_t exp, nbf;
	bool enabled, purge_protected, exportable;
	unsigned int recoverable_days, bits;
	char kty[16];
	unsigned char thumbprint[32];
	unsigned char blob[CMK_BLOB_MAX];
	size_t blob_len;
	struct cmk_secret plain;
};

typedef void (*cmk_kek_done_t)(struct cmk_kek_result *res, void *userdata);

struct cmk_kek_set;	/* all providers with their settings; one per agent */
struct cmk_kek_op;	/* one operation under way */

/**
 * struct cmk_kek_settings - section [Azure] and [Service] of cmkd.conf
 *
 * Strings are borrowed for the life of the set.  Time-outs in microseconds.
 */
struct cmk_kek_settings {
	const char *auth;		/* "managed-identity" "client-secret" */
	const char *tenant_id, *client_id;
	const char *client_secret;	/* "credential:NAME" or "file:PATH" */
	const char *authority_host;	/* "" = the cloud's */
	const char *imds_endpoint;	/* "" = 169.254.169.254 */
	const char *api_version;	/* "7.4" */
	const char *ca_file;		/* "" = the system's */
	const char *proxy;
	uint64_t connect_timeout, request_timeout;
	unsigned int max_concurrent;	/* requests to one vault at once */
	const char *service_kek;	/* "file:/var/lib/cmk/service.kek" */
	bool create_service_kek;	/* made on first wrap if missing */
};

/**
 * cmk_kek_check() - can a set be made of these settings?
 *
 * The one place that knows: whoever checks a configuration asks the same as
 * cmk_kek_set_new() does.  Nothing is read, and nobody is asked.
 */
int cmk_kek_check(const struct cmk_kek_settings *settings,
		  struct cmk_error *e);

int cmk_kek_set_new(struct cmk_kek_set **ret, sd_event *event,
		    const struct cmk_kek_settings *settings,
		    struct cmk_error *e);
/* Cancels what is under way. */
void cmk_kek_set_free(struct cmk_kek_set *set);

/*
 * So many operations with one vault are under way at once; more may be
 * started, but wait in line, and their time runs.
 */
unsigned int cmk_kek_concurrency(const struct cmk_kek_set *set);

/**
 * cmk_kek_wrap() - wrap @plain under @uri
 * @uri: "https://vault/keys/name[/version]" or "service"
 * @plain: borrowed until the call returns
 * @deadline: time-out of the whole operation in microseconds, retries
 *	included; 0 = the set's request_timeout.  It is there for servers
 *	that may never answer, and so ends while the node's own key is made
 * @ret: the operation, for cmk_kek_cancel(); may be NULL
 */
int cmk_kek_wrap(struct cmk_kek_set *set, const char *uri,
		 const struct cmk_secret *plain, uint64_t deadline,
		 cmk_kek_done_t done, void *userdata, struct cmk_kek_op **ret,
		 struct cmk_error *e);

/* @kid must be versioned; @blob is copied. */
int cmk_kek_unwrap(struct cmk_kek_set *set, const char *kid,
		   enum cmk_wrap_alg alg, const void *blob, size_t len,
		   uint64_t deadline, cmk_kek_done_t done, void *userdata,
		   struct cmk_kek_op **ret, struct cmk_error *e);

/* Attributes of a key, newest version if @uri names none. */
int cmk_kek_get(struct cmk_kek_set *set, const char *uri, uint64_t deadline,
		cmk_kek_done_t done, void *userdata, struct cmk_kek_op **ret,
		struct cmk_error *e);

/* The callback is called, with -ECANCELED in error.err, before this returns. */
void cmk_kek_cancel(struct cmk_kek_op *op);

/**
 * cmk_kek_match() - is @kid a version of the key that @uri names?
 *
 * Case does not matter in the host and the path (Key Vault's ids compare
 * case-insensitively); a @uri with a version matches that version only;
 * "service" matches every kid of the service provider.
 */
bool cmk_kek_match(const char *uri, const char *kid);

bool cmk_answer_is_denial(enum cmk_answer answer);
const char *cmk_answer_name(enum cmk_answer answer);

#endif
