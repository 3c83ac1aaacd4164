// SPDX-License-Identifier: GPL-2.0
/*
 * What must not outlive a sleep or be copied with a machine: the keys end when
 * the machine is suspended, when it is hibernated, and when it finds that it is
 * a copy of another.
 *
 * A device of ours, that does nothing else, is suspended with all others: after
 * user space is frozen, when no agent brings keys any more, and before the
 * image of a hibernation is made.  A power-management notifier would come
 * before the freezer, and a task that then waited for a key could not be frozen
 * and made the sleep fail.
 *
 * Nothing of this waits for a device, so the order among devices does not
 * matter.
 */

#include <linux/platform_device.h>
#include <linux/pm.h>
#include <linux/random.h>

#include "lease.h"
#include "power.h"

static int cmk_power_sleep(struct device *dev)
{
	cmk_lease_lapse_all(CMK_CAUSE_SLEEP);
	return 0;
}

/* On the way back there is nothing to do: the agent hears of it by event. */
static const struct dev_pm_ops cmk_power_ops = {
	.suspend = cmk_power_sleep,
	.freeze = cmk_power_sleep,
};

static struct platform_driver cmk_power_driver = {
	.driver = {
		.name = "dm-cmk",
		.pm = pm_sleep_ptr(&cmk_power_ops),
	},
};

static struct platform_device *cmk_power_device;

static int cmk_power_fork(struct notifier_block *nb, unsigned long action,
			  void *data)
{
	cmk_lease_lapse_all(CMK_CAUSE_VM_FORK);
	return NOTIFY_DONE;
}

static struct notifier_block cmk_power_notifier = {
	.notifier_call = cmk_power_fork,
};

int __init cmk_power_init(void)
{
	int r = platform_driver_register(&cmk_power_driver);

	if (r)
		return r;
	cmk_power_device = platform_device_register_simple("dm-cmk",
							   PLATFORM_DEVID_NONE,
							   NULL, 0);
	if (IS_ERR(cmk_power_device)) {
		r = PTR_ERR(cmk_power_device);
		goto unregister_driver;
	}
	r = register_random_vmfork_notifier(&cmk_power_notifier);
	if (!r)
		return 0;
	platform_device_unregister(cmk_power_device);
unregister_driver:
	platform_driver_unregister(&cmk_power_driver);
	return r;
}

void cmk_power_exit(void)
{
	unregister_random_vmfork_notifier(&cmk_power_notifier);
	platform_device_unregister(cmk_power_device);
	platform_driver_unregister(&cmk_power_driver);
}
