// SPDX-License-Identifier: GPL-2.0
#include <linux/hrtimer.h>

void *probe(void);

void *probe(void)
{
	return hrtimer_setup;
}
