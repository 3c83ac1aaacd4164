// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl probe: let the agent ask the key server now, and tell the answer.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "answer.h"
#include "client.h"
#include "span.h"
#include "volume.h"

static int probe_one(struct cmkctl *ctl, const struct cmk_nl_volume *v,
		     json_t *out)
{
	json_t *answer __json = NULL;
	char uuid[VOLUME_TEXT];
	struct cmk_error e;

	if (answer_probe(ctl, v->uuid, &answer, &e) < 0)
		return ctl_fail(ctl, &e, volume_name(v));
	cmk_format_uuid(v->uuid, uuid);
	json_object_set_new(answer, "uuid", json_string(uuid));
	json_object_set_new(answer, "volume", json_string(volume_name(v)));
	json_array_append(out, answer);
	if (answer_check(ctl, answer, &e) < 0)
		return ctl_fail(ctl, &e, volume_name(v));
	if (!ctl->json && !ctl->quiet)
		printf("%s: usable, %s, %.1f ms\n", volume_name(v),
		       json_text(answer, "kid"),
		       json_number(answer, "latency_us") / 1000.0);
	return CMK_OK;
}

static int probe_volumes(struct cmkctl *ctl, struct cmk_nl *nl, int argc,
			 char **argv)
{
	const struct cmk_nl_volume **chosen __free = NULL;
	struct volume_list list __volumes = { 0 };
	json_t *out = json_array();
	int status = CMK_OK;
	struct cmk_error e;
	size_t n = 0, i;
	int r;

	r = volume_list_load(nl, &list, &e);
	chosen = calloc(list.n + 1, sizeof(*chosen));
	if (r < 0)
		status = ctl_fail(ctl, &e, NULL);
	else if (chosen)
		n = volume_select(ctl, &list, argc, argv, argc == 0, chosen,
				  &status);
	for (i = 0; i < n; i++)
		status = ctl_worse(status, probe_one(ctl, chosen[i], out));
	if (ctl->json)
		ctl_print_json(json_pack("{s:O}", "volumes", out));
	json_decref(out);
	return status;
}

int cmd_probe(struct cmkctl *ctl, int argc, char **argv)
{
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int status;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (cmk_nl_open(&nl, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	status = probe_volumes(ctl, nl, argc - optind, argv + optind);
	cmk_nl_close(nl);
	return status;
}
