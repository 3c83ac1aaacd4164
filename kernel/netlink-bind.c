// SPDX-License-Identifier: GPL-2.0
/*
 * Who may, and bind.
 *
 * The agent is the socket that has bound.  Its port is compared with each
 * request's; it is forgotten when the socket is closed, which the netlink
 * notifier tells, and leases run on.
 *
 * A bind that brings a public key begins a session for sealed messages
 * (seal.h).  The agent binds anew for each batch of keys, on the same socket;
 * of two binds under way on it the one that comes last has the session.
 */

#include <linux/capability.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include <net/genetlink.h>
#include <net/net_namespace.h>

#include "generated/netlink-gen.h"
#include "netlink.h"
#include "notify.h"
#include "seal.h"

#define CMK_MODULE_VERSION	((0 << 16) | (1 << 8) | 0)

static DEFINE_SPINLOCK(cmk_bind_lock);
/*
 * The bound socket, NULL when none is; cmk_bind_lock.  Its port is not enough:
 * another may take it between the close and the notifier, which comes before
 * the memory of the socket can be used for another.
 */
static const struct sock *cmk_bind_sock;
static u32 cmk_bind_port;

static bool cmk_nl_is_bound(struct sk_buff *skb)
{
	bool bound;

	spin_lock(&cmk_bind_lock);
	bound = cmk_bind_sock && cmk_bind_sock == NETLINK_CB(skb).sk;
	spin_unlock(&cmk_bind_lock);
	return bound;
}

/* The agent, or an administrator: opener and sender have the capability. */
int cmk_nl_permit(struct sk_buff *skb, struct netlink_ext_ack *extack)
{
	if (cmk_nl_is_bound(skb) ||
	    netlink_capable(skb, CAP_SYS_ADMIN))
		return 0;
	NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN");
	return -EPERM;
}

int cmk_nl_permit_agent(struct sk_buff *skb,
			struct netlink_ext_ack *extack)
{
	if (cmk_nl_is_bound(skb))
		return 0;
	if (netlink_capable(skb, CAP_SYS_ADMIN)) {
		NL_SET_ERR_MSG(extack, "only the bound socket may do this");
		return -ESTALE;
	}
	NL_SET_ERR_MSG(extack, "needs CAP_SYS_ADMIN");
	return -EPERM;
}

/* Takes the place of the agent; does nothing but ask without @take. */
static int cmk_nl_bind_sock(struct sk_buff *skb, struct genl_info *info,
			    bool take)
{
	int r = 0;

	spin_lock(&cmk_bind_lock);
	if (cmk_bind_sock && cmk_bind_sock != NETLINK_CB(skb).sk) {
		r = -EBUSY;
	} else if (take) {
		cmk_bind_sock = NETLINK_CB(skb).sk;
		cmk_bind_port = info->snd_portid;
	}
	spin_unlock(&cmk_bind_lock);
	if (r)
		NL_SET_ERR_MSG(info->extack, "another agent is bound");
	return r;
}

/* NULL when the agent brings no key: a bind for all but messages. */
static struct cmk_seal *cmk_nl_agree(struct genl_info *info)
{
	struct nlattr *key = info->attrs[CMK_A_MAIN_PUBLIC_KEY];
	struct cmk_seal *seal;

	if (!key)
		return NULL;
	seal = cmk_seal_agree(nla_data(key));
	if (seal == ERR_PTR(-EINVAL))
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "public-key is no point of P-256");
	else if (IS_ERR(seal))
		NL_SET_ERR_MSG_ATTR(info->extack, key,
				    "no session could be made");
	return seal;
}

static struct sk_buff *cmk_nl_bind_answer(struct genl_info *info,
					  const struct cmk_seal *seal)
{
	struct sk_buff *msg = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *hdr;
	int r;

	if (!msg)
		return NULL;
	hdr = genlmsg_put_reply(msg, info, &cmk_nl_family, 0, CMK_CMD_BIND);
	r = hdr ? 0 : -EMSGSIZE;
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_EPOCH, seal ? seal->epoch :
				   get_random_u64(), CMK_A_MAIN_PAD);
	r = r ?: nla_put_u64_64bit(msg, CMK_A_MAIN_FEATURES,
				   CMK_FEATURE_SEALED_KEYS |
				   CMK_FEATURE_CLOSINGS, CMK_A_MAIN_PAD);
	r = r ?: nla_put_u32(msg, CMK_A_MAIN_VERSION, CMK_MODULE_VERSION);
	r = r ?: nla_put_u32(msg, CMK_A_MAIN_SEQ, cmk_notify_seq());
	if (seal)
		r = r ?: nla_put(msg, CMK_A_MAIN_PUBLIC_KEY,
				 sizeof(seal->public), seal->public);
	if (r) {
		nlmsg_free(msg);
		return NULL;
	}
	genlmsg_end(msg, hdr);
	return msg;
}

static int cmk_nl_bind(struct sk_buff *skb, struct genl_info *info)
{
	struct cmk_seal *seal;
	struct sk_buff *msg;
	int r;

	/* Before anything is computed for whom it is of no use. */
	r = cmk_nl_bind_sock(skb, info, false);
	if (r)
		return r;
	seal = cmk_nl_agree(info);
	if (IS_ERR(seal))
		return PTR_ERR(seal);
	msg = cmk_nl_bind_answer(info, seal);
	r = msg ? cmk_nl_bind_sock(skb, info, true) : -ENOMEM;
	if (r) {
		cmk_seal_free(seal);
		nlmsg_free(msg);
		return r;
	}
	cmk_seal_start(seal);
	return genlmsg_reply(msg, info);
}

int cmk_nl_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	unsigned int noio = memalloc_noio_save();
	int r;

	r = cmk_nl_permit(skb, info->extack) ?: cmk_nl_check(info) ?:
	    cmk_nl_bind(skb, info);
	memalloc_noio_restore(noio);
	return r;
}

static int cmk_nl_release(struct notifier_block *nb, unsigned long event,
			  void *data)
{
	const struct cmk_event unbound = { .cmd = CMK_CMD_UNBOUND };
	struct netlink_notify *notify = data;
	bool was = false;

	if (event != NETLINK_URELEASE ||
	    notify->protocol != NETLINK_GENERIC ||
	    !net_eq(notify->net, &init_net))
		return NOTIFY_DONE;
	spin_lock(&cmk_bind_lock);
	if (cmk_bind_sock && cmk_bind_port == notify->portid) {
		cmk_bind_sock = NULL;
		was = true;
	}
	spin_unlock(&cmk_bind_lock);
	if (was) {
		/* Were it that of the next agent already, that binds again. */
		cmk_seal_end();
		cmk_notify(&unbound);
	}
	return NOTIFY_DONE;
}

static struct notifier_block cmk_nl_notifier = {
	.notifier_call = cmk_nl_release,
};

int __init cmk_nl_bind_init(void)
{
	return netlink_register_notifier(&cmk_nl_notifier);
}

void cmk_nl_bind_exit(void)
{
	netlink_unregister_notifier(&cmk_nl_notifier);
}
