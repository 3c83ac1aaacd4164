/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Taking a secret out of a JSON text before a JSON library sees it: the
 * library would leave copies in memory that nobody wipes.
 */
#ifndef CMK_JSON_SECRET_H
#define CMK_JSON_SECRET_H

#include <stddef.h>

#include "secret.h"

/**
 * cmk_json_take_secret() - move a string member of the top-level object
 * @text: changed: blanks stand between the string's quotes afterwards, so
 *	that it is still JSON of the same length
 * @len: of @text; no NUL is needed
 * @name: of the member
 * @ret: the string's bytes, unescaped, without a NUL
 *
 * Only as much JSON is understood as is needed to find the member; whether
 * the rest is well-formed is for the JSON library to say afterwards.
 *
 * Return: 0, -ENOENT if there is no such member, -EBADMSG if @text is no
 * object or ends too early or the string is longer than a secret of ours can
 * be, -EINVAL if the member is no string, -ENOMEM.
 */
int cmk_json_take_secret(char *text, size_t len, const char *name,
			 struct cmk_secret *ret);

#endif
