// SPDX-License-Identifier: GPL-2.0
/*
 * The methods Rekey, RekeyAttach, RekeyPause and RekeyResume: their parameters.
 */
#include <stdlib.h>

#include "methods.h"
#include "rekey.h"

static int number(struct cmk_request *req, const char *key, uint32_t *ret,
		  struct cmk_error *e)
{
	uint64_t n;
	int r = cmk_param_number(req, key, &n, e);

	*ret = n > UINT32_MAX ? UINT32_MAX : n;
	return r;
}

static int parse(struct cmk_request *req, struct cmk_rekey_order *o,
		 struct cmk_error *e)
{
	static const char * const known[] = {
		"uuid", "all", "first", "last", "bandwidth", "detach", NULL,
	};

	return cmk_param_check(req, known, e) ?:
	       cmk_param_uuid(req, o->uuid, e) ?:
	       cmk_param_flag(req, "all", &o->all, e) ?:
	       number(req, "first", &o->first, e) ?:
	       number(req, "last", &o->last, e) ?:
	       number(req, "bandwidth", &o->bandwidth, e) ?:
	       cmk_param_flag(req, "detach", &o->detach, e);
}

void cmk_method_rekey(struct cmk_request *req, void *userdata)
{
	struct cmk_rekey_order order = { .all = false };
	struct cmk_error e;

	if (parse(req, &order, &e) ||
	    cmk_rekey_start(userdata, &order, req, &e))
		cmk_request_fail(req, &e);
}

static int only_uuid(struct cmk_request *req, unsigned char uuid[16],
		     struct cmk_error *e)
{
	static const char * const known[] = { "uuid", NULL };

	return cmk_param_check(req, known, e) ?: cmk_param_uuid(req, uuid, e);
}

void cmk_method_rekey_attach(struct cmk_request *req, void *userdata)
{
	unsigned char uuid[16];
	struct cmk_error e;

	if (only_uuid(req, uuid, &e) ||
	    cmk_rekey_attach(userdata, uuid, req, &e))
		cmk_request_fail(req, &e);
}

static void pause_or_not(struct cmk_request *req, struct cmk_agent *a,
			 bool pause)
{
	unsigned char uuid[16];
	struct cmk_error e;

	if (only_uuid(req, uuid, &e) || cmk_rekey_pause(a, uuid, pause, &e))
		cmk_request_fail(req, &e);
	else
		cmk_request_result(req, json_object());
}

void cmk_method_rekey_pause(struct cmk_request *req, void *userdata)
{
	pause_or_not(req, userdata, true);
}

void cmk_method_rekey_resume(struct cmk_request *req, void *userdata)
{
	pause_or_not(req, userdata, false);
}
