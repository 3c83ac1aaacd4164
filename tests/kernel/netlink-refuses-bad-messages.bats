#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# Each command with each attribute missing, doubled, too long and too short is
# refused with a text and changes nothing; without the right, everything is.

load ../lib/guest
load cmk

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	set_keys "$KEY_A" "$KEY_B"
}

teardown() { gone cmk; }

state() { dmsetup status cmk; dmsetup table cmk; }

@test "bad messages are refused with a text and change nothing" {
	before=$(state)
	run nlraw "$UUID"
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c . <<<"$output")" -ge 125 ]
	[ "$(state)" = "$before" ]
}

@test "an unprivileged caller gets EPERM from every command" {
	before=$(state)
	run setpriv --reuid=65534 --regid=65534 --clear-groups \
		--bounding-set=-all --inh-caps=-all nlraw "$UUID" unprivileged
	echo "$output"
	[ "$status" = 0 ]
	[ "$(grep -c EPERM <<<"$output")" = 15 ]
	[ "$(state)" = "$before" ]
}

@test "CAP_NET_ADMIN is not enough" {
	run setpriv --bounding-set=-all,+net_admin --inh-caps=-all \
		nlraw "$UUID" unprivileged
	[ "$status" = 0 ]
}

@test "the messages are good when nothing is wrong with them" {
	# Control: as root and unbound the same commands are not EPERM.
	run nlraw "$UUID" unprivileged
	[ "$status" = 1 ]
	! grep -q EPERM <<<"$output"
}

@test "from another network namespace there is no family" {
	run unshare --net nlraw "$UUID"
	[ "$status" = 1 ]
	[[ "$output" == *"no family"* ]]
}
