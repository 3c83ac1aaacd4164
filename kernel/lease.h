/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_LEASE_H
#define CMK_LEASE_H

#include <linux/types.h>
#include <uapi/linux/cmk.h>

struct cmk_volume;

void cmk_lease_init(struct cmk_volume *vol);
int cmk_lease_renew(struct cmk_volume *vol, u32 ttl, enum cmk_lapse lapse);
int cmk_lease_restore(struct cmk_volume *vol, bool admin, u32 ttl,
		      enum cmk_lapse lapse);
u64 cmk_lease_left_ms(struct cmk_volume *vol);

#endif
