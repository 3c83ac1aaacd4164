/* SPDX-License-Identifier: GPL-2.0 */
#ifndef CMK_NETLINK_H
#define CMK_NETLINK_H

#include <linux/types.h>

struct cmk_slot;
struct cmk_volume;
struct genl_info;
struct netlink_ext_ack;
struct nlattr;
struct sk_buff;

int cmk_netlink_init(void);
void cmk_netlink_exit(void);

/* For the family's other files. */
int cmk_nl_bind_init(void);
void cmk_nl_bind_exit(void);
int cmk_nl_permit(struct sk_buff *skb, struct netlink_ext_ack *extack);
int cmk_nl_permit_agent(struct sk_buff *skb, struct netlink_ext_ack *extack);
int cmk_nl_once(const struct nlattr *head, int len,
		struct netlink_ext_ack *extack);
int cmk_nl_check(struct genl_info *info);
bool cmk_nl_missing(struct genl_info *info, int attr, const char *text);
struct cmk_volume *cmk_nl_volume(struct nlattr **attrs,
				 struct netlink_ext_ack *extack);
int cmk_nl_refused(struct netlink_ext_ack *extack, int r);
int cmk_nl_unseal(struct genl_info *info, int attr, u32 generation, u8 *ret,
		  unsigned int len);
struct cmk_slot *cmk_nl_slot(struct genl_info *info, int attr, u32 generation);

#endif
