// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the writing and removing of these files.  They are written after the
 * kernel has closed the gate, so that nothing here can delay it: a bad
 * configuration only means the default directory.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmkctl.h"
#include "config.h"
#include "marker.h"
#include "span.h"
#include "text.h"

#define STATE_DIRECTORY	"/var/lib/cmk"
#define UUID_TEXT	37

static void state_directory(char *ret, size_t size)
{
	struct cmk_config *config = NULL;

	if (cmk_config_load(&config, NULL, NULL) == 0) {
		snprintf(ret, size, "%s", config->state_directory);
		cmk_config_free(config);
	} else {
		snprintf(ret, size, STATE_DIRECTORY);
	}
}

static int marker_directory(bool create)
{
	char path[PATH_MAX - sizeof("/revoked")];
	char sub[PATH_MAX];
	int fd;

	state_directory(path, sizeof(path));
	snprintf(sub, sizeof(sub), "%s/revoked", path);
	if (create && ((mkdir(path, 0755) < 0 && errno != EEXIST) ||
		       (mkdir(sub, 0700) < 0 && errno != EEXIST)))
		return -errno;
	fd = open(sub, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static char *content(const char *action, const char *reason)
{
	json_t *object __json = NULL;
	char when[TEXT_SIZE];

	object = json_pack("{s:s, s:s, s:i}", "action", action, "time",
			   text_time(time(NULL), when), "uid", (int)getuid());
	if (reason)
		json_object_set_new(object, "reason", json_string(reason));
	return json_dumps(object, 0);
}

static int write_all(int dir, const char *name, const char *text)
{
	int fd __fd = -1;
	size_t len = strlen(text);

	fd = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC |
		    O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len || write(fd, "\n", 1) != 1)
		return errno ? -errno : -ENOSPC;
	return fsync(fd) < 0 ? -errno : 0;
}

static int replace(int dir, const char *name, const char *text)
{
	char temporary[UUID_TEXT + 8];
	int r;

	snprintf(temporary, sizeof(temporary), "%s.new", name);
	errno = 0;
	r = write_all(dir, temporary, text);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir, temporary, 0);
	return r == 0 && fsync(dir) < 0 ? -errno : r;
}

int marker_write(const unsigned char *uuid, const char *action,
		 const char *reason, struct cmk_error *e)
{
	char *text __free = content(action, reason);
	char name[UUID_TEXT];
	int dir __fd = -1;
	int r = -ENOMEM;

	cmk_format_uuid(uuid, name);
	dir = marker_directory(true);
	if (dir < 0)
		r = dir;
	else if (text)
		r = replace(dir, name, text);
	if (r < 0)
		return cmk_error_set(e, CMK_PARTIAL, r, "not-persistent",
				     "the %s is in force but will not outlive "
				     "a reboot: cannot write revoked/%s: %s",
				     action, name, strerror(-r));
	return 0;
}

int marker_remove(const unsigned char *uuid, struct cmk_error *e)
{
	char name[UUID_TEXT];
	int dir __fd = -1;
	int r = 1;

	cmk_format_uuid(uuid, name);
	dir = marker_directory(false);
	if (dir == -ENOENT)
		return 0;
	if (dir < 0)
		r = dir;
	else if (unlinkat(dir, name, 0) < 0)
		r = -errno;
	else if (fsync(dir) < 0)
		r = -errno;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "marker",
				     "cannot remove revoked/%s: %s", name,
				     strerror(-r));
	return r;
}
