// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl list: the open volumes of the kernel, and those of cmktab(5) that
 * are not open.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cmkctl.h"
#include "cmktab.h"
#include "span.h"
#include "state.h"
#include "text.h"
#include "volume.h"

static void print_open(const struct cmk_nl_volume *v)
{
	char uuid[VOLUME_TEXT], size[TEXT_SIZE];

	cmk_format_uuid(v->uuid, uuid);
	printf("%-16s %-8s %10s  %s\n", v->name, volume_state(v, NULL),
	       text_size(v->sectors * 512, size), uuid);
}

static json_t *open_json(const struct cmk_nl_volume *v)
{
	char uuid[VOLUME_TEXT];

	cmk_format_uuid(v->uuid, uuid);
	return json_pack("{s:s, s:s, s:s, s:I}", "name", v->name, "uuid", uuid,
			 "state", volume_state(v, NULL), "size",
			 (json_int_t)(v->sectors * 512));
}

static bool is_open(const struct volume_list *list, const char *name)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (strcmp(list->v[i].name, name) == 0)
			return true;
	return false;
}

static void print_closed(const struct cmk_tab_entry *entry)
{
	printf("%-16s %-8s %10s  %s\n", entry->name, "closed", "-",
	       entry->device);
}

static void print_all(struct cmkctl *ctl, const struct volume_list *list,
		      const struct cmk_tab *tab)
{
	const struct cmk_tab_entry *entry;
	json_t *out = json_array();
	size_t i;

	for (i = 0; i < list->n; i++) {
		if (ctl->json)
			json_array_append_new(out, open_json(&list->v[i]));
		else
			print_open(&list->v[i]);
	}
	for (i = 0; i < tab->n; i++) {
		entry = &tab->entries[i];
		if (is_open(list, entry->name))
			continue;
		if (ctl->json)
			json_array_append_new(out, json_pack(
				"{s:s, s:s, s:s}", "name", entry->name,
				"state", "closed", "device", entry->device));
		else
			print_closed(entry);
	}
	if (ctl->json)
		ctl_print_json(json_pack("{s:o}", "volumes", out));
	else
		json_decref(out);
}

int cmd_list(struct cmkctl *ctl, int argc, char **argv)
{
	struct volume_list list __volumes = { 0 };
	struct cmk_tab tab __cmk_tab = { 0 };
	struct cmk_nl *nl = NULL;
	int status = CMK_OK, r;
	struct cmk_error e;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (optind < argc)
		return ctl_usage(ctl, "no argument is known");

	r = cmk_nl_open(&nl, &e);
	if (r == -ENOENT)	/* not loaded: nothing is open */
		r = 0;
	if (r == 0)
		r = volume_list_load(nl, &list, &e);
	cmk_nl_close(nl);
	if (r < 0)
		return ctl_fail(ctl, &e, NULL);
	/* What is open is told even if the table cannot be read. */
	if (cmk_tab_read(&tab, NULL, NULL, NULL, &e) < 0)
		status = ctl_fail(ctl, &e, NULL);
	print_all(ctl, &list, &tab);
	return status;
}
