/* SPDX-License-Identifier: GPL-2.0 */
/* hrtimer_setup() came with Linux 6.13. */
#ifndef CMK_COMPAT_HRTIMER_H
#define CMK_COMPAT_HRTIMER_H

#include_next <linux/hrtimer.h>

#if !defined(CMK_HAVE_HRTIMER_SETUP) && !defined(CMK_PROBE)
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*fn)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = fn;
}
#endif

#endif
