// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl open: make the mapped device without starting it, have the agent
 * bring the keys, start it.  In this order, because udev and blkid read both
 * ends of a device as soon as it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "clock.h"
#include "cmktab.h"
#include "config.h"
#include "device.h"
#include "dm.h"
#include "hung-task.h"
#include "span.h"

enum {
	OPTION_KEK = CTL_OPTION_OWN, OPTION_HEADER, OPTION_READ_ONLY,
	OPTION_DISCARDS, OPTION_ON_DEMAND, OPTION_WAIT, OPTION_ACCEPT,
};

#define WAIT_DEFAULT	(90 * 1000000ULL)	/* as systemd for devices */
#define WAIT_AUTO	UINT64_MAX
#define BACKOFF_MAX	5			/* seconds between tries */

/**
 * struct opening - one run of the command
 * @device, @header: as given or from cmktab; @header NULL: on the device
 * @entry: of cmktab, NULL if there is none
 * @key_timeout, @hold_timeout: seconds, for the table
 * @path: node of the device
 */
struct opening {
	const char *name, *device, *kek, *header;
	bool read_only, discards, on_demand, accept_header;
	uint64_t wait;
	unsigned int key_timeout, hold_timeout;
	const struct cmk_tab_entry *entry;
	struct cmk_tab tab;
	char path[PATH_MAX], header_path[PATH_MAX];
	char uuid[37];
};

static int parse_option(struct cmkctl *ctl, struct opening *o, int option)
{
	switch (option) {
	case OPTION_KEK:
		o->kek = optarg;
		break;
	case OPTION_HEADER:
		o->header = optarg;
		break;
	case OPTION_READ_ONLY:
		o->read_only = true;
		break;
	case OPTION_DISCARDS:
		o->discards = true;
		break;
	case OPTION_ON_DEMAND:
		o->on_demand = true;
		break;
	case OPTION_ACCEPT:
		o->accept_header = true;
		break;
	case OPTION_WAIT:
		if (strcmp(optarg, "auto") == 0)
			o->wait = WAIT_AUTO;
		else if (cmk_parse_span(optarg, &o->wait) < 0)
			return ctl_usage(ctl, "--wait: '%s' is no time span",
					 optarg);
		break;
	}
	return CMK_OK;
}

static int parse_options(struct cmkctl *ctl, struct opening *o, int argc,
			 char **argv, int *status)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "kek", required_argument, NULL, OPTION_KEK },
		{ "header", required_argument, NULL, OPTION_HEADER },
		{ "read-only", no_argument, NULL, OPTION_READ_ONLY },
		{ "allow-discards", no_argument, NULL, OPTION_DISCARDS },
		{ "on-demand", no_argument, NULL, OPTION_ON_DEMAND },
		{ "wait", required_argument, NULL, OPTION_WAIT },
		{ "accept-header", no_argument, NULL, OPTION_ACCEPT },
		{ 0 }
	};
	int c;

	while ((c = ctl_option(ctl, argc, argv, options, status)) >= 0) {
		*status = parse_option(ctl, o, c);
		if (*status != CMK_OK)
			return CTL_STOP;
	}
	return c;
}

static void warn_tab(const char *text, void *userdata)
{
	ctl_warn(userdata, "%s", text);
}

/* What the command line leaves open is as cmktab says. */
static void take_entry(struct opening *o, const struct cmk_tab_entry *entry)
{
	o->entry = entry;
	if (!o->device)
		o->device = entry->device;
	if (!o->kek)
		o->kek = entry->kek;
	if (!o->header)
		o->header = entry->header;
	o->read_only |= entry->read_only;
	o->discards |= entry->discard;
	o->on_demand |= entry->on_demand;
	if (o->wait == WAIT_AUTO)
		o->wait = entry->timeout ? entry->timeout : WAIT_DEFAULT;
}

