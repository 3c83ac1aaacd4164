#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 600
#
# The keys of a volume that was formatted, opened, revoked and brought back
# are known here, and are in none of the places where people and programs
# look: tables, status, logs, the header, what cmkctl and the agent answer,
# the agent's arguments, environment and memory.  Each place is searched again
# with a key planted in it, by the same words, and gives it away.

load ../lib/guest
load node

FIND=$BATS_TEST_DIRNAME/../lib/find-keys

setup_file() {
	node_up
	jq -r '.keys[] | select(.name == "pg").versions[0].secret' \
		$KV/state.json >"$BATS_FILE_TMPDIR/kek.pem"
	"$FIND" unwrap "$CMK_DISK" "$BATS_FILE_TMPDIR/kek.pem" \
		>"$BATS_FILE_TMPDIR/keys"
	# Everything that leaves a trace.
	cmkctl hold vol
	restore_vol
	vault key disable pg >/dev/null
	wait_state "revoked kek-disabled" 30
	vault key enable pg >/dev/null
	wait_state "ready none" 30
	systemctl restart cmkd
	wait_state "ready none" 30
}

teardown_file() { node_down; }
setup() { node_ready; }

teardown() {
	[ -z "${HOLDER-}" ] || kill "$HOLDER"
	node_tell
}

# key FORM: the DEK of the last range
key() { "$FIND" "$1" "$BATS_FILE_TMPDIR/keys"; }
find_keys() { "$FIND" in "$1" "$BATS_FILE_TMPDIR/keys"; }

# clean PLACE: nothing is found; what the search wrote is told
clean() {
	run find_keys "$1"
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = - ]
}

# full PLACE WORD: the planted key is found
full() {
	run find_keys "$1"
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"dek 7 $2"* ]]
}

# shown COMMAND...: what it prints, to be searched; it must print something
shown() {
	"$@" >"$BATS_TEST_TMPDIR/shown" 2>&1
	[ -s "$BATS_TEST_TMPDIR/shown" ]
	SHOWN=$BATS_TEST_TMPDIR/shown
}

journal() {
	journalctl --sync
	journalctl -b -o export --no-pager
}

# First of all, since what the other tests plant comes here too.
@test "the journal, all fields of it" {
	shown journal
	grep -q CMK_EVENT=revoke "$SHOWN"
	clean "$SHOWN"

	key base64url | systemd-cat -t cmkd
	shown journal
	full "$SHOWN" base64url
}

# Before the agent is given a planted key: a reason lies in its heap for good.
@test "the memory of the idle agent" {
	local pid tries before

	# While it asks whether the KEK is there it has the header key.
	pid=$(systemctl show -P MainPID cmkd)
	for ((tries = 0; tries < 10; tries++)); do
		after_probe
		sleep 1
		before=$(probes)
		run find_keys "$pid"
		[ "$(probes)" != "$before" ] || break
	done
	echo "$output"
	[ "$status" = 0 ]
	[ "$output" = - ]

	key raw >"$BATS_TEST_TMPDIR/key"
	python3 -c 'import sys, time
key = sys.stdin.buffer.read()
print(len(key), flush=True)
time.sleep(600)' <"$BATS_TEST_TMPDIR/key" 3>&- &
	HOLDER=$!
	until_true 20 holds "$HOLDER"
}

holds() { [[ $(find_keys "$1") == *"dek 7 byte"* ]]; }

tables() { dmsetup table --showkeys; }

@test "dmsetup table --showkeys" {
	shown tables
	grep -q " cmk " "$SHOWN"
	clean "$SHOWN"

	dmsetup create leak --table \
		"0 8 crypt aes-xts-plain64 $(key hex) 0 /dev/mapper/storm 0"
	shown tables
	dmsetup remove --retry leak
	full "$SHOWN" hex
}

statuses() {
	dmsetup status
	dmsetup info
	cmkctl status
	cmkctl --json status
	cmkctl list
	cmkctl --json list
	cmkctl dump "$CMK_DISK"
	cmkctl --json dump "$CMK_DISK"
	printf '{"method":"Status"}\n' | socat - UNIX-CONNECT:/run/cmk/cmkd.sock
}

@test "dmsetup status, what cmkctl prints and the agent answers" {
	shown statuses
	grep -q "gate=open" "$SHOWN"
	clean "$SHOWN"

	# A reason is shown wherever a reason is shown.
	cmkctl revoke vol --reason "$(key base64 | head -c 60)"
	shown statuses
	restore_vol
	full "$SHOWN" base64
}

@test "the kernel log" {
	shown dmesg
	clean "$SHOWN"

	printf '%s\n' "$(key hex)" >/dev/kmsg
	shown dmesg
	full "$SHOWN" hex
	dmesg -C
}

@test "the header and the record area" {
	clean "$CMK_DISK"

	# The record area has no user yet.
	key raw | dd of="$CMK_DISK" bs=4k seek=1280 oflag=dsync conv=notrunc \
		status=none
	full "$CMK_DISK" byte
	dd if=/dev/zero of="$CMK_DISK" bs=4k count=1 seek=1280 oflag=dsync \
		conv=notrunc status=none
	clean "$CMK_DISK"
}

@test "arguments and environment of the agent" {
	local pid

	pid=$(systemctl show -P MainPID cmkd)
	shown cat "/proc/$pid/cmdline" "/proc/$pid/environ"
	clean "$SHOWN"

	env "KEY=$(key hex)" sleep 60 3>&- &
	HOLDER=$!
	until_true 10 grep -qx sleep "/proc/$HOLDER/comm"
	shown cat "/proc/$HOLDER/environ"
	full "$SHOWN" hex
}
