// SPDX-License-Identifier: GPL-2.0
/*
 * The table of control commands, their arguments, and the two ways in.
 */
#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include "act.h"
#include "control.h"
#include "store.h"

#define PREFIX "/_kvemu/"

void act_fail(struct act *a, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
}

const char *act_option(const struct act *a, const char *name)
{
	size_t i;

	for (i = 0; i < a->opts; i++) {
		if (!strcmp(a->opt[i], name))
			return a->val[i];
	}
	return NULL;
}

void act_commit(struct act *a)
{
	int ret;

	a->boottime_us = boottime_us();
	ret = store_save(a->v);
	if (ret)
		act_fail(a, "cannot save: %s", strerror(-ret));
}

static void wake_main(struct vault *v)
{
	uint64_t one = 1;

	if (write(v->wake, &one, sizeof(one)) < 0)
		return;
}

static void switch_one(struct act *a, const char *name, const json_t *value)
{
	int ret = switches_set(&a->v->sw, name, value);

	if (ret == -ENOENT)
		act_fail(a, "no switch '%s'", name);
	else if (ret)
		act_fail(a, "bad value for switch '%s'", name);
	else if (switches_is_setting(name))
		act_commit(a);
}

static void act_switch(struct act *a)
{
	json_auto_t *value = a->args > 1 ? json_string(a->arg[1]) : NULL;
	VAULT_GUARD(a->v);

	if (a->args == 1)
		act_fail(a, "switch needs a value");
	else if (a->args)
		switch_one(a, a->arg[0], value);
	if (!a->args)
		a->out = json_pack("{s:o}", "switches",
				   switches_to_json(&a->v->sw, false));
	wake_main(a->v);
}

/* Everything as it was before a test turned it; keys are left alone. */
static void act_reset(struct act *a)
{
	VAULT_GUARD(a->v);
	struct identity *id;

	switches_reset(&a->v->sw);
	for (id = a->v->identities; id; id = id->next) {
		id->perms = id->given;
		id->style = DENY_POLICY;
	}
	act_commit(a);
	wake_main(a->v);
}

static void act_state(struct act *a)
{
	struct vault *v = a->v;
	VAULT_GUARD(v);

	a->out = json_pack("{s:s, s:s, s:s, s:b, s:o, s:o, s:o}",
			   "base", v->base, "tenant", v->tenant,
			   "resource", v->resource, "managed_hsm", v->hsm,
			   "switches", switches_to_json(&v->sw, false),
			   "identities", act_identities(v),
			   "keys", act_keys(v));
}

static const struct verb {
	const char *word;
	const char *sub;
	size_t min, max;
	const char *usage;
	void (*run)(struct act *a);
} verbs[] = {
	{ "state", NULL, 0, 0, "state", act_state },
	{ "switch", NULL, 0, 2, "switch [NAME VALUE]", act_switch },
	{ "reset", NULL, 0, 0, "reset", act_reset },
	{ "allow", NULL, 2, ACT_ARGS, "allow WHO PERMISSION...", act_allow },
	{ "deny", NULL, 2, ACT_ARGS,
	  "deny WHO PERMISSION... [--style policy|rbac|access]", act_deny },
	{ "token", NULL, 1, 1,
	  "token WHO [--resource URL] [--lifetime SECONDS] [--tenant ID]",
	  act_token },
	{ "key", "create", 1, 1,
	  "key create NAME [--kty KTY] [--size BITS] [--ops OP,...]",
	  act_key_create },
	{ "key", "show", 1, 2, "key show NAME [VERSION]", act_key_show },
	{ "key", "list", 0, 0, "key list", act_key_list },
	{ "key", "rotate", 1, 1, "key rotate NAME", act_key_rotate },
	{ "key", "delete", 1, 1, "key delete NAME", act_key_delete },
	{ "key", "recover", 1, 1, "key recover NAME", act_key_recover },
	{ "key", "purge", 1, 1, "key purge NAME", act_key_purge },
	{ "key", "enable", 1, 2, "key enable NAME [VERSION]", act_key_enable },
	{ "key", "disable", 1, 2, "key disable NAME [VERSION]",
	  act_key_disable },
	{ "key", "exp", 2, 3, "key exp NAME UNIXTIME|+SECONDS|none [VERSION]",
	  act_key_exp },
	{ "key", "nbf", 2, 3, "key nbf NAME UNIXTIME|+SECONDS|none [VERSION]",
	  act_key_nbf },
	{ "key", "ops", 2, 3, "key ops NAME OP,... [VERSION]", act_key_ops },
	{ "identity", "add", 1, 1, "identity add NAME [--permissions P,...]",
	  act_identity_add },
	{ "identity", "remove", 1, 1, "identity remove WHO",
	  act_identity_remove },
	{ "identity", "list", 0, 0, "identity list", act_identity_list },
	{ "app", "add", 1, 1, "app add NAME [--permissions P,...]",
	  act_app_add },
	{ "app", "secret", 1, 1, "app secret WHO", act_app_secret },
	{ "app", "expire", 1, 1, "app expire WHO", act_app_expire },
};

