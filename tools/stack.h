/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What lies on a volume: the block devices above it and the file systems on
 * any of them, wherever they are mounted.
 */
#ifndef CMKCTL_STACK_H
#define CMKCTL_STACK_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#define STACK_DEVICES	64
#define STACK_FS	64

/**
 * struct stack_fs - a file system
 * @dev: as stat(2) tells of its files
 * @point: where it is mounted, in the eyes of whoever has it mounted
 * @path: the same for us, by way of /proc/PID
 */
struct stack_fs {
	dev_t dev;
	char point[PATH_MAX];
	char path[PATH_MAX + 32];
};

/**
 * struct stack - block devices, what lies on others before those
 * @dev, @n: the last one is the volume itself
 * @complete: there was room for all
 */
struct stack {
	dev_t dev[STACK_DEVICES];
	unsigned int n;
	bool complete;
};

void stack_load(dev_t volume, struct stack *ret);

/* Called for each place where a file system of the stack is mounted. */
typedef void (*stack_mount_t)(const struct stack_fs *fs, void *userdata);

/**
 * stack_mounts() - mounts of a stack, in all mount namespaces
 *
 * A namespace is looked at by one of its processes; a file system that only
 * open files keep, or mounts of a namespace without processes, is not found.
 */
void stack_mounts(const struct stack *stack, stack_mount_t cb, void *userdata);

#endif
