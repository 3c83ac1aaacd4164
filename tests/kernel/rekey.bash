# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of the rekey: `load rekey` after `load cmk`.  A volume of four
# ranges of 4 MiB; the record area at 4 MiB, the data from 16 MiB on.
# NAME, UUID and DISK before a command say which one.

NAME=cmk
RANGE=8192
DATA=32768
RECORD=8192
SECTORS=$((4 * RANGE))
RUN=0123456789abcdef
MAC=$(printf '%02x' {33..64})
# KEY_A is generation 1 of range 1, NEW generation 2, the others have KEY_B.
NEW=$(printf '%02x' {129..192})
OLD=$KEY_A

rekey_create() {	# [option...]
	cmk_create "$NAME" "${DISK:-$CMK_DISK}" $RANGE 0 $DATA $SECTORS "$@" \
		record:$RECORD
}

rekey_keys() {
	nl "set $UUID 0 1 $KEY_B" "set $UUID 1 1 $OLD" "set $UUID 2 1 $KEY_B" \
		"set $UUID 3 1 $KEY_B" >/dev/null
}

# What start and resume both say; then more words
rekey_line() { echo "rekey $UUID 1 $RUN 7 ${MAC_KEY:-$MAC} 1 2 $NEW $*"; }

rekey_arm() { nl "$(rekey_line "$@")" >/dev/null; }

drain() {
	dmsetup suspend --noflush --nolockfs "$NAME"
	dmsetup resume "$NAME"
}

rekey_start() { rekey_arm "$@" && drain; }
rekey_go_on() { rekey_arm resume "old=$OLD" "$@"; }
rekey_done() { nl "rekey-done $UUID 1 $RUN 8 $MAC" >/dev/null; }

status() { field "$1" "$(dmsetup status "$NAME")"; }

# reach STATE [SECONDS]: those of an idle host; a busy one has twice as many
reach() {
	local end=$((SECONDS + 2 * ${2:-60}))

	while [ "$SECONDS" -lt "$end" ]; do
		[ "$(status rekey)" != "$1" ] || return 0
		sleep 0.3
	done
	dmsetup status "$NAME"
	dmesg | tail -n 5
	return 1
}

# beyond SECTORS: the cursor
beyond() {
	local end=$((SECONDS + 60))

	while [ "$SECONDS" -lt "$end" ]; do
		[ "$(status rekey_done)" -lt "$1" ] || return 0
		sleep 0.2
	done
	dmsetup status "$NAME"
	return 1
}

# data SEED: a file with the data of all ranges, which is made once
data() {
	local file=/tmp/data.$SECTORS.$1

	[ -e "$file" ] || pattern $((SECTORS * 512)) "$1" >"$file"
	echo "$file"
}

fill() {
	dd if="$(data "$1")" of="/dev/mapper/$NAME" bs=1M oflag=direct \
		conv=notrunc status=none
}

same() {
	cmp "$(data "$1")" <(dd if="/dev/mapper/$NAME" bs=1M iflag=direct \
		status=none)
}

# as_dm_crypt KEY RANGE SEED [sector size]: is the range's ciphertext, under
# KEY, what was filled?
as_dm_crypt() {
	local rc=0

	crypt_create oracle "${DISK:-$CMK_DISK}" "$1" $(($2 * RANGE)) \
		$((DATA + $2 * RANGE)) $RANGE "${4:-4096}"
	cmp <(dd if="$(data "$3")" bs=1M skip=$(($2 * RANGE / 2048)) \
		count=$((RANGE / 2048)) status=none) \
		<(dd if=/dev/mapper/oracle bs=1M iflag=direct status=none) ||
		rc=1
	gone oracle
	return $rc
}

# Zeros over the record area and the header's place
no_record() {
	dd if=/dev/zero of="${DISK:-$CMK_DISK}" bs=1M count=16 oflag=direct \
		status=none
}
