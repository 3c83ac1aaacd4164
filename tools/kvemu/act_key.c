// SPDX-License-Identifier: GPL-2.0
/*
 * Commands on keys.  Making and showing keys goes through the operations of
 * the REST interface; deletion and states are set directly, because here the
 * retention period, a delay or a protection is no obstacle.
 */
#include <errno.h>
#include <string.h>

#include "act.h"
#include "bundle.h"
#include "ops.h"

static void call_init(struct act *a, struct call *c, struct request *rq,
		      struct reply *rp)
{
	memset(rq, 0, sizeof(*rq));
	memset(rp, 0, sizeof(*rp));
	memset(c, 0, sizeof(*c));
	c->v = a->v;
	c->rq = rq;
	c->rp = rp;
	c->name = a->arg[0];
	c->version = a->args > 1 ? a->arg[1] : NULL;
	c->api = API_2025;
	snprintf(c->base, sizeof(c->base), "%s", a->v->base);
}

/* Runs an operation of the REST interface and takes over its answer. */
static void call_op(struct act *a, void (*op)(struct call *), json_t *body)
{
	struct request rq;
	struct reply rp;
	struct call c;

	call_init(a, &c, &rq, &rp);
	c.body = body;
	op(&c);
	a->boottime_us = boottime_us();
	if (rp.status == 200)
		a->out = json_incref(rp.json);
	else
		act_fail(a, "%s: %s", rp.code,
			 json_string_value(json_object_get(
				 json_object_get(rp.json, "error"),
				 "message")));
	json_decref(rp.json);
	json_decref(body);
}

static json_t *words(const char *list)
{
	_cleanup_(freep) char *copy = strdup(list ? list : "");
	json_t *out = json_array();
	char *save = NULL;
	char *word;

	for (word = strtok_r(copy, ",", &save); word;
	     word = strtok_r(NULL, ",", &save))
		json_array_append_new(out, json_string(word));
	return out;
}

/* "1700000000", "+30" from now on the vault's clock, or "none". */
static int time_parse(const struct vault *v, const char *text, int64_t *ret)
{
	long long n;
	char *end;

	if (!strcmp(text, "none")) {
		*ret = NO_TIME;
		return 0;
	}
	n = strtoll(text, &end, 10);
	if (end == text || *end)
		return -EINVAL;
	*ret = *text == '+' ? vault_now(v) + n : n;
	return 0;
}

void act_key_create(struct act *a)
{
	const char *kty = act_option(a, "kty");
	const char *size = act_option(a, "size");
	const char *ops = act_option(a, "ops");
	json_t *body = json_pack("{s:s}", "kty", kty ? kty : "RSA");

	if (!key_name_valid(a->arg[0])) {
		act_fail(a, "bad key name '%s'", a->arg[0]);
		json_decref(body);
		return;
	}
	a->args = 1;
	if (size)
		json_object_set_new(body, "key_size", json_integer(atoi(size)));
	if (ops)
		json_object_set_new(body, "key_ops", words(ops));
	call_op(a, op_create, body);
}

void act_key_show(struct act *a)
{
	struct request rq;
	struct reply rp;
	struct call c;
	VAULT_GUARD(a->v);
	struct key *k = vault_find(a->v, a->arg[0]);
	struct version *ver;

	call_init(a, &c, &rq, &rp);
	ver = k ? key_version(k, c.version) : NULL;
	if (ver)
		a->out = bundle_key(&c, k, ver);
	else
		act_fail(a, "no key '%s'", a->arg[0]);
}

json_t *act_keys(struct vault *v)
{
	json_t *list = json_array();
	struct key *k;

	for (k = v->keys; k; k = k->next) {
		json_t *vers = json_array();
		struct version *ver;

		for (ver = k->versions; ver; ver = ver->next)
			json_array_append_new(vers, json_pack(
				"{s:s, s:s, s:i, s:b}", "id", ver->id,
				"kty", ver->kty, "bits", keymat_bits(&ver->km),
				"enabled", ver->enabled));
		json_array_append_new(list, json_pack(
			"{s:s, s:b, s:o}", "name", k->name,
			"deleted", k->deleted, "versions", vers));
	}
	return list;
}

