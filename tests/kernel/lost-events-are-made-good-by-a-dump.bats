#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-disk: 64M
# cmk-cpus: 1
# cmk-timeout: 400
#
# So many events that the agent's socket takes no more: it asks for everything
# then, and so learns of a volume of which no event has reached it.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	# No renewal may tell it what no event did.
	agent_config LeaseTTL=10min OfflineGrace=4h
	agent_start
	volume_make
	wipefs -aq "$CMK_DISK2"
	QUIET=$(cmkctl -q --json format "$CMK_DISK2" --force --kek "$KEK" \
		--range-size 32M | jq -r .uuid)
	cmkctl open "$CMK_DISK2" quiet --kek "$KEK"
}

teardown() {
	kill -CONT "$AGENT_PID"
	cmkctl restore quiet >/dev/null 2>&1 || true
	gone quiet
	all_down
}

# Of any generic netlink socket
drops() {
	awk '$2 == 16 {n += $9} END {print n + 0}' /proc/net/netlink
}

events() {	# PAIRS
	local i

	for ((i = 0; i < $1; i++)); do
		echo "admin-hold $VOL_UUID"
		echo "admin-restore $VOL_UUID 600 hold"
	done | nltool unbound >/dev/null
}

log() { cat "$BATS_TEST_TMPDIR/cmkd.log"; }
knows() { log | grep -q '^cmkd: quiet: held by an administrator'; }

@test "a volume of which no event was received is seen all the same" {
	local n=0

	kill -STOP "$AGENT_PID"
	while [ "$(drops)" = 0 ] && [ "$n" -lt 10000 ]; do
		events 200
		n=$((n + 400))
	done
	echo "# $n events" >&3
	[ "$(drops)" -gt 0 ]
	nltool unbound <<<"admin-hold $QUIET"
	kill -CONT "$AGENT_PID"
	for ((n = 0; n < 300; n++)); do
		! knows || break
		sleep 0.1
	done
	knows
}
