#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
# cmk-timeout: 300
#
# Without renewals the kernel ends the keys itself, by hold or by revoke as it
# was told; a renewal moves the end, and never revives.  At not-after they end
# however the lease is renewed.

load ../lib/guest
load cmk

setup() {
	modprobe dm-cmk
	create 600
}

teardown() {
	nl "admin-restore $UUID 60 hold" >/dev/null || true
	gone cmk
}

# create HOLD_TIMEOUT
create() {
	cmk_create cmk "$CMK_DISK" 2048 0 0 8192 lease hold_timeout:"$1"
}

# becomes PATTERN [SECONDS]: the status, before long; the wiping follows the
# gate
becomes() {
	local i

	for ((i = 0; i < ${2:-30} * 10; i++)); do
		[[ "$(dmsetup status cmk)" != *$1* ]] || return 0
		sleep 0.1
	done
	dmsetup status cmk
	return 1
}

read_one() {
	dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 iflag=direct \
		status=none
}

@test "without a lease no key is taken" {
	run nl "set $UUID 0 1 $KEY_A"
	[[ "$output" == *"EKEYEXPIRED: "*"no lease"* ]]
}

@test "it ends by a hold: I/O waits, and goes on after a restore" {
	nl "renew $UUID 5 hold" "set $UUID 0 1 $KEY_A"
	read_one
	becomes "gate=held cause=lease*live=0"
	read_one &
	sleep 1
	kill -0 $!
	nl "!renew $UUID 60 hold" "!set $UUID 0 1 $KEY_A" \
		"restore $UUID 60 hold" "set $UUID 0 1 $KEY_A"
	wait $!
}

@test "after its end a renewal says that it expired" {
	nl "renew $UUID 1 hold"
	sleep 2
	run nl "renew $UUID 60 hold"
	[[ "$output" == *"EKEYEXPIRED: "* ]]
}

@test "none begins while the volume is closed, whatever for" {
	nl "lapse-hold $UUID"
	run nl "renew $UUID 1 revoke"
	[[ "$output" == *"EKEYREVOKED: "* ]]
	sleep 2
	[[ "$(dmsetup status cmk)" == *"gate=held cause=lease"* ]]
}

@test "it ends by a revoke: I/O fails" {
	nl "renew $UUID 3 revoke" "set $UUID 0 1 $KEY_A"
	becomes "gate=revoked cause=lease"
	run read_one
	[ "$status" = 1 ]
}

@test "a renewal moves the end" {
	nl "renew $UUID 5 hold" "set $UUID 0 1 $KEY_A" "sleep 2000" \
		"renew $UUID 5 hold" "sleep 2000" "renew $UUID 60 hold" \
		"sleep 3000"
	read_one
	[[ "$(dmsetup status cmk)" == *"gate=open"* ]]
}

@test "a hold ends in a revoke after hold_timeout" {
	gone cmk
	create 4
	nl "renew $UUID 60 hold" "set $UUID 0 1 $KEY_A" "hold $UUID"
	run timeout 20 dd if=/dev/mapper/cmk of=/dev/null bs=4k count=1 \
		iflag=direct
	[ "$status" = 1 ]
	[[ "$(dmsetup status cmk)" == *"gate=revoked cause=hold-timeout sticky=0"* ]]
}

@test "an administrator's hold does not" {
	gone cmk
	create 4
	nl "renew $UUID 60 hold" "admin-hold $UUID" "sleep 5000" \
		"!restore $UUID 60 hold" "!revoke $UUID"
	[[ "$(dmsetup status cmk)" == *"gate=held cause=admin sticky=1"* ]]
}

@test "a lease runs on when the agent's socket is closed" {
	nl "renew $UUID 5 revoke" "set $UUID 0 1 $KEY_A"
	read_one
	becomes "gate=revoked cause=lease"
	run read_one
	[ "$status" = 1 ]
}

@test "a second agent is refused while the first lives" {
	coproc nltool
	echo "get $UUID" >&"${COPROC[1]}"
	read -r answer <&"${COPROC[0]}"
	[[ "$answer" == *"get ok"* ]]
	run nltool </dev/null
	[ "$status" = 1 ]
	[[ "$output" == *"another agent is bound"* ]]
	eval "exec ${COPROC[1]}>&-"
	wait
	nltool </dev/null
}

@test "a lease of more than a day is refused" {
	run nl "renew $UUID 86401 hold"
	[[ "$output" == *"ERANGE: "* ]]
	run nl "renew $UUID 0 hold"
	[ "$status" = 1 ]
}

# Milliseconds of CLOCK_BOOTTIME in so many milliseconds
in_ms() { awk -v ms="$1" '{printf "%d", $1 * 1000 + ms}' /proc/uptime; }

@test "the keys end at not-after, by a hold, however the lease is renewed" {
	local at
	at=$(in_ms 8000)
	nl "renew $UUID 60 revoke @$at" "set $UUID 0 1 $KEY_A" "sleep 1000" \
		"renew $UUID 60 revoke @$at" "sleep 1000" "get $UUID" |
		grep "gate=open.* not_after=$at "
	[ "$(field grace_ms "$(dmsetup status cmk)")" -le 6100 ]
	nl "renew $UUID 60 revoke @$at"
	becomes "gate=held cause=grace*live=0"
}

@test "after that a renewal with a later one says that it expired" {
	nl "renew $UUID 60 hold 500" "sleep 1000"
	run nl "renew $UUID 60 hold 60000"
	[[ "$output" == *"EKEYEXPIRED: "* ]]
	nl "restore $UUID 60 hold 60000" "set $UUID 0 1 $KEY_A"
	read_one
}

@test "a later not-after moves the end" {
	nl "renew $UUID 60 hold 4000" "set $UUID 0 1 $KEY_A" "sleep 1000" \
		"renew $UUID 60 hold 60000" "sleep 4000"
	read_one
	[[ "$(dmsetup status cmk)" == *"gate=open"* ]]
}

@test "an earlier one moves it, and one that is over ends the keys at once" {
	nl "renew $UUID 60 hold 60000" "set $UUID 0 1 $KEY_A" \
		"renew $UUID 60 hold @1"
	becomes "gate=held cause=grace*live=0" 5
}

@test "the lease counts where it ends before" {
	nl "renew $UUID 3 revoke 60000" "set $UUID 0 1 $KEY_A"
	becomes "gate=revoked cause=lease"
}

@test "a not-after that no clock has is refused" {
	run nl "renew $UUID 60 hold @0"
	[[ "$output" == *"ERANGE: "* ]]
	run nl "renew $UUID 60 hold @18446744073709551615"
	[[ "$output" == *"ERANGE: "* ]]
}
