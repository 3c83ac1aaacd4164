#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 600
#
# An installer or a pvcreate wrote over the header of a volume that is open:
# the agent still has it and writes it back, with the vault away if it has
# proven it; two disks with one volume are refused by both names; and what the
# kernel has open is not erased, whether an agent knows it or not.

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

@test "an agent that found the volume open asks the vault first" {
	local before

	before=$(header_sum)
	agent_stop KILL
	agent_start
	wait_state "ready none" 30
	dd if=/dev/zero of="$CMK_DISK" bs=1M count=16 oflag=direct status=none
	kill -STOP "$KV_PID"
	run cmkctl header repair --from-agent vol
	kill -CONT "$KV_PID"
	[ "$status" != 0 ]
	cmp -n $((16 << 20)) "$CMK_DISK" /dev/zero
	cmkctl header repair --from-agent vol
	drop_caches "$CMK_DISK"
	[ "$(header_sum)" = "$before" ]
	# From now on it is proven.
	kill -STOP "$KV_PID"
	run cmkctl header repair --from-agent vol
	kill -CONT "$KV_PID"
	[ "$status" = 0 ]
}

# not_erased CODE PATH
not_erased() {
	local before

	before=$(head -c 16M "$2" | sha256sum)
	run cmkctl --json erase "$2" </dev/null
	echo "$output"
	[ "$status" = 6 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = "$1" ]
	[ "$(head -c 16M "$2" | sha256sum)" = "$before" ]
}

# A file with its header stands for a header apart, which nobody claims.
@test "what the kernel has is not erased, watched or not" {
	local header=$BATS_TEST_TMPDIR/header
	local state=/var/lib/cmk/state/$VOL_UUID.json

	head -c 16M "$CMK_DISK" >"$header"
	not_erased open "$header"
	not_erased device-busy "$CMK_DISK"
	agent_stop
	mv "$state" "$BATS_TEST_TMPDIR/state"
	agent_start
	not_erased open "$header"
	cp "$BATS_TEST_TMPDIR/state" "$state"
	cmkctl close vol
	run cmkctl erase "$header" </dev/null
	[ "$status" = 0 ]
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
