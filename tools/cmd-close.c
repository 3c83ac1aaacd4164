// SPDX-License-Identifier: GPL-2.0
/*
 * cmkctl close: if nobody uses the volume, drop its keys, remove the mapped
 * device, let the agent forget it.  Works without the agent.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client.h"
#include "device.h"
#include "dm.h"
#include "span.h"
#include "volume.h"

enum { OPTION_ALL = CTL_OPTION_OWN, OPTION_FORCE };

#define UDEV_TRIES	10
#define UDEV_PAUSE	(200 * 1000)	/* microseconds */

struct closing {
	struct cmkctl *ctl;
	struct cmk_nl *nl;		/* NULL: module not loaded */
	struct volume_list list;
	bool all, force;
	json_t *out;
};

/* The name of the mapped device, however the volume was named. */
static const char *mapping_name(const struct closing *c, const char *spec)
{
	const struct cmk_nl_volume *v = volume_find(&c->list, spec, NULL);

	return v && *v->name ? v->name : spec;
}

static void find_users(const char *name, char *ret, size_t size)
{
	char path[PATH_MAX];
	struct stat st;

	*ret = '\0';
	snprintf(path, sizeof(path), "/dev/mapper/%s", name);
	if (stat(path, &st) == 0 && S_ISBLK(st.st_mode))
		device_users(st.st_rdev, ret, size);
}

/* udev looks at a device that was just opened; that is over in a moment. */
static bool soon_over(const char *users)
{
	return !*users || strstr(users, "udev") || strstr(users, "blkid");
}

static int wait_idle(const char *name, struct dm_state *state, char *users,
		     size_t size, struct cmk_error *e)
{
	int tries, r;

	for (tries = 0; tries < UDEV_TRIES; tries++) {
		r = dm_get_state(name, state, e);
		if (r < 0)
			return r;
		if (!state->exists)
			return cmk_error_set(e, CMK_UNSUITABLE, -ENODEV,
					     "no-volume", "not open");
		if (!state->is_cmk)
			return cmk_error_set(e, CMK_UNSUITABLE, -EINVAL,
					     "no-volume", "not a volume, but "
					     "another mapped device");
		if (!state->open_count)
			return 0;
		find_users(name, users, size);
		if (!soon_over(users))
			break;
		usleep(UDEV_PAUSE);
	}
	return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "busy",
			     "in use%s%s", *users ? ": " : "", users);
}

static int close_later(const char *name, const char *users,
		       struct cmk_error *e)
{
	int r = dm_remove(name, true, e);

	if (r < 0)
		return r;
	return cmk_error_set(e, CMK_PARTIAL, -EBUSY, "busy",
			     "in use; will be removed, with its keys, when "
			     "the last user has gone%s%s",
			     *users ? ": " : "", users);
}

static void forget(const struct closing *c, const unsigned char *uuid)
{
	char text[VOLUME_TEXT];
	struct cmk_error e;
	int r;

	cmk_format_uuid(uuid, text);
	r = client_call(c->ctl, "Close", json_pack("{s:s}", "uuid", text),
			NULL, &e);
	/* Without an agent there is nobody who would have to forget it. */
	if (r < 0 && r != -ENOTCONN)
		ctl_warn(c->ctl, "the agent was not told: %s", e.text);
	json_decref(c->ctl->detail);
	c->ctl->detail = NULL;
}

static int close_one(struct closing *c, const char *name)
{
	struct dm_state state;
	char users[384] = "";
	struct cmk_error e;
	int r;

	r = wait_idle(name, &state, users, sizeof(users), &e);
	if (r == -EBUSY && c->force)
		r = close_later(name, users, &e);
	if (r < 0)
		return ctl_fail(c->ctl, &e, name);

	/* What this refuses, the end of the volume does as well. */
	if (c->nl)
		cmk_nl_key_drop(c->nl, state.uuid, UINT32_MAX, NULL);
	if (dm_remove(name, false, &e) < 0)
		return ctl_fail(c->ctl, &e, name);
	forget(c, state.uuid);
	json_array_append_new(c->out, json_string(name));
	if (!c->ctl->json && !c->ctl->quiet)
		printf("%s: closed\n", name);
	return CMK_OK;
}

static int close_volumes(struct closing *c, int argc, char **argv)
{
	int status = CMK_OK, i;
	struct cmk_error e;
	size_t j;

	if (volume_list_load(c->nl, &c->list, &e) < 0)
		return ctl_fail(c->ctl, &e, NULL);
	c->out = json_array();
	for (j = 0; c->all && j < c->list.n; j++)
		status = ctl_worse(status, close_one(c, c->list.v[j].name));
	for (i = 0; i < argc; i++)
		status = ctl_worse(status,
				   close_one(c, mapping_name(c, argv[i])));
	if (c->ctl->json)
		ctl_print_json(json_pack("{s:O}", "closed", c->out));
	json_decref(c->out);
	return status;
}

int cmd_close(struct cmkctl *ctl, int argc, char **argv)
{
	static const struct option options[] = {
		CTL_OPTIONS,
		{ "all", no_argument, NULL, OPTION_ALL },
		{ "force", no_argument, NULL, OPTION_FORCE },
		{ 0 }
	};
	struct closing c = { .ctl = ctl };
	int status = CMK_OK, o, r;
	struct cmk_error e;

	while ((o = ctl_option(ctl, argc, argv, options, &status)) >= 0) {
		if (o == OPTION_ALL)
			c.all = true;
		else
			c.force = true;
	}
	if (o == CTL_STOP)
		return status;
	if (c.all != !argv[optind])
		return ctl_usage(ctl, "name volumes, or use --all");
	r = cmk_nl_open(&c.nl, &e);
	if (r < 0 && r != -ENOENT)
		return ctl_fail(ctl, &e, NULL);
	status = close_volumes(&c, argc - optind, argv + optind);
	volume_list_free(&c.list);
	cmk_nl_close(c.nl);
	return status;
}
