#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# A volume that was revoked with the agent dead stays revoked when it runs
# again, whatever the vault says, over restarts of the agent and of the module,
# until an administrator restores it.

load ../lib/guest
load node

setup_file() { node_up LeaseTTL=60s; }
teardown_file() { node_down; }
setup() { node_ready; }

teardown() {
	node_tell
	agent_may_live
	systemctl start cmkd
	systemctl start cmk@vol || true
	restore_vol
	systemctl start cmk@vol
}

revoke() {
	kill_agent
	cmkctl revoke vol --reason "disk was stolen"
}

is_revoked() {
	[ "$(status '"\(.state) \(.cause) \(.sticky)"')" = \
		"revoked admin true" ]
	run dd if="$VOL" of=/dev/null bs=4k count=1 iflag=direct
	[ "$status" = 1 ]
	[[ "$output" == *"No such device"* ]]
}

answer_is() { [ "$(status .last_answer)" = "$1" ]; }

start_agent() {
	systemctl start cmkd
	# Twice the vault has said yes to it.
	after_probe
	after_probe
}

@test "it stays revoked when the agent runs again, and when it restarts" {
	revoke
	start_agent
	until_true 10 answer_is usable
	is_revoked
	systemctl restart cmkd
	after_probe
	after_probe
	is_revoked
	[ "$(status .reason)" = "disk was stolen" ]
}

@test "cmkctl restore brings it back with its data" {
	revoke
	run cmkctl restore vol
	[ "$status" = 5 ]
	is_revoked
	start_agent
	restore_vol
	wait_state "ready none" 10
	data_is_equal
}

@test "closed and forgotten by the kernel, it is not opened again" {
	revoke
	dmsetup remove --retry storm
	systemctl stop cmk@vol
	modprobe -r dm-cmk
	systemctl start cmkd
	run cmkctl open vol
	echo "$output"
	[ "$status" != 0 ]
	[[ "$output" == *revoked*restore* ]]
	run systemctl start cmk@vol
	[ "$status" != 0 ]
	[ ! -e "$VOL" ]
	restore_vol
	systemctl start cmk@vol
	data_is_equal
}
