/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The syntax of cmkd.conf(5), which is systemd's: sections, key=value, whole
 * lines of comment, a backslash at the end of a line that goes on.
 */
#ifndef CMK_CONFIG_FILE_H
#define CMK_CONFIG_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "error.h"

struct cmk_config_line {
	const char *file;
	unsigned int line;
	const char *section, *key, *value;
};

typedef int (*cmk_config_line_t)(const struct cmk_config_line *line,
				 void *userdata, struct cmk_error *e);

/**
 * cmk_config_read() - hand out each assignment of a file and its drop-ins
 * @file: the drop-ins are the *.conf in @file.d, in order of name
 * @optional: @file need not exist
 *
 * Return: 0, what @take returned, or negative errno with @e naming the line.
 */
int cmk_config_read(const char *file, bool optional, cmk_config_line_t take,
		    void *userdata, struct cmk_error *e);

/**
 * cmk_config_peek() - the last value of one key, whatever else is there
 * @file: need not exist; with its drop-ins
 * @ret: written to only if it is found
 *
 * For what must be done although other lines are wrong.  The section is not
 * looked at, as its line may be one of those: no two have a key of one name.
 *
 * Return: 1, 0 if no line has the key, or negative errno: it cannot be told.
 */
int cmk_config_peek(const char *file, const char *key, char *ret, size_t size);

#endif
