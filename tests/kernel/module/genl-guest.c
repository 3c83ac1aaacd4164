// SPDX-License-Identifier: GPL-2.0
/*
 * A module that registers a family of generic netlink as it is loaded, as any
 * may at any time: for that it waits until no command of any family runs.
 */

#include <linux/module.h>
#include <net/genetlink.h>

static struct genl_family guest __ro_after_init = {
	.name = "cmk-test-guest",
	.version = 1,
	.module = THIS_MODULE,
};

static int __init guest_init(void)
{
	return genl_register_family(&guest);
}

static void __exit guest_exit(void)
{
	genl_unregister_family(&guest);
}

module_init(guest_init);
module_exit(guest_exit);
MODULE_DESCRIPTION("A family of generic netlink");
MODULE_LICENSE("GPL");
