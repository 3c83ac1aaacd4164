// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the end of plaintext in caches.  It comes after the kernel has closed
 * the gate, so nothing here can delay that.
 *
 * After a revoke every file system on the volume is shut down, what lies on
 * others first, without writing its log: from then on it answers nothing from
 * its pages.  Then pages, inodes and names are dropped, and those of the block
 * devices.  In a hold a file system must not notice, and nothing may be started
 * that does I/O: only clean pages are dropped, which cost nothing but to be
 * read again.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cmkctl.h"
#include "purge.h"
#include "stack.h"
#include "text.h"
#include "units.h"
#include "volume.h"

#define PATIENCE	10000	/* milliseconds */

/* As ext4, xfs and f2fs have it; no header of user space does. */
#define IOC_SHUTDOWN	_IOR('X', 125, __u32)
#define NOLOGFLUSH	2

struct purge {
	struct stack stack;
	struct stack_fs *fs;
	size_t n;
	json_t *shut_down, *left;
};

static void collect(const struct stack_fs *fs, void *userdata)
{
	struct purge *p = userdata;
	struct stack_fs *grown;

	grown = realloc(p->fs, (p->n + 1) * sizeof(*grown));
	if (!grown)
		return;
	p->fs = grown;
	grown[p->n++] = *fs;
}

__attribute__((format(printf, 2, 3)))
static void leave(struct purge *p, const char *fmt, ...)
{
	char text[PATH_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	json_array_append_new(p->left, json_string(text_clean(text)));
}

/* What is mounted over a place hides it: then another of its places will do. */
static int shut_down(const struct stack_fs *fs)
{
	__u32 how = NOLOGFLUSH;
	struct stat st;
	int fd __fd;

	fd = open(fs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return -errno;
	if (st.st_dev != fs->dev)
		return -EXDEV;
	return ioctl(fd, IOC_SHUTDOWN, &how) ? -errno : 0;
}

/* All places of one file system; the first that serves. */
static void shut_down_all_of(struct purge *p, dev_t dev)
{
	char *point = NULL;
	int r = 0;
	size_t i;

	for (i = 0; i < p->n; i++) {
		if (p->fs[i].dev != dev)
			continue;
		point = p->fs[i].point;
		r = shut_down(&p->fs[i]);
		if (!r)
			break;
	}
	if (point && !r)
		json_array_append_new(p->shut_down,
				      json_string(text_clean(point)));
	else if (point)
		leave(p, "%s: not shut down: %s", point, strerror(-r));
}

static bool first_of_its_kind(const struct purge *p, size_t i)
{
	size_t j;

	for (j = 0; j < i; j++)
		if (p->fs[j].dev == p->fs[i].dev)
			return false;
	for (j = 0; j < p->stack.n; j++)
		if (p->stack.dev[j] == p->fs[i].dev)
			return false;
	return true;
}

static void shut_down_stack(struct purge *p)
{
	size_t i;

	/* Those with a number of their own, as btrfs, are of any level. */
	for (i = 0; i < p->n; i++)
		if (first_of_its_kind(p, i))
			shut_down_all_of(p, p->fs[i].dev);
	for (i = 0; i < p->stack.n; i++)
		shut_down_all_of(p, p->stack.dev[i]);
}

/* "1" pages, "3" names and inodes, too; of the whole machine. */
static void drop_caches(struct purge *p, const char *what)
{
	int fd __fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, what, 1) != 1)
		leave(p, "caches not dropped: %s", strerror(errno));
}

/* devtmpfs has a node of each device by the kernel's own name. */
static int open_device(dev_t dev)
{
	char path[128], line[256];
	FILE *f;
	int fd = -ENOENT;

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/uevent",
		 major(dev), minor(dev));
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "DEVNAME=", 8))
			continue;
		snprintf(path, sizeof(path), "/dev/%.100s", line + 8);
		fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		fd = fd < 0 ? -errno : fd;
	}
	if (f)
		fclose(f);
	return fd;
}

static void flush_devices(struct purge *p)
{
	unsigned int i;

	for (i = 0; i < p->stack.n; i++) {
		int fd __fd = open_device(p->stack.dev[i]);

		/* It fails where a dirty page cannot be written; as it must. */
		if (fd >= 0)
			ioctl(fd, BLKFLSBUF, 0);
	}
}

static void purge(struct purge *p, dev_t volume, bool revoked)
{
	if (!revoked) {
		drop_caches(p, "1");
		return;
	}
	stack_load(volume, &p->stack);
	if (!p->stack.complete)
		leave(p, "more than %u devices lie on it", STACK_DEVICES);
	stack_mounts(&p->stack, collect, p);
	shut_down_stack(p);
	drop_caches(p, "3");
	flush_devices(p);
}

/*
 * It may go on for long after its parent, so it keeps open nothing that
 * somebody reads to the end.
 */
static void child(dev_t volume, bool revoked, int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	struct purge p = { .n = 0 };
	json_t *result;

	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	p.shut_down = json_array();
	p.left = json_array();
	purge(&p, volume, revoked);
	result = json_pack("{s:o, s:o}", "shut_down", p.shut_down, "left",
			   p.left);
	json_dumpfd(result, out, JSON_COMPACT);
	_exit(0);
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000LL + ts.tv_nsec / 1000000;
}

/* Until the other side closes it, or the time is up. */
static json_t *read_result(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t end = now_ms() + PATIENCE;
	char text[65536];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(text) && now_ms() < end &&
	       poll(&p, 1, 100) >= 0) {
		if (!p.revents)
			continue;
		n = read(fd, text + len, sizeof(text) - len);
		if (n <= 0)
			return json_loadb(text, len, 0, NULL);
		len += n;
	}
	return NULL;
}

static json_t *purge_caches(dev_t volume, bool revoked)
{
	json_t *result;
	int pipes[2];
	pid_t pid;

	if (pipe2(pipes, O_CLOEXEC))
		return NULL;
	pid = fork();
	if (!pid)
		child(volume, revoked, pipes[1]);
	close(pipes[1]);
	result = pid > 0 ? read_result(pipes[0]) : NULL;
	close(pipes[0]);
	if (result)
		waitpid(pid, NULL, 0);
	return result;
}

json_t *purge_volume(const struct cmk_nl_volume *v, bool revoked)
{
	json_t *result = purge_caches(makedev(v->major, v->minor), revoked);

	if (revoked)
		units_stop(v->name, v->uuid,
			   json_object_get(result, "shut_down"),
			   json_object_get(result, "left"));
	return result;
}

int purge_report(struct cmkctl *ctl, const struct cmk_nl_volume *v,
		 const json_t *purged)
{
	const json_t *left = json_object_get(purged, "left");
	const char *first = json_string_value(json_array_get(left, 0));
	struct cmk_error e;

	if (purged && !first)
		return CMK_OK;
	cmk_error_set(&e, CMK_PARTIAL, -EBUSY, "not-purged",
		      "closed, but data of it may be left in memory: %s%s",
		      first ?: "it takes longer than ten seconds",
		      json_array_size(left) > 1 ? ", and more" : "");
	return ctl_fail(ctl, &e, volume_name(v));
}
