/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent does around its policy: it looks at the kernel, fetches keys,
 * hears what became of its commands; see cmk.pml.
 */

/* cmk_volume_fetch(): keys that fill are good for a restore as well */
inline start_keys(why)
{
	if
	:: keys == NONE -> keys = ASKED; keys_age = 0; keys_for = why
	:: else ->
		if :: why == FOR_RESTORE -> keys_for = why :: else fi
	fi
}

/* take_view(), on_gate_*(); cmk_volume_end_fetch() */
inline look()
{
	event = 0;
	x = (gate != OPEN && (view_open || (sticky && !view_sticky)));
	view_open = (gate == OPEN);
	view_sticky = sticky;
	if
	:: gate == OPEN ->
		if
		:: phase == PHELD || phase == PREVOKED || phase == STICKY ->
			if
			:: unclosed && phase != STICKY
			:: else ->
				phase = READY; denials = 0; denial = 0;
				last_age = 0; first_age = 0; deny_left = 0;
			 renew_left = 0; probe_left = 0;
				unclosed = 0; close_left = 0;
#if SETTLE > 0
				back_age = 0;
#endif
				start_keys(FOR_FILL)
			fi
		:: else
		fi
	:: gate == HELD && !sticky ->
		if
		:: phase == PREVOKED && unclosed
		:: phase == PREVOKED && !unclosed || LIVE || phase == STICKY ->
			phase = PHELD; denial = by_denial; probe_left = 0;
			deny_left = (denial -> DENY_HOLD + 1 : 0);
			close_left = 0
		:: phase == PHELD || phase == RESTORING ->
			unclosed = 0; close_left = 0
		fi
	:: gate == REVOKED && !sticky ->
		unclosed = 0; close_left = 0;
		if
		:: LIVE || phase == STICKY ->
			phase = PREVOKED; denial = by_denial; deny_left = 0;
			probe_left = 0
		:: phase == PHELD -> phase = PREVOKED; deny_left = 0
		:: phase == RESTORING -> back = PREVOKED
		:: else
		fi
	:: sticky ->
		unclosed = 0; close_left = 0; deny_left = 0;
		phase = STICKY; back = 0; denial = 0
	fi;
	if
	:: x && keys != NONE ->
		if :: keys_for == FOR_RESTORE -> not_restored() :: else fi;
		forget_keys()
	:: else
	fi;
	x = 0;
	deadlines()
}

/* on_close_failed() */
inline not_closed()
{
	if
	:: phase == PHELD || phase == PREVOKED ->
		unclosed = 1; close_left = RETRY
	:: else
	fi;
#ifdef P1
	/* Each loss of a command may cost a retry. */
	if
	:: no_age >= RETRY -> no_age = no_age - RETRY
	:: else -> no_age = 0
	fi;
#endif
	skip
}

/* what the answer of the kernel to the last command leads to */
inline reply()
{
	if
	:: cmd == RENEW ->
		if :: cmd_at != DONE -> event = 1 :: else fi;
		forget_command()
	:: cmd == HOLD || cmd == REVOKE ->
		if
		:: cmd_at == DONE ->
			view_open = 0; unclosed = 0; close_left = 0;
			forget_command();
			if
			:: keys != NONE ->
				if
				:: keys_for == FOR_RESTORE -> not_restored()
				:: else
				fi;
				forget_keys()
			:: else
			fi
		:: else ->
			event = 1;
#ifndef BREAK_LOST_CLOSE
			not_closed();
#endif
			forget_command()
		fi
	:: cmd == RESTORE || cmd == RENEW_I ->
		if
		:: cmd_at == DONE -> forget_command(); command(KEYSET)
		:: else ->
			forget_command();
			event = 1;
			keys_end(0)
		fi
	:: cmd == KEYSET ->
		if
		:: cmd_at == DONE -> forget_command(); keys_end(1)
		:: else ->
			forget_command();
			event = 1;
			if
			:: keys_for == FOR_RESTORE -> command(CLOSE)
			:: else -> keys_end(0)
			fi
		fi
	:: cmd == CLOSE ->
		x = (cmd_at != DONE);
		forget_command();
		event = 1;
		keys_end(0);
#ifndef BREAK_HALF_OPEN
		if :: x -> not_closed() :: else fi;
#endif
		x = 0
	fi
}

/* installed(), not_installed() */
inline keys_end(ok)
{
	if
	:: keys_for == FOR_OPEN && ok ->
		opening = 0; watched = 1; view_open = 1; view_sticky = 0;
		phase = READY; grace_left = GRACE_OWN - AGED(keys_age);
		renew_left = 0; interval(probe_left);
		forget_keys();
		deadlines()
	:: keys_for == FOR_OPEN && !ok ->
		opening = 0; unmap(); forget_keys(); forget_agent()
	:: keys_for == FOR_RESTORE ->
		if
		:: ok -> view_open = 1; view_sticky = 0; restored()
		:: else -> not_restored()
		fi;
		forget_keys()
	:: keys_for == FOR_FILL -> forget_keys()
	fi
}

inline forget_agent()
{
	phase = 0; back = 0; denials = 0; last_age = 0; first_age = 0;
	deny_left = 0; grace_left = 0; probe_left = 0; renew_left = 0;
	close_left = 0; unclosed = 0;
	watched = 0; opening = 0; denial = 0; view_open = 0; view_sticky = 0;
	event = 0; back_age = SETTLE_CAP;
	forget_probe(); forget_keys()
}

inline unmap()
{
	mapped = 0; gate = OPEN; sticky = 0; by_denial = 0; live = 0;
	lease_had = 0; lease_runs = 0; lease_left = 0; after_left = 0;
	hold_left = 0; undo = 0; names = 0;
	/* A revoke that has not come back has promised nothing. */
	ends = ends && acked
}

/* adopt(): the volume as the kernel has it, with the end of its grace */
inline adopt()
{
	watched = 1; phase = READY;
#ifdef BREAK_RESTART
	grace_left = GRACE_OWN;
#else
	grace_left = (lease_runs ->
		(after_left < GRACE_OWN -> after_left : GRACE_OWN) : 0);
#endif
	view_open = (gate == OPEN); view_sticky = sticky;
	renew_left = 0; probe_left = 0;
	look()
}
