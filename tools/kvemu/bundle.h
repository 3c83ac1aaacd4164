/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The JSON forms in which the service shows keys.
 */
#ifndef KVEMU_BUNDLE_H
#define KVEMU_BUNDLE_H

#include "call.h"

/**
 * bundle_key() - KeyBundle of one version
 * @c: call, for the base of the kid and the api-version; vault locked
 * @k: key
 * @ver: its version
 *
 * A deleted key gets the three members that make it a DeletedKeyBundle.
 *
 * Return: object, or NULL when out of memory.
 */
json_t *bundle_key(struct call *c, const struct key *k,
		   const struct version *ver);

/**
 * bundle_item() - one element of a list
 * @c: call, vault locked
 * @k: key
 * @ver: version whose attributes are shown
 * @versioned: a list of versions, so that the kid names the version
 */
json_t *bundle_item(struct call *c, const struct key *k,
		    const struct version *ver, bool versioned);

#endif
