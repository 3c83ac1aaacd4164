// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the answer to "busy with what?".  It is made for people: what cannot
 * be read is left out, and the kernel's open count stays the judge.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmkctl.h"
#include "device.h"

struct text {
	char *buf;
	size_t len, size;
};

__attribute__((format(printf, 2, 3)))
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (t->len + 1 >= t->size)
		return;
	if (t->len)
		t->len += snprintf(t->buf + t->len, t->size - t->len, "; ");
	if (t->len >= t->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	t->len += n > 0 ? n : 0;
}

static bool is_device(const char *path, dev_t dev)
{
	struct stat st;

	return *path == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       st.st_rdev == dev;
}

/*
 * proc(5): number, parent, major:minor, root, mount point, ..., "-", type,
 * source.  Some filesystems have a number of their own: then the source.
 */
static void add_mounts(struct text *t, dev_t dev)
{
	char *line __free = NULL, point[1024], source[1024];
	unsigned int ma, mi;
	const char *rest;
	size_t size = 0;
	FILE *f;

	f = fopen("/proc/self/mountinfo", "re");
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%*u %*u %u:%u %*s %1023s", &ma, &mi,
			   point) != 3)
			continue;
		rest = strstr(line, " - ");
		if (!rest || sscanf(rest, " - %*s %1023s", source) != 1)
			*source = '\0';
		if (makedev(ma, mi) == dev || is_device(source, dev))
			add(t, "mounted on %s", point);
	}
	if (f)
		fclose(f);
}

static void add_swap(struct text *t, dev_t dev)
{
	char *line __free = NULL, path[1024];
	size_t size = 0;
	FILE *f;

	f = fopen("/proc/swaps", "re");
	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "%1023s", path) == 1 && is_device(path, dev))
			add(t, "in use as swap");
	if (f)
		fclose(f);
}

static void sys_path(dev_t dev, const char *rest, char *ret, size_t size)
{
	snprintf(ret, size, "/sys/dev/block/%u:%u/%s", major(dev), minor(dev),
		 rest);
}

static void add_holders(struct text *t, dev_t dev)
{
	char path[512], name[128];
	struct dirent *entry;
	FILE *f;
	DIR *dir;

	sys_path(dev, "holders", path, sizeof(path));
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/sys/class/block/%s/dm/name",
			 entry->d_name);
		f = fopen(path, "re");
		if (f && fscanf(f, "%127s", name) == 1)
			add(t, "used by the mapped device %s", name);
		else
			add(t, "used by the device %s", entry->d_name);
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

/* Number of descriptors of process @pid that are this device. */
static unsigned int count_fds(const char *pid, dev_t dev)
{
	unsigned int n = 0;
	struct dirent *entry;
	char path[512];
	struct stat st;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    fstatat(dirfd(dir), entry->d_name, &st, 0) == 0 &&
		    S_ISBLK(st.st_mode) && st.st_rdev == dev)
			n++;
	if (dir)
		closedir(dir);
	return n;
}

static void add_process(struct text *t, const char *pid, unsigned int fds)
{
	char path[300], name[32] = "?";
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (f) {
		if (fgets(name, sizeof(name), f))
			name[strcspn(name, "\n")] = '\0';
		fclose(f);
	}
	add(t, "open by %s[%s]%s", name, pid, fds > 1 ? " several times" : "");
}

static void add_processes(struct text *t, dev_t dev)
{
	struct dirent *entry;
	unsigned int n;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (entry = readdir(dir))) {
		if (!isdigit((unsigned char)entry->d_name[0]) ||
		    atoi(entry->d_name) == getpid())
			continue;
		n = count_fds(entry->d_name, dev);
		if (n)
			add_process(t, entry->d_name, n);
	}
	if (dir)
		closedir(dir);
}

static void add_all(struct text *t, dev_t dev)
{
	add_mounts(t, dev);
	add_swap(t, dev);
	add_holders(t, dev);
	add_processes(t, dev);
}

static void add_partitions(struct text *t, dev_t dev)
{
	char path[PATH_MAX];
	struct dirent *entry;
	unsigned int ma, mi;
	FILE *f;
	DIR *dir;

	sys_path(dev, "", path, sizeof(path));
	dir = opendir(path);
	while (dir && (entry = readdir(dir))) {
		snprintf(path, sizeof(path),
			 "/sys/dev/block/%u:%u/%s/partition", major(dev),
			 minor(dev), entry->d_name);
		if (entry->d_name[0] == '.' || access(path, F_OK) < 0)
			continue;
		*strrchr(path, '/') = '\0';
		strncat(path, "/dev", sizeof(path) - strlen(path) - 1);
		f = fopen(path, "re");
		if (f && fscanf(f, "%u:%u", &ma, &mi) == 2)
			add_all(t, makedev(ma, mi));
		if (f)
			fclose(f);
	}
	if (dir)
		closedir(dir);
}

void device_users(dev_t dev, char *ret, size_t size)
{
	struct text t = { .buf = ret, .size = size };

	*ret = '\0';
	add_all(&t, dev);
	add_partitions(&t, dev);
}
