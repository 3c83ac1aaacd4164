#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 300
#
# A rekey on a node with its units, where the helper that systemd starts drains
# the device: who asked for it and what came of it is in the audit trail.

load ../lib/guest
load node

setup_file() {
	node_up
	systemd-sysusers
	systemctl start cmk-helper.socket
}

teardown_file() {
	systemctl stop cmk-helper.socket
	node_down
}

setup() {
	node_ready
	START=$(now)
}

teardown() { node_tell; }

@test "who asked for it, and what came of it" {
	local asked

	cmkctl rekey vol --range 7 &
	asked=$!
	wait $asked
	data_is_equal
	entry rekey-start | jq -e --arg pid $asked '
		.CMK_RESULT == "ok" and .CMK_NAME == "vol" and
		.CMK_RANGE == "7" and (.CMK_KID | length > 20) and
		.CMK_UID == "0" and .CMK_PID == $pid'
	entry rekey-done | jq -e --arg pid $asked '
		.CMK_RESULT == "ok" and .CMK_RANGE == "7" and
		.CMK_UID == "0" and .CMK_PID == $pid'
	[ "$(entry rekey-start | wc -l)" = 1 ]
	[ "$(entry rekey-done | wc -l)" = 1 ]
}

@test "what the vault was asked for it, by the vault's own log" {
	local id n=0

	cmkctl -q rekey vol --range 0-1
	for id in $(for e in wrap unwrap; do entry $e; done |
		jq -r .CMK_CLIENT_REQUEST_ID); do
		[ "$(asked ".client_request_id == \"$id\"")" = 1 ]
		n=$((n + 1))
	done
	[ "$n" -gt 0 ]
	data_is_equal
}
