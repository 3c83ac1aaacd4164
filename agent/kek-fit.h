/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_KEK_FIT_H
#define CMK_KEK_FIT_H

#include <jansson.h>

#include "kek.h"

/**
 * cmk_kek_fit() - is a key fit to hold data for years?
 * @res: the answer to a GET
 * @name: of the key, for messages
 * @force: what can be objected to is a warning only
 * @warnings: array, grows
 *
 * Error codes: "kek-disabled", "kek-expired", "purge-protection", "exportable".
 */
int cmk_kek_fit(const struct cmk_kek_result *res, const char *name,
		bool force, json_t *warnings, struct cmk_error *e);

#endif
