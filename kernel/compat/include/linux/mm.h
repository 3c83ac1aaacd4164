/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Where memory maps may have holes, older kernels want nth_page() between the
 * pages of one vector; newer ones build no such vectors and have no such word.
 */
#ifndef CMK_COMPAT_MM_H
#define CMK_COMPAT_MM_H

#include_next <linux/mm.h>

#ifndef nth_page
#define nth_page(page, n)	((page) + (n))
#endif

#endif
