// SPDX-License-Identifier: GPL-2.0
/* The mapped device: libdevmapper, from one thread at a time. */

#include <errno.h>
#include <libdevmapper.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "race.h"

static int run(struct dm_task *task)
{
	int r = dm_task_run(task) ? 0 : dm_task_get_errno(task) ?: EIO;

	dm_task_destroy(task);
	/* No udev does it. */
	dm_task_update_nodes();
	return r;
}

static struct dm_task *begin(int type)
{
	struct dm_task *task = dm_task_create(type);

	if (!task || !dm_task_set_name(task, race.name))
		fault("no dm task");
	return task;
}

/* Ends the program when it fails. */
static void must(const char *what, struct dm_task *task)
{
	int r = run(task);

	if (r)
		fault("%s: %s", what, strerror(r));
}

static int load(void)
{
	struct dm_task *task = begin(DM_DEVICE_RELOAD);
	char line[512];

	snprintf(line, sizeof(line), "%s %d 0 %s 0 %s", race.uuid,
		 RANGE_SECTORS, race.disk, race.options);
	if (!dm_task_add_target(task, 0, SECTORS, "cmk", line))
		fault("no target");
	return run(task);
}

void table_load(void)
{
	int r = load();

	if (r)
		fault("reload: %s", strerror(r));
}

void table_suspend(bool flush)
{
	struct dm_task *task = begin(DM_DEVICE_SUSPEND);

	if (!flush && (!dm_task_no_flush(task) || !dm_task_skip_lockfs(task)))
		fault("no flags");
	must("suspend", task);
}

void table_resume(void)
{
	must("resume", begin(DM_DEVICE_RESUME));
}

static void create(void)
{
	struct dm_task *task = begin(DM_DEVICE_CREATE);
	char uuid[128];

	snprintf(uuid, sizeof(uuid), "CMK-%s-%s", race.uuid, race.name);
	if (!dm_task_set_uuid(task, uuid))
		fault("no uuid");
	must("create", task);
}

/* Not resumed, so that keys can go in before the first I/O. */
void table_create(void)
{
	create();
	table_load();
}

bool table_try_create(void)
{
	int r;

	create();
	r = load();
	if (r && r != EINVAL)
		fault("reload: %s", strerror(r));
	if (r)
		table_remove();
	return !r;
}

void table_remove(void)
{
	struct dm_task *task = begin(DM_DEVICE_REMOVE);

	dm_task_retry_remove(task);
	must("remove", task);
}

int run_program(char *const argv[])
{
	int status;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) ||
	    waitpid(pid, &status, 0) != pid)
		fault("%s does not start", argv[0]);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}
