#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-allow-klog: WARNING: a control of the bed
#
# Meant to pass: the warning is announced.

@test "passes" {
	echo '<4>WARNING: a control of the bed, not a fault' >/dev/kmsg
}
