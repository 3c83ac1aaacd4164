#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# OnDenied=hold, DenyHold=20s: the keys are gone at once and I/O waits; it goes
# on if the key returns in time, and fails after 20 s if not.

load ../lib/guest
load node

setup_file() { node_up OnDenied=hold DenyHold=20s; }
teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

parked() { [ "$(status .parked)" = 2 ]; }

@test "the key returns in time: I/O waits, and none fails" {
	local back

	storm_start 40
	vault key delete pg >/dev/null
	wait_state "held kek-deleted" 15
	[ "$(status .live)" = 0 ]
	[ "$(status '.revoke_in_s > 10')" = true ]
	until_true 5 parked
	sleep 5
	state_is "held kek-deleted"
	back=$(vault --get boottime_us key recover pg)
	wait_state "ready none" 15
	storm_wait
	[ "$(storm errors)" = 0 ]
	[ "$(storm slowest)" -gt 5000000 ]
	[ "$(storm last_ok_submit)" -gt "$back" ]
	data_is_equal
}

@test "it does not: I/O waits 20 s and fails" {
	local waited

	storm_start 90
	vault key delete pg >/dev/null
	wait_state "held kek-deleted" 15
	storm_wait
	[ "$(storm errors)" = 2 ]
	[ "$(storm errno)" = ENODEV ]
	waited=$(($(storm last_error) - $(storm last_ok_done)))
	echo "# waited $((waited / 1000)) ms" >&3
	[ "$waited" -ge 19500000 ]
	[ "$waited" -le 25000000 ]
	state_is "revoked kek-deleted"
	vault key recover pg >/dev/null
	wait_state "ready none" 20
	data_is_equal
}
