/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The netlink family "cmk" from userspace: the contract is
 * Documentation/netlink/specs/cmk.yaml.  The only file of userspace that
 * knows libnl is netlink.c.  Used by cmkd (bound) and by cmkctl.
 */
#ifndef CMK_NETLINK_H
#define CMK_NETLINK_H

#include <stdbool.h>
#include <stdint.h>
#include <linux/cmk.h>

#include "error.h"
#include "secret.h"

struct cmk_nl;			/* commands, and events if asked */

/* One volume as the kernel sees it. */
/**
 * struct cmk_nl_rekeying - how far the rekey of a range is
 * @record: the table names a record area; without it the kernel knows nothing
 * @range, @old_generation, @generation, @run: names it
 * @done, @sectors: of the range
 * @error, @sector: why and where it stopped, a positive errno; 0 if by no error
 * @header_seq: no older header is this disk's
 */
struct cmk_nl_rekeying {
	bool record;
	enum cmk_rekey_state state;
	uint32_t range, old_generation, generation;
	unsigned char run[CMK_RUN_LEN];
	uint64_t done, sectors, sector;
	uint32_t error;
	uint64_t header_seq;
};

struct cmk_nl_volume {
	unsigned char uuid[CMK_UUID_LEN];
	char name[128];		/* from /sys/dev/block/MAJOR:MINOR/dm/name */
	uint32_t major, minor;
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
	uint64_t closing;	/* number of the last one, 0 while open */
	char reason[CMK_REASON_LEN + 1];
	uint32_t ranges;
	uint64_t range_sectors, sectors;
	uint32_t sector_size;
	uint32_t live, wanted, parked;
	char driver[64];
	uint64_t key_bytes;
	/* I/Os, by where the crypto was; the last are among the second */
	uint64_t nr_inline, nr_queued, nr_deferred;
	bool no_lease;
	uint32_t lease_ttl;
	uint64_t lease_left_ms;
	uint64_t not_after;	/* ms of CLOCK_BOOTTIME, 0 for never given */
	enum cmk_lapse lapse;
	bool keep_asleep;
	struct cmk_nl_rekeying rekey;
};

/* Is there a range without its key, or one that is rekeyed without both? */
bool cmk_nl_keys_missing(const struct cmk_nl_volume *v);

/**
 * struct cmk_nl_lease - terms of a lease
 * @ttl: seconds from now
 * @not_after: milliseconds of CLOCK_BOOTTIME, the keys end then in any case
 * @lapse: what the kernel does at the end of @ttl, on a sleep and a VM fork
 * @keep_asleep: the keys outlive a sleep
 */
struct cmk_nl_lease {
	uint32_t ttl;
	uint64_t not_after;
	enum cmk_lapse lapse;
	bool keep_asleep;
};

/* A run of equal ranges. */
struct cmk_nl_range {
	uint32_t range, count;
	enum cmk_range_state state;
	uint32_t generation;
	bool wanted;
};

enum cmk_nl_event_type {
	CMK_NL_KEY_WANTED,
	CMK_NL_STATE_CHANGED,
	CMK_NL_REKEY_CHANGED,
	CMK_NL_UNBOUND,
	CMK_NL_BENCHMARK,	/* one has ended */
	CMK_NL_LOST,		/* a gap or an overrun: dump again */
};

/* What a benchmark has found, in KiB a second; 0: it could not be measured. */
struct cmk_nl_speed {
	uint32_t sector_size;
	char driver[64];
	uint64_t cipher_encrypt, cipher_decrypt;
	uint64_t volume_encrypt, volume_decrypt;
};

struct cmk_nl_event {
	enum cmk_nl_event_type type;
	uint32_t seq;
	unsigned char uuid[CMK_UUID_LEN];
	uint32_t wanted;
	enum cmk_gate gate;
	enum cmk_cause cause;
	bool sticky;
	struct cmk_nl_speed speed;
};

/**
 * struct cmk_nl_bind - the kernel's answer to a bind
 * @epoch: of the session, if there is one
 * @features: enum cmk_feature
 * @version: of the module
 * @seq: of the last event
 * @has_key: a session has begun
 * @public_key: then the kernel's key
 */
struct cmk_nl_bind {
	uint64_t epoch, features;
	uint32_t version, seq;
	bool has_key;
	unsigned char public_key[CMK_PUBLIC_KEY_LEN];
};

/**
 * cmk_nl_open() - connect to the family
 *
 * Return: 0, or negative errno with @e set: -ENOENT when the module is not
 * loaded and could not be.
 */
int cmk_nl_open(struct cmk_nl **ret, struct cmk_error *e);
void cmk_nl_close(struct cmk_nl *nl);

/* Without a session: enough for all but keys. */
int cmk_nl_bind(struct cmk_nl *nl, struct cmk_nl_bind *ret,
		struct cmk_error *e);

/* Joins the group on a socket of its own, to be polled by the caller. */
int cmk_nl_subscribe(struct cmk_nl *nl, struct cmk_error *e);
int cmk_nl_event_fd(struct cmk_nl *nl);

typedef void (*cmk_nl_event_t)(const struct cmk_nl_event *ev, void *userdata);
/* Hands out what has arrived, without waiting. */
int cmk_nl_read_events(struct cmk_nl *nl, cmk_nl_event_t cb, void *userdata);

