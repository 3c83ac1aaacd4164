/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Small files that hold a key or another secret: read into locked memory,
 * created durably and never replaced.
 */
#ifndef CMK_FILE_H
#define CMK_FILE_H

#include <stddef.h>

#include "error.h"
#include "secret.h"

/**
 * cmk_file_read_secret() - read a whole file
 * @max: longest length that is accepted
 *
 * Refused (-EPERM, "file-mode") when others than its owner may read or write
 * the file, or when its owner is neither root nor we.  An empty or too long
 * one, and what is no regular file, is -EINVAL.
 */
int cmk_file_read_secret(const char *path, size_t max, struct cmk_secret *ret,
			 struct cmk_error *e);

/**
 * cmk_file_create() - create a file with mode 0600
 *
 * Durable and whole before it appears under @path.
 *
 * Return: 0, or negative errno: -EEXIST when there is one already.
 */
int cmk_file_create(const char *path, const void *data, size_t len,
		    struct cmk_error *e);

#endif
