// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl set-kek: let the agent put the keys of a volume under another KEK,
 * and tell what that does not do.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "cmktab.h"
#include "span.h"
#include "target.h"
#include "text.h"

enum { OPTION_FORCE = CTL_OPTION_OWN, OPTION_DRY_RUN };

struct set_kek {
	bool force, dry_run;
	const char *uri;
};

/* The node's word counts, not the header's: an old line opens nothing. */
static void tell_tab(const struct target *t, const char *uri)
{
	const struct cmk_tab_entry *entry = NULL;
	struct cmk_tab tab __cmk_tab = { 0 };
	char uuid[VOLUME_TEXT];
	struct cmk_error e;

	cmk_format_uuid(t->uuid, uuid);
	if (cmk_tab_read(&tab, NULL, NULL, NULL, &e) == 0)
		entry = cmk_tab_find(&tab, t->name);
	if (entry && strcmp(entry->kek, uri) == 0)
		return;
	if (entry)
		printf("  In line %u of " CMK_TAB_FILE " the key has to be changed; until then the\n"
		       "  volume does not open again:\n    %s %s %s ...\n",
		       entry->line, entry->name, entry->device, uri);
	else
		printf("  It opens with --kek %s from now on, or by a line in " CMK_TAB_FILE ":\n"
		       "    NAME UUID=%s %s\n", uri, uuid, uri);
}

static void tell(struct cmkctl *ctl, const struct set_kek *s,
		 const struct target *t, const json_t *o)
{
	char when[TEXT_SIZE];

	if (ctl->json || ctl->quiet)
		return;
	if (!json_is_true(json_object_get(o, "changed"))) {
		printf("%s: is under %s already\n", t->name,
		       json_text(o, "kid"));
		return;
	}
	if (!*json_text(o, "former"))
		printf("%s: the header %s, under %s\n", t->name,
		       s->dry_run ? "would be made whole" : "was made whole",
		       json_text(o, "kid"));
	else
		printf("%s: %s from %s to %s\n", t->name,
		       s->dry_run ? "would be changed" : "changed",
		       json_text(o, "former"), json_text(o, "kid"));
	if (s->dry_run)
		return;
	printf("  header backup:  %s\n", json_text(o, "header_backup"));
	tell_tab(t, s->uri);
	if (json_number(o, "exposed"))
		printf("  What the holder of the former key may have copied (a header, keys) stays\n"
		       "  usable until the ranges are rekeyed: exposed to former KEK: %lld ranges.\n",
		       (long long)json_number(o, "exposed"));
	printf("  Disk snapshots, clones and exported header backups from before\n"
	       "  %s still need the former key.\n",
	       text_time(json_number(o, "written"), when));
}

static int set_kek(struct cmkctl *ctl, const struct set_kek *s,
		   const char *spec)
{
	struct volume_list list __volumes = { 0 };
	json_t *o __json = NULL, *params;
	struct cmk_nl *nl = NULL;
	const json_t *warning;
	struct cmk_error e;
	struct target t;
	size_t i;
	int r;

	r = cmk_nl_open(&nl, &e);
	if (!r || r == -ENOENT)
		r = volume_list_load(nl, &list, &e);
	cmk_nl_close(nl);
	if (r == 0)
		r = target_find(&list, spec, &t, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, spec);
	params = target_parameters(&t);
	json_object_set_new(params, "kek", json_string(s->uri));
	json_object_set_new(params, "force", json_boolean(s->force));
	json_object_set_new(params, "dry_run", json_boolean(s->dry_run));
	if (client_call(ctl, "SetKek", params, &o, &e) < 0)
		return ctl_fail(ctl, &e, t.name);
	json_array_foreach(json_object_get(o, "warnings"), i, warning)
		ctl_warn(ctl, "%s: %s", t.name, json_string_value(warning));
	tell(ctl, s, &t, o);
	if (ctl->json)
		ctl_print_json(json_incref(o));
	return CMK_OK;
}

int cmd_set_kek(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ 0 }
	};
	struct set_kek s = { .force = false };
	int o, status = CMK_OK;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_FORCE)
			s.force = true;
		else
			s.dry_run = true;
	}
	if (o == CTL_STOP)
		return status;
	if (argc - optind != 2)
		return ctl_usage(ctl, "name a volume and a key");
	s.uri = argv[optind + 1];
	return set_kek(ctl, &s, argv[optind]);
}
