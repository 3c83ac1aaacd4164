// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl dump: the public part of a header, read without any key.  It is what
 * the disk says and not proven: the MAC needs the header key.
 */
#include <stdio.h>
#include <string.h>

#include "cmkctl.h"
#include "device.h"
#include "format.h"
#include "span.h"
#include "text.h"

#define UUID_TEXT	37

static const char *provider_name(enum cmk_format_kek provider)
{
	switch (provider) {
	case CMK_FORMAT_KEK_NONE:
		return "none";
	case CMK_FORMAT_KEK_SERVICE:
		return "service";
	case CMK_FORMAT_KEK_AZURE:
		return "azure";
	}
	return "?";
}

/* Ranges that have a key, and the newest generation among them. */
static void count_slots(const struct cmk_header *h, uint32_t ranges,
			uint32_t *ret_used, uint32_t *ret_generation)
{
	uint32_t i, generation;

	*ret_used = 0;
	*ret_generation = 0;
	for (i = 0; i < ranges; i++) {
		if (!cmk_header_slot(h, i, &generation))
			continue;
		(*ret_used)++;
		if (generation > *ret_generation)
			*ret_generation = generation;
	}
}

static json_t *kek_json(const struct cmk_header_kek *kek, unsigned int index)
{
	char thumbprint[65];

	text_hex(kek->thumbprint, sizeof(kek->thumbprint), thumbprint);
	return json_pack("{s:i, s:s, s:s, s:s, s:I, s:i, s:i}", "index",
			 (int)index, "provider", provider_name(kek->provider),
			 "kid", kek->kid, "thumbprint", thumbprint,
			 "wrapped_at", (json_int_t)kek->wrapped_at, "role",
			 (int)kek->role, "blob_len", (int)kek->blob_len);
}

static json_t *header_json(const struct cmk_header *h)
{
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	json_t *keks = json_array();
	uint32_t used, generation;
	char uuid[UUID_TEXT];
	unsigned int i;

	cmk_header_get_info(h, &info);
	cmk_format_uuid(info.uuid, uuid);
	count_slots(h, info.ranges, &used, &generation);
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (cmk_header_get_kek(h, i, &kek))
			json_array_append_new(keks, kek_json(&kek, i));
	return json_pack(
		"{s:s, s:I, s:I, s:I, s:s, s:b, s:b, s:b, s:I, s:I, s:I, s:I,"
		" s:I, s:I, s:i, s:I, s:I, s:s, s:I, s:I, s:o}",
		"uuid", uuid, "sequence", (json_int_t)info.seq,
		"created", (json_int_t)info.created,
		"written", (json_int_t)info.written,
		"valid_copies", cmk_header_copies_name(info.valid_copies),
		"copies_differ", info.copies_differ,
		"read_only", info.read_only, "detached", info.detached,
		"header_size", (json_int_t)info.header_size,
		"record_offset", (json_int_t)info.record_offset,
		"data_offset", (json_int_t)info.data_offset,
		"data_size", (json_int_t)info.data_size,
		"iv_offset", (json_int_t)info.iv_offset,
		"range_size", (json_int_t)(info.range_sectors * 512),
		"sector_size", (int)info.sector_size,
		"ranges", (json_int_t)info.ranges,
		"capacity", (json_int_t)info.capacity,
		"wrap", format_wrap_name(info.wrap),
		"slots_used", (json_int_t)used,
		"newest_generation", (json_int_t)generation,
		"keks", keks);
}

static void show_kek(const struct cmk_header_kek *kek, unsigned int index)
{
	char thumbprint[65], when[TEXT_SIZE];

	text_hex(kek->thumbprint, sizeof(kek->thumbprint), thumbprint);
	printf("\nkey %u:        %s\n", index, kek->kid);
	printf("  provider:    %s\n", provider_name(kek->provider));
	printf("  thumbprint:  %s\n", thumbprint);
	printf("  wrapped:     %s\n", text_time(kek->wrapped_at, when));
}

static void show_geometry(const struct cmk_header *h,
			  const struct cmk_header_info *info)
{
	uint32_t used, generation;
	char a[TEXT_SIZE], b[TEXT_SIZE];

	count_slots(h, info->ranges, &used, &generation);
	printf("header size:  %s%s\n", text_size(info->header_size, a),
	       info->detached ? ", detached" : "");
	printf("data:         %s from %s\n", text_size(info->data_size, a),
	       text_size(info->data_offset, b));
	printf("ranges:       %u of %s, room for %u\n", info->ranges,
	       text_size(info->range_sectors * 512, a), info->capacity);
	printf("sector size:  %u bytes\n", info->sector_size);
	printf("wrap:         %s\n", format_wrap_name(info->wrap));
	printf("slots:        %u in use, newest generation %u\n", used,
	       generation);
}

static void show(const struct cmk_header *h)
{
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	char uuid[UUID_TEXT], when[TEXT_SIZE];
	unsigned int i;

	cmk_header_get_info(h, &info);
	cmk_format_uuid(info.uuid, uuid);
	printf("uuid:         %s\n", uuid);
	printf("created:      %s\n", text_time(info.created, when));
	printf("written:      %s, sequence %llu\n",
	       text_time(info.written, when), (unsigned long long)info.seq);
	printf("valid copies: %s%s\n", cmk_header_copies_name(info.valid_copies),
	       info.copies_differ ? ", not the same" : "");
	if (info.read_only)
		printf("features:     of a later version; read-only\n");
	show_geometry(h, &info);
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (cmk_header_get_kek(h, i, &kek))
			show_kek(&kek, i);
}

int cmd_dump(struct cmkctl *ctl, int argc, char **argv)
{
	struct cmk_header *h __cmk_header = NULL;
	char path[PATH_MAX];
	struct cmk_error e;
	int status;

	if (ctl_no_options(ctl, argc, argv, &status) == CTL_STOP)
		return status;
	if (argc - optind != 1)
		return ctl_usage(ctl, "name one device");
	if (device_resolve(argv[optind], path, &e) < 0 ||
	    device_read_header(path, &h, &e) < 0)
		return ctl_fail(ctl, &e, argv[optind]);
	if (ctl->json)
		ctl_print_json(header_json(h));
	else
		show(h);
	return CMK_OK;
}
