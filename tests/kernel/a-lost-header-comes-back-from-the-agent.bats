#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-disk: 256M
# cmk-timeout: 300
#
# An installer or a pvcreate wrote over the header of a volume that is open:
# the agent still has it and writes it back, with the vault away; and two disks
# with one volume are refused by both names.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	agent_config
	agent_start
	volume_make
}

teardown() { all_down; }

header_sum() { head -c 16M "$CMK_DISK" | sha256sum; }

@test "written back without the vault, and it opens" {
	local before

	before=$(header_sum)
	run cmkctl --json header repair --from-agent nosuch
	[ "$status" = 6 ]
	dd if=/dev/zero of="$CMK_DISK" bs=1M count=16 oflag=direct status=none
	run cmkctl header check "$CMK_DISK"
	[ "$status" = 6 ]
	kill -STOP "$KV_PID"
	cmkctl header repair --from-agent vol
	kill -CONT "$KV_PID"
	drop_caches "$CMK_DISK"
	[ "$(header_sum)" = "$before" ]
	cmkctl header check "$CMK_DISK"
	wait_state "ready none" 30
	cmkctl close vol
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "not over another volume that is there now" {
	dd if="$CMK_DISK" of="$BATS_TEST_TMPDIR/header" bs=1M count=16 \
		status=none
	cmkctl -q format "$CMK_DISK2" --force --kek "$KEK" --range-size 32M
	dd if="$CMK_DISK2" of="$CMK_DISK" bs=1M count=16 oflag=direct \
		status=none
	run cmkctl --json header repair --from-agent vol
	echo "$output"
	[ "$status" = 6 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = header-newer ]
	dd if="$BATS_TEST_TMPDIR/header" of="$CMK_DISK" bs=1M oflag=direct \
		status=none
}

@test "two disks with one uuid are refused by name" {
	cmkctl close vol
	dd if="$CMK_DISK" of="$CMK_DISK2" bs=1M count=16 oflag=direct \
		status=none
	run cmkctl --json open "UUID=$VOL_UUID" vol --kek "$KEK" --wait 0
	echo "$output"
	[ "$status" = 6 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = uuid-twice ]
	[[ "$output" == *"$CMK_DISK "*"$CMK_DISK2 "* ||
	   "$output" == *"$CMK_DISK2 "*"$CMK_DISK "* ]]
	dd if=/dev/zero of="$CMK_DISK2" bs=1M count=16 oflag=direct status=none
}
