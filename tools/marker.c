// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the writing and removing of these files.  They are written after the
 * kernel has closed the gate, so that nothing here can delay it.  Of a bad
 * configuration the one line counts that names their directory; where there is
 * none it may be the bad one, so that they are written and not relied on.
 *
 * A restore renames the file before it asks the kernel, and removes it, by
 * that other name, when the gate is open.  So at no moment is there none, and
 * what a newer revoke writes under the first name no restore removes: one that
 * has taken it is older than that, and the kernel refuses it.  From the one to
 * the other restores exclude each other.  A revoke waits for none of them, as
 * one may be stopped: it closes the gate, writes the file and closes the gate
 * again until the file is still there then, by its first name, which is the
 * only one that no restore under way removes.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmkctl.h"
#include "config-file.h"
#include "config.h"
#include "marker.h"
#include "span.h"
#include "text.h"

#define UUID_TEXT	37
#define NAME_TEXT	(UUID_TEXT + sizeof(".restoring"))
#define LOCK_TRIES	100	/* each tenth of a second */

/* Return: false if it cannot be told and this is the default. */
static bool state_directory(char *ret, size_t size)
{
	struct cmk_config *config = NULL;
	int r;

	r = cmk_config_peek(CMK_CONFIG_FILE, "StateDirectory", ret, size);
	if (r > 0 && *ret == '/')
		return true;
	snprintf(ret, size, CMK_STATE_DIRECTORY);
	if (r < 0 || cmk_config_load(&config, NULL, NULL))
		return false;
	cmk_config_free(config);
	return true;
}

/* @told: may be NULL */
static int marker_directory(bool create, bool *told)
{
	char path[PATH_MAX - sizeof("/revoked")];
	char sub[PATH_MAX];
	bool sure;
	int fd;

	sure = state_directory(path, sizeof(path));
	if (told)
		*told = sure;
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
	bool told;

	cmk_format_uuid(uuid, name);
	dir = marker_directory(true, &told);
	if (dir < 0)
		r = dir;
	else if (text)
		r = replace(dir, name, text);
	if (r < 0)
		return cmk_error_set(e, CMK_PARTIAL, r, "not-persistent",
				     "the %s is in force but will not outlive "
				     "a reboot: cannot write revoked/%s: %s",
				     action, name, strerror(-r));
	if (!told)
		return cmk_error_set(e, CMK_PARTIAL, -EINVAL, "not-persistent",
				     "the %s is in force but may not outlive a reboot: "
				     CMK_CONFIG_FILE " is wrong or cannot be read, and no line of it names StateDirectory=, so that "
				     CMK_STATE_DIRECTORY "/revoked/%s was written; repair it (cmkd --check-config) and repeat the %s",
				     action, name, action);
	return 0;
}

static void name_taken(const unsigned char *uuid, char name[UUID_TEXT],
		       char taken[NAME_TEXT])
{
	cmk_format_uuid(uuid, name);
	snprintf(taken, NAME_TEXT, "%s.restoring", name);
}

bool marker_stands(const unsigned char *uuid)
{
	char name[UUID_TEXT];
	int dir __fd = -1;

	cmk_format_uuid(uuid, name);
	dir = marker_directory(false, NULL);
	return dir < 0 ? dir != -ENOENT :
	       faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0 ||
	       errno != ENOENT;
}

static int lock_restores(int dir)
{
	int tries;

	for (tries = 0; tries < LOCK_TRIES; tries++) {
		if (flock(dir, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK)
			return -errno;
		usleep(100000);
	}
	return -EBUSY;
}

static int take(int dir, const unsigned char *uuid)
{
	char name[UUID_TEXT], taken[NAME_TEXT];
	int r;

	r = lock_restores(dir);
	if (r < 0)
		return r;
	name_taken(uuid, name, taken);
	if (renameat(dir, name, dir, taken) == 0)
		return 1;
	if (errno != ENOENT)
		return -errno;
	/* Of a restore that was killed */
	return faccessat(dir, taken, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

int marker_take(const unsigned char *uuid, int *lock, struct cmk_error *e)
{
	char name[UUID_TEXT];
	int r;

	*lock = marker_directory(false, NULL);
	if (*lock == -ENOENT)
		return 0;
	r = *lock < 0 ? *lock : take(*lock, uuid);
	if (r >= 0)
		return r;
	cmk_format_uuid(uuid, name);
	if (r == -EBUSY)
		return cmk_error_set(e, CMK_TEMPORARY, r, "restoring",
				     "another restore is under way");
	return cmk_error_set(e, CMK_FAILED, r, "marker",
			     "cannot rename revoked/%s: %s", name,
			     strerror(-r));
}

void marker_put_back(const unsigned char *uuid, int lock)
{
	char name[UUID_TEXT], taken[NAME_TEXT];

	name_taken(uuid, name, taken);
	/* Where a newer one is, or this cannot be done, it counts as it is. */
	renameat2(lock, taken, lock, name, RENAME_NOREPLACE);
}

int marker_drop(const unsigned char *uuid, int lock, struct cmk_error *e)
{
	char name[UUID_TEXT], taken[NAME_TEXT];
	int r = 0;

	name_taken(uuid, name, taken);
	if (unlinkat(lock, taken, 0) < 0 || fsync(lock) < 0)
		r = -errno;
	if (r < 0)
		return cmk_error_set(e, CMK_PARTIAL, r, "not-persistent",
				     "restored, but closed again after a reboot: cannot remove revoked/%s: %s",
				     taken, strerror(-r));
	return 0;
}
