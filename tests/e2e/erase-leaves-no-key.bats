#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Erase overwrites every block of both copies of a header, in each layout and
# also of a damaged one, and the node's backups of it; the data stays, and no
# backup opens it any more.  What is no volume is left alone.
#
# cmk-timeout: 120

load cmkd

setup() {
	cmkd_config
	cmkd_start
	DISK=$DIR/disk
}

teardown() {
	if [ -n "$LOOP" ]; then losetup -d "$LOOP"; fi
	cmkd_stop
}

# format MIB RANGE_SIZE: the data is a pattern
format() {
	truncate -s "$1M" "$DISK"
	UUID=$(ask Format "{\"device\": \"$DISK\", \"range_size\": $2}" |
		jq -er .result.uuid)
	seq 1 100000 | dd of="$DISK" bs=1M seek=24 conv=notrunc status=none
	[ "$(ls "$DIR/lib/backup" | wc -l)" = 1 ]
}

erase() { ask Erase "{\"path\": \"$DISK\"}"; }

# Not one sector of the header, not even one that was zero, is as it was.
all_gone() {
	python3 - "$DIR/before" "$DISK" "$1" <<'PY'
import sys
old, new = (open(p, 'rb') for p in sys.argv[1:3])
for n in range(int(sys.argv[3]) << 11):
    a, b = old.read(512), new.read(512)
    if a == b:
        sys.exit(f'sector {n} is as it was')
PY
	[ -z "$(ls "$DIR/lib/backup")" ]
	dd if="$DISK" bs=1M skip=24 status=none | cmp -n 588895 - <(seq 1 100000)
	run erase
	is '.error.code == "no-header"'
}

@test "each sector of the small layout, and the backups" {
	format 64 4194304
	cp --sparse=always "$DISK" "$DIR/before"
	run erase
	is ".result.uuid == \"$UUID\" and .result.bytes == 16777216"
	all_gone 16
}

@test "each sector of the large layout" {
	format 2100 1048576
	cp --sparse=always "$DISK" "$DIR/before"
	run erase
	is '.result.bytes == 25165824'
	all_gone 24
}

@test "a damaged one, too, by either copy's first bytes" {
	local at

	for at in 0 $((12 << 20)); do
		format 64 4194304
		printf x | dd of="$DISK" bs=1 seek=700 conv=notrunc status=none
		printf x | dd of="$DISK" bs=1 seek=$(((12 << 20) + 700)) \
			conv=notrunc status=none
		dd if=/dev/zero of="$DISK" bs=4k count=1 conv=notrunc \
			seek=$((at >> 12)) status=none
		cp --sparse=always "$DISK" "$DIR/before"
		run erase
		is ".result.uuid == \"$UUID\""
		all_gone 16
	done
}

# As a kill while the agent copies leaves it.
@test "and what was to become a backup" {
	format 64 4194304
	cp --sparse=always "$DISK" "$DIR/before"
	cp "$DIR/lib/backup/"*.hdr "$DIR/lib/backup/$UUID-0000000009.hdr.tmp"
	run erase
	is ".result.uuid == \"$UUID\""
	all_gone 16
}

@test "a device that somebody uses is left alone" {
	local before

	format 64 4194304
	LOOP=$(losetup -f --show "$DISK") || skip "no loop device"
	before=$(sha256sum <"$DISK")
	mkfifo "$DIR/held"
	python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_RDONLY | os.O_EXCL)
open(sys.argv[2], "w").close()
sys.stdin.read()' "$LOOP" "$DIR/held" < <(sleep 20) 3>&- &
	HOLDER=$!
	cat "$DIR/held"
	run ask Erase "{\"path\": \"$LOOP\"}"
	is '.error.code == "device-busy" and .error.status == 6'
	kill $HOLDER
	wait $HOLDER || true
	[ "$(sha256sum <"$DISK")" = "$before" ]
	run ask Erase "{\"path\": \"$LOOP\"}"
	is ".result.uuid == \"$UUID\""
}

@test "what is no volume is not touched" {
	local before

	truncate -s 64M "$DISK"
	seq 1 1000 | dd of="$DISK" conv=notrunc status=none
	before=$(sha256sum <"$DISK")
	run erase
	is '.error.code == "no-header" and .error.status == 6'
	[ "$(sha256sum <"$DISK")" = "$before" ]
	run ask Erase "{\"path\": \"$DIR/none\"}"
	is '.error.status == 6'
}

@test "what cannot be written is not said to be erased" {
	format 64 4194304
	# A device whose end is reached before the header's.
	truncate -s 13M "$DISK"
	ulimit -f $((13 << 10)) || skip "no limit"
	kill $PID
	wait $PID || true
	rm "$DIR/run/cmkd.sock"
	(trap '' XFSZ
	 RUNTIME_DIRECTORY=$DIR/run exec "$BIN/cmkd" --config \
		"$DIR/cmkd.conf") >>"$DIR/log" 2>&1 3>&- &
	PID=$!
	until [ -S "$DIR/run/cmkd.sock" ]; do
		kill -0 $PID
		sleep 0.05
	done
	run erase
	is '.error.code == "erase" and .error.status == 7'
	[ "$(ls "$DIR/lib/backup" | wc -l)" = 1 ]
}
