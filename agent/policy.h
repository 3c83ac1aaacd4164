/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the agent does with a volume, as a pure function: state, observation
 * and time in, state and actions out.  No clock is read, nothing is called,
 * nothing is allocated.  The tables are in Documentation/policy.rst.
 *
 * All times are microseconds of CLOCK_BOOTTIME, if not said otherwise; zero
 * means "none" where a time is optional.
 */
#ifndef CMK_POLICY_H
#define CMK_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#define CMK_POL_NEVER	UINT64_MAX
#define CMK_POL_ID_LEN	64

/* A denial in the time of settling must last this long. */
#define CMK_POL_SETTLE_LAST	(60 * 1000000ULL)

/* The local clock, where the vault names no date, may be wrong by this. */
#define CMK_POL_CLOCK_SLACK	(30 * 1000000LL)

/* A command that closes the gate and did not get through is sent again. */
#define CMK_POL_CLOSE_RETRY	(1 * 1000000ULL)

/* Throttled, the agent asks up to this many times less often. */
#define CMK_POL_STRETCH_MAX	5

enum cmk_pol_cause {
	CMK_POL_CAUSE_NONE,
	CMK_POL_CAUSE_DELETED,
	CMK_POL_CAUSE_DISABLED,
	CMK_POL_CAUSE_EXPIRED,	/* exp has passed, or nbf is still to come */
	CMK_POL_CAUSE_PERMISSION,
	CMK_POL_CAUSE_GRACE,	/* no proof for OfflineGrace */
	CMK_POL_CAUSE_KERNEL,	/* the kernel's own: lease, hold time-out */
	CMK_POL_CAUSE_ADMIN,
};

/**
 * enum cmk_pol_phase - where a volume stands, as the agent knows it
 *
 * Keys are live and the lease is renewed:
 * @CMK_POL_READY: the last answer was a proof of the right to the KEK.
 * @CMK_POL_GRACE: the vault gives no verdict; runs on the offline grace.
 * @CMK_POL_CONFIRM: a denial was seen; more answers must agree.
 *
 * Keys are gone and the lease is not renewed:
 * @CMK_POL_HELD: I/O waits.  A return restores; after a denial, DenyHold ends
 *	it in @CMK_POL_REVOKED.
 * @CMK_POL_REVOKED: I/O fails.  A return restores.
 * @CMK_POL_RESTORING: a return was seen, the DEKs are on their way.  Ends by
 *	the report of those who fetch them, in @CMK_POL_READY or back.
 * @CMK_POL_STICKY: an administrator closed the volume.  Probes go on, for
 *	status; nothing but an open gate leads out.
 */
enum cmk_pol_phase {
	CMK_POL_READY,
	CMK_POL_GRACE,
	CMK_POL_CONFIRM,
	CMK_POL_HELD,
	CMK_POL_REVOKED,
	CMK_POL_RESTORING,
	CMK_POL_STICKY,
};
#define CMK_POL_PHASES	(CMK_POL_STICKY + 1)

/**
 * enum cmk_pol_obs_kind - what was observed
 * @CMK_OBS_TICK: nothing, time passed
 *
 * Answers to a probe, the unwrap of the header key:
 * @CMK_OBS_USABLE: a proof
 * @CMK_OBS_DELETED: 404 KeyNotFound
 * @CMK_OBS_DISABLED: 403 KeyDisabled
 * @CMK_OBS_EXPIRED: 403, the key's time is over
 * @CMK_OBS_FORBIDDEN: 403 KeyOperationForbidden, a property of the key
 * @CMK_OBS_PERMISSION: 403 of the caller; a denial only for the identity of
 *	the last proof
 * @CMK_OBS_NETWORK_DENIED: 403 of the vault's firewall
 * @CMK_OBS_UNAUTHENTICATED: no token, or it was refused
 * @CMK_OBS_THROTTLED: 429
 * @CMK_OBS_UNKNOWN: everything else
 *
 * Answers to a GET of the key's attributes:
 * @CMK_OBS_GET: exp and nbf are in the observation
 * @CMK_OBS_GET_REFUSED: 401, 403 or 404; denies nothing by itself
 * @CMK_OBS_GET_SILENT: no verdict
 *
 * From the kernel and from the agent itself:
 * @CMK_OBS_GATE_OPEN: the gate is open
 * @CMK_OBS_GATE_HELD: the gate is held, not by an administrator
 * @CMK_OBS_GATE_REVOKED: the gate is revoked, not by an administrator
 * @CMK_OBS_GATE_STICKY: an administrator's hold or revoke
 * @CMK_OBS_RESTORED: the restore succeeded: gate open, keys live
 * @CMK_OBS_RESTORE_FAILED: it did not
 * @CMK_OBS_CLOSE_FAILED: the command to hold or to revoke did not get through,
 *	or its answer did not
 */
