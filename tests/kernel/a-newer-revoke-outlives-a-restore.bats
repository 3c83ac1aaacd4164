#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 128M
# cmk-cpus: 1
# cmk-timeout: 900
#
# cmkctl restore undoes what it saw when it began: a revoke that came since
# stands, in the kernel and in the file that outlives a reboot.  Wherever it is
# killed, there is such a file as long as the kernel has the volume closed.  The
# agent's own restore undoes what it saw when the vault said yes.

load ../lib/guest
load cmk
load agent

setup() {
	service_up OfflineGrace=4h LeaseTTL=5min
	volume_make
	MARKER=/var/lib/cmk/revoked/$VOL_UUID
	TAKEN=$MARKER.restoring
}

teardown() {
	kill -CONT "$AGENT_PID" || true
	all_down
}

# It has seen the volume and waits for the agent's word.
waits_in_poll() { [[ "$(<"/proc/$PID/syscall")" == "7 "* ]]; }
child_of() { CHILD=$(pgrep -P "$1"); }

# stopped FILE WORD...: cmkctl, which has made that name of the file, and does
# no more
stopped() {
	strace -o /dev/null -e trace=renameat \
		-e inject=renameat:signal=STOP:when=1 \
		cmkctl --json "${@:2}" >/dev/null 2>"$BATS_TEST_TMPDIR/words" \
		3>&- &
	PID=$!
	until_true 15 test -e "$1"
	until_true 15 child_of "$PID"
}

# too_late: it goes on, and is refused
too_late() {
	local status=0

	kill -CONT "${1-$CHILD}"
	wait "$PID" || status=$?
	cat "$BATS_TEST_TMPDIR/words"
	[ "$status" = 5 ]
	grep -q '"code": "closed-again"' "$BATS_TEST_TMPDIR/words"
}

# revoked_for REASON: in the kernel and on disk
revoked_for() {
	[ "$(state)" = "revoked admin" ]
	[ "$(cmkctl --json status vol | jq -r '.volumes[0].reason')" = "$1" ]
	[ "$(jq -r .reason "$MARKER")" = "$1" ]
}

@test "a revoke while the restore asks, or has the file in its hand, stands" {
	cmkctl -q hold vol --reason first
	kill -STOP "$AGENT_PID"
	cmkctl --json restore vol 2>"$BATS_TEST_TMPDIR/words" 3>&- &
	PID=$!
	until_true 15 waits_in_poll
	cmkctl -q revoke vol --reason second
	too_late "$AGENT_PID"
	revoked_for second
	[ ! -e "$TAKEN" ]

	stopped "$TAKEN" restore vol
	[ ! -e "$MARKER" ]
	[ "$(jq -r .reason "$TAKEN")" = second ]
	cmkctl -q revoke vol --reason third
	too_late
	# The kernel keeps the words of who was the first to revoke.
	[ "$(state)" = "revoked admin" ]
	[ "$(jq -r .reason "$MARKER")" = third ]

	restore_vol
	[ "$(state)" = "ready none" ]
	[ ! -e "$MARKER" ]
	[ ! -e "$TAKEN" ]
}

@test "a volume that was not open, and is, and is revoked" {
	cmkctl -q revoke vol --reason first
	dmsetup table vol >"$BATS_TEST_TMPDIR/table"
	cmkctl -q close vol
	stopped "$TAKEN" restore "UUID=$VOL_UUID"
	# The file counts by its other name.
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 4 ]
	[[ $output == *"$TAKEN"* ]]
	dmsetup create vol --uuid "CMK-$VOL_UUID-vol" "$BATS_TEST_TMPDIR/table"
	cmkctl -q revoke vol --reason second
	too_late
	revoked_for second
}

@test "a restore in the midst of a revoke does not leave it without a file" {
	stopped "$MARKER" revoke vol --reason slow
	[ "$(state)" = "revoked admin" ]
	# What it sees is closed, and the other has not said that he is done.
	restore_vol
	[ "$(state)" = "ready none" ]
	[ ! -e "$MARKER" ]
	kill -CONT "$CHILD"
	wait "$PID"
	revoked_for slow
	[ ! -e "$TAKEN" ]
}

# closed_again: once more by another; has the agent met that?
closed_again() {
	echo "revoke $VOL_UUID" | nltool unbound >/dev/null
	grep -q 'no keys: kernel: the gate was closed again since' \
		"$BATS_TEST_TMPDIR/cmkd.log"
}

@test "the agent asks anew where another close came before its restore" {
	gone vol
	agent_stop
	vault_start
	agent_config OfflineGrace=4h
	agent_start
	volume_make
	# Between the vault's yes and the keys
	ctl switch slow 100 >/dev/null
	until_true 30 closed_again
	ctl switch slow 0 >/dev/null
	wait_state "ready none" 60
}

# The calls between which something has been done, each with its number among
# those of its name, from the first rename on.
steps() {
	awk -F'(' 'NF > 1 {n[$1]++} /restoring/ {on = 1}
		NF > 1 && on {print $1, n[$1]}' "$1"
}

@test "killed anywhere, it leaves the file or an open volume" {
	local calls=renameat,renameat2,sendmsg,unlinkat,fsync
	local log=$BATS_TEST_TMPDIR/strace name n status killed=0 open=0

	cmkctl -q revoke vol
	strace -o "$log" -e trace=$calls cmkctl -q restore vol
	steps "$log" >"$BATS_TEST_TMPDIR/steps"
	while read -r name n; do
		cmkctl -q revoke vol --reason "$name"
		status=0
		strace -o /dev/null -e trace="$name" \
			-e inject="$name:signal=KILL:when=$n" \
			cmkctl -q restore vol </dev/null || status=$?
		[ "$status" = 137 ]
		killed=$((killed + 1))
		if [[ "$(state)" == revoked* ]]; then
			[ -e "$MARKER" ] || [ -e "$TAKEN" ]
		else
			open=$((open + 1))
		fi
	done <"$BATS_TEST_TMPDIR/steps"
	cat "$BATS_TEST_TMPDIR/steps"
	# rename, send, unlink and fsync at least; the gate opens at the send
	[ "$killed" -ge 4 ]
	[ "$open" -ge 1 ]
	[ "$open" -lt "$killed" ]
	restore_vol
	[ ! -e "$MARKER" ]
	[ ! -e "$TAKEN" ]
}
