// SPDX-License-Identifier: GPL-2.0
/*
 * Owns how a volume is found that need not be open.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmktab.h"
#include "device.h"
#include "span.h"
#include "target.h"

static int read_uuid(struct target *t, struct cmk_error *e)
{
	struct cmk_header *h __cmk_header = NULL;
	struct cmk_header_info info;
	int r;

	r = device_read_header(*t->header ? t->header : t->device, &h, e);
	if (r < 0)
		return r;
	cmk_header_get_info(h, &info);
	memcpy(t->uuid, info.uuid, sizeof(t->uuid));
	return 0;
}

/* A name without a slash, or one of the tags of a device, is cmktab's first. */
static int find_closed(const char *spec, struct target *t,
		       struct cmk_error *e)
{
	const struct cmk_tab_entry *entry;
	struct cmk_tab tab __cmk_tab = { 0 };
	const char *device = spec;
	int r;

	r = cmk_tab_read(&tab, NULL, NULL, NULL, e);
	if (r < 0)
		return r;
	entry = cmk_tab_find(&tab, spec);
	if (entry) {
		device = entry->device;
		snprintf(t->header, sizeof(t->header), "%s",
			 entry->header ? entry->header : "");
	}
	r = device_resolve(device, t->device, e);
	return r < 0 ? r : read_uuid(t, e);
}

int target_find(const struct volume_list *list, const char *spec,
		struct target *ret, struct cmk_error *e)
{
	const struct cmk_nl_volume *v = volume_find(list, spec, e);

	memset(ret, 0, sizeof(*ret));
	snprintf(ret->name, sizeof(ret->name), "%s",
		 v ? volume_name(v) : spec);
	if (!v)
		return find_closed(spec, ret, e);
	memcpy(ret->uuid, v->uuid, sizeof(ret->uuid));
	return 0;
}

int target_look(const char *spec, struct target *ret, struct cmk_error *e)
{
	struct volume_list list __volumes = { 0 };
	struct cmk_nl *nl = NULL;
	int r;

	r = cmk_nl_open(&nl, e);
	/* Without the module no volume is open. */
	if (!r || r == -ENOENT)
		r = volume_list_load(nl, &list, e);
	cmk_nl_close(nl);
	return r < 0 ? r : target_find(&list, spec, ret, e);
}

json_t *target_parameters(const struct target *t)
{
	char uuid[VOLUME_TEXT];
	json_t *o;

	cmk_format_uuid(t->uuid, uuid);
	o = json_pack("{s:s}", "uuid", uuid);
	if (*t->device)
		json_object_set_new(o, "device", json_string(t->device));
	if (*t->header)
		json_object_set_new(o, "header", json_string(t->header));
	return o;
}