void act_key_list(struct act *a)
{
	VAULT_GUARD(a->v);

	a->out = json_pack("{s:o}", "keys", act_keys(a->v));
}

void act_key_rotate(struct act *a)
{
	call_op(a, op_rotate, NULL);
}

/* The key of the first argument in the wanted state; vault locked. */
static struct key *key_of(struct act *a, bool deleted)
{
	struct key *k = vault_find(a->v, a->arg[0]);

	if (k && k->deleted == deleted)
		return k;
	act_fail(a, "no %s key '%s'", deleted ? "deleted" : "live", a->arg[0]);
	return NULL;
}

void act_key_delete(struct act *a)
{
	VAULT_GUARD(a->v);
	struct key *k = key_of(a, false);

	if (!k)
		return;
	key_delete(a->v, k);
	act_commit(a);
}

void act_key_recover(struct act *a)
{
	VAULT_GUARD(a->v);
	struct key *k = key_of(a, true);

	if (!k)
		return;
	key_recover(a->v, k);
	act_commit(a);
}

void act_key_purge(struct act *a)
{
	VAULT_GUARD(a->v);
	struct key *k = key_of(a, true);

	if (!k)
		return;
	key_purge(a->v, k);
	act_commit(a);
}

/* Calls @set for the version that is named, or for all of them. */
static void each_version(struct act *a, const char *id,
			 void (*set)(struct version *ver, int64_t value),
			 int64_t value)
{
	struct key *k = vault_find(a->v, a->arg[0]);
	struct version *ver;
	bool any = false;

	for (ver = k ? k->versions : NULL; ver; ver = ver->next) {
		if (id && strcmp(id, ver->id))
			continue;
		set(ver, value);
		ver->updated = vault_now(a->v);
		any = true;
	}
	if (any)
		act_commit(a);
	else
		act_fail(a, "no key '%s%s%s'", a->arg[0], id ? "/" : "",
			 id ? id : "");
}

static void set_enabled(struct version *ver, int64_t value)
{
	ver->enabled = value;
}

static void set_exp(struct version *ver, int64_t value)
{
	ver->exp = value;
}

static void set_nbf(struct version *ver, int64_t value)
{
	ver->nbf = value;
}

static void set_ops(struct version *ver, int64_t value)
{
	ver->ops = value;
}

void act_key_enable(struct act *a)
{
	VAULT_GUARD(a->v);

	each_version(a, a->arg[1], set_enabled, true);
}

void act_key_disable(struct act *a)
{
	VAULT_GUARD(a->v);

	each_version(a, a->arg[1], set_enabled, false);
}

/*
 * Tests measure from the moment that is set, on the clock that guests and
 * kernel share, so that is told as well.
 */
static void set_time(struct act *a, const char *member,
		     void (*set)(struct version *ver, int64_t value))
{
	char boottime[64];
	int64_t t, left;

	if (time_parse(a->v, a->arg[1], &t)) {
		act_fail(a, "bad time '%s'", a->arg[1]);
		return;
	}
	each_version(a, a->arg[2], set, t);
	if (a->error[0] || t == NO_TIME)
		return;
	left = (t - a->v->sw.clock_offset) * 1000000 - realtime_us();
	snprintf(boottime, sizeof(boottime), "%s_boottime_us", member);
	a->out = json_pack("{s:I, s:I}", member, (json_int_t)t, boottime,
			   (json_int_t)(boottime_us() + left));
}

void act_key_exp(struct act *a)
{
	VAULT_GUARD(a->v);

	set_time(a, "exp", set_exp);
}

void act_key_nbf(struct act *a)
{
	VAULT_GUARD(a->v);

	set_time(a, "nbf", set_nbf);
}

void act_key_ops(struct act *a)
{
	json_auto_t *list = words(a->arg[1]);
	VAULT_GUARD(a->v);
	unsigned int ops = 0;
	json_t *one;
	size_t i;

	json_array_foreach(list, i, one) {
		int op = key_op_find(json_string_value(one));

		if (op < 0) {
			act_fail(a, "no operation '%s'",
				 json_string_value(one));
			return;
		}
		ops |= 1u << op;
	}
	each_version(a, a->arg[2], set_ops, ops);
}
