// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the use of libdevmapper.  It writes its own messages; the last one is
 * kept here, since it is the only place that says which ioctl failed.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <libdevmapper.h>
#include <linux/cmk.h>

#include "dm.h"
#include "span.h"

#define PREFIX	"CMK-"
#define UUID_LEN	36

static char last_message[256];

__attribute__((format(printf, 5, 6)))
static void keep_message(int level, const char *file, int line, int dm_errno,
			 const char *fmt, ...)
{
	va_list ap;

	if ((level & 7) > 4)	/* notice and below */
		return;
	va_start(ap, fmt);
	vsnprintf(last_message, sizeof(last_message), fmt, ap);
	va_end(ap);
}

static void task_end(struct dm_task **task)
{
	if (*task)
		dm_task_destroy(*task);
}

#define __task __attribute__((cleanup(task_end)))

/* @name NULL: for all devices */
static struct dm_task *task_new(int type, const char *name)
{
	struct dm_task *task;

	dm_log_with_errno_init(keep_message);
	*last_message = '\0';
	task = dm_task_create(type);
	if (task && name && !dm_task_set_name(task, name)) {
		dm_task_destroy(task);
		return NULL;
	}
	return task;
}

static int fail(const char *what, const char *name, int err,
		struct cmk_error *e)
{
	enum cmk_status status = CMK_FAILED;

	if (err == EPERM || err == EACCES)
		status = CMK_NOT_PERMITTED;
	else if (err == EBUSY || err == EEXIST || err == ENXIO ||
		 err == EINVAL)
		status = CMK_UNSUITABLE;
	if (!err)
		err = EIO;
	return cmk_error_set(e, status, -err, "device-mapper",
			     "cannot %s the mapped device '%s': %s", what, name,
			     *last_message ? last_message : strerror(err));
}

static int run(struct dm_task *task)
{
	if (!task)
		return -ENOMEM;
	if (dm_task_run(task))
		return 0;
	return dm_task_get_errno(task) ? -dm_task_get_errno(task) : -EIO;
}

bool dm_name_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= DM_VOLUME_NAME_MAX && name[0] != '-' &&
	       strcmp(name, ".") != 0 && strcmp(name, "..") != 0 &&
	       strcmp(name, "control") != 0 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz"
			    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			    "0123456789_.:+=@-") == len;
}

static int create(const struct dm_volume *v)
{
	struct dm_task *task __task = task_new(DM_DEVICE_CREATE, v->name);
	char uuid[UUID_LEN + 1], dm_uuid[sizeof(PREFIX) + UUID_LEN + 1 +
					 DM_VOLUME_NAME_MAX + 1];

	cmk_format_uuid(v->uuid, uuid);
	snprintf(dm_uuid, sizeof(dm_uuid), PREFIX "%s-%s", uuid, v->name);
	if (!task || !dm_task_set_uuid(task, dm_uuid) ||
	    !dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME))
		return -ENOMEM;
	return run(task);
}

static void table_line(const struct dm_volume *v, char *ret, size_t size)
{
	char uuid[UUID_LEN + 1];

	cmk_format_uuid(v->uuid, uuid);
	snprintf(ret, size, "%s %llu %llu %u:%u %llu %u sector_size:%u "
		 "key_timeout:%u hold_timeout:%u record:%llu%s", uuid,
		 (unsigned long long)v->range_sectors,
		 (unsigned long long)v->iv_offset, major(v->device),
		 minor(v->device), (unsigned long long)v->offset,
		 v->allow_discards ? 5 : 4, v->sector_size, v->key_timeout,
		 v->hold_timeout, (unsigned long long)v->record,
		 v->allow_discards ? " allow_discards" : "");
}

static int load_table(const struct dm_volume *v)
{
	struct dm_task *task __task = task_new(DM_DEVICE_RELOAD, v->name);
	char line[512];

	table_line(v, line, sizeof(line));
	if (!task || !dm_task_add_target(task, 0, v->sectors, "cmk", line) ||
	    (v->read_only && !dm_task_set_ro(task)))
		return -ENOMEM;
	return run(task);
}

/*
 * The kernel says why it refuses a table only in its log; these are the
 * refusals that an administrator can do something about.
 */
static int fail_table(const struct dm_volume *v, int err, struct cmk_error *e)
{
	const char *why = strerror(err);

	if (err == EINVAL)
		why = "no target \"cmk\" (is the module dm-cmk installed for "
		      "this kernel?) or a bad table";
	else if (err == EEXIST)
		why = "a volume with this UUID is open already";
	else if (err == EUCLEAN)
		why = "the record area on the device is damaged";
	else if (err == EBUSY)
		why = "the device is in use";
	return cmk_error_set(e, CMK_UNSUITABLE, -err, "table",
			     "the kernel refuses the table of '%s': %s; see "
			     "\"dmesg\"", v->name, why);
}

int dm_load(const struct dm_volume *v, struct cmk_error *e)
{
	int r;

	r = create(v);
	if (r < 0)
		return fail("create", v->name, -r, e);
	r = load_table(v);
	if (r < 0) {
		dm_remove(v->name, false, NULL);
		return fail_table(v, -r, e);
	}
	return 0;
}