/* NAME, or DEVICE NAME.  Return: 0, or an exit status that was reported. */
static int name_volume(struct cmkctl *ctl, struct opening *o, int argc,
		       char **argv)
{
	const struct cmk_tab_entry *entry;
	struct cmk_error e;

	if (argc != 1 && argc != 2)
		return ctl_usage(ctl, "NAME, or DEVICE NAME");
	o->name = argv[argc - 1];
	if (argc == 2)
		o->device = argv[0];
	if (strchr(o->name, '/'))
		return ctl_usage(ctl, "a volume's name has no '/' (a unit is "
				 "cmk@$(systemd-escape NAME).service)");
	if (!dm_name_valid(o->name))
		return ctl_usage(ctl, "'%s' cannot be a volume's name: up to "
				 "%d of a-z A-Z 0-9 _ . : + = @ -", o->name,
				 DM_VOLUME_NAME_MAX);
	if (cmk_tab_read(&o->tab, NULL, warn_tab, ctl, &e) < 0)
		return ctl_fail(ctl, &e, NULL);
	entry = cmk_tab_find(&o->tab, o->name);
	if (entry)
		take_entry(o, entry);
	if (o->wait == WAIT_AUTO)
		o->wait = WAIT_DEFAULT;
	if (!o->device) {
		cmk_error_set(&e, CMK_UNSUITABLE, -ENOENT, "not-in-cmktab",
			      "there is no volume of this name in "
			      CMK_TAB_FILE "; cmkctl open DEVICE NAME names "
			      "one by hand");
		return ctl_fail(ctl, &e, o->name);
	}
	if (!o->kek)
		return ctl_usage(ctl, "no key is allowed for '%s': name one "
				 "with --kek (\"--kek -\": whatever the header "
				 "says)", o->name);
	return CMK_OK;
}

static int resolve(struct opening *o, struct cmk_error *e)
{
	int r;

	r = device_resolve(o->device, o->path, e);
	if (r == 0 && o->header)
		r = device_resolve(o->header, o->header_path, e);
	return r;
}

static int read_header(struct cmkctl *ctl, struct opening *o,
		       struct cmk_header_info *ret, struct cmk_error *e)
{
	struct cmk_header *h __cmk_header = NULL;
	int r;

	r = device_read_header(o->header ? o->header_path : o->path, &h, e);
	if (r < 0)
		return r;
	cmk_header_get_info(h, ret);
	cmk_format_uuid(ret->uuid, o->uuid);
	if (ret->detached != !!o->header)
		return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL, "header",
				     "the header of %s is made to lie %s",
				     o->uuid, ret->detached ?
				     "apart from the device" : "on the device");
	if (ret->read_only && !o->read_only) {
		o->read_only = true;
		ctl_warn(ctl, "%s: the header was written by a later version; "
			 "mapped read-only", o->name);
	}
	return 0;
}

/* I/O that waits for a key blocks its task just as I/O in a hold. */
static unsigned int timeout(struct cmkctl *ctl, const struct opening *o,
			    const char *key, uint64_t us)
{
	unsigned int seconds = (us + 999999) / 1000000;

	if (hung_task_cut(HUNG_TASK_DIR, &seconds))
		ctl_warn(ctl, "%s: %s= is cut to %u s: I/O that waits longer "
			 "would end in a panic (kernel.hung_task_panic)",
			 o->name, key, seconds);
	return seconds;
}

static int take_timeouts(struct cmkctl *ctl, struct opening *o,
			 struct cmk_error *e)
{
	struct cmk_config *config;
	int r;

	r = cmk_config_load(&config, NULL, e);
	if (r < 0)
		return r;
	o->key_timeout = timeout(ctl, o, "KeyTimeout", config->key_timeout);
	o->hold_timeout = timeout(ctl, o, "HoldTimeout", config->hold_timeout);
	cmk_config_free(config);
	return 0;
}

static int make_table(const struct opening *o,
		      const struct cmk_header_info *info,
		      struct dm_volume *ret, struct cmk_error *e)
{
	int fd __fd = -1;
	uint64_t size;

	*ret = (struct dm_volume){
		.name = o->name, .sectors = info->data_size / 512,
		.range_sectors = info->range_sectors,
		.iv_offset = info->iv_offset,
		.offset = info->data_offset / 512,
		.record = info->record_offset / 512,
		.sector_size = info->sector_size, .read_only = o->read_only,
		.allow_discards = o->discards,
		.key_timeout = o->key_timeout,
		.hold_timeout = o->hold_timeout,
	};
	memcpy(ret->uuid, info->uuid, sizeof(ret->uuid));
	fd = device_open(o->path, O_RDONLY, &ret->device, &size, e);
	if (fd < 0)
		return fd;
	if (size < info->data_offset || size - info->data_offset <
	    info->data_size)
		return cmk_error_set(e, CMK_UNSUITABLE, -ENOSPC, "device-small",
				     "%s is smaller than the volume: %llu "
				     "bytes, needed %llu", o->path,
				     (unsigned long long)size,
				     (unsigned long long)(info->data_offset +
							  info->data_size));
	return 0;
}

