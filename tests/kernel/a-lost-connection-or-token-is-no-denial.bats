#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-timeout: 300
#
# Neither a vault that drops connections or is overloaded nor a token service
# that gives no token is a denial: the volume goes on, no I/O takes longer than
# a second, and the lease is renewed all along.  tests/system has the others.

load ../lib/guest
load cmk
load agent

LASTS=${CMK_LONG:+60}
LASTS=${LASTS:-15}

setup() {
	modprobe dm-cmk
	vault_start
	agent_config OfflineGrace=4h
	agent_start
	volume_make
}

teardown() { all_down; }

# outage ANSWER COMMAND...: what the agent makes of it while it lasts
outage() {
	local answer=$1
	shift

	storm_start "$LASTS"
	"$@" >/dev/null
	storm_wait
	cat "$BATS_TEST_TMPDIR/storm"
	cmkctl status --json vol
	[ "$(storm_field errors)" = 0 ]
	[ "$(storm_field slowest)" -lt 1000000 ]
	[[ "$(state)" == "grace none" ]]
	cmkctl status --json vol |
		jq -e --arg a "$answer" '.volumes[0].last_answer == $a'
	ctl reset >/dev/null
	wait_state "ready none" 20
}

@test "it answers 503" { outage unknown ctl switch outage 503; }

@test "it drops connections" { outage unknown ctl switch drop on; }

@test "the token service refuses" {
	# A new agent has no token yet; it takes the volume over as it is.
	agent_stop
	ctl switch token-lifetime 4 >/dev/null
	agent_start
	wait_state "ready none" 10
	outage unknown ctl switch token-error 500
}
