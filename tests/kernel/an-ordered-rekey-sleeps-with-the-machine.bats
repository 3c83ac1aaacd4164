#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels:
# cmk-more-kernels: 6.12
# cmk-mode: plain
# cmk-mem: 1G
# cmk-disk: 32M
# cmk-disk: 1G
# cmk-append: cmk.resume=cmkdata1
# cmk-reboots
# cmk-own-vm
# cmk-timeout: 900
#
# The machine hibernates, for real, in the middle of a rekey that cmkctl has
# ordered and watches, under load.  Awake again, cmkctl is told, the agent
# brings the keys back and the rekey goes on by itself; with OnSleep=keep nobody
# notices.  In the end all is under other keys, and no I/O has failed.

load ../lib/guest
load cmk
load agent
load agent-rekey
load sleep

setup() {
	modprobe dm-cmk
	swap_on "$CMK_DISK2"
	vault_start
	helper_start
	pattern $ALL begin >/tmp/begin
}

teardown() {
	[ -z "${AGENT_PID-}" ] || cmkctl revoke vol >/dev/null || true
	loads_stop
	all_down
	helper_stop
	swapoff "$CMK_DISK2"
}

ciphertexts() {
	local range

	for range in 0 1 2 3; do
		ciphertext $range
	done
}

# hibernates_in_the_middle [POLICY...]: of a range, of which a stripe takes 4 s
hibernates_in_the_middle() {
	# The time asleep counts for the lease.
	agent_config LeaseTTL=1h "$@"
	agent_start
	make_volume hk
	ciphertexts >/tmp/before
	loads vol /tmp/begin
	cmkctl rekey vol --all --bandwidth 128K >/tmp/rekey 2>&1 3>&- &
	REKEY_PID=$!
	in_the_middle
	hibernates
}

ends() {
	until_rekey running 60
	cmkctl rekey vol --all --bandwidth 1G
	loads_end
	rest_is_same vol /tmp/begin
	run grep -xFf /tmp/before <(ciphertexts)
	[ "$status" = 1 ]
}

@test "the agent brings the keys back, and it goes on" {
	local rc=0

	hibernates_in_the_middle
	wait $REKEY_PID || rc=$?
	cat /tmp/rekey
	[ $rc = 7 ]
	grep 'the rekey has stopped: .*; it goes on when' /tmp/rekey
	wait_state "ready none" 120
	grep 'held by the kernel (sleep)' "$BATS_TEST_TMPDIR/cmkd.log"
	ends
}

@test "OnSleep=keep: it goes on by itself" {
	hibernates_in_the_middle OnSleep=keep
	[ "$(state)" = "ready none" ]
	kill -0 $REKEY_PID
	ends
	wait $REKEY_PID
	run grep 'by the kernel' "$BATS_TEST_TMPDIR/cmkd.log"
	[ "$status" = 1 ]
}
