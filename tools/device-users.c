// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the answer to "busy with what?".  It is made for people: what cannot
 * be read is left out, and the kernel's open count stays the judge.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "cmkctl.h"
#include "device.h"
#include "stack.h"
#include "text.h"

struct text {
	char *buf;
	size_t len, size;
};

/* @fs: numbers of the file systems on @stack, as stat(2) has them. */
struct users {
	struct text text;
	struct stack stack;
	dev_t fs[STACK_FS];
	unsigned int n;
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

static bool in_list(const dev_t *list, unsigned int n, dev_t dev)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (list[i] == dev)
			return true;
	return false;
}

/* One namespace has it where the other has it, mostly: said once. */
static void add_mount(const struct stack_fs *fs, void *userdata)
{
	struct users *u = userdata;
	char words[PATH_MAX + 16];

	if (!in_list(u->fs, u->n, fs->dev) && u->n < STACK_FS)
		u->fs[u->n++] = fs->dev;
	snprintf(words, sizeof(words), "mounted on %s", fs->point);
	if (!strstr(u->text.buf, words))
		add(&u->text, "%s", words);
}

static bool is_device(const char *path, const struct stack *stack)
{
	struct stat st;

	return *path == '/' && stat(path, &st) == 0 && S_ISBLK(st.st_mode) &&
	       in_list(stack->dev, stack->n, st.st_rdev);
}

static void add_swap(struct users *u)
{
	char *line __free = NULL, path[1024];
	size_t size = 0;
	FILE *f;

	f = fopen("/proc/swaps", "re");
	while (f && getline(&line, &size, f) > 0)
		if (sscanf(line, "%1023s", path) == 1 &&
		    is_device(path, &u->stack))
			add(&u->text, "in use as swap");
	if (f)
		fclose(f);
}

/* The last of the stack is the volume itself. */
static void add_holders(struct users *u)
{
	char path[512], name[128];
	unsigned int i;
	FILE *f;

	for (i = 0; i + 1 < u->stack.n; i++) {
		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/dm/name",
			 major(u->stack.dev[i]), minor(u->stack.dev[i]));
		f = fopen(path, "re");
		if (f && fscanf(f, "%127s", name) == 1)
			add(&u->text, "used by the mapped device %s", name);
		if (f)
			fclose(f);
	}
}

/* What the kernel has at hand: to ask a server of files could take for ever. */
static bool is_ours(const struct users *u, int dir, const char *name)
{
	struct statx st;

	if (statx(dir, name, AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT,
		  STATX_TYPE, &st))
		return false;
	if (S_ISBLK(st.stx_mode) &&
	    in_list(u->stack.dev, u->stack.n,
		    makedev(st.stx_rdev_major, st.stx_rdev_minor)))
		return true;
	return in_list(u->fs, u->n,
		       makedev(st.stx_dev_major, st.stx_dev_minor));
}

/* Number of its descriptors that are the devices or files on them. */
static unsigned int count_fds(const struct users *u, const char *pid)
{
	unsigned int n = 0;
	struct dirent *entry;
	char path[300];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			n += is_ours(u, dirfd(dir), entry->d_name);
	if (dir)
		closedir(dir);
	return n;
}

/* proc(5): address, rights, offset, major:minor in hexadecimal */
static bool has_mapped(const struct users *u, const char *pid)
{
	char *line __free = NULL, path[300];
	unsigned int ma, mi;
	bool found = false;
	size_t size = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%s/maps", pid);
	f = fopen(path, "re");
	while (f && !found && getline(&line, &size, f) > 0)
		found = sscanf(line, "%*s %*s %*s %x:%x", &ma, &mi) == 2 &&
			(ma || mi) &&
			in_list(u->fs, u->n, makedev(ma, mi));
	if (f)
		fclose(f);
	return found;
}

static bool works_in(const struct users *u, const char *pid)
{
	char path[300];

	snprintf(path, sizeof(path), "/proc/%s/cwd", pid);
	if (is_ours(u, AT_FDCWD, path))
		return true;
	snprintf(path, sizeof(path), "/proc/%s/root", pid);
	return is_ours(u, AT_FDCWD, path);
}

static void name_of(const char *pid, char *ret, size_t size)
{
	char path[300];
	FILE *f;

	snprintf(ret, size, "?");
	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	f = fopen(path, "re");
	if (!f)
		return;
	if (fgets(ret, size, f))
		ret[strcspn(ret, "\n")] = '\0';
	fclose(f);
}

static void add_process(struct users *u, const char *pid)
{
	unsigned int fds = count_fds(u, pid);
	const char *how;
	char name[32];

	if (fds)
		how = "open by";
	else if (has_mapped(u, pid))
		how = "mapped by";
	else if (works_in(u, pid))
		how = "working directory of";
	else
		return;
	name_of(pid, name, sizeof(name));
	if (fds > 1)
		add(&u->text, "%s %s[%s] (%u files)", how, name, pid, fds);
	else
		add(&u->text, "%s %s[%s]", how, name, pid);
}

static void add_processes(struct users *u)
{
	struct dirent *entry;
	DIR *dir;

	dir = opendir("/proc");
	while (dir && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]) &&
		    atoi(entry->d_name) != getpid())
			add_process(u, entry->d_name);
	if (dir)
		closedir(dir);
}

void device_users(dev_t dev, char *ret, size_t size)
{
	struct users u = { .text = { .buf = ret, .size = size } };

	*ret = '\0';
	stack_load(dev, &u.stack);
	stack_mounts(&u.stack, add_mount, &u);
	add_swap(&u);
	add_holders(&u);
	add_processes(&u);
	text_clean(ret);
}
