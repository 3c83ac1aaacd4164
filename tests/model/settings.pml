/* SPDX-License-Identifier: GPL-2.0 */
/*
 * How large the model is, in ticks, and which steps of the world a promise is
 * tried against.  P1 to P6 choose; run.py prints what it gave beside.
 */

#define A_REVOKED 1	/* an administrator's revoke, half-way */
#define A_MARKED 2
#define A_PROVEN 3	/* his restore: the key server has said yes */
#define A_TAKEN 4	/* the file has its other name */
#ifdef CAN_REBOOT
#define A_OPENED 5
#else
#define A_OPENED 0
#endif
#define A_TOO_LATE 6

#ifndef RT
#define RT 1		/* RequestTimeout */
#endif
#ifndef SPACING
#define SPACING 1	/* ConfirmSpacing */
#endif
#ifndef CHECK_MIN
#define CHECK_MIN 4	/* CheckInterval 5, jitter 20 % */
#define CHECK_MAX 6
#endif
#ifndef CONFIRM_COUNT
#define CONFIRM_COUNT 2
#endif
#ifndef TTL
#define TTL 5		/* LeaseTTL */
#define RENEWAL 1	/* a fifth of it */
#endif
#ifndef GRACE_MAX
#define GRACE_MAX 20	/* OfflineGrace */
#endif
#ifndef GRACE_OWN
#define GRACE_OWN GRACE_MAX	/* as this volume shortens it, down to 0.9 */
#endif
#ifndef DENY_HOLD
#define DENY_HOLD 2
#endif
#ifndef HOLD_TIMEOUT
#define HOLD_TIMEOUT 3
#endif
#ifndef ON_LAPSE
#define ON_LAPSE HELD
#endif
#ifndef SETTLE
#define SETTLE 0	/* SettleTime, and how long a denial must last in it */
#define SETTLE_LAST 0
#endif
#define SETTLE_CAP (SETTLE + SETTLE_LAST)
/* What no search asks is not in its states: the file without a reboot, */
#ifdef CAN_REBOOT
#define file(name, other_name) taken = other_name; marker = name
#else
#define file(name, other_name) skip
#endif
/* and what an administrator was promised. */
#ifdef P5
#define promised(now, for_good) ends = now; acked = for_good
#else
#define promised(now, for_good) skip
#endif
#ifdef BREAK_MARKER
#define MARKED 0
#else
#define MARKED (marker || taken)
#endif
/* Does a restore name the closing that is the last one? */
#ifdef BREAK_TWO_RESTORES
#define AGENT_NAMES 1
#else
#define AGENT_NAMES undo
#endif
#ifdef BREAK_CLOSING_ADMIN
#define ADMIN_NAMES 1
#else
#define ADMIN_NAMES names
#endif
#define RETRY 1		/* of a command that closes the gate */

#ifndef CHECK
#define CHECK 5
#endif
#define STALE (2 * CHECK + SPACING)
#ifndef P1_BOUND
#define P1_BOUND (CHECK_MAX + (CONFIRM_COUNT - 1) * SPACING + \
	CONFIRM_COUNT * RT)
#endif
#ifdef P2
#define AGE_MAX GRACE_OWN	/* that it waits for an agent that is stopped */
#else
#define AGE_MAX RT
#endif
#ifdef NO_GRACE
#define AGED(t) 0	/* P1 has the worst case without an end by grace */
#else
#define AGED(t) (t)
#endif
#ifndef OUTAGE
#define OUTAGE (GRACE_OWN - 2 * (CHECK_MAX + RT))
#endif
