// SPDX-License-Identifier: GPL-2.0
/*
 * What speaks against a key that data is to depend on.
 */
#include <errno.h>
#include <time.h>

#include "kek-fit.h"

static int object(const char *name, bool force, json_t *warnings,
		  const char *code, const char *text, struct cmk_error *e)
{
	if (!force)
		return cmk_error_set(e, CMK_UNSUITABLE, -EKEYREJECTED, code,
				     "%s: %s (--force takes it all the same)",
				     name, text);
	json_array_append_new(warnings, json_string(text));
	return 0;
}

int cmk_kek_fit(const struct cmk_kek_result *res, const char *name,
		bool force, json_t *warnings, struct cmk_error *e)
{
	int64_t now = res->date ?: time(NULL);
	int r = 0;

	if (!res->enabled)
		return cmk_error_set(e, CMK_DENIED, -EKEYREVOKED,
				     "kek-disabled", "%s is disabled",
				     res->kid);
	if (res->exp && res->exp <= now)
		return cmk_error_set(e, CMK_DENIED, -EKEYEXPIRED,
				     "kek-expired", "%s has expired",
				     res->kid);
	if (res->nbf > now)
		return cmk_error_set(e, CMK_DENIED, -EKEYEXPIRED,
				     "kek-expired",
				     "%s is not valid yet, by its nbf",
				     res->kid);
	if (!res->purge_protected)
		r = object(name, force, warnings, "purge-protection",
			   "the vault has no purge protection: who purges the key destroys the data for ever",
			   e);
	else if (res->recoverable_days < 90)
		json_array_append_new(warnings, json_string(
			"the vault keeps deleted keys for less than 90 days"));
	if (!r && res->exportable)
		r = object(name, force, warnings, "exportable",
			   "the key is exportable: copies of it cannot be revoked",
			   e);
	return r;
}
