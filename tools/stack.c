// SPDX-License-Identifier: GPL-2.0
/*
 * Owns what is known of the devices and file systems above a volume.  It is
 * read from sysfs and procfs, which answer without I/O.
 */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmkctl.h"
#include "stack.h"

/* Namespaces of one machine that are told apart. */
#define NAMESPACES	1024

static bool in_stack(const struct stack *s, dev_t dev)
{
	unsigned int i;

	for (i = 0; i < s->n; i++)
		if (s->dev[i] == dev)
			return true;
	return false;
}

static bool read_dev(const char *path, dev_t *ret)
{
	unsigned int ma, mi;
	FILE *f = fopen(path, "re");
	bool good;

	if (!f)
		return false;
	good = fscanf(f, "%u:%u", &ma, &mi) == 2;
	fclose(f);
	if (good)
		*ret = makedev(ma, mi);
	return good;
}

static void add(dev_t dev, struct stack *s);

/* @dir: of sysfs; its entries with a "dev" lie on the device. */
static void add_entries(const char *dir, const char *only, struct stack *s)
{
	struct dirent *entry;
	char path[PATH_MAX];
	DIR *d = opendir(dir);
	dev_t dev;

	while (d && (entry = readdir(d))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s/%s", dir, entry->d_name,
			 only);
		if (access(path, F_OK))
			continue;
		snprintf(path, sizeof(path), "%s/%s/dev", dir, entry->d_name);
		if (read_dev(path, &dev))
			add(dev, s);
	}
	if (d)
		closedir(d);
}

/* What is above comes first. */
static void add(dev_t dev, struct stack *s)
{
	char dir[128];

	if (in_stack(s, dev))
		return;
	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u/holders", major(dev),
		 minor(dev));
	add_entries(dir, "dev", s);
	snprintf(dir, sizeof(dir), "/sys/dev/block/%u:%u", major(dev),
		 minor(dev));
	add_entries(dir, "partition", s);
	if (s->n < STACK_DEVICES)
		s->dev[s->n++] = dev;
	else
		s->complete = false;
}

void stack_load(dev_t volume, struct stack *ret)
{
	ret->n = 0;
	ret->complete = true;
	add(volume, ret);
}

/* As the kernel writes a space in a path. */
static void unescape(char *text)
{
	char *to = text;
	unsigned int c;

	for (; *text; text++) {
		if (*text == '\\' && sscanf(text + 1, "%3o", &c) == 1) {
			*to++ = c;
			text += 3;
		} else {
			*to++ = *text;
		}
	}
	*to = '\0';
}

/* Some file systems have a number of their own: then the source. */
static bool source_in_stack(const struct stack *s, const char *pid,
			    const char *line)
{
	const char *rest = strstr(line, " - ");
	char source[PATH_MAX], path[PATH_MAX + 32];
	struct stat st;

	if (!rest || sscanf(rest, " - %*s %4095s", source) != 1 ||
	    *source != '/')
		return false;
	unescape(source);
	snprintf(path, sizeof(path), "/proc/%s/root%s", pid, source);
	return stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       in_stack(s, st.st_rdev);
}

/* proc(5): number, parent, major:minor, root, mount point, ... */
static void mounts_of(const struct stack *s, const char *pid, stack_mount_t cb,
		      void *userdata)
{
	char *line __free = NULL, path[64];
	struct stack_fs fs;
	unsigned int ma, mi;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/mountinfo", pid);
	f = fopen(path, "re");
	while (f && getline(&line, &size, f) > 0) {
		if (sscanf(line, "%*u %*u %u:%u %*s %4095s", &ma, &mi,
			   fs.point) != 3)
			continue;
		fs.dev = makedev(ma, mi);
		if (!in_stack(s, fs.dev) && !source_in_stack(s, pid, line))
			continue;
		unescape(fs.point);
		snprintf(fs.path, sizeof(fs.path), "/proc/%s/root%s", pid,
			 fs.point);
		cb(&fs, userdata);
	}
	if (f)
		fclose(f);
}

/* A namespace that was seen before; past the last one all are new. */
static bool seen(ino_t *known, unsigned int *n, const char *pid)
{
	struct stat st;
	char path[64];
	unsigned int i;

	snprintf(path, sizeof(path), "/proc/%s/ns/mnt", pid);
	if (stat(path, &st))
		return true;		/* the process has gone */
	for (i = 0; i < *n; i++)
		if (known[i] == st.st_ino)
			return true;
	if (*n < NAMESPACES)
		known[(*n)++] = st.st_ino;
	return false;
}

void stack_mounts(const struct stack *stack, stack_mount_t cb, void *userdata)
{
	ino_t known[NAMESPACES];
	struct dirent *entry;
	unsigned int n = 0;
	DIR *dir;

	if (!seen(known, &n, "self"))
		mounts_of(stack, "self", cb, userdata);
	dir = opendir("/proc");
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    !seen(known, &n, entry->d_name))
			mounts_of(stack, entry->d_name, cb, userdata);
	if (dir)
		closedir(dir);
}
