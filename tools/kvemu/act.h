/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One command of the control interface while it is carried out, and the
 * commands themselves (act_key.c, act_who.c).
 */
#ifndef KVEMU_ACT_H
#define KVEMU_ACT_H

#include "vault.h"

#define ACT_ARGS 20

/**
 * struct act - a command
 * @v: the vault, not locked
 * @arg, @args: arguments after the command's own words, without options
 * @opt, @val, @opts: options "--name value"
 * @out: result, owned by the act
 * @error: what went wrong, empty if nothing did
 * @boottime_us: when it took effect
 */
struct act {
	struct vault *v;
	const char *arg[ACT_ARGS];
	size_t args;
	const char *opt[ACT_ARGS];
	const char *val[ACT_ARGS];
	size_t opts;
	json_t *out;
	char error[256];
	int64_t boottime_us;
};

/** act_fail() - note an error */
__attribute__((format(printf, 2, 3)))
void act_fail(struct act *a, const char *fmt, ...);

/** act_option() - value of an option, or NULL */
const char *act_option(const struct act *a, const char *name);

/**
 * act_commit() - a change has been made: note the time, make it durable
 *
 * The time is taken before the disk is written, so that what a test measures
 * from it is never too short.
 */
void act_commit(struct act *a);

/* act_key.c */
void act_key_create(struct act *a);
void act_key_show(struct act *a);
void act_key_list(struct act *a);
void act_key_rotate(struct act *a);
void act_key_delete(struct act *a);
void act_key_recover(struct act *a);
void act_key_purge(struct act *a);
void act_key_enable(struct act *a);
void act_key_disable(struct act *a);
void act_key_exp(struct act *a);
void act_key_nbf(struct act *a);
void act_key_ops(struct act *a);

/** act_keys() - short description of all keys; vault locked */
json_t *act_keys(struct vault *v);

/* act_who.c */
void act_allow(struct act *a);
void act_deny(struct act *a);
void act_identity_add(struct act *a);
void act_identity_remove(struct act *a);
void act_identity_list(struct act *a);
void act_app_add(struct act *a);
void act_app_secret(struct act *a);
void act_app_expire(struct act *a);
void act_token(struct act *a);

/** act_identities() - description of all identities; vault locked */
json_t *act_identities(struct vault *v);

#endif
