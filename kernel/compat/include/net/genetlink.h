/* SPDX-License-Identifier: GPL-2.0 */
/*
 * genl_info_dump() came with Linux 6.6; before, a dump's attributes are in
 * struct genl_dumpit_info itself, under the same name.
 */
#ifndef CMK_COMPAT_GENETLINK_H
#define CMK_COMPAT_GENETLINK_H

#include_next <net/genetlink.h>

#if !defined(CMK_HAVE_GENL_INFO_DUMP) && !defined(CMK_PROBE)
#define genl_info_dump(cb) genl_dumpit_info(cb)
#endif

#endif
