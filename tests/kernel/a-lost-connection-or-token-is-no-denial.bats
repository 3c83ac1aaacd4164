#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 900
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
	# An answer that was given before may still stand.
	wait_state "grace none" 30
	cmkctl status --json vol |
		jq -e --arg a "$answer" '.volumes[0].last_answer == $a'
	ctl reset >/dev/null
	wait_state "ready none" 60
}

@test "it answers 503" { outage unknown ctl switch outage 503; }

@test "it drops connections" { outage unknown ctl switch drop on; }

@test "the token service refuses" {
	# A new agent has no token yet; it takes the volume over as it is.
	agent_stop
	ctl switch token-lifetime 4 >/dev/null
	agent_start
	wait_state "ready none" 60
	outage unknown ctl switch token-error 500
}

# What the vault unwraps is the header key of the volume that asked.
@test "it answers while another volume under the same key comes or goes" {
	local loop

	agent_stop
	sed -i 's/^RequestTimeout=.*/RequestTimeout=8s/' /etc/cmk/cmkd.conf
	agent_start
	wait_state "ready none" 60
	modprobe loop
	truncate -s 160M "$BATS_TEST_TMPDIR/disk"
	loop=$(losetup -f --show "$BATS_TEST_TMPDIR/disk")
	cmkctl -q format "$loop" --force --kek "$KEK" --range-size 128M
	# A probe is under way for more than half of the time.
	ctl switch slow 3000 >/dev/null
	for _ in {1..3}; do
		cmkctl -q open "$loop" second --kek "$KEK"
		answers
		cmkctl -q close second
		answers
	done >"$BATS_TEST_TMPDIR/answers"
	losetup -d "$loop"
	sort "$BATS_TEST_TMPDIR/answers" | uniq -c
	[ "$(sort -u "$BATS_TEST_TMPDIR/answers")" = usable ]
}

# answers: the last ones, for as long as one takes
answers() {
	for _ in {1..6}; do
		cmkctl status --json vol | jq -r '.volumes[0].last_answer'
		sleep 0.2
	done
}
