/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the tests of the policy share: a configuration, a volume in each phase,
 * and a short form for what a step leads to.
 */
#ifndef CMK_POLICY_FIXTURE_H
#define CMK_POLICY_FIXTURE_H

#include <string.h>

#include "policy.h"

#define S	1000000ULL
#define NOW	(100000 * S)
#define OID	"0a"
#define TID	"0b"

static const struct cmk_pol_conf base = {
	.check_interval = 5 * S,
	.get_interval = 600 * S,
	.confirm_count = 2,
	.confirm_spacing = 1 * S,
	.on_denied = CMK_POL_HOLD_FIRST,
	.deny_hold = 20 * S,
	.offline_grace = 600 * S,
	.lease_ttl = 15 * S,
	.return_auto = true,
	.expiry_denies = true,
};

/* A volume in @phase for which no deadline is near. */
static inline struct cmk_pol_state state_in(enum cmk_pol_phase phase)
{
	struct cmk_pol_state st = cmk_pol_init(&base, NOW, NOW + 598 * S,
					       OID, TID);

	st.phase = phase;
	st.renew_at = NOW + 3 * S;
	st.probe_at = NOW + 5 * S;
	st.get_at = NOW + 600 * S;
	switch (phase) {
	case CMK_POL_READY:
	case CMK_POL_GRACE:
		break;
	case CMK_POL_CONFIRM:
		st.denials = 1;
		st.first_denial = NOW - S;
		st.last_denial = NOW - S;
		st.cause = CMK_POL_CAUSE_DELETED;
		break;
	case CMK_POL_HELD:
		st.cause = CMK_POL_CAUSE_DELETED;
		st.deny_until = NOW + 10 * S;
		break;
	case CMK_POL_REVOKED:
		st.cause = CMK_POL_CAUSE_DELETED;
		break;
	case CMK_POL_RESTORING:
		st.cause = CMK_POL_CAUSE_DELETED;
		st.back = CMK_POL_REVOKED;
		break;
	case CMK_POL_STICKY:
		st.cause = CMK_POL_CAUSE_ADMIN;
		break;
	}
	return st;
}

static inline struct cmk_pol_obs obs_of(enum cmk_pol_obs_kind kind)
{
	struct cmk_pol_obs o = {
		.kind = kind,
		.oid = OID,
		.tid = TID,
		.cause = CMK_POL_CAUSE_KERNEL,
	};

	return o;
}

/*
 * A cell is the next phase and the actions: n renew, H hold, V revoke,
 * R restore, F fill, and a note in small letters: d denial, s silent,
 * p proof again, w waits, a administrator, i other identity.
 */
static const char phase_letter[CMK_POL_PHASES] = {
	[CMK_POL_READY] = '0', [CMK_POL_GRACE] = '1', [CMK_POL_CONFIRM] = '2',
	[CMK_POL_HELD] = '3', [CMK_POL_REVOKED] = '4',
	[CMK_POL_RESTORING] = '5', [CMK_POL_STICKY] = '6',
};

static inline const char *cell(const struct cmk_pol_result *r, char buf[16])
{
	static const char act[] = { 'n', 'H', 'V', 'R', 'F', '?' };
	static const char note[] = { '?', 'p', 's', 'd', 'i', 'w', 'a' };
	unsigned int i, n = 0;

	buf[n++] = phase_letter[r->state.phase];
	for (i = 0; i < r->n; i++)
		buf[n++] = r->actions[i].type == CMK_ACT_NOTE ?
			   note[r->actions[i].note] : act[r->actions[i].type];
	buf[n] = 0;
	return buf;
}

static inline unsigned int count(const struct cmk_pol_result *r,
				 enum cmk_pol_action_type type)
{
	unsigned int i, n = 0;

	for (i = 0; i < r->n; i++)
		n += r->actions[i].type == type;
	return n;
}

#endif
