#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 300
#
# How soon cmkctl revoke has returned and no I/O succeeds any more: under 32
# readers and 32 writers; while all I/O hangs in the device below; while a key
# set is stuck in an allocation and a module that registers a netlink family
# waits for it.

load ../lib/guest
load ../lib/trace
load cmk
load fail

RUNS=${CMK_LONG:+200}
RUNS=${RUNS:-20}
HANGS=${CMK_LONG:+20}
HANGS=${HANGS:-1}
SEED=${CMK_SEED:-$RANDOM}
SIZE=65536
# Microseconds, where something hangs
AT_MOST=100000

setup() { modprobe dm-cmk; }

teardown() {
	trace_clear
	[ ! -e $FAIL ] || echo N >$FAIL/stall
	[ ! -e /dev/mapper/below ] || dmsetup resume below
	wait
	gone cmk race below
	[ ! -e $FAIL ] || fail_unload
	[ ! -e /sys/module/genl_guest ] || modprobe -r genl-guest
	rm -rf $TRACE /tmp/race /tmp/storm /tmp/fifo /var/lib/cmk/revoked
}

# figures FILE: median and worst of its numbers
figures() {
	sort -n "$1" | awk '{a[NR] = $1}
		END {print a[int((NR + 1) / 2)], a[NR]}'
}

# The command as the kernel has it, times on the clock of the I/Os.
trace_revokes() {
	trace_begin 'p:cmk/revoke dm_cmk:cmk_message' \
		'r:cmk/revoked dm_cmk:cmk_message'
	echo 0 >$TRACEFS/tracing_on
	echo boot >$TRACEFS/trace_clock
	echo 1 >$TRACEFS/tracing_on
}

# Lines "BEGIN END", in microseconds
traced_revokes() {
	sed -nE 's/^.* ([0-9]+)\.([0-9]{6}): (revoked?): .*$/\3 \1\2/p' \
		$TRACEFS/trace | awk '
		$1 == "revoke" {begin = $2}
		$1 == "revoked" {print begin, $2}'
}

@test "under 32 readers and 32 writers, $RUNS runs" {
	local median worst

	trace_revokes
	# What it does after the revoke takes longer, and is not in question.
	race command race "$UUID" "$CMK_DISK" 1000 "$RUNS" "$SEED" \
		cmkctl -q revoke --no-purge race >/tmp/race || {
		cat /tmp/race
		false
	}
	traced_revokes >$TRACE
	tail -n 1 /tmp/race
	[ "$(grep -c ^round= /tmp/race)" = "$RUNS" ]
	[ "$(wc -l <$TRACE)" = "$RUNS" ]
	# Sending the command is a few microseconds before its function begins.
	grep ^round= /tmp/race | paste -d ' ' - $TRACE | tr '=' ' ' | awk '
		{
			if ($11 < $4 || $12 > $6)
				exit 1
			print $12 - $11 >"/tmp/race.return"
			print $10 - $11 >"/tmp/race.last"
			print $8 - $12 >"/tmp/race.submit"
			print $6 - $4 >"/tmp/race.all"
		}'
	read -r median worst <<<"$(figures /tmp/race.return)"
	echo "# seed $SEED: returned after $median us, worst $worst;" \
		"last success $(figures /tmp/race.last) us after it was sent;" \
		"the program $(figures /tmp/race.all) us" >&3
	[ "$(figures /tmp/race.submit | cut -d ' ' -f 2)" -le 0 ]
	rm /tmp/race.*
}

below() {	# COMMAND...: a new table for the device below
	dmsetup suspend "${@:2}" --nolockfs below
	dmsetup reload below --table "$1"
	dmsetup resume below
}

open_over() {
	dmsetup create below --table "0 $SIZE $1"
	cmk_create cmk /dev/mapper/below $((SIZE / 4)) 0 0 $SIZE lease
	nl "admin-restore $UUID 600 hold" >/dev/null
	set_keys "$KEY_A" "$KEY_B" "$KEY_A" "$KEY_B"
}

