/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who calls, and may they: the vault's side of authentication and of key
 * permissions.
 */
#ifndef KVEMU_AUTH_H
#define KVEMU_AUTH_H

#include "call.h"

/**
 * auth_check() - authenticate the caller
 * @c: call; gets oid, appid and tid
 *
 * Return: true, or false after it has answered 401 with the challenge.
 */
bool auth_check(struct call *c);

/** auth_challenge_claims() - 401 that asks for a token with other claims */
void auth_challenge_claims(struct call *c);

/**
 * auth_permitted() - does the caller have a permission?
 * @c: authenticated call, vault locked
 * @perm: what the operation needs
 *
 * Return: true, or false after it has answered 403 in the style that is set
 * for this principal.
 */
bool auth_permitted(struct call *c, enum perm perm);

/** auth_caller() - "appid=..;oid=..;iss=.." as refusals show it */
void auth_caller(const struct call *c, char *buf, size_t size);

#endif
