// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl header: look at a header, copy it to a file, and have the agent put
 * it back or make it whole.  DEVICE is what the header is on: the volume's
 * device, or the file or device of a detached header.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backup.h"
#include "client.h"
#include "device.h"
#include "span.h"
#include "target.h"
#include "text.h"

enum { OPTION_FROM_AGENT = CTL_OPTION_OWN, OPTION_ACCEPT };

struct args {
	const char *spec, *file;
	bool from_agent, accept;
	char path[PATH_MAX];
};

/* A file is no block device, and is taken by its path. */
static int find_path(struct args *a, struct cmk_error *e)
{
	if (strchr(a->spec, '/') && realpath(a->spec, a->path))
		return 0;
	return device_resolve(a->spec, a->path, e);
}

static int load(struct args *a, struct cmk_header **h,
		struct cmk_header_info *info, struct cmk_error *e)
{
	int r;

	r = find_path(a, e);
	if (r == 0)
		r = device_read_header(a->path, h, e);
	if (r == 0)
		cmk_header_get_info(*h, info);
	return r;
}

static json_t *check_json(const struct cmk_header *h,
			  const struct cmk_header_info *info,
			  const char *uuid, bool whole)
{
	json_int_t generations = cmk_header_generations(h);

	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:I}", "uuid", uuid,
			 "copies", cmk_header_copies_name(info->valid_copies),
			 "same", whole, "seq", (json_int_t)info->seq,
			 "generations", generations,
			 "written", (json_int_t)info->written);
}

static int check(struct cmkctl *ctl, struct args *a)
{
	struct cmk_header *h __cmk_header = NULL;
	struct cmk_header_info info;
	char uuid[VOLUME_TEXT], when[TEXT_SIZE];
	struct cmk_error e;
	bool whole;

	if (load(a, &h, &info, &e) < 0)
		return ctl_fail(ctl, &e, a->spec);
	whole = info.valid_copies == 3 && !info.copies_differ;
	cmk_format_uuid(info.uuid, uuid);
	if (ctl->json)
		ctl_print_json(check_json(h, &info, uuid, whole));
	else if (!ctl->quiet)
		printf("%s: volume %s, copies %s%s, sequence %llu of %s\n",
		       a->path, uuid, cmk_header_copies_name(info.valid_copies),
		       whole ? ", the same" : "", (unsigned long long)info.seq,
		       text_time(info.written, when));
	if (whole)
		return CMK_OK;
	cmk_error_set(&e, CMK_UNSUITABLE, -EBADMSG, "header-copies",
		      "the copies are not both whole and the same; see header repair");
	return ctl_fail(ctl, &e, a->spec);
}

static int write_backup(struct args *a, const struct cmk_header_info *info,
			struct cmk_error *e)
{
	int fd __fd = open(a->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
			   0600);
	int r;

	if (fd < 0)
		return cmk_error_set(e, CMK_UNSUITABLE, -errno, "backup",
				     "%s: %s", a->file, strerror(errno));
	r = cmk_backup_copy(a->path, fd, info, e);
	if (r < 0)
		unlink(a->file);
	return r;
}

/* The key is named, since the backup opens nothing without it. */
static int backup(struct cmkctl *ctl, struct args *a)
{
	struct cmk_header *h __cmk_header = NULL;
	json_t *kids __json = json_array();
	struct cmk_header_info info;
	struct cmk_header_kek kek;
	struct cmk_error e;
	unsigned int i;

	if (load(a, &h, &info, &e) < 0 || write_backup(a, &info, &e) < 0)
		return ctl_fail(ctl, &e, a->spec);
	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (cmk_header_get_kek(h, i, &kek))
			json_array_append_new(kids, json_string(kek.kid));
	if (ctl->json)
		ctl_print_json(json_pack("{s:s, s:I, s:O}", "file", a->file,
					 "seq", (json_int_t)info.seq,
					 "kids", kids));
	else if (!ctl->quiet)
		printf("%s: header of sequence %llu written to %s\n"
		       "It opens the volume with %s, and does so for as long as that key can be\n"
		       "used and no range is rekeyed, also when the volume has been rewrapped.\n",
		       a->path, (unsigned long long)info.seq, a->file,
		       json_string_value(json_array_get(kids, 0)));
	return CMK_OK;
}

