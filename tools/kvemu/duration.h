/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The subset of ISO 8601 durations that rotation policies use: P90D, P18M,
 * P1Y, P1Y6M.
 */
#ifndef KVEMU_DURATION_H
#define KVEMU_DURATION_H

#include <stdint.h>

/**
 * duration_add() - the moment a duration after another
 * @t: Unix seconds
 * @text: duration of years, months and days
 * @ret: result, by the calendar
 *
 * Return: 0 or -EINVAL.
 */
int duration_add(int64_t t, const char *text, int64_t *ret);

#endif
