/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_LEASE_H
#define CMK_LEASE_H

#include <linux/ktime.h>
#include <linux/types.h>
#include <uapi/linux/cmk.h>

struct cmk_volume;

/**
 * struct cmk_lease_terms - what an agent says of a lease
 * @ttl: seconds from now
 * @not_after: CLOCK_BOOTTIME at which the keys end in any case
 * @lapse: what the end of @ttl, a sleep and a VM fork do
 * @keep_asleep: the keys outlive a sleep
 */
struct cmk_lease_terms {
	u32 ttl;
	ktime_t not_after;
	enum cmk_lapse lapse;
	bool keep_asleep;
};

struct cmk_lease_left {
	u64 lease_ms;
	u64 grace_ms;
};

void cmk_lease_init(struct cmk_volume *vol);
int cmk_lease_renew(struct cmk_volume *vol,
		    const struct cmk_lease_terms *terms);
int cmk_lease_restore(struct cmk_volume *vol, bool admin, u64 closing,
		      const struct cmk_lease_terms *terms);
void cmk_lease_lapse_all(enum cmk_cause cause);
struct cmk_lease_left cmk_lease_left(struct cmk_volume *vol);

#endif