/* For tasks that udev has to follow before the caller may go on. */
static int run_and_wait(struct dm_task *task)
{
	uint32_t cookie = 0;
	int r;

	if (!task || !dm_task_set_cookie(task, &cookie, 0))
		return -ENOMEM;
	r = run(task);
	/* Also after a failure: it releases the cookie. */
	dm_udev_wait(cookie);
	return r;
}

int dm_resume(const char *name, struct cmk_error *e)
{
	struct dm_task *task __task = task_new(DM_DEVICE_RESUME, name);
	int r = -ENOMEM;

	if (task && dm_task_set_add_node(task, DM_ADD_NODE_ON_RESUME))
		r = run_and_wait(task);
	return r < 0 ? fail("start", name, -r, e) : 0;
}

int dm_drain(const char *name, struct cmk_error *e)
{
	struct dm_task *task __task = task_new(DM_DEVICE_SUSPEND, name);
	int r = -ENOMEM;

	if (task && dm_task_no_flush(task) && dm_task_skip_lockfs(task))
		r = run(task);
	/* Also after a failure: nobody else would. */
	return dm_resume(name, e) ?:
	       (r < 0 ? fail("suspend", name, -r, e) : 0);
}

int dm_remove(const char *name, bool deferred, struct cmk_error *e)
{
	struct dm_task *task __task = task_new(DM_DEVICE_REMOVE, name);
	int r = -ENOMEM;

	/* udev may open it at any time, after a mkfs for one, and soon goes. */
	if (task && (deferred ? dm_task_deferred_remove(task) :
				dm_task_retry_remove(task)))
		r = run_and_wait(task);
	return r < 0 ? fail("remove", name, -r, e) : 0;
}

static void parse_dm_uuid(const char *dm_uuid, struct dm_state *ret)
{
	char uuid[UUID_LEN + 1];

	if (!dm_uuid || strncmp(dm_uuid, PREFIX, strlen(PREFIX)) != 0)
		return;
	snprintf(uuid, sizeof(uuid), "%s", dm_uuid + strlen(PREFIX));
	ret->is_cmk = cmk_parse_uuid(uuid, ret->uuid) == 0;
}

int dm_get_state(const char *name, struct dm_state *ret, struct cmk_error *e)
{
	struct dm_task *task __task = task_new(DM_DEVICE_INFO, name);
	struct dm_info info;
	int r;

	*ret = (struct dm_state){ 0 };
	r = run(task);
	if (r == -ENXIO)
		return 0;
	if (r < 0 || !dm_task_get_info(task, &info))
		return fail("look at", name, -r, e);
	ret->exists = info.exists;
	ret->live = info.live_table;
	ret->open_count = info.open_count;
	parse_dm_uuid(dm_task_get_uuid(task), ret);
	return 0;
}

/* The uuid of the volume, when the device's only target is one of ours. */
static bool volume_of(const char *name, unsigned char *uuid)
{
	struct dm_task *task __task = task_new(DM_DEVICE_TABLE, name);
	char *type = NULL, *params = NULL, text[UUID_LEN + 1];
	uint64_t start, length;

	if (run(task) < 0)
		return false;
	dm_get_next_target(task, NULL, &start, &length, &type, &params);
	if (!type || strcmp(type, "cmk") != 0)
		return false;
	snprintf(text, sizeof(text), "%s", params);
	return cmk_parse_uuid(text, uuid) == 0;
}

int dm_volumes(int (*add)(const char *name, const unsigned char *uuid,
			  dev_t device, void *userdata),
	       void *userdata)
{
	struct dm_task *task __task = task_new(DM_DEVICE_LIST, NULL);
	const struct dm_names *names;
	unsigned char uuid[16];
	int r = run(task);

	if (r < 0)
		return r;
	names = dm_task_get_names(task);
	if (!names || !names->dev)
		return 0;
	for (;;) {
		if (volume_of(names->name, uuid))
			r = add(names->name, uuid, names->dev, userdata);
		if (r || !names->next)
			return r;
		names = (const void *)((const char *)names + names->next);
	}
}

/* One word of a message to a target, whatever is in it. */
static void quote(const char *text, char *ret)
{
	for (; *text; text++) {
		if (*text == '\\' || isspace((unsigned char)*text))
			*ret++ = '\\';
		*ret++ = *text;
	}
	*ret = '\0';
}

int dm_revoke(const char *name, const char *reason, struct cmk_error *e)
{
	struct dm_task *task __task = task_new(DM_DEVICE_TARGET_MSG, name);
	char message[sizeof("revoke ") + 2 * CMK_REASON_LEN] = "revoke ";
	int r = -ENOMEM;

	if (reason && *reason && strlen(reason) <= CMK_REASON_LEN)
		quote(reason, message + strlen(message));
	if (task && dm_task_set_sector(task, 0) &&
	    dm_task_set_message(task, message))
		r = run(task);
	return r < 0 ? fail("revoke", name, -r, e) : 0;
}
