/* SPDX-License-Identifier: GPL-2.0 */
/*
 * JSON Web Keys: the public part that answers show, the whole key that import
 * takes, and the PEM or base64url text in which the store keeps a key.
 */
#ifndef KVEMU_JWK_H
#define KVEMU_JWK_H

#include <jansson.h>

#include "crypto.h"

/**
 * jwk_add_public() - set "n" and "e" of an RSA key
 * @jwk: object to add to
 * @km: key; a symmetric key has no public part and adds nothing
 * @imported: the service returns the modulus of an imported key with a leading
 *	zero byte (py-7.x import recordings), so that clients must strip it
 *
 * Return: 0, -ENOMEM or -EIO.
 */
int jwk_add_public(json_t *jwk, const struct keymat *km, bool imported);

/**
 * jwk_import() - key material from a JSON Web Key with its private part
 * @jwk: object of kty RSA, RSA-HSM, oct or oct-HSM
 * @km: result
 *
 * Return: 0, -EINVAL for anything that is no complete key of a known size.
 */
int jwk_import(const json_t *jwk, struct keymat *km);

/** jwk_to_text() - text form for the store, freed by the caller, or NULL */
char *jwk_to_text(const struct keymat *km);

/** jwk_from_text() - the way back; 0 or -EINVAL */
int jwk_from_text(const char *text, struct keymat *km);

#endif