again() {
	nl "admin-restore $UUID 600 hold" >/dev/null
	set_keys "$KEY_A" "$KEY_B" "$KEY_A" "$KEY_B"
}

# revoke_quickly: by cmkctl, which says how long the command took
revoke_quickly() {
	local took

	took=$(cmkctl --json revoke --no-purge cmk |
		jq '.volumes[0].latency_us')
	[[ "$(dmsetup status cmk)" == *gate=revoked*live=0* ]]
	echo "$took" >>/tmp/race
	echo "$took us"
	[ "$took" -le $AT_MOST ]
}

# hanging HANG... -- GO...: all I/O is below, and none has come back
hanging() {
	local i hang=() storm

	while [ "$1" != -- ]; do
		hang+=("$1")
		shift
	done
	shift
	rm -f /tmp/race
	for ((i = 0; i < HANGS; i++)); do
		iostorm /dev/mapper/cmk 32 32 100 >/tmp/storm 3>&- &
		storm=$!
		sleep 1
		"${hang[@]}"
		sleep 1
		[ "$(cat /sys/block/dm-1/inflight | tr -s ' ')" = " 32 32" ]
		revoke_quickly
		kill -0 $storm
		[ "$(cat /sys/block/dm-1/inflight | tr -s ' ')" = " 32 32" ]
		"$@"
		wait $storm
		[ "$(field errors "$(cat /tmp/storm)")" = 64 ]
		[ "$(field errno "$(cat /tmp/storm)")" = ENODEV ]
		again
	done
	echo "# median and worst of $HANGS: $(figures /tmp/race) us" >&3
}

@test "the device below is dm-delay with 60 seconds" {
	open_over "delay $CMK_DISK 0 0"
	hanging below "0 $SIZE delay $CMK_DISK 0 60000" -- \
		below "0 $SIZE delay $CMK_DISK 0 0" --noflush
}

@test "the device below is suspended" {
	open_over "linear $CMK_DISK 0"
	hanging dmsetup suspend below -- dmsetup resume below
}

stack() { cat "/proc/$1/task/"*/stack; }
stands_in() {	# PID FUNCTION
	local n

	for ((n = 0; n < 100; n++)); do
		! stack "$1" | grep -q "$2" || return 0
		sleep 0.1
	done
	stack "$1"
	return 1
}

# An agent as $setter that has bound, and has a session for keys, before
# allocations sleep, and sets a key when they do.
stuck_set() {
	mkfifo /tmp/fifo
	nltool </tmp/fifo >/tmp/storm 3>&- &
	setter=$!
	exec 5>/tmp/fifo
	rm /tmp/fifo
	echo "renew $UUID 600 hold" >&5
	echo "set $UUID 1 1 $KEY_B" >&5
	until grep -q 'set ok' /tmp/storm; do
		kill -0 $setter
		sleep 0.1
	done
	echo Y >$FAIL/stall
	fail_from 1 1
	echo "!set $UUID 0 1 $KEY_A" >&5
	exec 5>&-
	stands_in $setter cmk_nl_key_set
}

@test "a key set is stuck in an allocation, and a module registers a family" {
	local i setter loader other

	rm -f /tmp/race
	modprobe cmk-fail task=nltool
	open_over "linear $CMK_DISK 0"
	for ((i = 0; i < HANGS; i++)); do
		stuck_set
		[ "$(<$FAIL/asleep)" = 1 ]
		modprobe genl-guest 3>&- &
		loader=$!
		stands_in $loader genl_register_family
		# What netlink has to offer now:
		echo "revoke $UUID" | nltool unbound 3>&- &
		other=$!
		stands_in $other genl_rcv
		revoke_quickly
		# As it was before.
		[ "$(<$FAIL/asleep)" = 1 ]
		stands_in $other genl_rcv
		stands_in $setter cmk_nl_key_set
		stands_in $loader genl_register_family
		echo N >$FAIL/stall
		wait $setter
		wait $loader
		wait $other
		modprobe -r genl-guest
		grep -q 'set ENOMEM' /tmp/storm
		again
	done
	echo "# median and worst of $HANGS: $(figures /tmp/race) us" >&3
}