int cmk_nl_volume_get(struct cmk_nl *nl, const unsigned char *uuid,
		      struct cmk_nl_volume *ret, struct cmk_error *e);

typedef int (*cmk_nl_volume_t)(const struct cmk_nl_volume *v, void *userdata);
int cmk_nl_volumes(struct cmk_nl *nl, cmk_nl_volume_t cb, void *userdata,
		   struct cmk_error *e);

typedef int (*cmk_nl_range_t)(const struct cmk_nl_range *r, void *userdata);
int cmk_nl_ranges(struct cmk_nl *nl, const unsigned char *uuid,
		  bool wanted_only, cmk_nl_range_t cb, void *userdata,
		  struct cmk_error *e);

/**
 * cmk_nl_keys_begin() - begin a session in which keys are handed over
 *
 * Binds anew, on the same socket.  Lasts until cmk_nl_keys_end(), which is to
 * come soon: while it lasts, its secret is in memory.
 */
int cmk_nl_keys_begin(struct cmk_nl *nl, struct cmk_error *e);
void cmk_nl_keys_end(struct cmk_nl *nl);

/**
 * cmk_nl_key_set() - hand over a DEK, sealed
 *
 * The kernel ends a session whenever it closes a gate, of any volume; then
 * another one is begun and the key sealed again.
 *
 * Return: 0; the kernel's errno with @e set; -ESTALE without a session.
 */
int cmk_nl_key_set(struct cmk_nl *nl, const unsigned char *uuid,
		   uint32_t range, uint32_t generation,
		   const struct cmk_secret *dek, struct cmk_error *e);

/* @range UINT32_MAX: all */
int cmk_nl_key_drop(struct cmk_nl *nl, const unsigned char *uuid,
		    uint32_t range, struct cmk_error *e);
int cmk_nl_lease_renew(struct cmk_nl *nl, const unsigned char *uuid,
		       const struct cmk_nl_lease *lease, struct cmk_error *e);
int cmk_nl_hold(struct cmk_nl *nl, const unsigned char *uuid,
		enum cmk_actor actor, enum cmk_cause cause,
		const char *reason, struct cmk_error *e);
int cmk_nl_revoke(struct cmk_nl *nl, const unsigned char *uuid,
		  enum cmk_actor actor, enum cmk_cause cause,
		  const char *reason, struct cmk_error *e);

/**
 * cmk_nl_restore() - open the gate
 * @closing: that is undone, as it was when this was decided
 *
 * Return: 0; the kernel's errno with @e set: -ESTALE, "closed-again", when
 * another closing has come since, or the gate is open.
 */
int cmk_nl_restore(struct cmk_nl *nl, const unsigned char *uuid, bool admin,
		   uint64_t closing, const struct cmk_nl_lease *lease,
		   struct cmk_error *e);

/**
 * struct cmk_nl_rekey - what rekey-start and, of the first four and @mac_key,
 *	rekey-done tell
 * @range: its number
 * @run: from the new DEK's slot
 * @header_seq: lowest number of a header that may be believed
 * @mac_key: CMK_MAC_KEY_LEN bytes
 * @old_generation: of the DEK until now
 * @generation: of the DEK from now on
 * @old_key: NULL if it is live
 * @key: the new DEK
 * @resume: go on where the record says
 * @paused: and pause there
 * @bandwidth: KiB a second, 0 for no limit
 * @duty: percent of the time, 0: as the kernel thinks best
 */
struct cmk_nl_rekey {
	uint32_t range;
	unsigned char run[CMK_RUN_LEN];
	uint64_t header_seq;
	const struct cmk_secret *mac_key;
	uint32_t old_generation, generation;
	const struct cmk_secret *old_key, *key;
	bool resume, paused;
	uint32_t bandwidth, duty;
};

/*
 * The keys of start and done go sealed, in a session as those of
 * cmk_nl_key_set(), and it is begun anew in the same way.
 */
int cmk_nl_rekey_start(struct cmk_nl *nl, const unsigned char *uuid,
		       const struct cmk_nl_rekey *r, struct cmk_error *e);
int cmk_nl_rekey_pause(struct cmk_nl *nl, const unsigned char *uuid,
		       struct cmk_error *e);
int cmk_nl_rekey_resume(struct cmk_nl *nl, const unsigned char *uuid,
			uint32_t bandwidth, uint32_t duty,
			struct cmk_error *e);
int cmk_nl_rekey_done(struct cmk_nl *nl, const unsigned char *uuid,
		      const struct cmk_nl_rekey *r, struct cmk_error *e);

/* Begins; CMK_NL_BENCHMARK tells the result.  -EBUSY while one is under way. */
int cmk_nl_benchmark(struct cmk_nl *nl, uint32_t sector_size,
		     struct cmk_error *e);

const char *cmk_gate_name(enum cmk_gate gate);
const char *cmk_cause_name(enum cmk_cause cause);
const char *cmk_rekey_state_name(enum cmk_rekey_state state);
/* Why the kernel has stopped it, an errno. */
const char *cmk_rekey_error_text(uint32_t error);

#endif
