/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/cmk.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_CMK_GEN_H
#define _LINUX_CMK_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/cmk.h>

/* Common nested types */
extern const struct nla_policy cmk_key_nl_policy[CMK_A_KEY_DATA + 1];

int cmk_nl_bind_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_volume_get_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cmk_nl_range_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int cmk_nl_key_set_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_key_drop_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_lease_renew_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_hold_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_revoke_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_restore_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_benchmark_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_rekey_start_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_rekey_pause_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_rekey_resume_doit(struct sk_buff *skb, struct genl_info *info);
int cmk_nl_rekey_done_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	CMK_NLGRP_EVENTS,
};

extern const struct nla_policy cmk_bind_nl_policy[CMK_A_MAIN_PUBLIC_KEY + 1];
extern const struct nla_policy cmk_volume_get_nl_policy[CMK_A_MAIN_UUID + 1];
extern const struct nla_policy cmk_range_get_nl_policy[CMK_A_MAIN_WANTED_ONLY + 1];
extern const struct nla_policy cmk_key_set_nl_policy[CMK_A_MAIN_KEY + 1];
extern const struct nla_policy cmk_key_drop_nl_policy[CMK_A_MAIN_RANGE + 1];
extern const struct nla_policy cmk_lease_renew_nl_policy[CMK_A_MAIN_KEEP_ASLEEP + 1];
extern const struct nla_policy cmk_hold_nl_policy[CMK_A_MAIN_REASON + 1];
extern const struct nla_policy cmk_revoke_nl_policy[CMK_A_MAIN_REASON + 1];
extern const struct nla_policy cmk_restore_nl_policy[CMK_A_MAIN_CLOSING + 1];
extern const struct nla_policy cmk_benchmark_nl_policy[CMK_A_MAIN_SECTOR_SIZE + 1];
extern const struct nla_policy cmk_rekey_start_nl_policy[CMK_A_MAIN_DUTY + 1];
extern const struct nla_policy cmk_rekey_pause_nl_policy[CMK_A_MAIN_UUID + 1];
extern const struct nla_policy cmk_rekey_resume_nl_policy[CMK_A_MAIN_DUTY + 1];
extern const struct nla_policy cmk_rekey_done_nl_policy[CMK_A_MAIN_HEADER_SEQ + 1];

extern struct genl_family cmk_nl_family;

#endif /* _LINUX_CMK_GEN_H */
