/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The vault's durable form: one JSON file, replaced as a whole.
 */
#ifndef KVEMU_STORE_H
#define KVEMU_STORE_H

#include "vault.h"

/**
 * store_load() - fill a vault from its folder, or make a new one there
 * @v: vault whose @dir is set
 *
 * A new vault has a tenant and the identities "default" (a service that may
 * get, wrap and unwrap) and "admin" (everything).
 *
 * Return: 0, -EINVAL for a damaged file, another negative errno.
 */
int store_load(struct vault *v);

/**
 * store_save() - make the present state durable
 * @v: locked vault
 *
 * Every change is saved before it is answered, so that a power cut loses
 * nothing that a client was told.
 *
 * Return: 0 or a negative errno.
 */
int store_save(struct vault *v);

#endif
