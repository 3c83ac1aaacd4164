/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The operations of the vault, one function each.  They take an authenticated
 * call with an unlocked vault, do all of their own locking, and answer.  The
 * control interface uses the same functions, so that a key that a test makes
 * is a key like any other.
 */
#ifndef KVEMU_OPS_H
#define KVEMU_OPS_H

#include "call.h"

/* op_write.c */
void op_create(struct call *c);
void op_import(struct call *c);
void op_update(struct call *c);

/**
 * op_add_version() - store a new version and answer with its bundle
 * @c: call, vault locked
 * @ver: version, owned afterwards whatever happens
 */
void op_add_version(struct call *c, struct version *ver);

/**
 * op_generate() - key material of a kty as the vault makes it
 * @c: call; gets a 400 on failure
 * @kty: key type, "RSA" becomes "RSA-HSM" in a Managed HSM
 * @bits: size, 0 for the usual one
 *
 * Return: a new version, or NULL after it has answered.
 */
struct version *op_generate(struct call *c, const char *kty, int bits);

/* op_life.c */
void op_get(struct call *c);
void op_delete(struct call *c);
void op_get_deleted(struct call *c);
void op_recover(struct call *c);
void op_purge(struct call *c);

/* op_list.c */
void op_list(struct call *c);
void op_list_versions(struct call *c);
void op_list_deleted(struct call *c);

/* op_crypt.c */
void op_wrap(struct call *c);
void op_unwrap(struct call *c);
void op_encrypt(struct call *c);
void op_decrypt(struct call *c);

/* op_rotate.c */
void op_rotate(struct call *c);
void op_get_policy(struct call *c);
void op_set_policy(struct call *c);

#endif
