#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
#
# The kernel remembers which key a range had: another range's, an older or a
# newer generation's, or one that is no good at all is refused, also after a
# drop, a revoke with restore, and a table reload; and the data stays what it
# was.

load ../lib/guest
load cmk

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	nl "set $UUID 0 2 $KEY_A" "set $UUID 1 2 $KEY_B"
	pattern 1048576 data >/tmp/data
	dd if=/tmp/data of=/dev/mapper/cmk bs=1M count=1 oflag=direct \
		status=none
}

teardown() { gone cmk; }

refusals() {
	run nl "set $UUID 0 2 $KEY_B"
	[[ "$output" == *"EKEYREJECTED: "*"not the key that was live"* ]]
	run nl "set $UUID 0 1 $KEY_A"
	[[ "$output" == *"ESTALE: "*"older"* ]]
	run nl "set $UUID 0 3 $KEY_B"
	[[ "$output" == *"EKEYREJECTED: "* ]]
	run nl "set $UUID 0 3 $KEY_A"
	[[ "$output" == *"EKEYREJECTED: "* ]]
	run nl "set $UUID 4 1 $KEY_A"
	[[ "$output" == *"ENOENT: "*"no such range"* ]]
	nl "set $UUID 0 2 $KEY_A"
	dd if=/dev/mapper/cmk bs=1M count=1 iflag=direct status=none |
		cmp - /tmp/data
}

@test "while live" { refusals; }

@test "after a drop" {
	nl "drop $UUID 0"
	refusals
}

@test "after a revoke and a restore" {
	nl "revoke $UUID" "!set $UUID 0 2 $KEY_A" "restore $UUID 60 hold"
	refusals
}

@test "after a table reload" {
	nl "drop $UUID"
	dmsetup reload cmk --table "$(cmk_table "$CMK_DISK" 2048 0 0 8192)"
	dmsetup resume cmk
	refusals
}

@test "a weak key, of two equal halves" {
	run nl "set $UUID 2 1 $(hex 64 11)"
	[[ "$output" == *"EINVAL: "*"weak key"* ]]
	dmsetup status cmk | grep -q live=2
}

@test "a volume that does not exist" {
	run nl "set 00000000-0000-0000-0000-000000000001 0 1 $KEY_A"
	[[ "$output" == *"ENODEV: "*"no such volume"* ]]
}

@test "without the bind" {
	echo "set $UUID 2 1 $KEY_A" | {
		run nltool unbound
		[[ "$output" == *"ESTALE: "*"bound socket"* ]]
	}
}

@test "a new volume object remembers nothing" {
	gone cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	nl "set $UUID 0 1 $KEY_B"
}