enum cmk_pol_obs_kind {
	CMK_OBS_TICK,
	CMK_OBS_USABLE,
	CMK_OBS_DELETED,
	CMK_OBS_DISABLED,
	CMK_OBS_EXPIRED,
	CMK_OBS_FORBIDDEN,
	CMK_OBS_PERMISSION,
	CMK_OBS_NETWORK_DENIED,
	CMK_OBS_UNAUTHENTICATED,
	CMK_OBS_THROTTLED,
	CMK_OBS_UNKNOWN,
	CMK_OBS_GET,
	CMK_OBS_GET_REFUSED,
	CMK_OBS_GET_SILENT,
	CMK_OBS_GATE_OPEN,
	CMK_OBS_GATE_HELD,
	CMK_OBS_GATE_REVOKED,
	CMK_OBS_GATE_STICKY,
	CMK_OBS_RESTORED,
	CMK_OBS_RESTORE_FAILED,
	CMK_OBS_CLOSE_FAILED,
};
#define CMK_OBS_KINDS	(CMK_OBS_CLOSE_FAILED + 1)

/**
 * struct cmk_pol_obs - one observation
 * @oid, @tid: of the token that was used; NULL if none
 * @date: the vault's Date, Unix seconds; 0 if none
 * @local_clock: Unix microseconds of a synchronised clock; 0 if none
 * @exp, @nbf: of CMK_OBS_GET, Unix seconds; 0 if the key has none
 * @retry_after: how long the server asks to be left alone
 * @cause: of CMK_OBS_GATE_HELD and _REVOKED
 * @random: any number, spreads the probes of a fleet
 * @age: how long ago the question was asked; a proof is as old as it
 */
struct cmk_pol_obs {
	enum cmk_pol_obs_kind kind;
	const char *oid, *tid;
	int64_t date, local_clock, exp, nbf;
	uint64_t retry_after;
	enum cmk_pol_cause cause;
	uint32_t random;
	uint64_t age;
};

enum cmk_pol_reaction {
	CMK_POL_HOLD_FIRST,
	CMK_POL_REVOKE_NOW,
};

/* Section [Policy] of cmkd.conf(5) for one volume. */
struct cmk_pol_conf {
	uint64_t check_interval, get_interval;
	unsigned int jitter;		/* percent of check_interval */
	unsigned int confirm_count;
	uint64_t confirm_spacing, settle_time;
	enum cmk_pol_reaction on_denied;
	uint64_t deny_hold;
	uint64_t offline_grace, lease_ttl;
	bool network_denied_counts;	/* as a denial */
	bool unauthenticated_counts;
	bool return_auto;
	bool expiry_denies;
};

/**
 * struct cmk_pol_state - what is known of one volume
 * @phase, @cause: @cause is why the keys are gone or why a denial is weighed
 * @back: where a restore that failed returns to
 * @proof_at: the last proof; the offline grace counts from it
 * @grace_end: and ends here at the latest, as it was when the proof came: a
 *	longer one in the configuration counts from the next proof
 * @oid, @tid: of the token of the last proof
 * @denials, @first_denial, @last_denial: the run of denials without a proof
 * @return_at: the last restore
 * @deny_until: end of DenyHold, 0 if it does not run
 * @close_at: when the gate is to be closed again, since the command has failed
 *	and nobody has seen it closed; 0 if it is
 * @waits: a return was seen but OnReturn=manual
 * @stretch: factor of the interval, because of throttling
 * @exp, @nbf: of the key as last seen, Unix seconds
 * @clock: Unix time less boot time, valid if @clock_known
 * @clock_vault: @clock comes from the vault's Date
 * @probe_at, @get_at, @renew_at: what is due next
 */
