#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.1 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-timeout: 300
#
# With DenyHold a denial first holds: the keys are gone, I/O waits.  It goes on
# if the key returns in time, and fails when it does not.  Without any verdict
# the offline grace ends in a hold, never in a revoke.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	agent_config DenyHold=20s OfflineGrace=25s
	agent_start
	volume_make
}

teardown() { all_down; }

@test "the key returns in time: no I/O fails" {
	storm_start 45
	ctl key delete pg >/dev/null
	wait_state "held kek-deleted" 15
	cmkctl status --json vol | jq -e '.volumes[0].live == 0'
	sleep 3
	ctl key recover pg >/dev/null
	wait_state "ready none" 15
	storm_wait
	cat "$BATS_TEST_TMPDIR/storm"
	[ "$(storm_field errors)" = 0 ]
	[ "$(storm_field slowest)" -gt 3000000 ]
}

@test "it does not: I/O fails after DenyHold" {
	local held

	storm_start 90
	ctl key disable pg >/dev/null
	wait_state "held kek-disabled" 15
	held=$SECONDS
	wait_state "revoked kek-disabled" 30
	[ $((SECONDS - held)) -ge 17 ]
	storm_wait
	[ "$(storm_field errors)" = 4 ]
	[ "$(storm_field errno)" = ENODEV ]
	ctl key enable pg >/dev/null
	wait_state "ready none" 20
}

@test "no verdict at all: the offline grace ends in a hold" {
	storm_start 120
	ctl switch outage 503 >/dev/null
	wait_state "held grace" 40
	sleep 25
	[[ "$(state)" == "held grace" ]]
	ctl reset >/dev/null
	wait_state "ready none" 15
	kill "$STORM_PID"
	storm_wait || true
}

@test "an administrator's hold outlives any answer of the vault" {
	cmkctl hold vol
	sleep 12
	[[ "$(state)" == "held admin" ]]
	cmkctl restore vol
	wait_state "ready none" 5
	dd if="$VOL" of=/dev/null bs=1M count=1 iflag=direct
}
