/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The one clock of leases, proofs, waits and the audit: it counts while the
 * machine sleeps, and nobody can set it.
 */
#ifndef CMK_CLOCK_H
#define CMK_CLOCK_H

#include <stdint.h>
#include <time.h>

/*
 * CLOCK_BOOTTIME in microseconds, as it is now; the time of an event loop
 * stands still while a callback works.
 */
static inline uint64_t cmk_boottime(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ts.tv_sec * 1000000ULL + ts.tv_nsec / 1000;
}

#endif
