/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the node remembers of a volume beyond a reboot, in files under
 * StateDirectory that only root reads.  Of this boot the kernel remembers.
 */
#ifndef CMK_STATE_H
#define CMK_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "error.h"
#include "kek.h"
#include "policy.h"

#define CMK_STATE_PATH_LEN	512

/**
 * struct cmk_state - StateDirectory/state/UUID.json
 * @name: of the mapping, "" if the volume was formatted but never opened
 * @device, @header: paths; @header is "" if it is on the device
 * @kek: what the node allows, as in cmktab(5)
 * @leaving: kid of the wrap that a change of the KEK was about to take away,
 *	saved with the new @kek; while the header has it, it is the one to use.
 *	"" if no change was interrupted
 * @kid: of the header's wrap that was used last
 * @has_hk: @hk_id and @seq are known: an exchanged or older header shows
 * @generations: of the header of @seq, cmk_header_generations()
 * @former, @former_at: the kid that the live header needed before the last
 *	rewrap, which ended then (Unix seconds); "" if there was none
 * @oid, @tid: of the token of the last proof
 * @rekey: what was asked for, as far as it is not done
 * @options: the volume's policy options as text, "" where not given, in the
 *	order of cmk_state_options
 */
#define CMK_STATE_OPTIONS	4
#define CMK_STATE_OPTION_LEN	32

/**
 * struct cmk_state_rekey - ranges that are to be rekeyed
 * @wanted: false: none are
 * @first, @last: that were asked for
 * @next: the first of them that is not done
 * @paused: until somebody says that it may go on
 * @bandwidth: KiB a second, 0 for no limit
 */
struct cmk_state_rekey {
	bool wanted, paused;
	uint32_t first, next, last, bandwidth;
};

struct cmk_state {
	unsigned char uuid[16];
	char name[128];
	char device[CMK_STATE_PATH_LEN], header[CMK_STATE_PATH_LEN];
	char kek[CMK_KID_MAX + 1], leaving[CMK_KID_MAX + 1];
	char kid[CMK_KID_MAX + 1];
	bool has_hk;
	unsigned char hk_id[32];
	uint64_t seq, generations;
	char former[CMK_KID_MAX + 1];
	int64_t former_at;
	struct cmk_state_rekey rekey;
	char oid[CMK_POL_ID_LEN], tid[CMK_POL_ID_LEN];
	char options[CMK_STATE_OPTIONS][CMK_STATE_OPTION_LEN];
};

/* "on-denied", "deny-hold", "offline-grace", "lease-ttl" */
extern const char *const cmk_state_options[CMK_STATE_OPTIONS];

/**
 * cmk_state_prepare() - make the directories
 * @dir: StateDirectory
 */
int cmk_state_prepare(const char *dir, struct cmk_error *e);

/* Return: 0, -ENOENT if the node does not know the volume, or another. */
int cmk_state_load(const char *dir, const unsigned char uuid[16],
		   struct cmk_state *ret, struct cmk_error *e);

/* Durable and whole, or the former file stays. */
int cmk_state_save(const char *dir, const struct cmk_state *st,
		   struct cmk_error *e);

/**
 * cmk_state_revoked() - did an administrator close the volume?
 * @text: when and by whom, with the name of the file
 *
 * The file is written by whoever revokes; that it is there is what counts.
 */
bool cmk_state_revoked(const char *dir, const unsigned char uuid[16],
		       char *text, unsigned int size);

#endif
