/* SPDX-License-Identifier: GPL-2.0 */
/* Members of an object that may not be there. */
#ifndef CMKCTL_MEMBER_H
#define CMKCTL_MEMBER_H

#include <jansson.h>
#include <stdint.h>

/* Text of @object's member, "" if it is not there or no text. */
const char *json_text(const json_t *object, const char *key);
int64_t json_number(const json_t *object, const char *key);

#endif
