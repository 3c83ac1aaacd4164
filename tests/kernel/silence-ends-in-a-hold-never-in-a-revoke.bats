#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 600
#
# Without any verdict of the vault the offline grace ends in a hold, never in a
# revoke, and the first proof ends the hold.  An administrator's hold no proof
# ends.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	agent_config OfflineGrace=25s
	agent_start
	volume_make
}

teardown() { all_down; }

@test "no verdict at all: the offline grace ends in a hold" {
	storm_start 80
	ctl switch outage 503 >/dev/null
	wait_state "held grace" 60
	sleep 25
	[[ "$(state)" == "held grace" ]]
	ctl reset >/dev/null
	wait_state "ready none" 60
	storm_wait
	[ "$(storm_field errors)" = 0 ]
	[ "$(storm_field slowest)" -gt 20000000 ]
}

@test "an administrator's hold outlives any answer of the vault" {
	cmkctl hold vol
	sleep 12
	[[ "$(state)" == "held admin" ]]
	restore_vol
	wait_state "ready none" 30
	dd if="$VOL" of=/dev/null bs=1M count=1 iflag=direct
}
