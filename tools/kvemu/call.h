/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One call of the vault's REST interface on its way through the checks and
 * into a handler, and the error answers of the service.
 *
 * Codes and texts: recordings of the service where there are any, otherwise
 * its documentation and public issue threads; the comment at a text says so
 * when it is a guess.  Clients must branch on status, code and inner code.
 */
#ifndef KVEMU_CALL_H
#define KVEMU_CALL_H

#include "request.h"
#include "vault.h"

/* Order of the api-versions by age, for what answers gained over time. */
enum api {
	API_2016,
	API_7_0,
	API_7_1,
	API_7_3,
	API_7_4,
	API_7_5,
	API_7_6,
	API_2025,
};

/**
 * struct call - what the handlers of the vault work on
 * @v: the vault, not locked
 * @rq: the request
 * @rp: the answer to fill
 * @name: key name of the path, or NULL
 * @version: version of the path, or NULL
 * @api: age of the api-version that was asked for
 * @body: JSON object of the request; an empty one if there was no body
 * @base: "https://host:port" as the client addressed us; kids begin with it
 * @oid, @appid, @tid: caller by its token
 */
struct call {
	struct vault *v;
	struct request *rq;
	struct reply *rp;
	const char *name;
	const char *version;
	enum api api;
	json_t *body;
	char base[320];
	char oid[UUID_LEN];
	char appid[UUID_LEN];
	char tid[UUID_LEN];
};

/**
 * call_fail() - answer with an error body
 * @c: the call
 * @status: HTTP status
 * @code: error.code
 * @inner: error.innererror.code or NULL
 * @fmt: message
 */
__attribute__((format(printf, 5, 6)))
void call_fail(struct call *c, unsigned int status, const char *code,
	       const char *inner, const char *fmt, ...);

/** call_bad() - 400 BadParameter */
__attribute__((format(printf, 2, 3)))
void call_bad(struct call *c, const char *fmt, ...);

/** call_not_found() - 404 KeyNotFound of a live key */
void call_not_found(struct call *c);

/** call_not_deleted() - 404 KeyNotFound of a deleted key */
void call_not_deleted(struct call *c);

/** call_broken() - 500 for trouble of the emulator itself */
void call_broken(struct call *c, int err);

/**
 * call_save() - make a change durable before it is answered
 * @c: call whose vault is locked
 *
 * Return: 0, or a negative errno after it has answered 500.
 */
int call_save(struct call *c);

/** call_done() - answer 200 with a body; NULL answers 500 */
void call_done(struct call *c, json_t *json);

/** call_kid() - note the kid for the log and write it to @buf */
void call_kid(struct call *c, const struct key *k, const struct version *ver,
	      char *buf, size_t size);

#endif
