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

enum { OPTION_FORCE = CTL_OPTION_OWN, OPTION_DRY_RUN, OPTION_REKEY };

struct set_kek {
	bool force, dry_run, rekey;
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
	if (json_number(o, "exposed") && !s->rekey)
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
	json_t *o __json = NULL, *params;
	const json_t *warning;
	struct cmk_error e;
	struct target t;
	size_t i;

	if (target_look(spec, &t, &e) < 0)
		return ctl_fail(ctl, &e, spec);
	if (s->rekey && *t.device)
		return ctl_usage(ctl, "--rekey: %s is not open, and only an open volume is rekeyed",
				 t.name);
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
	return s->rekey ? rekey_all(ctl, &t) : CMK_OK;
}

int cmd_set_kek(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ "rekey", no_argument, NULL, OPTION_REKEY },
		{ 0 }
	};
	struct set_kek s = { .force = false };
	int o, status = CMK_OK;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		s.force |= o == OPTION_FORCE;
		s.dry_run |= o == OPTION_DRY_RUN;
		s.rekey |= o == OPTION_REKEY;
	}
	if (o == CTL_STOP)
		return status;
	if (argc - optind != 2)
		return ctl_usage(ctl, "name a volume and a key");
	if (s.rekey && s.dry_run)
		return ctl_usage(ctl, "--rekey does not go with --dry-run");
	s.uri = argv[optind + 1];
	return set_kek(ctl, &s, argv[optind]);
}
