// SPDX-License-Identifier: GPL-2.0
/*
 * The methods Rewrap and SetKek: their parameters.
 */
#include "methods.h"
#include "rewrap.h"
#include "state.h"

struct texts {
	char device[CMK_STATE_PATH_LEN], header[CMK_STATE_PATH_LEN];
	char kek[CMK_KID_MAX + 1];
};

static int parse(struct cmk_request *req, struct cmk_rewrap_order *o,
		 struct texts *t, struct cmk_error *e)
{
	static const char * const version[] = {
		"uuid", "device", "header", "dry_run", NULL,
	};
	static const char * const kek[] = {
		"uuid", "device", "header", "dry_run", "kek", "force", NULL,
	};
	bool other = o->kind == CMK_REWRAP_KEK;

	o->device = t->device;
	o->header = t->header;
	o->kek = t->kek;
	return cmk_param_check(req, other ? kek : version, e) ?:
	       cmk_param_uuid(req, o->uuid, e) ?:
	       cmk_param_text(req, "device", t->device, sizeof(t->device),
			      false, e) ?:
	       cmk_param_text(req, "header", t->header, sizeof(t->header),
			      false, e) ?:
	       cmk_param_text(req, "kek", t->kek, sizeof(t->kek), other, e) ?:
	       cmk_param_flag(req, "force", &o->force, e) ?:
	       cmk_param_flag(req, "dry_run", &o->dry_run, e);
}

static void start(struct cmk_request *req, struct cmk_agent *a,
		  enum cmk_rewrap_kind kind)
{
	struct cmk_rewrap_order order = { .kind = kind };
	struct cmk_error e;
	struct texts t;

	if (parse(req, &order, &t, &e) ||
	    cmk_rewrap_start(a, &order, req, NULL, NULL, &e))
		cmk_request_fail(req, &e);
}

void cmk_method_rewrap(struct cmk_request *req, void *userdata)
{
	start(req, userdata, CMK_REWRAP_VERSION);
}

void cmk_method_set_kek(struct cmk_request *req, void *userdata)
{
	start(req, userdata, CMK_REWRAP_KEK);
}
