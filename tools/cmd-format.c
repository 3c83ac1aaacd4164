// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl format: everything that is checked before a header is written.  The
 * keys are made, wrapped and written by the agent.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "client.h"
#include "config.h"
#include "device.h"
#include "format.h"
#include "kek.h"
#include "span.h"
#include "../agent/state.h"
#include "text.h"

enum {
	OPTION_KEK = CTL_OPTION_OWN, OPTION_RANGE_SIZE, OPTION_SECTOR_SIZE,
	OPTION_WRAP, OPTION_HEADER, OPTION_UUID, OPTION_ENSURE, OPTION_FORCE,
	OPTION_DRY_RUN,
};

static int parse_option(struct cmkctl *ctl, struct format *f, int o)
{
	uint64_t n = 0;

	switch (o) {
	case OPTION_KEK:
		f->kek = optarg;
		return CMK_OK;
	case OPTION_RANGE_SIZE:
		if (text_parse_size(optarg, &f->params.range_size) == 0 &&
		    f->params.range_size)
			return CMK_OK;
		return ctl_usage(ctl, "--range-size: '%s' is no size", optarg);
	case OPTION_SECTOR_SIZE:
		if (text_parse_size(optarg, &n) == 0 && n && n <= UINT32_MAX) {
			f->params.sector_size = n;
			return CMK_OK;
		}
		return ctl_usage(ctl, "--sector-size: '%s' is no size", optarg);
	case OPTION_WRAP:
		if (strcmp(optarg, "hk") == 0)
			f->params.wrap = CMK_FORMAT_WRAP_HK;
		else if (strcmp(optarg, "direct") == 0)
			f->params.wrap = CMK_FORMAT_WRAP_DIRECT;
		else
			return ctl_usage(ctl, "--wrap: hk or direct");
		return CMK_OK;
	case OPTION_HEADER:
		f->header = optarg;
		return CMK_OK;
	case OPTION_UUID:
		f->uuid = optarg;
		if (cmk_parse_uuid(optarg, f->params.uuid) == 0)
			return CMK_OK;
		return ctl_usage(ctl, "--uuid: '%s' is no UUID", optarg);
	case OPTION_ENSURE:
		f->ensure = true;
		return CMK_OK;
	case OPTION_FORCE:
		f->force = true;
		return CMK_OK;
	default:
		f->dry_run = true;
		return CMK_OK;
	}
}

/* Return: CTL_DONE, or CTL_STOP with *status. */
static int parse_options(struct cmkctl *ctl, struct format *f, int argc,
			 char **argv, int *status)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "kek", required_argument, NULL, OPTION_KEK },
		{ "range-size", required_argument, NULL, OPTION_RANGE_SIZE },
		{ "sector-size", required_argument, NULL, OPTION_SECTOR_SIZE },
		{ "wrap", required_argument, NULL, OPTION_WRAP },
		{ "header", required_argument, NULL, OPTION_HEADER },
		{ "uuid", required_argument, NULL, OPTION_UUID },
		{ "ensure", no_argument, NULL, OPTION_ENSURE },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ "dry-run", no_argument, NULL, OPTION_DRY_RUN },
		{ 0 }
	};
	int o;

	while ((o = ctl_option(ctl, argc, argv, options, status)) >= 0) {
		*status = parse_option(ctl, f, o);
		if (*status != CMK_OK)
			return CTL_STOP;
	}
	if (o == CTL_DONE && argc - optind != 1) {
		*status = ctl_usage(ctl, "name one device");
		return CTL_STOP;
	}
	return o;
}

static bool confirmed(struct cmkctl *ctl, const struct format *f)
{
	char answer[8] = "";

	if (!f->force || ctl->quiet || !isatty(STDIN_FILENO))
		return true;
	fprintf(stderr, "This destroys everything on %s%s%s%s.\n"
		"Type YES in capitals to go on: ", f->device,
		*f->signatures ? " (found: " : "", f->signatures,
		*f->signatures ? ")" : "");
	return fgets(answer, sizeof(answer), stdin) &&
	       strcmp(answer, "YES\n") == 0;
}

