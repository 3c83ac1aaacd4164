// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl udev: properties for 61-cmk.rules.  It runs for each event of a
 * block device in which nothing else was found, so it reads one block; and
 * for a mapped volume it reads nothing, because that might not return.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "device.h"
#include "span.h"
#include "volume.h"

enum { OPTION_MAPPED = CTL_OPTION_OWN };

static int print_header(const char *path)
{
	unsigned char uuid[16];
	char text[VOLUME_TEXT];

	if (!device_peek(path, uuid))
		return CMK_FAILED;
	cmk_format_uuid(uuid, text);
	printf("ID_FS_TYPE=cmk\nID_FS_USAGE=crypto\nID_FS_VERSION=%d\n"
	       "ID_FS_UUID=%s\nID_FS_UUID_ENC=%s\n", CMK_FORMAT_VERSION, text,
	       text);
	return CMK_OK;
}

/*
 * Will a read be answered?  Under a lease the agent brings what is missing;
 * without one somebody sets keys by hand, later.
 */
static bool readable(const struct cmk_nl_volume *v)
{
	return v->gate == CMK_GATE_OPEN &&
	       (v->live == v->ranges || v->lease_ttl > 0);
}

static int print_mapped(struct cmkctl *ctl, const char *path)
{
	struct volume_list list __volumes = { 0 };
	const struct cmk_nl_volume *v;
	struct cmk_nl *nl = NULL;
	struct cmk_error e;
	int r;

	r = cmk_nl_open(&nl, &e);
	if (r == 0)
		r = volume_list_load(nl, &list, &e);
	cmk_nl_close(nl);
	v = r == 0 ? volume_find(&list, path, &e) : NULL;
	if (!v)
		return ctl_fail(ctl, &e, path);
	printf("CMK_GATE=%s\nCMK_READABLE=%d\n", cmk_gate_name(v->gate),
	       readable(v));
	return CMK_OK;
}

int cmd_udev(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "mapped", no_argument, NULL, OPTION_MAPPED },
		{ 0 }
	};
	bool mapped = false;
	int status = CMK_OK, o;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0)
		mapped = true;
	if (o == CTL_STOP)
		return status;
	if (argc - optind != 1)
		return ctl_usage(ctl, "name one device");
	return mapped ? print_mapped(ctl, argv[optind]) :
		print_header(argv[optind]);
}
