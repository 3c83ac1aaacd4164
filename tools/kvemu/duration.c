// SPDX-License-Identifier: GPL-2.0
/*
 * Calendar arithmetic for rotation policies.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "duration.h"

int duration_add(int64_t t, const char *text, int64_t *ret)
{
	int years = 0, months = 0, days = 0;
	struct tm tm;
	time_t sec = t;
	char *end;

	if (*text++ != 'P' || !*text)
		return -EINVAL;
	while (*text) {
		long n = strtol(text, &end, 10);

		if (end == text || n < 0 || n > 36500)
			return -EINVAL;
		if (*end == 'Y' && !years && !months && !days)
			years = n;
		else if (*end == 'M' && !months && !days)
			months = n;
		else if (*end == 'D' && !days)
			days = n;
		else
			return -EINVAL;
		text = end + 1;
	}
	if (!gmtime_r(&sec, &tm))
		return -EINVAL;
	tm.tm_year += years;
	tm.tm_mon += months;
	tm.tm_mday += days;
	*ret = timegm(&tm);
	return 0;
}
