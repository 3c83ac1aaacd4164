#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-disk: 64M
#
# Meant to fail: a device, a mount and a process stay.

@test "passes by itself" {
	dmsetup create left <<<"0 131072 linear $CMK_DISK 0"
	mkfs.ext4 -q /dev/mapper/left
	mkdir -p /tmp/left
	mount /dev/mapper/left /tmp/left
	setsid sleep 1000 >/dev/null 2>&1 3>&- &
}
