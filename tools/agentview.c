// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the fetching of the agent's view.  The kernel's view is shown whatever
 * happens here.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "agentview.h"
#include "client.h"

/* Status is answered at once or not at all. */
#define STATUS_SECONDS	5

void agent_view_load(struct cmkctl *ctl, struct agent_view *ret)
{
	unsigned int timeout = ctl->timeout;
	json_t *result __json = NULL;
	struct cmk_error e;
	int r;

	*ret = (struct agent_view){ .running = false };
	if (!timeout)
		ctl->timeout = STATUS_SECONDS;
	r = client_call(ctl, "Status", NULL, &result, &e);
	ctl->timeout = timeout;
	if (r < 0) {
		snprintf(ret->word, sizeof(ret->word), "%s",
			 r == -ENOTCONN ? "not running" : e.text);
		json_decref(ctl->detail);
		ctl->detail = NULL;
		return;
	}
	ret->running = true;
	snprintf(ret->word, sizeof(ret->word), "running");
	ret->volumes = json_incref(json_object_get(result, "volumes"));
}

void agent_view_free(struct agent_view *view)
{
	json_decref(view->volumes);
}

const json_t *agent_view_find(const struct agent_view *view, const char *uuid)
{
	const json_t *volume;
	size_t i;

	json_array_foreach(view->volumes, i, volume)
		if (strcasecmp(json_text(volume, "uuid"), uuid) == 0)
			return volume;
	return NULL;
}