static json_t *parameters(const struct format *f)
{
	const struct cmk_header_params *p = &f->params;
	json_t *o;

	o = json_pack("{s:s, s:s, s:b}", "device", f->device, "kek", f->kek,
		      "force", f->force);
	if (f->header)
		json_object_set_new(o, "header", json_string(f->header_path));
	if (p->range_size)
		json_object_set_new(o, "range_size",
				    json_integer(p->range_size));
	if (p->sector_size)
		json_object_set_new(o, "sector_size",
				    json_integer(p->sector_size));
	if (p->wrap)
		json_object_set_new(o, "wrap",
				    json_string(format_wrap_name(p->wrap)));
	if (f->uuid)
		json_object_set_new(o, "uuid", json_string(f->uuid));
	return o;
}

/* The agent opens the device itself, so ours has to be closed before. */
static int write_volume(struct cmkctl *ctl, struct format *f, json_t **ret,
			struct cmk_error *e)
{
	int r = 0;

	if (f->force && *f->signatures)
		r = device_wipe_signatures(f->fd, e);
	close(f->fd);
	f->fd = -1;
	if (r == 0)
		r = format_create_header_file(f, e);
	if (r == 0)
		r = client_call(ctl, "Format", parameters(f), ret, e);
	/* Of a format that was done in part the header is what there is. */
	if (r < 0 && f->header_created && e->status != CMK_PARTIAL)
		unlink(f->header_path);
	return r;
}

static void print_warnings(struct cmkctl *ctl, const json_t *result)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(result, "warnings"), i, warning)
		ctl_warn(ctl, "%s", json_string_value(warning));
}

/* A format that was done in part, or another node's, has left a header only. */
static bool node_has_all(const struct format *f)
{
	struct cmk_header_info info;
	struct cmk_config *config;
	struct cmk_state st;
	struct cmk_error e;
	bool all;

	if (cmk_config_load(&config, NULL, &e) < 0)
		return false;
	cmk_header_get_info(f->existing, &info);
	all = cmk_state_load(config->state_directory, info.uuid, &st,
			     &e) == 0 &&
	      cmk_backup_exists(config->state_directory, info.uuid);
	cmk_config_free(config);
	return all;
}

static int keep_volume(struct cmkctl *ctl, struct format *f)
{
	struct cmk_error e;

	f->completed = !f->dry_run && !node_has_all(f);
	if (f->completed &&
	    client_call(ctl, "HeaderRepair",
			json_pack("{s:s, s:s, s:s}", "path", f->header_path,
				  "device", f->device, "kek", f->kek),
			NULL, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	format_show_existing(ctl, f);
	return CMK_OK;
}

static int format(struct cmkctl *ctl, struct format *f)
{
	json_t *result __json = NULL;
	struct cmk_error e;
	bool same = false;
	int r;

	r = format_check(f, &same, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, NULL);
	if (same)
		return keep_volume(ctl, f);
	if (f->dry_run) {
		format_show_plan(ctl, f);
		return CMK_OK;
	}
	if (!confirmed(ctl, f)) {
		cmk_error_set(&e, CMK_FAILED, -ECANCELED, "not-confirmed",
			      "not confirmed; nothing was written");
		return ctl_fail(ctl, &e, NULL);
	}
	r = write_volume(ctl, f, &result, &e);
	if (r < 0)
		return ctl_fail(ctl, &e, NULL);
	print_warnings(ctl, result);
	format_show_result(ctl, f, result);
	return CMK_OK;
}

int cmd_format(struct cmkctl *ctl, int argc, char **argv)
{
	struct format f = { .kek = "service", .fd = -1 };
	int status = CMK_OK;

	if (parse_options(ctl, &f, argc, argv, &status) == CTL_STOP)
		return status;
	f.spec = argv[optind];
	status = format(ctl, &f);
	format_release(&f);
	return status;
}
