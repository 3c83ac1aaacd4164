// SPDX-License-Identifier: GPL-2.0
/*
 * Module init and exit.
 *
 * ORDER: all algorithms are instantiated first and held, so that no command
 * ever loads a module; the family exists before the target, so that an agent
 * can bind before the first volume; both go in reverse.
 */

#include <linux/module.h>

#include "cipher.h"
#include "digest.h"
#include "netlink.h"
#include "pages.h"
#include "power.h"
#include "rekey.h"
#include "seal.h"
#include "selftest.h"
#include "target.h"
#include "volume.h"

static int __init cmk_init(void)
{
	int r = cmk_digest_init();

	if (r)
		return r;
	r = cmk_seal_init();
	if (r)
		goto exit_digest;
	r = cmk_cipher_init();
	if (r)
		goto exit_seal;
	r = cmk_selftest();
	if (r)
		goto exit_cipher;
	r = cmk_volumes_init();
	if (r)
		goto exit_cipher;
	r = cmk_rekey_init();
	if (r)
		goto exit_volumes;
	r = cmk_netlink_init();
	if (r)
		goto exit_rekey;
	r = cmk_power_init();
	if (r)
		goto exit_netlink;
	r = cmk_target_init();
	if (r)
		goto exit_power;
	return 0;

exit_power:
	cmk_power_exit();
exit_netlink:
	cmk_netlink_exit();
exit_rekey:
	cmk_rekey_exit();
exit_volumes:
	cmk_volumes_exit();
exit_cipher:
	cmk_cipher_exit();
exit_seal:
	cmk_seal_exit();
exit_digest:
	cmk_digest_exit();
	return r;
}

static void __exit cmk_exit(void)
{
	cmk_target_exit();
	cmk_power_exit();
	cmk_netlink_exit();
	cmk_rekey_exit();
	cmk_volumes_exit();
	cmk_pages_exit();
	cmk_cipher_exit();
	cmk_seal_exit();
	cmk_digest_exit();
}

module_init(cmk_init);
module_exit(cmk_exit);

MODULE_DESCRIPTION("Encrypted volumes under customer-managed keys");
MODULE_AUTHOR("The cmk maintainers");
MODULE_LICENSE("GPL");
MODULE_VERSION("0.1.0");
MODULE_ALIAS("dm-cmk");
MODULE_SOFTDEP("pre: xts aesni-intel sha256 hmac gcm ctr ghash-generic drbg");
