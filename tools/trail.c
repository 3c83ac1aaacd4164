// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the words of the audit entries that cmkctl writes itself.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "trail.h"

/* As many as there is room for; of more the first are as good as any. */
static void join(const json_t *list, const char *last, char *ret, size_t size)
{
	json_t *one;
	size_t i, n = 0;

	*ret = '\0';
	json_array_foreach(list, i, one)
		if (n < size)
			n += snprintf(ret + n, size - n, "%s%s", n ? "; " : "",
				      json_string_value(one));
	if (*last && n < size)
		snprintf(ret + n, size - n, "%s%s", n ? "; " : "", last);
}

static const char *done(const struct trail *t)
{
	switch (t->event) {
	case CMK_AUDIT_HOLD:
		return "held by command";
	case CMK_AUDIT_REVOKE:
		return "revoked by command";
	default:
		return "caches purged";
	}
}

void trail_write(const struct cmkctl *ctl, const struct cmk_nl_volume *v,
		 const struct trail *t)
{
	char left[2048];
	struct cmk_audit_entry en = {
		.event = t->event,
		.result = t->failed ? CMK_AUDIT_FAILED : CMK_AUDIT_OK,
		.cause = t->cause,
		.uuid = v->uuid,
		.name = v->name,
		.uid = ctl->uid,
		.pid = ctl->pid,
		.reason = t->reason,
		.state_new = t->failed ? NULL : t->state,
		.left = left,
	};
	struct cmk_audit *audit;

	join(json_object_get(t->purged, "left"), t->users, left, sizeof(left));
	if (cmk_audit_new(&audit, "cmkctl", false))
		return;
	if (t->failed)
		cmk_audit_write(audit, &en, "%s: not %s: %s", volume_name(v),
				done(t), t->failed);
	else
		cmk_audit_write(audit, &en, "%s: %s%s%s", volume_name(v),
				done(t), *left ? "; left: " : "", left);
	cmk_audit_free(audit);
}
