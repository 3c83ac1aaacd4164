/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A kernel that panics when a task is blocked for long: an I/O that waits in a
 * hold or for a key blocks its task.
 */
#ifndef HUNG_TASK_H
#define HUNG_TASK_H

#include <stdbool.h>

#define HUNG_TASK_DIR	"/proc/sys/kernel"

/**
 * hung_task_cut() - shorten a wait that would end in a panic
 * @dir: HUNG_TASK_DIR
 * @seconds: 0 is for ever; with hung_task_panic at most hung_task_timeout_secs
 *	less 20 s, and at least 1 s, when it returns
 *
 * Return: true if it was cut.
 */
bool hung_task_cut(const char *dir, unsigned int *seconds);

#endif
