/* SPDX-License-Identifier: GPL-2.0 */
/*
 * From a request to an answer: which operation a path means, and the checks
 * that every call of the vault passes.
 */
#ifndef KVEMU_ROUTE_H
#define KVEMU_ROUTE_H

#include "request.h"
#include "vault.h"

/** route_vault() - the vault's REST interface, everything but tokens */
void route_vault(struct vault *v, struct request *rq, struct reply *rp);

/**
 * route_base() - "https://host:port" as the client addressed us
 *
 * The true service has one name; here it is the one in the Host header, so
 * that a kid names the vault as the client's own configuration does.
 */
void route_base(const struct request *rq, char *buf, size_t size);

#endif
