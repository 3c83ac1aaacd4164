/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The seam between HTTP and everything else: handlers get a request and fill
 * a reply, and only server.c knows which library speaks HTTP.
 */
#ifndef KVEMU_REQUEST_H
#define KVEMU_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util.h"

#define REPLY_HEADERS 16

struct transport;

/**
 * struct request - one request, read-only for handlers
 * @method: GET, POST ...
 * @path: decoded path without query
 * @client: address of the client as text
 * @local: address that the listener is reached by when Host is of no use,
 *	"127.0.0.1:8443"
 * @body: content, NUL-terminated
 * @len: its length
 * @id: x-ms-request-id of the answer
 * @start_us: CLOCK_BOOTTIME when it was complete
 * @transport: what the functions below need
 */
struct request {
	const char *method;
	const char *path;
	char client[64];
	const char *local;
	const char *body;
	size_t len;
	char id[UUID_LEN];
	int64_t start_us;
	struct transport *transport;
};

/**
 * struct reply - the answer
 * @status: HTTP status; 0 closes the connection without an answer
 * @json: body, owned by the reply, NULL for an empty one
 * @page: body of type text/html instead, a string constant
 * @truncate: send the first half of the body only
 * @names, @values, @count: headers beside Content-Type and Content-Length
 * @op, @code, @oid, @kid, @fault: for the request log; empty where unknown
 */
struct reply {
	unsigned int status;
	json_t *json;
	const char *page;
	bool truncate;
	const char *names[REPLY_HEADERS];
	char *values[REPLY_HEADERS];
	size_t count;
	const char *op;
	char code[64];
	char oid[UUID_LEN];
	char kid[512];
	const char *fault;
};

/** request_query() - decoded value of a query parameter, or NULL */
const char *request_query(const struct request *rq, const char *name);

/** request_header() - value of a header, or NULL */
const char *request_header(const struct request *rq, const char *name);

/**
 * request_form() - value of a field of an urlencoded form body
 *
 * Return: decoded value, freed by the caller, or NULL when there is none.
 */
char *request_form(const struct request *rq, const char *name);

/** request_sleep() - wait, but no longer than the server runs */
void request_sleep(const struct request *rq, int ms);

/**
 * reply_header() - add a header
 * @rp: the reply
 * @name: a string constant
 * @fmt: printf format of the value
 */
__attribute__((format(printf, 3, 4)))
void reply_header(struct reply *rp, const char *name, const char *fmt, ...);

#endif
