// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the words of cmkctl format: the plan of a dry run, and the result with
 * the line for cmktab(5).
 */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "format.h"
#include "span.h"
#include "text.h"

const char *format_wrap_name(enum cmk_format_wrap wrap)
{
	switch (wrap) {
	case CMK_FORMAT_WRAP_DIRECT:
		return "direct";
	case CMK_FORMAT_WRAP_HK:
		return "hk";
	}
	return "?";
}

static json_t *geometry_json(const struct format *f,
			     const struct cmk_header *h)
{
	struct cmk_header_info info;

	cmk_header_get_info(h, &info);
	return json_pack("{s:s, s:s, s:I, s:I, s:i, s:s, s:I, s:I, s:I}",
			 "device", f->device, "kek", f->kek, "ranges",
			 (json_int_t)info.ranges, "range_size",
			 (json_int_t)(info.range_sectors * 512), "sector_size",
			 (int)info.sector_size, "wrap",
			 format_wrap_name(info.wrap), "header_size",
			 (json_int_t)info.header_size, "data_offset",
			 (json_int_t)info.data_offset, "data_size",
			 (json_int_t)info.data_size);
}

static void show_geometry(const struct cmk_header *h)
{
	char a[TEXT_SIZE], b[TEXT_SIZE];
	struct cmk_header_info info;

	cmk_header_get_info(h, &info);
	printf("  ranges:         %u of %s, %u-byte sectors, wrap %s\n",
	       info.ranges, text_size(info.range_sectors * 512, a),
	       info.sector_size, format_wrap_name(info.wrap));
	printf("  data:           %s from %s\n", text_size(info.data_size, a),
	       text_size(info.data_offset, b));
}

void format_show_existing(struct cmkctl *ctl, const struct format *f)
{
	struct cmk_header_info info;
	char uuid[37];
	json_t *o;

	cmk_header_get_info(f->existing, &info);
	cmk_format_uuid(info.uuid, uuid);
	if (ctl->json) {
		o = geometry_json(f, f->existing);
		json_object_set_new(o, "uuid", json_string(uuid));
		json_object_set_new(o, "changed", json_boolean(f->completed));
		ctl_print_json(o);
	} else if (!ctl->quiet) {
		printf("%s is the volume %s already; %s\n", f->device, uuid,
		       f->completed ? "its state file and header backup were not complete on this node, and are now" :
		       "nothing was written");
	}
}

void format_show_plan(struct cmkctl *ctl, const struct format *f)
{
	json_t *o;

	if (ctl->json) {
		o = geometry_json(f, f->plan);
		json_object_set_new(o, "changed", json_false());
		json_object_set_new(o, "signatures",
				    json_string(f->signatures));
		ctl_print_json(o);
		return;
	}
	printf("%s would become a volume; nothing was written\n", f->device);
	printf("  key:            %s\n", f->kek);
	show_geometry(f->plan);
	if (*f->signatures)
		printf("  would destroy:  %s\n", f->signatures);
}

/* UUID= finds a header; with a detached one the device has to be named. */
static void tab_line(const struct format *f, const char *uuid, char *ret,
		     size_t size)
{
	if (f->header)
		snprintf(ret, size, "NAME  %s  %s  header=%s", f->spec,
			 f->kek, f->header_path);
	else
		snprintf(ret, size, "NAME  UUID=%s  %s", uuid, f->kek);
}

void format_show_result(struct cmkctl *ctl, const struct format *f,
			json_t *result)
{
	char tab[2 * PATH_MAX];

	tab_line(f, json_text(result, "uuid"), tab, sizeof(tab));
	if (ctl->json) {
		json_object_set_new(result, "device", json_string(f->device));
		json_object_set_new(result, "changed", json_true());
		json_object_set_new(result, "cmktab", json_string(tab));
		ctl_print_json(json_incref(result));
		return;
	}
	if (ctl->quiet)
		return;
	printf("%s is the volume %s\n", f->device, json_text(result, "uuid"));
	printf("  key:            %s\n", json_text(result, "kid"));
	printf("  thumbprint:     %s\n", json_text(result, "thumbprint"));
	show_geometry(f->plan);
	printf("  to open it:     %lld operations at the key server\n",
	       (long long)json_number(result, "vault_operations"));
	if (*json_text(result, "header_backup"))
		printf("  header backup:  %s\n",
		       json_text(result, "header_backup"));
	printf("\nThe line for /etc/cmktab:\n%s\n", tab);
}
