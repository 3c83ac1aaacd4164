// SPDX-License-Identifier: GPL-2.0
/*
 * Owns the bound that the kernel's detector of hung tasks sets to each wait.
 */
#include <limits.h>
#include <stdio.h>

#include "hung-task.h"

/* Between the end of the wait and the panic: the I/O still has to fail. */
#define MARGIN	20
/* The longest that a table takes for the wait for a key, but for ever */
#define LONGEST	3600

/* 0 also if there is none: a kernel without the detector. */
static unsigned long setting(const char *dir, const char *name)
{
	unsigned long value = 0;
	char path[PATH_MAX];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "re");
	if (!f)
		return 0;
	if (fscanf(f, "%lu", &value) != 1)
		value = 0;
	fclose(f);
	return value;
}

bool hung_task_cut(const char *dir, unsigned int *seconds)
{
	unsigned long limit = setting(dir, "hung_task_timeout_secs");
	unsigned long most = limit > MARGIN ? limit - MARGIN : 1;

	/* Newer kernels have the number of hung tasks that it takes. */
	if (!limit || !setting(dir, "hung_task_panic"))
		return false;
	if (*seconds && *seconds <= most)
		return false;
	if (!*seconds)
		*seconds = LONGEST;
	if (*seconds > most)
		*seconds = most;
	return true;
}
