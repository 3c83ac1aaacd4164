/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Who may do what, one step at a time; cmk.pml has what it does.  The settings
 * say which of the steps of the world a promise is tried against (CAN_x).
 */

active proctype world()
{
	d_step {
		mapped = 1; live = 1; lease_had = 1; lease_runs = 1;
		lease_left = TTL; after_left = GRACE_OWN;
		agent = RUNS; watched = 1; view_open = 1;
		grace_left = GRACE_OWN; probe_left = CHECK_MIN;
		renew_left = RENEWAL; back_age = SETTLE_CAP
	}

	do
	/* -- time -- */
	:: d_step { QUIET && CAN_TICK -> tick() }

	/* -- the kernel, by itself -- */
	/* cmk_lease_fire(): the earlier deadline counts */
	:: d_step { lease_runs && after_left == 0 && !asleep ->
#ifdef BREAK_NOT_AFTER
		lease_runs = 1; after_left = GRACE_OWN
#else
		flip(HELD, 0, 0); event = watched; x = 0
#endif
	}
	:: d_step { lease_runs && lease_left == 0 && !asleep ->
#ifdef BREAK_LEASE
		lease_left = TTL
#else
		flip(ON_LAPSE, 0, 0); event = watched; x = 0
#endif
	}
	/* cmk_hold_end() */
	:: d_step { hold_left == 1 && gate == HELD && !asleep ->
		hold_left = 0;
		flip(REVOKED, 0, by_denial);
		event = watched; x = 0
	}

	/* -- a command on its way -- */
	:: d_step { cmd && cmd_at == SENT && !asleep ->
		kernel_does(); cmd_at = x; cmd_after = 0; x = 0
	}
#ifdef CAN_LOSE_COMMANDS
	/* It did not get there, or its answer did not come back. */
	:: d_step { cmd && cmd_at == SENT && CAN_LOSE && !asleep ->
		cmd_at = FAILED; cmd_after = 0; bad() }
	:: d_step { cmd && cmd_at == SENT && !asleep ->
		kernel_does(); cmd_at = FAILED; cmd_after = 0; x = 0
	}
#endif
	/* Of an agent that is dead, nobody hears the answer. */
	:: d_step { cmd && cmd_orphan && cmd_at != SENT -> forget_command() }

	/* -- the agent -- */
	:: atomic { agent == RUNS && cmd && !cmd_orphan && cmd_at != SENT &&
		    !asleep -> reply() }
	:: d_step { IDLE && watched && probe == NONE && probe_left == 0 &&
		    !asleep -> probe = ASKED; probe_age = 0 }
	:: atomic { IDLE && watched && probe == YES && !asleep ->
		on_usable(probe_age); forget_probe(); deadlines() }
	:: atomic { IDLE && watched && probe == NO && !asleep ->
		forget_probe(); on_denied(); deadlines() }
	:: atomic { IDLE && watched && probe == ASKED && probe_age >= RT &&
		    cut && !asleep ->
		on_silent(probe_age); forget_probe(); deadlines() }
	:: atomic { IDLE && watched && event && !asleep -> look() }
	:: d_step { IDLE && watched && !asleep &&
		    (LIVE && (grace_left == 0 || renew_left == 0) ||
		     deny_left == 1 || unclosed && close_left == 0) ->
		deadlines() }
	/* install(): the gate as it is now, then the lease, then the keys */
	:: d_step { IDLE && keys == YES && !asleep ->
		view_open = (gate == OPEN); view_sticky = sticky;
#ifdef P2
		if
		:: keys_for == FOR_OPEN -> proof_age = keys_age
		:: else
		fi;
#endif
		command((keys_for == FOR_RESTORE && gate != OPEN ->
			RESTORE : RENEW_I));
		if
#ifdef BREAK_OPEN_TERMS
		:: keys_for == FOR_OPEN -> cmd_after = GRACE_OWN
#else
		:: keys_for == FOR_OPEN ->
			cmd_after = GRACE_OWN - AGED(keys_age)
#endif
		:: else
		fi
	}
	:: atomic { IDLE && keys == NO && !asleep -> keys_end(0) }
	/* patience is over */
	:: atomic { IDLE && keys == ASKED && cut && !asleep -> keys_end(0) }

	/* -- the vault -- */
	:: d_step { probe == ASKED && !cut && agent != DOWN ->
		probe = (denies -> NO : YES) }
	:: d_step { keys == ASKED && !cut && agent != DOWN ->
		keys = (denies -> NO : YES) }
#ifdef CAN_DENY
	:: d_step { !denies -> denies = 1 }
	:: d_step { denies -> denies = 0; no_age = 0 }
#endif
#ifdef CAN_CUT
	:: d_step { !cut && CAN_FAIL -> cut = 1; no_age = 0; bad();
		/* what the vault has answered, but nobody has heard */
		if :: probe > ASKED -> probe = ASKED :: else fi }
	:: d_step { cut -> cut = 0 }
#endif

	/* -- the agent's life -- */
#ifdef CAN_CRASH
	:: d_step { agent != DOWN && !asleep && CAN_FAIL ->
		agent = DOWN; no_age = 0; bad();
		if
		:: opening -> unmap()
		:: else
		fi;
		forget_agent();
		if :: cmd && cmd_at == SENT -> cmd_orphan = 1
		:: else -> forget_command()
		fi
	}
	/* Its socket is closed when its last command has come back: bind. */
	:: atomic { agent == DOWN && cmd == 0 && !asleep ->
		agent = RUNS;
		if :: mapped -> adopt() :: else fi
	}
#endif
#ifdef CAN_STOP
	:: d_step { agent == RUNS && CAN_FAIL ->
		agent = STOPPED; no_age = 0; bad() }
	:: d_step { agent == STOPPED -> agent = RUNS }
#endif

	/* -- the node's life -- */
#ifdef CAN_REBOOT
	:: d_step { !asleep ->
		agent = DOWN; unmap(); forget_agent(); forget_command();
		no_age = 0;
		admin = 0; names_old = 0; other = 0
	}
	/* cmkctl open: table, Open, check_open(); cmkctl close undoes it */
	:: d_step { !mapped && agent == RUNS && !cmd && !opening && !asleep &&
		    !MARKED ->
		mapped = 1; opening = 1; start_keys(FOR_OPEN)
	}
#endif
#ifdef CAN_SLEEP
	/* cmk_lease_lapse_all(), unless OnSleep=keep */
	:: d_step { !asleep ->
		if
		:: lease_runs -> flip(ON_LAPSE, 0, 0); event = watched; x = 0
		:: else
		fi;
		asleep = 1
	}
	:: d_step { !asleep -> asleep = 1 }
	/* The timers run before the tasks do. */
	:: d_step { asleep ->
		asleep = 0;
		if
		:: lease_runs && (lease_left == 0 || after_left == 0) ->
			flip(HELD, 0, 0); event = watched; x = 0
		:: else
		fi
	}
#endif
#ifdef CAN_STEP
	/* The wall clock leaps.  Nobody asks it. */
	:: d_step { 1 ->
#ifdef BREAK_WALL
		lease_left = (lease_runs -> TTL : 0);
		after_left = (lease_runs -> GRACE_OWN : 0);
		grace_left = GRACE_OWN
#else
		skip
#endif
	}
#endif

	/* -- an administrator -- */
#ifdef CAN_ADMIN
	/* cmkctl revoke: kernel first, then the file */
	:: d_step { admin == 0 && mapped && !asleep ->
		flip(REVOKED, 1, 0); event = watched; x = 0;
		promised(1, acked); admin = A_REVOKED
	}
	:: d_step { admin == A_REVOKED && !asleep ->
#ifndef BREAK_NO_MARKER
		file(1, taken);
#endif
#ifdef BREAK_REVOKE_ONCE
		promised(1, 1); admin = 0
#else
		admin = A_MARKED
#endif
	}
	/* and the kernel again: it may have been opened anew meanwhile */
	:: d_step { admin == A_MARKED && !asleep ->
		flip(REVOKED, 1, 0); event = watched; x = 0;
		promised(1, 1); admin = 0
	}
	/* It may be killed anywhere. */
	:: d_step { admin != 0 -> admin = 0; names = 0; names_old = 0 }
	/* cmkctl restore: which closing, and what the vault says, */
	:: d_step { admin == 0 && IDLE && watched && !denies && !cut &&
		    mapped && gate != OPEN && !asleep ->
		grace_left = GRACE_OWN; names = 1; admin = A_PROVEN
	}
	/* the file gets its other name, */
	:: d_step { admin == A_PROVEN && !asleep ->
#ifdef BREAK_CLOSING_LATE
		names = 1;
#endif
#ifdef BREAK_MARKER_REMOVED
		file(0, 0);
#else
		file(0, taken || marker);
#endif
		admin = A_TAKEN
	}
	/* the kernel; if it refuses, the file has its name back, or a newer
	   one has it */
	:: d_step { admin == A_TAKEN && !asleep ->
		kernel_restore(1, GRACE_OWN, ADMIN_NAMES);
		if
		:: x == DONE ->
			assert(!names_old);
			promised(0, 0); event = watched; admin = A_OPENED
		:: x != DONE && mapped && gate == OPEN -> admin = A_OPENED
		:: x != DONE && !(mapped && gate == OPEN) ->
#ifdef BREAK_MARKER_REMOVED
			admin = A_TOO_LATE
#else
			if
			:: taken && !marker -> file(1, 0)
			:: else
			fi;
			admin = 0
#endif
		fi;
		names = 0; names_old = 0; x = 0
	}
	/* and the file goes. */
	:: d_step { admin == A_OPENED && A_OPENED && !asleep ->
#ifdef BREAK_MARKER_DROPPED
		file(0, 0);
#else
		file(marker, 0);
#endif
		admin = 0
	}
#ifdef BREAK_MARKER_REMOVED
	:: d_step { admin == A_TOO_LATE && !asleep -> file(1, 0); admin = 0 }
#endif
	:: d_step { admin == 0 && !mapped && MARKED && !asleep ->
		file(0, 0); promised(0, 0)
	}
#endif
#ifdef CAN_ADMIN_TWO
	/* Another one revokes while the first restores, */
	:: d_step { other == 0 && admin >= A_PROVEN && mapped && !asleep ->
		flip(REVOKED, 1, 0); event = watched; x = 0;
#ifdef CAN_REBOOT
		promised(1, acked); other = A_REVOKED
	}
	/* in the same steps. */
	:: d_step { other == A_REVOKED && !asleep ->
		file(1, taken); other = A_MARKED
	}
	:: d_step { other == A_MARKED && !asleep ->
		flip(REVOKED, 1, 0); event = watched; x = 0;
		if
#ifndef BREAK_REVOKE_BLIND
		/* A restore that had seen the first close has taken it. */
		:: !marker -> promised(1, acked); other = A_REVOKED
		:: else -> promised(1, 1); other = 0
#else
		:: 1 -> promised(1, 1); other = 0
#endif
		fi
	}
	:: d_step { other != 0 -> other = 0
#endif
	}
#endif
	od
}