struct cmk_pol_state {
	enum cmk_pol_phase phase, back;
	enum cmk_pol_cause cause;
	uint64_t proof_at, grace_end;
	char oid[CMK_POL_ID_LEN], tid[CMK_POL_ID_LEN];
	unsigned int denials;
	uint64_t first_denial, last_denial, return_at, deny_until, close_at;
	bool waits;
	unsigned int stretch;
	int64_t exp, nbf, clock;
	bool clock_known, clock_vault;
	uint64_t probe_at, get_at, renew_at;
};

enum cmk_pol_action_type {
	CMK_ACT_RENEW,		/* the lease */
	CMK_ACT_HOLD,		/* with the cause */
	CMK_ACT_REVOKE,		/* with the cause */
	CMK_ACT_RESTORE,	/* fetch the DEKs, open the gate, set them */
	CMK_ACT_FILL,		/* set the DEKs that are missing */
	CMK_ACT_NOTE,		/* tell people */
};

enum cmk_pol_note {
	CMK_NOTE_NONE,
	CMK_NOTE_PROOF_AGAIN,	/* the vault is back, or takes its no back */
	CMK_NOTE_SILENT,	/* the offline grace runs */
	CMK_NOTE_DENIAL,	/* the first of a run */
	CMK_NOTE_OTHER_IDENTITY, /* a permission kind, for another token */
	CMK_NOTE_WAITS,		/* usable again, OnReturn=manual */
	CMK_NOTE_ADMIN,		/* an administrator closed the volume */
};

struct cmk_pol_action {
	enum cmk_pol_action_type type;
	enum cmk_pol_cause cause;
	enum cmk_pol_note note;
};

#define CMK_POL_ACTIONS	8

/**
 * struct cmk_pol_result - what a step leads to
 * @actions: in this order, @n of them
 * @wake_at: when a step is due even if nothing is observed
 */
struct cmk_pol_result {
	struct cmk_pol_state state;
	struct cmk_pol_action actions[CMK_POL_ACTIONS];
	unsigned int n;
	uint64_t wake_at;
};

/**
 * cmk_pol_init() - state of a volume with an open gate
 * @grace_end: as the former agent left it; 0: the last proof is one of now
 * @oid, @tid: of its token; may be NULL
 *
 * Lease, probe and GET are due at once.
 */
struct cmk_pol_state cmk_pol_init(const struct cmk_pol_conf *conf,
				  uint64_t now, uint64_t grace_end,
				  const char *oid, const char *tid);

struct cmk_pol_result cmk_pol_step(const struct cmk_pol_conf *conf,
				   const struct cmk_pol_state *state,
				   const struct cmk_pol_obs *obs,
				   uint64_t now);

/* Are the keys live in this phase, and is the lease to be renewed? */
bool cmk_pol_phase_live(enum cmk_pol_phase phase);

/* Is it the vault's no, rather than silence or a decision on the node? */
bool cmk_pol_cause_is_denial(enum cmk_pol_cause cause);

/* When the offline grace ends. */
uint64_t cmk_pol_grace_end(const struct cmk_pol_conf *conf,
			   const struct cmk_pol_state *state);

/*
 * When the key expires, in boot time: 0 if it already had at boot,
 * CMK_POL_NEVER if it has no exp, Expiry=warn, or no clock is known.
 */
uint64_t cmk_pol_expiry(const struct cmk_pol_conf *conf,
			const struct cmk_pol_state *state);

/*
 * Has the key expired, or is it not active yet?  The vault unwraps all the
 * same.  No with Expiry=warn, or if no clock is known.
 */
bool cmk_pol_out_of_time(const struct cmk_pol_conf *conf,
			 const struct cmk_pol_state *state, uint64_t now);

#endif
