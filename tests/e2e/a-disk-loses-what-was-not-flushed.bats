#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-timeout: 300
#
# The disk of the power cuts: whatever its client has flushed is there when its
# power was cut, and whatever it has not is there, gone or torn, by chance.  One
# that lies about its flushes loses what was flushed, so that a missing flush
# shows.

load ../lib/volatile

CUTS=${CMK_LONG:+50}
CUTS=${CUTS:-3}
# Of each cut: twelve parts of each kind
PARTS=60
PART=65536

bats_require_minimum_version 1.5.0

setup() {
	VOLATILE=$BATS_TEST_TMPDIR
	volatile_seed
	truncate -s $((PARTS * PART)) "$VOLATILE/disk.raw"
}

teardown() { volatile_off disk; }

# client < COMMANDS: it ends without a word, as a machine does.
client() {
	local before words=() word

	before=$(volatile_cuts disk)
	while read -r word; do
		words+=(-c "$word")
	done
	sh -c '"$@"; true' - qemu-io -t writeback -f raw "${words[@]}" \
		-c "sigraise 9" "nbd+unix:///?socket=$VOLATILE/disk.sock" \
		>"$VOLATILE/client" 2>&1
	if grep -iE 'failed|error|invalid' "$VOLATILE/client"; then
		return 1
	fi
	volatile_cut disk "$before"
}

# The kinds of parts, by turns: 0 flushed, 1 with FUA, 2 not flushed, 3 flushed
# and then written again, 4 written and then with FUA.
commands() {
	local n when kind

	for when in before flush after; do
		[ $when != flush ] || echo flush
		for ((n = 0; n < PARTS; n++)); do
			kind=$((n % 5))
			case $when$kind in
			before0) echo "write -P 0x11 $((n * PART)) $PART" ;;
			before3) echo "write -P 0x33 $((n * PART)) $PART" ;;
			after1) echo "write -f -P 0x11 $((n * PART)) $PART" ;;
			after2) echo "write -P 0x22 $((n * PART)) $PART" ;;
			after3) echo "write -P 0x44 $((n * PART)) $PART" ;;
			after4)
				echo "write -P 0x44 $((n * PART)) $PART"
				echo "write -f -P 0x11 $((n * PART)) $PART"
				;;
			esac
		done
	done
}

# What there is on the disk, as "KIND: BYTE..." for each part
parts() {
	/usr/bin/python3 - "$VOLATILE/disk.raw" $PART <<-'END'
		import sys
		size = int(sys.argv[2])
		data = open(sys.argv[1], 'rb').read()
		for n in range(len(data) // size):
		    part = set(data[n * size:(n + 1) * size])
		    print(f'{n % 5}:', *(f'{byte:02x}' for byte in sorted(part)))
	END
}

cuts() {
	local i

	for ((i = 0; i < CUTS; i++)); do
		truncate -s 0 "$VOLATILE/disk.raw"
		truncate -s $((PARTS * PART)) "$VOLATILE/disk.raw"
		commands | client
		parts >>"$VOLATILE/found"
	done
	echo "# $(sort "$VOLATILE/found" | uniq -c |
		awk '{printf "%s%d x %s", sep, $1, substr($0, 9); sep = ", "}')" >&3
}

# found KIND BYTES...: these are, in some part of the kind, and nothing else is
found() {
	local kind=$1

	printf '%s\n' "${@:2}" | sort |
		diff - <(sed -n "s/^$kind: //p" "$VOLATILE/found" | sort -u)
}

@test "what was flushed stays, what was not has every fate" {
	volatile_on disk
	cuts
	found 0 11
	found 1 11
	found 2 00 22 "00 22"
	found 3 33 44 "33 44"
	found 4 11
}

@test "a reader sees what was written, flushed or not" {
	volatile_on disk
	client <<-END
		write -P 0x55 0 1M
		read -P 0x55 0 1M
		write -P 0x66 100 1000
		read -P 0x66 100 1000
		read -P 0x55 1100 1000
	END
}

# Its client waits for ever for an answer to one of so many writes.
@test "one that is to stop answers no more, and loses what it was to answer" {
	local commands=() n client

	for ((n = 0; n < PARTS; n++)); do
		commands+=("write -P 0x22 $((n * PART)) $PART" flush)
	done
	volatile_on disk
	touch "$VOLATILE/disk.raw.stop"
	qemu-io -t writeback -f raw "${commands[@]/#/-c}" \
		"nbd+unix:///?socket=$VOLATILE/disk.sock" 3>&- &
	client=$!
	until [ -e "$VOLATILE/disk.raw.stopped" ]; do
		kill -0 $client
		sleep 0.1
	done
	kill -KILL $client
	wait $client || true
	[ ! -e "$VOLATILE/disk.raw.stop" ]
	volatile_cut disk 0
	parts | sed 's/.: //' >"$VOLATILE/found"
	# First what was flushed, then the one, then nothing
	tr '\n' , <"$VOLATILE/found" | grep -Ex '(22,)*(00 22,)?(00,)+'
	[ "$(grep -c 22 "$VOLATILE/found")" -le 32 ]
}

@test "a disk that lies loses what was flushed" {
	volatile_on disk lies=yes
	cuts
	found 0 00 11 "00 11"
	found 1 00 11 "00 11"
}
