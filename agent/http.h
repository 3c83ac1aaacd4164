/* SPDX-License-Identifier: GPL-2.0 */
/*
 * HTTP requests on the agent's event loop.  http.c is the only file that
 * knows libcurl.
 *
 * What it promises for every request: TLS 1.2 or newer, verified, or plain
 * HTTP to this machine and its link only; no redirect is followed; a proxy's
 * answer is never taken for the server's; the body is bounded, in locked
 * memory and wiped; what the transport has held of it is wiped too.
 */
#ifndef CMK_HTTP_H
#define CMK_HTTP_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#include "error.h"
#include "secret.h"

#define CMK_HTTP_BODY_MAX	65536

struct cmk_http;		/* connections and what runs on them */
struct cmk_http_request;	/* one under way */

/**
 * struct cmk_http_settings - what all requests share; strings are borrowed
 * @ca_file: PEM, replaces the system's certificates; NULL or "" for those
 * @proxy: for https; NULL or "" for none (the environment is not asked)
 * @connect_timeout: microseconds, name resolution and TLS included
 * @max_per_host: connections to one host and port; more requests wait
 */
struct cmk_http_settings {
	const char *ca_file, *proxy;
	uint64_t connect_timeout;
	unsigned int max_per_host;
};

/**
 * enum cmk_http_kind - where a request may go
 * @CMK_HTTP_TLS: https, certificate and host name verified, by proxy if set
 * @CMK_HTTP_LOCAL: plain http to a loopback or link-local address, whatever
 *	the name resolves to; never by a proxy.  For metadata services.
 */
enum cmk_http_kind {
	CMK_HTTP_TLS,
	CMK_HTTP_LOCAL,
};

/**
 * struct cmk_http_call - a request to make; strings are copied
 * @headers: "Name: value" lines, ends with NULL; may be NULL
 * @bearer: token for the Authorization header, without a NUL; may be NULL
 * @content_type: of @body
 * @body: POST if not NULL, else GET; moved into the request, also on failure
 * @timeout: microseconds for all of it
 */
struct cmk_http_call {
	enum cmk_http_kind kind;
	const char *url;
	const char *const *headers;
	const struct cmk_secret *bearer;
	const char *content_type;
	struct cmk_secret *body;
	uint64_t timeout;
};

/**
 * struct cmk_http_answer - what came; valid in the callback only
 * @err: 0 if the server itself gave a whole answer, else negative errno:
 *	-ETIMEDOUT, -EHOSTUNREACH (name), -ECONNREFUSED, -ECONNRESET,
 *	-EKEYREJECTED (certificate), -EMSGSIZE (body too long), -EIO
 * @again: @err is of a kind that another try may not meet
 * @reason: words for @err
 * @status: of the HTTP answer, 0 with @err
 * @is_json: the content type says so
 * @body, @body_len: the first @body_len bytes of @body; may be changed
 * @date: the Date header, Unix seconds, 0 if none or unreadable
 * @retry_after: seconds, 0 if none
 * @client_request_id: ours
 * @address: of the peer, "" if none
 */
struct cmk_http_answer {
	int err;
	bool again;
	char reason[256];
	int status;
	bool is_json;
	struct cmk_secret body;
	size_t body_len;
	int64_t date;
	unsigned int retry_after;
	char client_request_id[37];
	char address[64];
	int64_t latency_us;
};

typedef void (*cmk_http_done_t)(struct cmk_http_request *req,
				struct cmk_http_answer *answer,
				void *userdata);

int cmk_http_new(struct cmk_http **ret, sd_event *event,
		 const struct cmk_http_settings *settings,
		 struct cmk_error *e);

/* Drops requests that are under way without a callback. */
void cmk_http_free(struct cmk_http *http);

/**
 * cmk_http_start() - send a request
 * @done: called once, from the event loop, unless cancelled before
 *
 * Each request carries an x-ms-client-request-id that this boot has not used
 * before: a UUID of the boot id's first half and a counter.
 */
int cmk_http_start(struct cmk_http *http, const struct cmk_http_call *call,
		   cmk_http_done_t done, void *userdata,
		   struct cmk_http_request **ret, struct cmk_error *e);

/* No callback comes any more; not for a request whose callback runs. */
void cmk_http_cancel(struct cmk_http_request *req);

/* A header of the answer, in the callback only; NULL if there is none. */
const char *cmk_http_header(struct cmk_http_request *req, const char *name);

#endif
