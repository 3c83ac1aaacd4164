#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 800
#
# The end of the agent changes nothing until the lease is over; a new agent
# takes the volumes over as they are, and what an administrator closed stays
# closed.

load ../lib/guest
load cmk
load agent

LASTS=${CMK_LONG:+600}
LASTS=${LASTS:-20}
SEED=${CMK_SEED:-$RANDOM}

setup() {
	modprobe dm-cmk
	vault_start
	agent_config
	agent_start
	volume_make
}

teardown() { all_down; }

lease_left_ms() { cmkctl status --json vol | jq '.volumes[0].lease_left_ms'; }

@test "a restart interrupts no I/O, and the lease goes on" {
	storm_start 40
	agent_stop TERM
	sleep 6
	# It is renewed every 3 s, for 15 s.
	[ "$(lease_left_ms)" -lt 10000 ]
	agent_start
	for ((i = 0; i < 50; i++)); do
		[ "$(lease_left_ms)" -le 11000 ] || break
		sleep 0.1
	done
	[ "$i" -lt 50 ]
	wait_state "ready none" 30
	storm_wait
	[ "$(storm_field errors)" = 0 ]
	[ "$(storm_field slowest)" -lt 1000000 ]
	wait_state "ready none" 30
}

@test "a killed agent that comes back does the same" {
	storm_start 20
	agent_stop KILL
	agent_start
	storm_wait
	[ "$(storm_field errors)" = 0 ]
	wait_state "ready none" 30
}

storm_goes_on() { kill -0 "$STORM_PID" 2>/dev/null; }

# goes_at_any_moment N: its keys are asked for, on their way or there when it
# goes.  Every third has brought them, lest I/O wait for longer than it may.
goes_at_any_moment() {
	local signal=KILL

	if [ $(($1 % 3)) = 0 ]; then
		wait_state "ready none" 60
	else
		echo "drop $VOL_UUID" | nltool unbound >/dev/null
	fi
	[ $((RANDOM % 2)) = 0 ] ||
		sleep "0.$(printf %03d $((RANDOM % 300)))"
	[ $((RANDOM % 4)) != 0 ] || signal=TERM
	agent_stop $signal
	agent_start
}

@test "agents that come and go for $LASTS s lose no I/O" {
	local n=0

	RANDOM=$SEED
	storm_start "$LASTS"
	while storm_goes_on; do
		n=$((n + 1))
		goes_at_any_moment $n
	done
	storm_wait
	[ "$(storm_field errors)" = 0 ]
	wait_state "ready none" 60
	[ "$(cmkctl status --json vol | jq '.volumes[0].parked')" = 0 ]
	echo "# seed $SEED: $n agents, $(storm_field ios) I/Os, slowest" \
		"$(($(storm_field slowest) / 1000)) ms" >&3
	[ $n -ge 3 ]
}

@test "one that stays away costs the keys, one that comes brings them" {
	storm_start 60
	agent_stop KILL
	sleep 16
	[[ "$(state)" == "held lease" ]]
	agent_start
	wait_state "ready none" 40
	storm_wait
	[ "$(storm_field errors)" = 0 ]
}

@test "a new agent hears the vault's no that the former one did not" {
	agent_stop KILL
	ctl key delete pg >/dev/null
	agent_start
	wait_state "revoked kek-deleted" 40
	ctl key recover pg >/dev/null
	wait_state "ready none" 40
}

not_watched() {
	cmkctl --json status vol | jq -r '.volumes[0].not_watched // ""'
}
says_damaged() { [[ "$(not_watched)" == *"$VOL_UUID.json"*damaged* ]]; }
is_watched() { [ -z "$(not_watched)" ]; }

@test "a damaged state file is told, and the volume watched with a whole one" {
	local file=/var/lib/cmk/state/$VOL_UUID.json

	agent_stop KILL
	cp "$file" "$BATS_TEST_TMPDIR/state"
	echo '{' >"$file"
	agent_start
	until_true 10 says_damaged
	grep -q "vol: open, but cannot be watched: .*$VOL_UUID.json.* damaged" \
		"$BATS_TEST_TMPDIR/cmkd.log"
	cp "$BATS_TEST_TMPDIR/state" "$file"
	until_true 15 is_watched
	wait_state "ready none" 60
}

@test "revoked without an agent, it stays so with the next" {
	agent_stop KILL
	cmkctl revoke vol
	agent_start
	sleep 12
	[[ "$(state)" == "revoked admin" ]]
	restore_vol
	wait_state "ready none" 30
	dd if="$VOL" of=/dev/null bs=1M count=1 iflag=direct
}

@test "a marker that survived keeps the volume from being opened" {
	cmkctl revoke vol
	cmkctl close vol
	run cmkctl open "$CMK_DISK" vol --kek "$KEK" --wait 0
	echo "$output"
	[ "$status" = 4 ]
	[[ "$output" == *"/var/lib/cmk/revoked/$VOL_UUID"* ]]
	[ ! -e "$VOL" ]
	cmkctl restore "UUID=$VOL_UUID"
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "the agent runs before the module does" {
	gone vol
	agent_stop
	rmmod dm-cmk
	# No module is loaded on demand for a while.
	modprobe=$(</proc/sys/kernel/modprobe)
	echo /bin/false >/proc/sys/kernel/modprobe
	agent_start
	[ "$(printf '{"method":"Status"}\n' |
		socat - UNIX-CONNECT:/run/cmk/cmkd.sock |
		jq .result.bound)" = false ]
	echo "$modprobe" >/proc/sys/kernel/modprobe
	modprobe dm-cmk
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	[[ "$(state)" == "ready none" ]]
}

@test "a module that was loaded anew does not confuse it" {
	gone vol
	sleep 1
	rmmod dm-cmk
	modprobe dm-cmk
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	[[ "$(state)" == "ready none" ]]
}
