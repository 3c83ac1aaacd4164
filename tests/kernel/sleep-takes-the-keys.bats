#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-timeout: 500
# cmk-own-vm
#
# The keys end when the machine is suspended or hibernated, after its tasks are
# frozen and before an image of its memory is made; I/O waits, and an agent
# brings them back.  Who said that they stay keeps them, and then the time
# asleep counts for the lease.

load ../lib/guest
load cmk
load agent
load sleep

# Seconds a test of a sleep waits where it turns round
PM_TEST_DELAY=/sys/module/suspend/parameters/pm_test_delay

setup() {
	modprobe dm-cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192 lease hold_timeout:60
}

teardown() {
	echo none >/sys/power/pm_test
	echo 5 >$PM_TEST_DELAY
	gone cmk
	[ -z "${AGENT_PID-}" ] || all_down
}

read_one() {
	dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct \
		status=none
}

live() { nl "renew $UUID 60 ${1:-hold} 60000 ${2-}" "set $UUID 0 1 $KEY_A"; }

comes_back() {
	live
	read_one
	sleeps "$1"
	[[ "$(dmsetup status cmk)" == *"gate=held cause=sleep"*live=0* ]]
	read_one &
	sleep 1
	kill -0 $!
	# The open gate of before is not what a restore would open now.
	nl "!renew $UUID 60 hold" "!restore-of $UUID 0 60 hold" \
		"restore $UUID 60 hold" "set $UUID 0 1 $KEY_A"
	wait $!
}

@test "suspended: held, and brought back" { comes_back mem; }
@test "hibernated: held, and brought back" { comes_back disk; }

@test "revoked, where a lapse revokes" {
	live revoke
	sleeps mem
	[[ "$(dmsetup status cmk)" == *"gate=revoked cause=sleep"*live=0* ]]
	run read_one
	[ "$status" = 1 ]
}

@test "kept, where the agent said so" {
	live hold asleep
	sleeps mem
	[[ "$(dmsetup status cmk)" == *"gate=open cause=none"*live=1* ]]
	read_one
}

@test "a volume without a lease keeps them" {
	gone cmk
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192
	set_keys "$KEY_A"
	sleeps mem
	[[ "$(dmsetup status cmk)" == *"gate=open"*live=1* ]]
	read_one
}

# Here the agent and whoever does I/O are frozen and thawed with the rest.
with_agent() {
	gone cmk
	vault_start
	agent_config "$@"
	agent_start
	volume_make
	storm_start 30
	sleep 2
	sleeps mem
}

@test "the agent brings them back, and no I/O has failed" {
	with_agent
	wait_state "ready none" 60
	grep 'held by the kernel (sleep)' "$BATS_TEST_TMPDIR/cmkd.log"
	storm_wait
	[ "$(storm_field errors)" = 0 ]
}

@test "OnSleep=keep: the agent leaves them in" {
	with_agent OnSleep=keep
	storm_wait
	[ "$(storm_field errors)" = 0 ]
	run grep 'by the kernel' "$BATS_TEST_TMPDIR/cmkd.log"
	[ "$status" = 1 ]
}

# All but what the machine's firmware does, of which not every part of an
# emulated machine wakes as it was.  The clocks stop as ever, for a while.
@test "the time asleep counts for the lease" {
	local begun before i

	begun=$(awake)
	before=$(asleep)
	nl "renew $UUID 10 revoke 60000 asleep" "set $UUID 0 1 $KEY_A"
	echo 12 >$PM_TEST_DELAY
	sleeps mem core
	echo "# $(($(asleep) - before)) s asleep" >&3
	[ "$(asleep)" -ge $((before + 10)) ]
	for ((i = 0; i < 100; i++)); do
		[[ "$(dmsetup status cmk)" != \
			*"gate=revoked cause=lease"*live=0* ]] || break
		sleep 0.1
	done
	[ "$i" -lt 100 ]
	# Of the lease's time awake this is less.
	[ "$(awake)" -lt $((begun + 10)) ]
}
