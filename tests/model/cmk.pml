/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The agent, the kernel and the vault as one system, for spin.  What is kept
 * here are the six promises of Documentation/model.rst, which also has the
 * table of which step is which function.
 *
 * All is in one process: each option of its loop is one step that nothing
 * interrupts in the code either, as a lock, a syscall or a turn of the event
 * loop makes it.  Time is a step too, and comes only when nothing that is due
 * waits: a kernel's timer, or an agent that runs.  One that is stopped lets
 * time pass, with a command of its own half-way.
 *
 * All times are ticks, and what is left of them: no clock is in the state.
 * With BREAK_x one thing is done wrongly, and a promise must be seen to fail.
 */
#include "settings.pml"

#define OPEN	0	/* the gate */
#define HELD	1
#define REVOKED	2

#define READY	0	/* the policy's phase */
#define GRACE	1
#define CONFIRM	2
#define PHELD	3
#define PREVOKED 4
#define RESTORING 5
#define STICKY	6
#define LIVE	(phase <= CONFIRM)

#define NONE	0	/* a question to the vault */
#define ASKED	1
#define YES	2
#define NO	3

#define RENEW	1	/* a command of the agent to the kernel */
#define HOLD	2
#define REVOKE	3
#define RESTORE	4
#define RENEW_I	5	/* before the keys of an open or a fill */
#define KEYSET	6
#define CLOSE	7	/* a restore that failed half-way */

#define SENT	1	/* how far it has got */
#define DONE	2
#define REFUSED	3	/* by the kernel */
#define FAILED	4	/* lost, or its answer was */

#define DOWN	0	/* the agent */
#define RUNS	1
#define STOPPED	2

#define FOR_OPEN 0	/* what keys on their way are for */
#define FOR_RESTORE 1
#define FOR_FILL 2

/* the vault, and the way to it */
bit denies, cut;

/* the kernel: kernel/volume.h */
bit mapped, sticky, by_denial, live, lease_had, lease_runs, asleep;
byte gate, lease_left, after_left, hold_left;

/* the disk of the node: the file, and the one that a restore has taken */
bit marker, taken;
/* an administrator's command, another's revoke; does the restore name the last
   closing? */
byte admin, other;
bit names;

/* the agent: agent/volume.h, agent/policy.h */
byte agent, phase, back, denials, last_age, first_age, back_age;
byte deny_left, grace_left, probe_left, renew_left, close_left;
bit watched, opening, denial, view_open, view_sticky, event, unclosed;
byte probe, probe_age, keys, keys_age, keys_for;
byte cmd, cmd_at, cmd_after;
bit cmd_orphan, undo;	/* does its restore name the last closing? */

/* what the promises speak of */
bit ends, acked, stale, undo_old, names_old, was_open;
byte no_age, proof_age, renewal_age, outage, good, x;

#define IO	(mapped && gate == OPEN && live && !asleep)
#define IDLE	(agent == RUNS && cmd == 0)

#define less(t)	if :: t > 0 -> t-- :: else fi
#define more(t, max) if :: t < (max) -> t++ :: else fi

#include "kernel.pml"
#include "policy.pml"
#include "agent.pml"

/* --- time --- */

/* Nothing is due that runs by itself, now. */
#define AGENT_DUE (event || probe_left == 0 && probe == NONE || \
	probe != NONE && probe_age >= RT || \
	LIVE && (renew_left == 0 || grace_left == 0) || deny_left == 1 || \
	unclosed && close_left == 0 && (phase == PHELD || phase == PREVOKED) || \
	KEYS_DUE)
#define KEYS_DUE (keys_age >= RT && (keys > ASKED || keys == ASKED && !cut))
#define KERNEL_DUE (lease_runs && (lease_left == 0 || after_left == 0) || \
	hold_left == 1)
#define QUIET	(asleep || \
	!KERNEL_DUE && !(agent == RUNS && (cmd || watched && AGENT_DUE || \
	opening && KEYS_DUE)))

inline tick()
{
	if
#ifdef BREAK_MONOTONIC
	:: asleep
#endif
#ifdef NO_LEASE
	:: else
#else
	:: else -> less(lease_left)
#endif
	fi;
#ifndef NO_GRACE
	less(after_left); less(cmd_after); less(grace_left);
#endif
	if :: hold_left > 1 -> hold_left-- :: else fi;
	less(probe_left); less(renew_left); less(close_left);
	if :: deny_left > 1 -> deny_left-- :: else fi;
	if :: denials > 0 -> more(last_age, STALE + 1) :: else fi;
#if SETTLE > 0
	if :: denials > 0 -> more(first_age, SETTLE_LAST) :: else fi;
	more(back_age, SETTLE_CAP);
#endif
	if :: probe != NONE -> more(probe_age, AGE_MAX) :: else fi;
	if :: keys != NONE -> more(keys_age, AGE_MAX) :: else fi;
	promises()
}

/* --- what must hold after each tick --- */

inline promises()
{
#ifdef P1
	/* Refused by a vault that answers an agent that asks, and settled. */
	if
	:: denies && !cut && agent == RUNS && watched && !asleep &&
	   !UNSETTLED -> more(no_age, P1_BOUND + 1)
	:: else -> no_age = 0
	fi;
	assert(!(IO && no_age > P1_BOUND));
#endif
#ifdef P2
	more(proof_age, GRACE_MAX + 1);
	assert(!(IO && proof_age > GRACE_MAX));
#endif
#ifdef P3
	more(renewal_age, TTL + 1);
	assert(!(IO && renewal_age > TTL));
#endif
#ifdef P4
	/* It ends when vault and agent have had time for a proof. */
	if
	:: cut || agent != RUNS -> good = 0; outage++
	:: else ->
		more(good, CHECK_MAX + RT);
		if
		:: good == CHECK_MAX + RT -> outage = 0
		:: good < CHECK_MAX + RT && outage > 0 -> outage++
		:: else
		fi
	fi;
	assert(IO);
#endif
#ifdef P5
	assert(!(ends && IO));
#endif
	skip
}

#ifdef P4
#define CAN_LOSE (lease_left > 1 && CAN_FAIL)
#define CAN_TICK ((!cut && agent == RUNS || CAN_FAIL) && \
	(lease_left > 1 || agent == RUNS))
#define CAN_FAIL (outage < OUTAGE)
#define bad() good = 0; outage = (outage -> outage : 1)
#else
#define CAN_LOSE 1
#define CAN_TICK 1
#define CAN_FAIL 1
#define bad() skip
#endif

#include "steps.pml"
