/* SPDX-License-Identifier: GPL-2.0 */
/* What the kernel does with a command, see cmk.pml. */

/* Each close that is accepted has a number of its own, cmk_volume_flip() */
inline numbered(changes)
{
#ifdef BREAK_CLOSING_SAME
	if :: changes -> undo = 0; names = 0 :: else fi;
#else
	undo = 0; names = 0;
#endif
#ifdef P6
	stale = (stale || cmd_at == SENT);
	undo_old = (undo_old || phase == RESTORING || cmd == RESTORE);
	names_old = (names_old || admin == A_PROVEN || admin == A_TAKEN);
#endif
	skip
}

/* cmk_volume_flip() and the wipe that follows */
inline flip(to, by_admin, no)
{
	if
	:: !mapped || to < gate -> x = REFUSED
	:: mapped && to == gate && (sticky || !by_admin) ->
		x = DONE; numbered(0)
	:: mapped && to > gate && sticky && !by_admin -> x = REFUSED
	:: else ->
		x = DONE;
#ifdef P4
		/* Whatever closes it, some I/O waits or fails. */
		assert(0);
#endif
#ifdef BREAK_STICKY
		gate = to; sticky = 0;
#else
		gate = to; sticky = by_admin;
#endif
		by_denial = no;
		lease_runs = 0; lease_left = 0; after_left = 0;
		live = 0;
		hold_left = (to == HELD && !by_admin -> HOLD_TIMEOUT : 0);
		numbered(1)
	fi
}

inline lease_start(after)
{
	lease_runs = 1; lease_had = 1;
	lease_left = TTL; after_left = after;
#ifdef P3
	renewal_age = 0
#endif
}

/* cmk_lease_renew() */
inline kernel_renew(after)
{
	if
#ifdef BREAK_REVIVE
	:: mapped && !sticky -> gate = OPEN; lease_start(after); x = DONE
#else
	:: mapped && gate == OPEN && !(lease_had && !lease_runs) ->
		lease_start(after); x = DONE
#endif
	:: else -> x = REFUSED
	fi
}

/* cmk_lease_restore(), cmk_volume_open() */
inline kernel_restore(by_admin, after, named)
{
	if
#ifdef BREAK_ADMIN
	:: mapped && named ->
#else
	:: mapped && named && (!sticky || by_admin) ->
#endif
		if :: gate != OPEN -> live = 0 :: else fi;
		gate = OPEN; sticky = 0; by_denial = 0; hold_left = 0;
		undo = 0; names = 0;
		lease_start(after); x = DONE
	:: else -> x = REFUSED
	fi
}

/* cmk_volume_set_key() */
inline kernel_key()
{
	if
#ifdef BREAK_KEYSET
	:: mapped ->
		gate = (sticky -> gate : OPEN); live = 1; x = DONE
#else
	:: mapped && gate == OPEN && lease_runs -> live = 1; x = DONE
#endif
	:: else -> x = REFUSED
	fi
}

inline kernel_does()
{
	was_open = (gate == OPEN);
	if
	:: cmd == RENEW || cmd == RENEW_I -> kernel_renew(cmd_after)
	:: cmd == HOLD -> flip(HELD, 0, denial)
	:: cmd == REVOKE -> flip(REVOKED, 0, denial)
	:: cmd == RESTORE -> kernel_restore(0, cmd_after, AGENT_NAMES)
	:: cmd == KEYSET -> kernel_key()
	:: cmd == CLOSE -> flip((back == PHELD -> HELD : REVOKED), 0, by_denial)
	fi;
#ifdef P6
	/* A message from before the end changes nothing after it. */
	assert(!(stale && !was_open && gate == OPEN));
	assert(!(undo_old && cmd == RESTORE && x == DONE));
#endif
#ifdef P5
	assert(!(ends && IO));
#endif
	was_open = 0
}
