#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 64M
#
# A gate that closes, of any volume, ends the session in which the agent hands
# over keys.  An agent in the middle of a batch begins another one and brings
# all keys; whoever opens the volume does not notice.

load ../lib/guest
load cmk
load agent

TRACE=/sys/kernel/tracing

setup() {
	modprobe dm-cmk
	cmk_create other "$CMK_DISK" 2048 0 0 8192
	KV_DIR=$BATS_TEST_TMPDIR
	KEK=service
	agent_config
	agent_start
	# Enough ranges that setting their keys takes some seconds.
	modprobe loop
	truncate -s 1500M /tmp/disk
	LOOP=$(losetup --show -f /tmp/disk)
	mountpoint -q $TRACE || mount -t tracefs tracefs $TRACE
	echo 'p:cmk/agree dm_cmk:cmk_seal_agree' >$TRACE/kprobe_events
	echo 1 >$TRACE/events/cmk/enable
}

teardown() {
	rm -f /tmp/go-on
	echo 0 >$TRACE/events/cmk/enable
	echo >$TRACE/kprobe_events
	gone other
	all_down
	losetup -d "$LOOP"
	rm /tmp/disk
}

# sessions: how many were begun since the module was loaded
sessions() { awk '$1 == "agree" {print $2}' $TRACE/kprobe_profile; }

gates() {
	while [ -e /tmp/go-on ]; do
		echo "hold $UUID"
		echo "restore $UUID 60 hold"
		sleep 0.1
	done | nltool unbound
}

@test "a volume of many ranges opens while gates close" {
	cmkctl -q format "$LOOP" --force --kek service --range-size 1M \
		--wrap hk
	# Control: in peace one session is enough.
	before=$(sessions)
	cmkctl -q open "$LOOP" vol --kek service
	[ "$(sessions)" = $((before + 1)) ]
	cmkctl -q close vol
	before=$(sessions)
	touch /tmp/go-on
	gates >/tmp/gates 3>&- &
	cmkctl -q open "$LOOP" vol --kek service
	rm /tmp/go-on
	wait $!
	now=$(sessions)
	echo "# sessions: $((now - before))" >&3
	[ $((now - before)) -ge 3 ]
	cmkctl status --json vol | jq -e '.volumes[0] |
		.state == "ready" and .live == .ranges and .ranges > 1400'
	! grep -v ' ok ' /tmp/gates
}
