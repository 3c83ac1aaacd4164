// SPDX-License-Identifier: GPL-2.0
/*
 * Files with secrets in them.  Not by stdio, whose buffers keep copies.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

static void closep(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static void freep(char **p)
{
	free(*p);
}

#define _cleanup_(func) __attribute__((cleanup(func)))

static int fail(struct cmk_error *e, int err, const char *path)
{
	return cmk_error_set(e, CMK_FAILED, err, "file", "%s: %s", path,
			     strerror(-err));
}

/* Return: the file's size, or negative errno */
static ssize_t check(int fd, const char *path, size_t max, struct cmk_error *e)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return fail(e, -errno, path);
	if (!S_ISREG(st.st_mode))
		return cmk_error_set(e, CMK_FAILED, -EINVAL, "file",
				     "%s is not a regular file", path);
	if (st.st_mode & 077 || (st.st_uid && st.st_uid != geteuid()))
		return cmk_error_set(e, CMK_FAILED, -EPERM, "file-mode",
				     "%s is open to others: chown root, chmod 600",
				     path);
	if (st.st_size <= 0 || (size_t)st.st_size > max)
		return cmk_error_set(e, CMK_FAILED, -EINVAL, "file",
				     "%s has %lld bytes, expected 1 to %zu",
				     path, (long long)st.st_size, max);
	return st.st_size;
}

int cmk_file_read_secret(const char *path, size_t max, struct cmk_secret *ret,
			 struct cmk_error *e)
{
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY |
					      O_NONBLOCK);
	ssize_t size, n;
	size_t done;
	int r;

	if (fd < 0)
		return fail(e, -errno, path);
	size = check(fd, path, max, e);
	if (size < 0)
		return size;
	r = cmk_secret_alloc(ret, size);
	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "no-locked-memory",
				     "no locked memory for %s", path);
	for (done = 0; done < ret->len; done += n) {
		n = read(fd, ret->data + done, ret->len - done);
		if (n <= 0) {
			r = n ? -errno : -EIO;
			cmk_secret_wipe(ret);
			return fail(e, r, path);
		}
	}
	return 0;
}

static int sync_folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	_cleanup_(freep) char *folder = NULL;
	_cleanup_(closep) int fd = -1;

	folder = slash ? strndup(path, slash - path + 1) : strdup(".");
	if (!folder)
		return -ENOMEM;
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 || fsync(fd) < 0 ? -errno : 0;
}

static int write_all(int fd, const char *data, size_t len)
{
	ssize_t n;

	for (; len; data += n, len -= n) {
		n = write(fd, data, len);
		if (n < 0)
			return -errno;
	}
	return fsync(fd) < 0 ? -errno : 0;
}

/* By link() and not rename(), which would replace what is there. */
static int create(const char *path, const void *data, size_t len)
{
	_cleanup_(freep) char *temp = NULL;
	_cleanup_(closep) int fd = -1;
	int r;

	if (asprintf(&temp, "%s.XXXXXX", path) < 0) {
		temp = NULL;
		return -ENOMEM;
	}
	fd = mkostemp(temp, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	r = write_all(fd, data, len);
	if (!r && link(temp, path) < 0)
		r = -errno;
	unlink(temp);
	return r ? r : sync_folder_of(path);
}

int cmk_file_create(const char *path, const void *data, size_t len,
		    struct cmk_error *e)
{
	int r = create(path, data, len);

	if (r < 0)
		return cmk_error_set(e, CMK_FAILED, r, "file",
				     "cannot create %s: %s", path,
				     strerror(-r));
	return 0;
}