/* A program that was killed can leave a device that was never started. */
static int check_name(const struct opening *o, struct cmk_error *e)
{
	struct dm_state state;
	int r;

	r = dm_get_state(o->name, &state, e);
	if (r < 0 || !state.exists)
		return r;
	if (state.is_cmk && !state.live)
		return dm_remove(o->name, false, e);
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "open",
			     "%s", state.is_cmk ? "open already" :
			     "another mapped device has this name");
}

static json_t *parameters(const struct opening *o)
{
	json_t *p;

	p = json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b}", "name", o->name,
		      "uuid", o->uuid, "device", o->path, "kek", o->kek,
		      "read_only", o->read_only, "on_demand", o->on_demand,
		      "accept_header", o->accept_header);
	if (o->header)
		json_object_set_new(p, "header", json_string(o->header_path));
	if (!o->entry)
		return p;
	if (o->entry->on_denied)
		json_object_set_new(p, "on_denied",
				    json_string(o->entry->on_denied));
	if (o->entry->deny_hold)
		json_object_set_new(p, "deny_hold",
				    json_string(o->entry->deny_hold));
	if (o->entry->offline_grace)
		json_object_set_new(p, "offline_grace",
				    json_string(o->entry->offline_grace));
	if (o->entry->lease_ttl)
		json_object_set_new(p, "lease_ttl",
				    json_string(o->entry->lease_ttl));
	return p;
}

static int try_open(struct cmkctl *ctl, struct opening *o, json_t **ret,
		    struct cmk_error *e)
{
	struct cmk_header_info info;
	struct dm_volume v;
	int r;

	r = check_name(o, e);
	if (r == 0)
		r = resolve(o, e);
	if (r == 0)
		r = read_header(ctl, o, &info, e);
	if (r == 0)
		r = make_table(o, &info, &v, e);
	if (r == 0)
		r = dm_load(&v, e);
	if (r < 0)
		return r;

	r = client_call(ctl, "Open", parameters(o), ret, e);
	if (r == 0) {
		r = dm_resume(o->name, e);
		if (r < 0)
			client_call(ctl, "Close", json_pack("{s:s}", "uuid",
							    o->uuid),
				    NULL, NULL);
	}
	if (r < 0)
		dm_remove(o->name, false, NULL);
	return r;
}

/*
 * A right that was just granted takes minutes to arrive at the key server.
 * What an administrator closed stays closed.
 */
static bool may_pass(const struct cmk_error *e)
{
	if (strcmp(e->code, "revoked") == 0)
		return false;
	return e->status == CMK_TEMPORARY || e->status == CMK_DENIED ||
	       strcmp(e->code, "no-device") == 0;
}

static int open_volume(struct cmkctl *ctl, struct opening *o)
{
	uint64_t end = cmk_boottime() + o->wait, now;
	json_t *result __json = NULL;
	unsigned int pause = 1;
	char node[PATH_MAX];
	struct cmk_error e;

	if (take_timeouts(ctl, o, &e) < 0)
		return ctl_fail(ctl, &e, o->name);
	while (try_open(ctl, o, &result, &e) < 0) {
		now = cmk_boottime();
		if (!may_pass(&e) || now >= end)
			return ctl_fail(ctl, &e, o->name);
		ctl_verbose(ctl, "%s: %s; again in %u s", o->name, e.text,
			    pause);
		usleep(end - now < pause * 1000000ULL ? end - now :
		       pause * 1000000ULL);
		pause = pause < BACKOFF_MAX ? pause + 1 : BACKOFF_MAX;
	}

	snprintf(node, sizeof(node), "/dev/mapper/%s", o->name);
	json_object_set_new(result, "volume", json_string(o->name));
	json_object_set_new(result, "uuid", json_string(o->uuid));
	json_object_set_new(result, "device", json_string(node));
	if (ctl->json)
		ctl_print_json(json_incref(result));
	else if (!ctl->quiet)
		printf("%s: open, %lld of %lld ranges live\n", node,
		       (long long)json_number(result, "live"),
		       (long long)json_number(result, "ranges"));
	return CMK_OK;
}

int cmd_open(struct cmkctl *ctl, int argc, char **argv)
{
	struct opening o = { 0 };
	int status = CMK_OK;

	if (parse_options(ctl, &o, argc, argv, &status) == CTL_STOP)
		return status;
	status = name_volume(ctl, &o, argc - optind, argv + optind);
	if (status == CMK_OK)
		status = open_volume(ctl, &o);
	cmk_tab_free(&o.tab);
	return status;
}
