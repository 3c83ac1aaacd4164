#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# ConfirmCount=2: one denial between proofs is only told; two in a row end the
# keys.

load ../lib/guest
load node

setup_file() { node_up ConfirmSpacing=15s; }
teardown_file() { node_down; }
setup() { node_ready; }
teardown() { node_tell; }

denials() {
	grep -c '"op":"unwrapKey","status":404' "$KV/requests.log" || true
}
more_denials() { [ "$(denials)" -ge "$1" ]; }

@test "one no, then a yes: nothing happens" {
	local before

	before=$(denials)
	storm_start 120
	vault key delete pg >/dev/null
	until_true 20 more_denials $((before + 1))
	vault key recover pg >/dev/null
	# The vault's log knows of the answer before the agent does.
	until_true 2 state_is "grace none"
	[ "$(status .last_answer)" = denied-deleted ]
	after_probe
	wait_state "ready none" 10
	after_probe
	wait_state "ready none" 10
	[ "$(denials)" = $((before + 1)) ]
	decided 0
	storm_goes_on
}

@test "two in a row count" {
	local before

	before=$(denials)
	vault key delete pg >/dev/null
	wait_state "revoked kek-deleted" 50
	[ "$(denials)" -ge $((before + 2)) ]
	# The kernel knows it first, the journal after that.
	until_true 10 decided 1
}
