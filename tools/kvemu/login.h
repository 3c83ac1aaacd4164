/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where tokens come from: the metadata service of a machine (managed identity)
 * and the directory's token endpoint (client secret).
 */
#ifndef KVEMU_LOGIN_H
#define KVEMU_LOGIN_H

#include "request.h"
#include "vault.h"

/** login_is_directory() - is this a path of the directory? */
bool login_is_directory(const char *path);

/** login_directory() - POST /{tenant}/oauth2/v2.0/token */
void login_directory(struct vault *v, struct request *rq, struct reply *rp);

/** login_imds() - GET /metadata/identity/oauth2/token */
void login_imds(struct vault *v, struct request *rq, struct reply *rp);

/** login_secret_set() - give an identity a client secret; only a MAC is kept */
void login_secret_set(const struct vault *v, struct identity *id,
		      const char *secret);

#endif
