// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/cmk.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/cmk.h>

/* Common nested types */
const struct nla_policy cmk_key_nl_policy[CMK_A_KEY_DATA + 1] = {
	[CMK_A_KEY_EPOCH] = { .type = NLA_U64, },
	[CMK_A_KEY_COUNTER] = { .type = NLA_U64, },
	[CMK_A_KEY_DATA] = { .type = NLA_BINARY, },
};

/* CMK_CMD_BIND - do */
const struct nla_policy cmk_bind_nl_policy[CMK_A_MAIN_PUBLIC_KEY + 1] = {
	[CMK_A_MAIN_VERSION] = { .type = NLA_U32, },
	[CMK_A_MAIN_PUBLIC_KEY] = NLA_POLICY_EXACT_LEN(CMK_PUBLIC_KEY_LEN),
};

/* CMK_CMD_VOLUME_GET - do */
const struct nla_policy cmk_volume_get_nl_policy[CMK_A_MAIN_UUID + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
};

/* CMK_CMD_RANGE_GET - dump */
const struct nla_policy cmk_range_get_nl_policy[CMK_A_MAIN_WANTED_ONLY + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_WANTED_ONLY] = { .type = NLA_FLAG, },
};

/* CMK_CMD_KEY_SET - do */
const struct nla_policy cmk_key_set_nl_policy[CMK_A_MAIN_KEY + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_RANGE] = { .type = NLA_U32, },
	[CMK_A_MAIN_GENERATION] = NLA_POLICY_MIN(NLA_U32, 1),
	[CMK_A_MAIN_KEY] = NLA_POLICY_NESTED(cmk_key_nl_policy),
};

/* CMK_CMD_KEY_DROP - do */
const struct nla_policy cmk_key_drop_nl_policy[CMK_A_MAIN_RANGE + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_RANGE] = { .type = NLA_U32, },
};

/* CMK_CMD_LEASE_RENEW - do */
const struct nla_policy cmk_lease_renew_nl_policy[CMK_A_MAIN_KEEP_ASLEEP + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_LEASE_TTL] = NLA_POLICY_MIN(NLA_U32, 1),
	[CMK_A_MAIN_NOT_AFTER] = { .type = NLA_U64, },
	[CMK_A_MAIN_LAPSE] = NLA_POLICY_MAX(NLA_U32, 1),
	[CMK_A_MAIN_KEEP_ASLEEP] = { .type = NLA_FLAG, },
};

/* CMK_CMD_HOLD - do */
const struct nla_policy cmk_hold_nl_policy[CMK_A_MAIN_REASON + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_ACTOR] = NLA_POLICY_MAX(NLA_U32, 1),
	[CMK_A_MAIN_CAUSE] = NLA_POLICY_MAX(NLA_U32, 10),
	[CMK_A_MAIN_REASON] = { .type = NLA_NUL_STRING, .len = CMK_REASON_LEN, },
};

/* CMK_CMD_REVOKE - do */
const struct nla_policy cmk_revoke_nl_policy[CMK_A_MAIN_REASON + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_ACTOR] = NLA_POLICY_MAX(NLA_U32, 1),
	[CMK_A_MAIN_CAUSE] = NLA_POLICY_MAX(NLA_U32, 10),
	[CMK_A_MAIN_REASON] = { .type = NLA_NUL_STRING, .len = CMK_REASON_LEN, },
};

/* CMK_CMD_RESTORE - do */
const struct nla_policy cmk_restore_nl_policy[CMK_A_MAIN_CLOSING + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_ADMIN] = { .type = NLA_FLAG, },
	[CMK_A_MAIN_LEASE_TTL] = NLA_POLICY_MIN(NLA_U32, 1),
	[CMK_A_MAIN_NOT_AFTER] = { .type = NLA_U64, },
	[CMK_A_MAIN_LAPSE] = NLA_POLICY_MAX(NLA_U32, 1),
	[CMK_A_MAIN_KEEP_ASLEEP] = { .type = NLA_FLAG, },
	[CMK_A_MAIN_CLOSING] = { .type = NLA_U64, },
};

/* CMK_CMD_BENCHMARK - do */
const struct nla_policy cmk_benchmark_nl_policy[CMK_A_MAIN_SECTOR_SIZE + 1] = {
	[CMK_A_MAIN_SECTOR_SIZE] = { .type = NLA_U32, },
};

/* CMK_CMD_REKEY_START - do */
const struct nla_policy cmk_rekey_start_nl_policy[CMK_A_MAIN_DUTY + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_RANGE] = { .type = NLA_U32, },
	[CMK_A_MAIN_OLD_GENERATION] = NLA_POLICY_MIN(NLA_U32, 1),
	[CMK_A_MAIN_GENERATION] = NLA_POLICY_MIN(NLA_U32, 1),
	[CMK_A_MAIN_OLD_KEY] = NLA_POLICY_NESTED(cmk_key_nl_policy),
	[CMK_A_MAIN_KEY] = NLA_POLICY_NESTED(cmk_key_nl_policy),
	[CMK_A_MAIN_MAC_KEY] = NLA_POLICY_NESTED(cmk_key_nl_policy),
	[CMK_A_MAIN_RUN] = NLA_POLICY_EXACT_LEN(CMK_RUN_LEN),
	[CMK_A_MAIN_HEADER_SEQ] = { .type = NLA_U64, },
	[CMK_A_MAIN_RESUME] = { .type = NLA_FLAG, },
	[CMK_A_MAIN_PAUSED] = { .type = NLA_FLAG, },
	[CMK_A_MAIN_BANDWIDTH] = { .type = NLA_U32, },
	[CMK_A_MAIN_DUTY] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
};

/* CMK_CMD_REKEY_PAUSE - do */
const struct nla_policy cmk_rekey_pause_nl_policy[CMK_A_MAIN_UUID + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
};

/* CMK_CMD_REKEY_RESUME - do */
const struct nla_policy cmk_rekey_resume_nl_policy[CMK_A_MAIN_DUTY + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_BANDWIDTH] = { .type = NLA_U32, },
	[CMK_A_MAIN_DUTY] = NLA_POLICY_RANGE(NLA_U32, 1, 100),
};

/* CMK_CMD_REKEY_DONE - do */
const struct nla_policy cmk_rekey_done_nl_policy[CMK_A_MAIN_HEADER_SEQ + 1] = {
	[CMK_A_MAIN_UUID] = NLA_POLICY_EXACT_LEN(CMK_UUID_LEN),
	[CMK_A_MAIN_RANGE] = { .type = NLA_U32, },
	[CMK_A_MAIN_RUN] = NLA_POLICY_EXACT_LEN(CMK_RUN_LEN),
	[CMK_A_MAIN_MAC_KEY] = NLA_POLICY_NESTED(cmk_key_nl_policy),
	[CMK_A_MAIN_HEADER_SEQ] = { .type = NLA_U64, },
};

