// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl rewrap: let the agent wrap the keys of volumes with the newest
 * version of their KEK, one volume after the other.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "span.h"
#include "target.h"
#include "text.h"

enum { OPTION_ALL = CTL_OPTION_OWN, OPTION_DRY_RUN };

struct rewrap {
	bool all, dry_run;
	json_t *out;
};

static void tell(struct cmkctl *ctl, const struct rewrap *r,
		 const struct target *t, const json_t *o)
{
	char when[TEXT_SIZE];

	if (ctl->json || ctl->quiet)
		return;
	if (!json_is_true(json_object_get(o, "changed")))
		printf("%s: %s is the newest version that is allowed; nothing to do\n",
		       t->name, json_text(o, "kid"));
	else if (!*json_text(o, "former"))
		printf("%s: the header %s, under %s\n", t->name,
		       r->dry_run ? "would be made whole" : "was made whole",
		       json_text(o, "kid"));
	else if (r->dry_run)
		printf("%s: would be rewrapped from %s to %s, with %lld operations at the key server\n",
		       t->name, json_text(o, "former"), json_text(o, "kid"),
		       (long long)json_number(o, "vault_operations"));
	else
		printf("%s: rewrapped\n"
		       "  key:            %s\n"
		       "  former:         %s\n"
		       "  The former one may be disabled, unless disk snapshots, clones or\n"
		       "  exported header backups from before %s are wanted.\n"
		       "  header backup:  %s\n",
		       t->name, json_text(o, "kid"), json_text(o, "former"),
		       text_time(json_number(o, "written"), when),
		       json_text(o, "header_backup"));
}

static int rewrap_one(struct cmkctl *ctl, struct rewrap *r,
		      const struct target *t)
{
	json_t *o __json = NULL, *params = target_parameters(t);
	const json_t *warning;
	char uuid[VOLUME_TEXT];
	struct cmk_error e;
	size_t i;

	json_object_set_new(params, "dry_run", json_boolean(r->dry_run));
	if (client_call(ctl, "Rewrap", params, &o, &e) < 0)
		return ctl_fail(ctl, &e, t->name);
	json_array_foreach(json_object_get(o, "warnings"), i, warning)
		ctl_warn(ctl, "%s: %s", t->name, json_string_value(warning));
	cmk_format_uuid(t->uuid, uuid);
	json_object_set_new(o, "volume", json_string(t->name));
	json_object_set_new(o, "uuid", json_string(uuid));
	json_array_append(r->out, o);
	tell(ctl, r, t, o);
	return CMK_OK;
}

static int rewrap_all(struct cmkctl *ctl, struct rewrap *r,
		      const struct volume_list *list)
{
	struct target t = { .device = "" };
	int status = CMK_OK;
	size_t i;

	for (i = 0; i < list->n; i++) {
		snprintf(t.name, sizeof(t.name), "%s",
			 volume_name(&list->v[i]));
		memcpy(t.uuid, list->v[i].uuid, sizeof(t.uuid));
		status = ctl_worse(status, rewrap_one(ctl, r, &t));
	}
	return status;
}

static int rewrap_named(struct cmkctl *ctl, struct rewrap *r,
			const struct volume_list *list, int argc, char **argv)
{
	int status = CMK_OK, i, one;
	struct cmk_error e;
	struct target t;

	for (i = 0; i < argc; i++) {
		if (target_find(list, argv[i], &t, &e) < 0)
			one = ctl_fail(ctl, &e, argv[i]);
		else
			one = rewrap_one(ctl, r, &t);
		status = ctl_worse(status, one);
	}
	return status;
}

static int rewrap(struct cmkctl *ctl, struct rewrap *r, int argc, char **argv)
{
	struct volume_list list __volumes = { 0 };
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int status;

	/* Without the module nothing is open. */
	status = cmk_nl_open(&nl, &e);
	if (!status || status == -ENOENT)
		status = volume_list_load(nl, &list, &e);
	cmk_nl_close(nl);
	if (status < 0)
		return ctl_fail(ctl, &e, NULL);
	r->out = json_array();
	status = r->all ? rewrap_all(ctl, r, &list) :
			  rewrap_named(ctl, r, &list, argc, argv);
	if (ctl->json)
		ctl_print_json(json_pack("{s:O}", "volumes", r->out));
	json_decref(r->out);
	return status;
}

int cmd_rewrap(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "all", no_argument, NULL, OPTION_ALL },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ 0 }
	};
	struct rewrap r = { .all = false };
	int o, status = CMK_OK;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_ALL)
			r.all = true;
		else
			r.dry_run = true;
	}
	if (o == CTL_STOP)
		return status;
	if (r.all ? argc > optind : argc == optind)
		return ctl_usage(ctl, "name volumes, or --all");
	return rewrap(ctl, &r, argc - optind, argv + optind);
}