static const struct verb *verb_find(const struct act *a)
{
	size_t i;

	for (i = 0; a->args && i < ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].word, a->arg[0]))
			continue;
		if (!verbs[i].sub ||
		    (a->args > 1 && !strcmp(verbs[i].sub, a->arg[1])))
			return &verbs[i];
	}
	return NULL;
}

static void usage(struct act *a)
{
	json_t *list = json_array();
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		json_array_append_new(list, json_string(verbs[i].usage));
	a->out = json_pack("{s:o}", "commands", list);
	act_fail(a, a->args ? "no command '%s'" : "no command", a->arg[0]);
}

static void args_split(struct act *a, const json_t *argv)
{
	size_t n = json_array_size(argv), i;

	if (n > ACT_ARGS) {
		act_fail(a, "too many arguments");
		return;
	}
	for (i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(argv, i));

		if (!text) {
			act_fail(a, "arguments must be strings");
			return;
		}
		if (strncmp(text, "--", 2)) {
			a->arg[a->args++] = text;
			continue;
		}
		a->opt[a->opts] = text + 2;
		a->val[a->opts] = json_string_value(json_array_get(argv, ++i));
		if (!a->val[a->opts++])
			act_fail(a, "option '%s' needs a value", text);
	}
}

static void verb_run(struct act *a)
{
	const struct verb *verb = verb_find(a);
	size_t skip;

	if (!verb) {
		usage(a);
		return;
	}
	skip = verb->sub ? 2 : 1;
	if (a->args < verb->min + skip || a->args > verb->max + skip) {
		act_fail(a, "usage: %s", verb->usage);
		return;
	}
	a->args -= skip;
	memmove(a->arg, a->arg + skip, a->args * sizeof(a->arg[0]));
	memset(a->arg + a->args, 0, skip * sizeof(a->arg[0]));
	verb->run(a);
}

static json_t *act_result(struct act *a)
{
	json_t *j = json_pack("{s:b}", "ok", !a->error[0]);

	if (a->error[0])
		json_object_set_new(j, "error", json_string(a->error));
	if (!a->boottime_us)
		a->boottime_us = boottime_us();
	json_object_set_new(j, "boottime_us", json_integer(a->boottime_us));
	if (a->out)
		json_object_update_missing(j, a->out);
	json_decref(a->out);
	return j;
}

json_t *control_run(struct vault *v, const json_t *argv)
{
	struct act a = { .v = v };

	args_split(&a, argv);
	if (!a.error[0])
		verb_run(&a);
	return act_result(&a);
}

bool control_is_path(const char *path)
{
	return !strncmp(path, PREFIX, strlen(PREFIX));
}

static json_t *switch_many(struct vault *v, const json_t *values)
{
	struct act a = { .v = v };
	VAULT_GUARD(v);
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)values, name, value) {
		switch_one(&a, name, value);
		if (a.error[0])
			break;
	}
	a.out = json_pack("{s:o}", "switches", switches_to_json(&v->sw, false));
	wake_main(v);
	return act_result(&a);
}

void control_http(struct vault *v, struct request *rq, struct reply *rp)
{
	json_auto_t *body = json_loadb(rq->body, rq->len, 0, NULL);
	json_auto_t *state = json_pack("[s]", "state");
	const char *what = rq->path + strlen(PREFIX);
	bool post = !strcmp(rq->method, "POST");

	rp->op = "control";
	if (!post && !strcmp(what, "state"))
		rp->json = control_run(v, state);
	else if (post && !strcmp(what, "switch") && json_is_object(body))
		rp->json = switch_many(v, body);
	else if (post && !strcmp(what, "ctl"))
		rp->json = control_run(v, json_object_get(body, "argv"));
	else
		rp->json = json_pack("{s:b, s:s}", "ok", 0, "error",
				     "no such control request");
	rp->status = json_is_true(json_object_get(rp->json, "ok")) ? 200 : 400;
}
