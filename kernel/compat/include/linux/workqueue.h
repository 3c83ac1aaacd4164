/* SPDX-License-Identifier: GPL-2.0 */
/* Works that run in a softirq came with Linux 6.9. */
#ifndef CMK_COMPAT_WORKQUEUE_H
#define CMK_COMPAT_WORKQUEUE_H

#include_next <linux/workqueue.h>

#ifndef CMK_PROBE
/* Return: false where there are no such works, and none was queued. */
static inline bool cmk_queue_bh_work(struct work_struct *work)
{
#ifdef CMK_HAVE_SYSTEM_BH_WQ
	return queue_work(system_bh_wq, work);
#else
	return false;
#endif
}
#endif

#endif
