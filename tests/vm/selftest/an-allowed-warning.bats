#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-allow-klog: WARNING: a control of the bed
#
# Meant to pass: the warning is announced.

@test "passes" {
	echo "# a figure of a test that passes" >&3
	echo '<4>WARNING: a control of the bed, not a fault' >/dev/kmsg
}
