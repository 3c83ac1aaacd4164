/* SPDX-License-Identifier: GPL-2.0 */
/* The policy: agent/policy.c, agent/policy-answer.c; see cmk.pml. */

inline command(c)
{
	cmd = c; cmd_at = SENT;
	/* the terms of the lease go with it */
	cmd_after = (c == RENEW || c == RESTORE || c == RENEW_I ->
		     grace_left : 0)
}

inline interval(t)
{
	if
	:: t = CHECK_MIN
	:: t = CHECK_MAX
	fi
}

/* until_next(): an interval is from question to question */
inline since_asked(age)
{
	if
	:: age < probe_left / 2 -> probe_left = probe_left - age
	:: else -> probe_left = probe_left - probe_left / 2
	fi
}

inline forget_probe() { probe = NONE; probe_age = 0 }
inline forget_keys() { keys = NONE; keys_age = 0; keys_for = 0 }

inline forget_command()
{
	cmd = 0; cmd_at = 0; cmd_after = 0; cmd_orphan = 0; stale = 0;
	undecide()
}

inline undecide() { undo = 0; undo_old = 0 }

/* the deadlines of a step, cmk_pol_step() */
inline deadlines()
{
	if
	:: cmd
	:: !cmd && LIVE && grace_left == 0 ->
		phase = PHELD; denial = 0; deny_left = 0; command(HOLD)
	:: !cmd && LIVE && grace_left > 0 && renew_left == 0 ->
		renew_left = RENEWAL; command(RENEW)
	:: !cmd && phase == PHELD && deny_left == 1 ->
		phase = PREVOKED; deny_left = 0; command(REVOKE)
	:: !cmd && unclosed && close_left == 0 && phase == PHELD &&
	   deny_left != 1 -> command(HOLD)
	:: !cmd && unclosed && close_left == 0 && phase == PREVOKED ->
		command(REVOKE)
	:: else
	fi
}

/* cmk_step_deny() */
inline deny()
{
	denial = 1;
	if
	:: DENY_HOLD == 0 ->
		phase = PREVOKED; deny_left = 0; command(REVOKE)
	:: DENY_HOLD > 0 ->
		deny_left = DENY_HOLD + 1;
		if
		:: phase != PHELD -> phase = PHELD; command(HOLD)
		:: else
		fi
	fi
}

#if SETTLE > 0
#define UNSETTLED (back_age < SETTLE)
#define CONFIRMED (denials >= CONFIRM_COUNT && \
	(!UNSETTLED || first_age >= SETTLE_LAST))
#else
#define UNSETTLED 0
#define CONFIRMED (denials >= CONFIRM_COUNT)
#endif

/* cmk_step_denied() */
inline on_denied()
{
	if
	:: denials > 0 && last_age > STALE -> denials = 0
	:: else
	fi;
	if :: denials == 0 -> first_age = 0 :: else fi;
	more(denials, CONFIRM_COUNT);
	last_age = 0;
	interval(probe_left);
	if
	:: LIVE || (phase == PHELD && deny_left == 0) ->
		probe_left = SPACING;
		if :: LIVE -> phase = CONFIRM :: else fi;
		if
		:: CONFIRMED ->
			if
			:: phase == PHELD -> interval(probe_left)
			:: else
			fi;
			deny()
		:: else
		fi
#ifndef BREAK_RESTORING
	:: phase == RESTORING -> probe_left = SPACING
#endif
	:: else
	fi
}

/* cmk_step_usable(), on_return(); the proof is as old as its question */
inline on_usable(age)
{
	denials = 0; last_age = 0; first_age = 0;
#ifdef BREAK_PROOF_AGE
	grace_left = GRACE_OWN;
#else
	grace_left = GRACE_OWN - AGED(age);
#endif
#ifdef P2
	proof_age = age;
#endif
	interval(probe_left);
#ifndef BREAK_INTERVAL
	since_asked(age);
#endif
	if
	:: LIVE ->
		phase = READY; denial = 0;
#ifndef BREAK_PROOF_WAITS
		renew_left = 0
#endif
	:: phase == PHELD || phase == PREVOKED ->
		deny_left = 0; back = phase; phase = RESTORING;
		undo = 1; undo_old = 0;
		start_keys(FOR_RESTORE)
	:: else
	fi
}

/* cmk_step_silent() */
inline on_silent(age)
{
	interval(probe_left);
#ifndef BREAK_INTERVAL
	since_asked(age);
#endif
	if
	:: phase == READY -> phase = GRACE
	:: phase == CONFIRM && last_age > STALE ->
		denials = 0; last_age = 0; first_age = 0; phase = GRACE
	:: phase == CONFIRM && last_age <= STALE -> probe_left = SPACING
	:: else
	fi
}

inline restored()
{
	if
	:: phase == RESTORING ->
		phase = READY; back = 0; denials = 0; denial = 0;
		last_age = 0; first_age = 0;
		unclosed = 0; close_left = 0; renew_left = RENEWAL;
#if SETTLE > 0
		back_age = 0;
#endif
#ifdef BREAK_RESTORING
		interval(probe_left)
#endif
	:: else
	fi
}

inline not_restored()
{
	undecide();
	if
	:: phase == RESTORING ->
		phase = back; back = 0;
		deny_left = (phase == PHELD && denial -> DENY_HOLD + 1 : 0);
		interval(probe_left)
	:: else
	fi
}
