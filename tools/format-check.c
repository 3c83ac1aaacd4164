// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the checks before a format.  A device that is in use is refused even
 * with --force; what is only left on it is not.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "format.h"
#include "kek.h"
#include "span.h"

static int refuse_used(const struct format *f, struct cmk_error *e)
{
	char users[384];
	struct stat st;

	*users = '\0';
	if (stat(f->device, &st) == 0)
		device_users(st.st_rdev, users, sizeof(users));
	return cmk_error_set(e, CMK_UNSUITABLE, -EBUSY, "busy",
			     "%s is in use%s%s; nothing was written",
			     f->device, *users ? ": " : "", users);
}

/* Exclusive: no mount, no holder, no other program that asks so. */
static int open_device(struct format *f, struct cmk_error *e)
{
	int r;

	r = device_resolve(f->spec, f->device, e);
	if (r < 0)
		return r;
	f->fd = device_open(f->device,
			    (f->dry_run ? O_RDONLY : O_RDWR) | O_EXCL, NULL,
			    &f->params.device_size, e);
	if (f->fd == -EBUSY)
		return refuse_used(f, e);
	return f->fd < 0 ? f->fd : 0;
}

/* Where the header will be: on the device, or in a file that may not exist. */
static int locate_header(struct format *f, struct cmk_error *e)
{
	char cwd[PATH_MAX];

	if (!f->header) {
		snprintf(f->header_path, sizeof(f->header_path), "%s",
			 f->device);
		return 0;
	}
	f->params.detached = true;
	if (realpath(f->header, f->header_path))
		return 0;
	if (errno == ENOENT && *f->header == '/') {
		snprintf(f->header_path, sizeof(f->header_path), "%s",
			 f->header);
		return 0;
	}
	/* The agent has another working directory. */
	if (errno == ENOENT && getcwd(cwd, sizeof(cwd)) &&
	    snprintf(f->header_path, sizeof(f->header_path), "%s/%s", cwd,
		     f->header) < (int)sizeof(f->header_path))
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -errno, "header", "%s: %s",
			     f->header, strerror(errno));
}

static bool kek_matches(const struct format *f)
{
	struct cmk_header_kek kek;
	unsigned int i;

	for (i = 0; i < CMK_FORMAT_KIDS; i++)
		if (cmk_header_get_kek(f->existing, i, &kek) &&
		    cmk_kek_match(f->kek, kek.kid))
			return true;
	return false;
}

/* Return: what differs from what was asked for, NULL if nothing does. */
static const char *difference(const struct format *f)
{
	struct cmk_header_info is, want;

	cmk_header_get_info(f->existing, &is);
	cmk_header_get_info(f->plan, &want);
	if (f->uuid && memcmp(is.uuid, want.uuid, sizeof(is.uuid)) != 0)
		return "uuid";
	if (is.range_sectors != want.range_sectors)
		return "range size";
	if (is.sector_size != want.sector_size)
		return "sector size";
	if (is.wrap != want.wrap)
		return "wrap";
	if (is.detached != want.detached)
		return "place of the header";
	if (!kek_matches(f))
		return "key";
	return NULL;
}

static int judge_existing(struct format *f, bool *ret_same,
			  struct cmk_error *e)
{
	struct cmk_header_info info;
	const char *differs;
	char uuid[37];

	cmk_header_get_info(f->existing, &info);
	cmk_format_uuid(info.uuid, uuid);
	if (f->ensure) {
		differs = difference(f);
		*ret_same = !differs;
		return differs ? cmk_error_set(e, CMK_UNSUITABLE, -EEXIST,
			"differs", "%s has the volume %s already, with another "
			"%s; nothing was written", f->header_path, uuid,
			differs) : 0;
	}
	if (f->force)
		return 0;
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "exists",
			     "%s has the volume %s already; --force destroys "
			     "its keys and with them all data; nothing was "
			     "written", f->header_path, uuid);
}

/* Anything that could be a header, even a broken one, is somebody's data. */
static int check_existing(struct format *f, bool *ret_same,
			  struct cmk_error *e)
{
	struct cmk_error why;
	int r;

	if (access(f->header_path, F_OK) < 0)
		return 0;
	r = device_read_header(f->header_path, &f->existing, &why);
	if (r == 0)
		return judge_existing(f, ret_same, e);
	if (strcmp(why.code, "no-header") == 0 || f->force)
		return 0;
	*e = why;
	return r;
}

static int check_signatures(struct format *f, struct cmk_error *e)
{
	int r;

	r = device_signatures(f->fd, f->signatures, sizeof(f->signatures), e);
	if (r < 0 || !*f->signatures || f->force)
		return r;
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "signature",
			     "%s is not empty: it has %s; --force destroys it; "
			     "nothing was written", f->device, f->signatures);
}

/* A file that is there and is no header must not be overwritten unasked. */
static int check_header_place(const struct format *f, struct cmk_error *e)
{
	char signatures[256] = "";
	struct stat st;
	int fd __fd = -1;

	if (!f->header || f->existing || f->force ||
	    stat(f->header_path, &st) < 0)
		return 0;
	if (S_ISREG(st.st_mode) && st.st_size == 0)
		return 0;
	if (S_ISBLK(st.st_mode)) {
		fd = device_open(f->header_path, O_RDONLY | O_EXCL, NULL, NULL,
				 e);
		if (fd < 0)
			return fd;
		if (device_signatures(fd, signatures, sizeof(signatures),
				      e) < 0)
			return -EIO;
		if (!*signatures)
			return 0;
	}
	return cmk_error_set(e, CMK_UNSUITABLE, -EEXIST, "exists",
			     "%s exists and is no header; nothing was written",
			     f->header_path);
}

int format_check(struct format *f, bool *ret_same, struct cmk_error *e)
{
	int r;

	r = open_device(f, e);
	if (r == -EBUSY && f->ensure) {
		/* An open volume is in use; --ensure only looks at it. */
		f->fd = device_open(f->device, O_RDONLY, NULL,
				    &f->params.device_size, NULL);
		r = f->fd < 0 ? f->fd : 0;
	}
	if (r == 0)
		r = locate_header(f, e);
	/* The agent makes a random one; the plan needs any. */
	if (!f->uuid)
		memset(f->params.uuid, 0xff, sizeof(f->params.uuid));
	if (r == 0)
		r = cmk_header_new(&f->plan, &f->params, e);
	if (r == 0)
		r = check_existing(f, ret_same, e);
	if (r < 0 || *ret_same)
		return r;
	r = check_header_place(f, e);
	return r < 0 ? r : check_signatures(f, e);
}

int format_create_header_file(struct format *f, struct cmk_error *e)
{
	struct cmk_header_info info;
	int fd __fd = -1;
	struct stat st;

	if (!f->header)
		return 0;
	cmk_header_get_info(f->plan, &info);
	fd = open(f->header_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0 || fstat(fd, &st) < 0)
		return cmk_error_set(e, CMK_UNSUITABLE, -errno, "header",
				     "%s: %s", f->header_path,
				     strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_size >= (off_t)info.header_size)
		return 0;
	f->header_created = st.st_size == 0;
	/* Allocated, so that a full filesystem is found out now. */
	errno = posix_fallocate(fd, 0, info.header_size);
	if (errno) {
		if (f->header_created)
			unlink(f->header_path);
		return cmk_error_set(e, CMK_UNSUITABLE, -errno, "header",
				     "%s: %s", f->header_path,
				     strerror(errno));
	}
	return 0;
}

void format_release(struct format *f)
{
	if (f->fd >= 0)
		close(f->fd);
	cmk_header_free(f->plan);
	cmk_header_free(f->existing);
}
