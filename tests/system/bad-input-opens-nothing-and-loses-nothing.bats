#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-disk: 272M
# cmk-timeout: 900
#
# A byte of the header is wrong, the header is another volume's, or the vault
# answers with what does not unwrap: an open gives the same data, and names
# the copy it has repaired, or a named error and no device.  The data area of
# the disk keeps each of its bytes.

load ../lib/guest
load node

SAVED=$CMK_DISK2
# Where nobody looks for a header, else there are two volumes with one UUID.
SAVED_MIB=5
HEADER_MIB=16
DATA_MIB=240
COPY_B=$((12 << 20))

setup_file() {
	node_up
	systemctl stop cmk@vol
	dd if="$CMK_DISK" of="$SAVED" bs=1M seek=$SAVED_MIB oflag=direct \
		status=none
}

teardown_file() { node_down; }

setup() {
	vault reset >/dev/null
	dd if="$SAVED" of="$CMK_DISK" bs=1M skip=$SAVED_MIB count=$HEADER_MIB \
		oflag=direct status=none
}

teardown() {
	[ ! -e "$VOL" ] || cmkctl -q close vol
	journalctl -u cmkd -o cat --no-pager -n 5
}

# flip OFFSET: one bit of that byte of the disk
flip() {
	local byte

	byte=$(dd if="$CMK_DISK" bs=1 skip="$1" count=1 status=none | xxd -p)
	printf '%02x' $((0x$byte ^ 0x40)) | xxd -r -p |
		dd of="$CMK_DISK" bs=1 seek="$1" conv=notrunc,fsync status=none
	[ "$(dd if="$CMK_DISK" bs=1 skip="$1" count=1 status=none | xxd -p)" \
		!= "$byte" ]
}

header_is_whole() {
	cmp -n $((HEADER_MIB << 20)) -i "0:$((SAVED_MIB << 20))" \
		"$CMK_DISK" "$SAVED"
}

# repaired COPY: an open that names the copy; the volume has the same data
repaired() {
	local from

	from=$(date '+%F %T.%6N')
	cmkctl -q open vol
	journalctl --sync
	journalctl -u cmkd -o cat --no-pager --since "$from" |
		grep "copy $1 .*repaired"
	data_is_equal
	cmkctl -q close vol
	header_is_whole
}

# refused CODE: by name; no device is left
refused() {
	run cmkctl --json open vol --wait 0
	echo "$output"
	[ "$status" != 0 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = "$1" ]
	[ ! -e "$VOL" ]
}

opens() {
	cmkctl -q open vol
	data_is_equal
	cmkctl -q close vol
}

# Of each kind of field one byte: documented in on-disk-format.rst.  In the
# short form those that differ in what they stop: features, checksum, sequence,
# sizes, the KEK, what it wraps, and the ranges' part.
FIELDS=(16 24 48 144 576 $((8192 + 300)) $((1 << 20)))
[ -z "${CMK_LONG-}" ] ||
	FIELDS+=(8 12 20 80 128 152 176 184 188 196 512 520 1080
		$(((1 << 20) + 4)))
# By which cmktab's UUID= finds the device.
NAMES=(0 7 32 47)

@test "control: the volume opens and has its data" {
	opens
	header_is_whole
}

@test "a byte of copy A, of each kind of field" {
	local at

	for at in "${FIELDS[@]}"; do
		echo "byte $at"
		flip "$at"
		repaired A
	done
}

@test "magic or UUID of copy A: the device is not found, nor mended" {
	local at

	for at in "${NAMES[@]}"; do
		echo "byte $at"
		flip "$at"
		refused no-device
		run header_is_whole
		[ "$status" = 1 ]
		flip "$at"
	done
	# What does not begin with the magic may be somebody else's by now.
	flip 0
	cmkctl -q open "$CMK_DISK" vol --kek $KEK
	data_is_equal
	cmkctl -q close vol
	run header_is_whole
	[ "$status" = 1 ]
}

@test "a byte of copy B" {
	local at

	for at in 8 80 $((8192 + 300)); do
		echo "byte $at"
		flip $((COPY_B + at))
		repaired B
	done
}

@test "the same byte of both copies" {
	local at

	for at in 24 80 152 1080; do
		echo "byte $at"
		flip "$at"
		flip $((COPY_B + at))
		refused header-damaged
		flip "$at"
		flip $((COPY_B + at))
	done
	opens
}

@test "the header of another volume under the same key" {
	cmkctl -q format "$CMK_DISK" --force --kek $KEK --range-size ${RANGE}M
	refused no-device
}

@test "the vault's answer is cut off" {
	vault switch truncate on >/dev/null
	refused malformed
	vault reset >/dev/null
	opens
}

@test "the vault's answer is padded wrongly" {
	vault switch bad-padding on >/dev/null
	refused bad-request
	vault reset >/dev/null
	opens
}

@test "the vault unwraps to something else" {
	vault switch wrong-plaintext on >/dev/null
	refused header-forged
	vault reset >/dev/null
	opens
}

@test "the KEK was made anew under the same name" {
	vault key delete pg >/dev/null
	vault key purge pg >/dev/null
	vault key create pg >/dev/null
	run cmkctl --json open vol --wait 0
	echo "$output"
	[ "$status" != 0 ]
	[ ! -e "$VOL" ]
}

@test "after all that the data area has each of its bytes" {
	cmp -n $((DATA_MIB << 20)) \
		-i "$((HEADER_MIB << 20)):$(((HEADER_MIB + SAVED_MIB) << 20))" \
		"$CMK_DISK" "$SAVED"
}