static int tell(struct cmkctl *ctl, const struct args *a, const json_t *o)
{
	char when[TEXT_SIZE];

	if (ctl->json)
		ctl_print_json(json_deep_copy(o));
	else if (!ctl->quiet)
		printf("%s: header written, sequence %lld of %s, under %s\n",
		       a->spec, (long long)json_number(o, "seq"),
		       text_time(json_number(o, "written"), when),
		       json_text(o, "kid"));
	return CMK_OK;
}

static int restore(struct cmkctl *ctl, struct args *a)
{
	json_t *o __json = NULL;
	char file[PATH_MAX];
	struct cmk_error e;

	if (!realpath(a->file, file)) {
		cmk_error_set(&e, CMK_UNSUITABLE, -errno, "backup", "%s: %s",
			      a->file, strerror(errno));
		return ctl_fail(ctl, &e, NULL);
	}
	if (find_path(a, &e) < 0 ||
	    client_call(ctl, "HeaderRestore",
			json_pack("{s:s, s:s, s:b}", "path", a->path, "file",
				  file, "accept_header", a->accept), &o, &e) < 0)
		return ctl_fail(ctl, &e, a->spec);
	return tell(ctl, a, o);
}

static int find_open(const char *spec, char uuid[VOLUME_TEXT],
		     struct cmk_error *e)
{
	struct volume_list list __volumes = { 0 };
	const struct cmk_nl_volume *v = NULL;
	struct cmk_nl *nl = NULL;
	int r;

	r = cmk_nl_open(&nl, e);
	if (r == 0)
		r = volume_list_load(nl, &list, e);
	if (r == 0)
		v = volume_find(&list, spec, e);
	cmk_nl_close(nl);
	if (!v)
		return r < 0 ? r : -ENODEV;
	cmk_format_uuid(v->uuid, uuid);
	return 0;
}

static int repair(struct cmkctl *ctl, struct args *a)
{
	json_t *o __json = NULL, *params;
	char uuid[VOLUME_TEXT];
	struct cmk_error e;
	int r;

	r = a->from_agent ? find_open(a->spec, uuid, &e) : find_path(a, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, a->spec);
	params = a->from_agent ? json_pack("{s:s, s:b}", "uuid", uuid,
					   "from_agent", 1) :
				 json_pack("{s:s}", "path", a->path);
	if (client_call(ctl, "HeaderRepair", params, &o, &e) < 0)
		return ctl_fail(ctl, &e, a->spec);
	return tell(ctl, a, o);
}

static const struct action {
	const char *name;
	bool file;
	int (*run)(struct cmkctl *ctl, struct args *a);
} actions[] = {
	{ "check", false, check },
	{ "backup", true, backup },
	{ "restore", true, restore },
	{ "repair", false, repair },
};

static int run(struct cmkctl *ctl, struct args *a, int argc, char **argv)
{
	const struct action *action = NULL;
	size_t i;

	for (i = 0; argc && i < ARRAY_SIZE(actions); i++)
		if (strcmp(actions[i].name, argv[0]) == 0)
			action = &actions[i];
	if (!action)
		return ctl_usage(ctl, "check, backup, restore or repair?");
	if (argc != (action->file ? 3 : 2))
		return ctl_usage(ctl, "%s: name a device%s", action->name,
				 action->file ? " and a file" : "");
	if ((a->from_agent && action->run != repair) ||
	    (a->accept && action->run != restore))
		return ctl_usage(ctl, "%s does not take this option",
				 action->name);
	a->spec = argv[1];
	a->file = argv[2];
	return action->run(ctl, a);
}

int cmd_header(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "from-agent", no_argument, NULL, OPTION_FROM_AGENT },
		{ "accept-header", no_argument, NULL, OPTION_ACCEPT },
		{ 0 }
	};
	struct args a = { .from_agent = false };
	int o, status = CMK_OK;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_FROM_AGENT)
			a.from_agent = true;
		else
			a.accept = true;
	}
	if (o == CTL_STOP)
		return status;
	return run(ctl, &a, argc - optind, argv + optind);
}
