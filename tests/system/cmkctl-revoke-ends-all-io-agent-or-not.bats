#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 1500
#
# 32 readers and 32 writers, then cmkctl revoke: no I/O that is submitted
# after its return succeeds, those under way end within a second, and nobody
# hangs.  status says that it is revoked and why; cmkctl restore brings the
# volume back with its data.  All that with the agent running, and when it was
# killed and does not come back.

load ../lib/guest
load node

ROUNDS=${CMK_LONG:+50}
ROUNDS=${ROUNDS:-1}

setup_file() { node_up LeaseTTL=5min; }
teardown_file() { node_down; }
setup() { node_ready; }

teardown() {
	node_tell
	agent_may_live
	systemctl start cmkd
	cmkctl -q restore vol 2>/dev/null || true
}

# revoke_once REASON: under load; adds to TOOK, how long it had effect
revoke_once() {
	local returned

	cmkctl revoke vol --reason "$1"
	# now is good to 10 ms
	returned=$(($(now) + 10000))
	storm_wait
	[ "$(storm errors)" = 64 ]
	[ "$(storm errno)" = ENODEV ]
	[ "$(storm last_ok_submit)" -le $returned ]
	[ "$(storm last_error)" -le $((returned + 1000000)) ]
	until_true 10 no_d_state
	TOOK+=("$(($(storm last_error) - returned))")
}

is_revoked() {	# REASON
	[ "$(status '"\(.state) \(.cause) \(.sticky) \(.live)"')" = \
		"revoked admin true 0" ]
	[ "$(status .reason)" = "$1" ]
	cmkctl status vol | grep -q "revoked, cause admin"
	cmkctl status vol | grep -q "reason: *$1"
	run dd if="$VOL" of=/dev/null bs=4k count=1 iflag=direct
	[ "$status" = 1 ]
	[[ $output == *"No such device"* ]]
}

brought_back() {
	restore_vol
	wait_state "ready none" 10
	[ "$(status .live)" = 8 ]
	data_is_equal
}

worst() {
	echo "# last error $(printf '%s\n' "${TOOK[@]}" | sort -n | tail -n 1)" \
		"us after the return at worst, of $ROUNDS" >&3
}

@test "agent running, $ROUNDS rounds" {
	local round

	for round in $(seq "$ROUNDS"); do
		storm_start 240 32 32
		sleep "1.$((RANDOM % 10))"
		revoke_once "round $round"
		is_revoked "round $round"
		brought_back
	done
	worst
}

@test "agent killed by SIGKILL, $ROUNDS rounds" {
	local round

	for round in $(seq "$ROUNDS"); do
		kill_agent
		storm_start 240 32 32
		sleep "1.$((RANDOM % 10))"
		[ "$(cmkctl status --json | jq -r .agent)" != running ]
		state_is "ready none"
		storm_goes_on
		revoke_once "dead $round"
		is_revoked "dead $round"
		run cmkctl restore vol
		[ "$status" = 5 ]
		agent_may_live
		systemctl start cmkd
		brought_back
	done
	worst
}
