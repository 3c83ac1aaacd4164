/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the volume-*.c files share: volume.c owns the object and follows the
 * kernel, volume-policy.c runs the policy, volume-keys.c brings keys.
 */
#ifndef CMK_VOLUME_INTERNAL_H
#define CMK_VOLUME_INTERNAL_H

#include "volume.h"

struct cmk_volume *cmk_volume_new(struct cmk_agent *a,
				  const struct cmk_state *st);

/* The policy of this volume from configuration and options. */
int cmk_volume_configure(struct cmk_volume *v, struct cmk_error *e);

int cmk_volume_wait(struct cmk_volume *v, cmk_volume_done_t done,
		    cmk_volume_probed_t probed, void *userdata);
/* Ends the waiting for keys; @e NULL is success. */
void cmk_volume_tell(struct cmk_volume *v, const struct cmk_error *e,
		     uint32_t live);

/**
 * cmk_volume_choose_wrap() - the wrap of a header that the node allows
 * @pin: what the node allows, as in cmktab(5)
 *
 * "kek-not-allowed" if there is none.
 */
int cmk_volume_choose_wrap(const struct cmk_header *h, const char *pin,
			   unsigned int *ret, struct cmk_header_kek *kek,
			   struct cmk_error *e);

/**
 * cmk_volume_known_wrap() - the same, also after a change that was interrupted
 * @st: what the node remembers
 *
 * Until the former wrap is cleared it is the one that opens everything: in mode
 * direct the slots are under it.
 */
int cmk_volume_known_wrap(const struct cmk_header *h,
			  const struct cmk_state *st, unsigned int *ret,
			  struct cmk_header_kek *kek, struct cmk_error *e);

/* Writes what the node remembers of it; a failure is told. */
void cmk_volume_save(struct cmk_volume *v);

/* A header that was read from one copy is made whole again. */
void cmk_volume_repair(struct cmk_volume *v);

/**
 * cmk_volume_take_header() - go on with a header that was rewrapped
 * @h: taken over; it is on disk
 * @kek: its wrap to use
 * @proof: the answer by which this wrap was just unwrapped
 *
 * A volume that is live stays so, and no keys may be on their way.  The policy
 * begins anew: its last proof is this one, under the key of this wrap.  An
 * error is one of what comes after the header: "state", "not-watched".
 */
int cmk_volume_take_header(struct cmk_volume *v, struct cmk_header *h,
			   unsigned int kek,
			   const struct cmk_kek_result *proof,
			   struct cmk_error *e);

/**
 * cmk_volume_replace_header() - go on with a header of other slots
 * @h: taken over; it is on disk, and verified
 *
 * Its wrap is the same key's, and nothing of the policy changes.  No keys may
 * be on their way.  Errors as of cmk_volume_take_header().
 */
int cmk_volume_replace_header(struct cmk_volume *v, struct cmk_header *h,
			      struct cmk_error *e);

/**
 * cmk_volume_use_header() - go on with a header that was read
 * @h: taken over, also on failure
 *
 * What it says is checked against what the node knows.  Error codes: "uuid",
 * "header-rolled-back", "kek-not-allowed".
 */
int cmk_volume_use_header(struct cmk_volume *v, struct cmk_header *h,
			  struct cmk_error *e);

/* Reads the header and uses it; waits for its disk. */
int cmk_volume_load_header(struct cmk_volume *v, struct cmk_error *e);

/* Of the device or file that it lies on. */
const char *cmk_volume_header_path(const struct cmk_volume *v);

/* The kernel's view of it now; @v may be gone afterwards. */
void cmk_volume_take_view(struct cmk_volume *v, const struct cmk_nl_volume *k);

/**
 * cmk_volume_adopt() - take over what the kernel has and this agent does not
 * @k: a volume that an earlier agent opened, or one without any (no_lease)
 *
 * It is watched as soon as its header has been read, if it is to be watched.
 */
void cmk_volume_adopt(struct cmk_agent *a, const struct cmk_nl_volume *k);

/*
 * Waits a little for the headers of volumes that were adopted just now, as
 * those who ask for a volume are better off if it is watched by then.
 */
void cmk_volume_adopted(struct cmk_agent *a);

/*
 * From now on the policy decides.  @grace_end: as the kernel has it, in
 * microseconds; 0 if the last proof is one of now.
 */
int cmk_volume_watch(struct cmk_volume *v, uint64_t grace_end);
void cmk_volume_observe(struct cmk_volume *v, struct cmk_pol_obs *o);
struct cmk_pol_obs cmk_volume_obs(enum cmk_pol_obs_kind kind,
				  const struct cmk_kek_result *res);

/* Starts to bring keys, if they are not on their way already. */
int cmk_volume_fetch(struct cmk_volume *v, enum cmk_volume_fetch why,
		     struct cmk_error *e);

/*
 * Gives up keys that are on their way, and a rewrap, and wipes those that are
 * here; a volume
 * that was to be opened is gone afterwards.
 */
void cmk_volume_end_fetch(struct cmk_volume *v);

/* Is the gate of a volume that is to be opened closed?  "held", "revoked". */
int cmk_volume_check_gate(const struct cmk_nl_volume *k, struct cmk_error *e);

/*
 * Somebody has closed the gate of a volume that is being opened: no key is
 * asked for any more, what has come is wiped, who waits is told, and the volume
 * is gone.
 */
void cmk_volume_end_open(struct cmk_volume *v);

/* The gate is closed: the plaintext in the node's caches goes, too. */
void cmk_volume_purge(struct cmk_volume *v);

enum cmk_cause cmk_volume_kernel_cause(enum cmk_pol_cause cause);
enum cmk_pol_cause cmk_volume_pol_cause(enum cmk_cause cause);

/* Unix microseconds if the clock is synchronised, else 0. */
int64_t cmk_volume_clock(void);

int cmk_volume_renew(struct cmk_volume *v, struct cmk_error *e);

#endif
