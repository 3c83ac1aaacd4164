/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume as the agent knows it: where its header is, which key it may use,
 * and what the policy makes of the answers.
 */
#ifndef CMK_VOLUME_H
#define CMK_VOLUME_H

#include "agent.h"
#include "header.h"
#include "kek.h"
#include "keys.h"
#include "netlink.h"
#include "policy.h"
#include "probe.h"
#include "state.h"

/**
 * enum cmk_volume_life - how far the agent has got with a volume
 * @CMK_VOLUME_OPENING: somebody asked to open it and waits for the answer.
 *	No policy yet; ends in @CMK_VOLUME_WATCHED or the volume goes
 * @CMK_VOLUME_BLIND: the kernel has it from before, but its header has not
 *	been read yet, cannot be read, or is not what this node allows.  Tried
 *	again; meanwhile nothing renews its lease
 * @CMK_VOLUME_WATCHED: the policy runs
 */
enum cmk_volume_life {
	CMK_VOLUME_OPENING,
	CMK_VOLUME_BLIND,
	CMK_VOLUME_WATCHED,
};

enum cmk_volume_fetch {
	CMK_FETCH_OPEN,
	CMK_FETCH_RESTORE,	/* the gate is to be opened */
	CMK_FETCH_FILL,		/* the gate is open, keys are missing */
};

/**
 * typedef cmk_volume_done_t - what was asked for is done
 * @e: NULL, or why it is not
 * @live: ranges with a live key
 */
typedef void (*cmk_volume_done_t)(const struct cmk_error *e, uint32_t live,
				  uint32_t ranges, void *userdata);

/**
 * typedef cmk_volume_probed_t - the key server's answer
 * @v, @res: NULL if the volume went
 */
typedef void (*cmk_volume_probed_t)(struct cmk_volume *v,
				    const struct cmk_kek_result *res,
				    void *userdata);

struct cmk_volume_waiter {
	struct cmk_volume_waiter *next;
	cmk_volume_done_t done;
	cmk_volume_probed_t probed;
	void *userdata;
	uint64_t since;
};

/**
 * struct cmk_volume - a volume
 * @st: what the node remembers of it
 * @header: parsed once, kept; a restore must not need the volume's own disk
 * @header_proven: this agent has verified @header under its header key, or
 *	the one that it was rewrapped from
 * @kek: index of the header's wrap in use
 * @kernel: as last heard
 * @conf, @pol: of the policy
 * @blind: why it cannot be watched
 * @load: in BLIND: its header is being read; NULL if not
 * @get: while opening: has the key expired?
 * @keys: DEKs on their way, for @fetch; NULL if none
 * @undo: closing that the restore under way undoes: the last one that was
 *	known when the policy decided on it
 * @closed_again: the last restore came too late, there was another closing
 * @half_open: the last restore failed after it had opened the gate, and could
 *	not close it again
 * @not_closed: a command to close the gate has failed, which was told
 * @fill_at: not before this is a fill that failed tried again
 * @timer: the policy's next deadline; in BLIND the next try
 * @rotation_told: code of why its key's newest version was not taken over
 * @last, @last_at: the last answer to a probe; its plain is always empty
 * @probes, @first_id, @told_at: since the last audit entry about probes
 */
struct cmk_volume {
	struct cmk_agent *agent;
	struct cmk_volume *next;
	enum cmk_volume_life life;
	struct cmk_state st;
	struct cmk_header *header;
	struct cmk_header_info info;
	bool header_proven;
	unsigned int kek;
	bool accept_header;
	struct cmk_nl_volume kernel;
	struct cmk_pol_conf conf;
	struct cmk_pol_state pol;
	struct cmk_error blind;
	struct cmk_header_load *load;
	struct cmk_probe_user probe;
	struct cmk_kek_op *get;
	struct cmk_keys *keys;
	enum cmk_volume_fetch fetch;
	uint64_t undo;
	bool closed_again, half_open, not_closed;
	uint64_t fill_at;
	sd_event_source *timer;
	struct cmk_volume_waiter *waiters;
	struct cmk_kek_result last;
	uint64_t last_at;
	uint64_t probes, told_at;
	char rotation_told[48];
	char first_id[64];
};

/**
 * cmk_volume_open() - bring the keys of a mapped device that has none
 * @st: uuid, name, device, header, kek, options
 * @accept_header: take a header that is not the one this node knows
 *
 * Return: 0, and @done is called later, once; or negative errno with @e.
 */
int cmk_volume_open(struct cmk_agent *a, const struct cmk_state *st,
		    bool accept_header, cmk_volume_done_t done,
		    void *userdata, struct cmk_error *e);

/* Brings the keys that are missing behind an open gate. */
int cmk_volume_restore(struct cmk_volume *v, cmk_volume_done_t done,
		       void *userdata, struct cmk_error *e);

/* Asks now; an answer to an earlier question does not count. */
int cmk_volume_probe(struct cmk_volume *v, cmk_volume_probed_t probed,
		     void *userdata, struct cmk_error *e);

struct cmk_volume *cmk_volume_find(const struct cmk_agent *a,
				   const unsigned char uuid[16]);

/**
 * cmk_volume_check_closed() - is no volume of this uuid mapped?
 * @advice: what to do, for the message
 *
 * The kernel is asked: it has volumes that this agent does not watch, without
 * a lease or without what the node remembers.  Without the module there is
 * none.  Error codes: "open", and those of the netlink commands.
 */
int cmk_volume_check_closed(const struct cmk_agent *a,
			    const unsigned char uuid[16], const char *advice,
			    struct cmk_error *e);

/* The mapped device went, or goes; waiters are told, nothing is undone. */
void cmk_volume_forget(struct cmk_volume *v);

/* Words of status: opening, ready, grace, held, revoked; and the cause. */
const char *cmk_volume_state_name(const struct cmk_volume *v);
const char *cmk_volume_cause_name(const struct cmk_volume *v);
/*
 * Past its exp, or before its nbf: the vault unwraps all the same; this node
 * does not let it count.
 */
bool cmk_volume_expired(const struct cmk_volume *v);
/* Of the lease that this volume is to have now. */
struct cmk_nl_lease cmk_volume_terms(const struct cmk_volume *v);

/* Reads the kernel's view of all volumes when the event loop turns next. */
void cmk_volumes_resync(struct cmk_agent *a);
/* Reads it of one volume now. */
void cmk_volumes_look(struct cmk_agent *a, const unsigned char uuid[16]);

/* The configuration has changed, and the KEK providers may have. */
void cmk_volumes_reconfigure(struct cmk_agent *a);
void cmk_volumes_free(struct cmk_agent *a);

#endif
