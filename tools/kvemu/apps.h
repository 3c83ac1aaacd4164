/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Applications with client secrets that somebody else chose, read from a file
 * at start.
 */
#ifndef KVEMU_APPS_H
#define KVEMU_APPS_H

#include "vault.h"

/**
 * apps_load() - register the applications of a file
 * @v: vault, before the first request
 * @path: lines "CLIENT_ID:SECRET"; empty ones and ones with '#' are skipped
 *
 * An application that is known keeps its permissions and gets the secret.
 *
 * Return: 0, -EINVAL for a malformed line, another negative errno.
 */
int apps_load(struct vault *v, const char *path);

#endif
