/* SPDX-License-Identifier: GPL-2.0 */
/* How a block device is opened has flags of its own since Linux 6.5. */
#ifndef CMK_COMPAT_BLKDEV_H
#define CMK_COMPAT_BLKDEV_H

#include_next <linux/blkdev.h>

#ifndef BLK_OPEN_WRITE
#define BLK_OPEN_WRITE	FMODE_WRITE
#endif

#endif
