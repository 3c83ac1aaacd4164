// SPDX-License-Identifier: GPL-2.0
/*
 * Error and success answers in the form of the service.
 */
#include <stdarg.h>
#include <string.h>

#include "call.h"
#include "store.h"

static void fail(struct call *c, unsigned int status, const char *code,
		 const char *inner, const char *message)
{
	char activity[64] = "";
	json_t *error;

	/* A Managed HSM names the request in the text as well. */
	if (c->v->hsm)
		snprintf(activity, sizeof(activity), " (Activity ID: %s)",
			 c->rq->id);
	error = json_pack("{s:s, s:s+}", "code", code, "message", message,
			  activity);
	if (!error)
		error = json_pack("{s:s, s:s}", "code", code, "message", "");
	if (inner)
		json_object_set_new(error, "innererror",
				    json_pack("{s:s}", "code", inner));
	json_decref(c->rp->json);
	c->rp->json = json_pack("{s:o}", "error", error);
	c->rp->status = status;
	snprintf(c->rp->code, sizeof(c->rp->code), "%s%s%s", code,
		 inner ? "/" : "", inner ? inner : "");
}

void call_fail(struct call *c, unsigned int status, const char *code,
	       const char *inner, const char *fmt, ...)
{
	_cleanup_(freep) char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	fail(c, status, code, inner, message ? message : "");
}

void call_bad(struct call *c, const char *fmt, ...)
{
	_cleanup_(freep) char *message = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&message, fmt, ap) < 0)
		message = NULL;
	va_end(ap);
	fail(c, 400, "BadParameter", NULL, message ? message : "");
}

void call_not_found(struct call *c)
{
	if (c->v->hsm) {
		call_fail(c, 404, "KeyNotFound", NULL,
			  "Key not found: %s/keys/%s", c->base, c->name);
		return;
	}
	call_fail(c, 404, "KeyNotFound", NULL,
		  "A key with (name/id) %s%s%s was not found in this key vault. If you recently deleted this key you may be able to recover it using the correct recovery command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182",
		  c->name, c->version ? "/" : "", c->version ? c->version : "");
}

void call_not_deleted(struct call *c)
{
	if (c->v->hsm)
		call_fail(c, 404, "KeyNotFound", NULL,
			  "Key not found: %s/deletedkeys/%s", c->base, c->name);
	else
		call_fail(c, 404, "KeyNotFound", NULL,
			  "Deleted Key not found: %s", c->name);
}

void call_broken(struct call *c, int err)
{
	call_fail(c, 500, "InternalServerError", NULL, "kvemu: %s",
		  strerror(-err));
}

int call_save(struct call *c)
{
	int ret = store_save(c->v);

	if (ret)
		call_broken(c, ret);
	return ret;
}

void call_done(struct call *c, json_t *json)
{
	if (!json) {
		call_fail(c, 500, "InternalServerError", NULL,
			  "kvemu: out of memory");
		return;
	}
	c->rp->status = 200;
	c->rp->json = json;
}

void call_kid(struct call *c, const struct key *k, const struct version *ver,
	      char *buf, size_t size)
{
	snprintf(buf, size, "%s/keys/%s/%s", c->base, k->name, ver->id);
	snprintf(c->rp->kid, sizeof(c->rp->kid), "%s", buf);
}
