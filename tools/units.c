// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the memory of what was stopped, a file for each volume that lives as
 * long as this boot, and the conversation with systemd.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cmkctl.h"
#include "cmktab.h"
#include "span.h"
#include "text.h"
#include "units.h"
#include "volume.h"

#define DIRECTORY	"/run/cmk-helper"

static void memory_path(const unsigned char uuid[16], char *ret, size_t size)
{
	char text[VOLUME_TEXT];

	cmk_format_uuid(uuid, text);
	snprintf(ret, size, DIRECTORY "/%s", text);
}

/* Return: exit status, or 127.  @out: becomes its standard output. */
static int systemctl(int out, const char *const *words)
{
	char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	posix_spawn_file_actions_t actions;
	int status, r;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, out, 1);
	r = posix_spawnp(&pid, words[0], &actions, NULL, (char **)words, env);
	posix_spawn_file_actions_destroy(&actions);
	if (r || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status))
		return 127;
	return WEXITSTATUS(status);
}

/* What it says is for whoever reads errors, not for a script. */
static bool act(const char *verb, const char *unit)
{
	const char *const words[] = { "systemctl", "--quiet", verb, unit,
				      NULL };

	return systemctl(2, words) == 0;
}

/*
 * Does it run, or did it?  A service that an error of the device has ended
 * before we came is to be started again, too.
 */
static bool is_inactive(const char *unit)
{
	const char *const words[] = { "systemctl", "show", "-P",
				      "ActiveState", unit, NULL };
	char state[32] = "";
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC))
		return false;
	systemctl(pipes[1], words);
	close(pipes[1]);
	if (read(pipes[0], state, sizeof(state) - 1) < 0)
		state[0] = '\0';
	close(pipes[0]);
	return !strcmp(state, "inactive\n");
}

/* One stops or starts at a time.  Return: to be closed. */
static int lock_memory(void)
{
	int fd;

	if (mkdir(DIRECTORY, 0700) && errno != EEXIST)
		return -errno;
	fd = open(DIRECTORY, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		flock(fd, LOCK_EX);
	return fd;
}

static void remember(const unsigned char uuid[16], json_t *units)
{
	char path[PATH_MAX];
	int fd __fd = -1;

	memory_path(uuid, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd >= 0)
		json_dumpfd(units, fd, 0);
}

static json_t *recall(const unsigned char uuid[16])
{
	char path[PATH_MAX];

	memory_path(uuid, path, sizeof(path));
	return json_load_file(path, 0, NULL);
}

static void forget(const unsigned char uuid[16])
{
	char path[PATH_MAX];

	memory_path(uuid, path, sizeof(path));
	unlink(path);
}

static void stop(const char *unit, json_t *stopped, json_t *left)
{
	char text[PATH_MAX + 32];

	if (is_inactive(unit))
		return;
	if (act("stop", unit)) {
		json_array_insert_new(stopped, 0, json_string(unit));
		return;
	}
	snprintf(text, sizeof(text), "%s: not stopped", unit);
	json_array_append_new(left, json_string(text_clean(text)));
}

static void stop_listed(char *list, json_t *stopped, json_t *left)
{
	char *save, *unit;

	for (unit = strtok_r(list, ":", &save); unit;
	     unit = strtok_r(NULL, ":", &save))
		stop(unit, stopped, left);
}

void units_stop(const char *name, const unsigned char uuid[16],
		const json_t *mounts, json_t *left)
{
	struct cmk_tab tab __cmk_tab = { 0 };
	const struct cmk_tab_entry *entry;
	json_t *stopped __json = NULL;
	char *list __free = NULL;
	int lock __fd = -1;
	json_t *mount;
	size_t i;

	if (access("/run/systemd/system", F_OK) ||
	    cmk_tab_read(&tab, NULL, NULL, NULL, NULL))
		return;
	entry = cmk_tab_find(&tab, name);
	list = entry && entry->stop ? strdup(entry->stop) : NULL;
	if (!list)
		return;
	lock = lock_memory();
	/* A second revoke must not forget what the first one stopped. */
	stopped = recall(uuid) ?: json_array();
	stop_listed(list, stopped, left);
	json_array_foreach(mounts, i, mount)
		stop(json_string_value(mount), stopped, left);
	if (json_array_size(stopped))
		remember(uuid, stopped);
}

/* Mounts come first in the list, as they were stopped last. */
int units_start(struct cmkctl *ctl, const unsigned char uuid[16])
{
	int lock __fd = lock_memory();
	json_t *units __json = recall(uuid);
	int status = CMK_OK;
	struct cmk_error e;
	json_t *unit;
	size_t i;

	json_array_foreach(units, i, unit) {
		if (act("start", json_string_value(unit)))
			continue;
		cmk_error_set(&e, CMK_PARTIAL, -EIO, "not-started",
			      "restored, but %s does not start; see \"systemctl status %s\"",
			      json_string_value(unit),
			      json_string_value(unit));
		status = ctl_fail(ctl, &e, NULL);
	}
	forget(uuid);
	return status;
}
