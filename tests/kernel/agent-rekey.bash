# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of a rekey by cmkctl: `load agent-rekey` after `load agent`.
# Volumes have four ranges of 4 MiB; NAME is "vol" unless another one is given.
#
#   helper_start, helper_stop      what drains a device, as cmk-helper.socket
#   make_volume WRAP [DEVICE [NAME]]
#   fill SEED [NAME]               writes a pattern over all of it
#   same SEED [NAME]               all of it is that pattern, read from the disk
#   rekey_field FIELD [NAME]       of the kernel's status
#   until_rekey WORD SECONDS [NAME]
#                                  the kernel's state of the rekey
#   until_done SECONDS [NAME]      the whole order is
#   in_the_middle [NAME]           it runs, and half a range is still to do
#   ciphertext RANGE [DEVICE]      a sum of what the disk has of a range

RANGE=$((4 << 20))
ALL=$((4 * RANGE))

helper_start() {
	rm -f /run/cmk-helper.sock
	socat UNIX-LISTEN:/run/cmk-helper.sock,fork,mode=0600 \
		EXEC:"cmkctl helper" >"$BATS_TEST_TMPDIR/helper.log" 2>&1 3>&- &
	HELPER_PID=$!
	until [ -S /run/cmk-helper.sock ]; do sleep 0.1; done
}

helper_stop() {
	kill "$HELPER_PID"
	wait "$HELPER_PID" || true
	rm -f /run/cmk-helper.sock
}

make_volume() {
	local device=${2:-$CMK_DISK} name=${3:-vol}

	wipefs -aq "$device"
	cmkctl -q format "$device" --force --kek "$KEK" --range-size 4M \
		--wrap "$1"
	cmkctl -q open "$device" "$name" --kek "$KEK"
	fill begin "$name"
}

fill() {
	pattern $ALL "$1" | dd of="/dev/mapper/${2:-vol}" bs=1M \
		iflag=fullblock oflag=direct status=none
}

same() {
	pattern $ALL "$1" | cmp - <(dd if="/dev/mapper/${2:-vol}" bs=1M \
		iflag=direct status=none)
}

rekey_field() { field "$1" "$(dmsetup status "${2:-vol}")"; }

until_rekey() {
	local i

	for ((i = 0; i < $2 * 10; i++)); do
		[ "$(rekey_field rekey "${3:-vol}")" != "$1" ] || return 0
		sleep 0.1
	done
	cmkctl status "${3:-vol}"
	return 1
}

# Between two ranges the kernel has no rekey either.
until_done() {
	local i

	for ((i = 0; i < $1 * 5; i++)); do
		! cmkctl --json status "${2:-vol}" | jq -e '.volumes[0] |
			.rekey // .rekey_order | not' >/dev/null || return 0
		sleep 0.2
	done
	cmkctl status "${2:-vol}"
	return 1
}

# Whichever range it is.
in_the_middle() {
	local i n

	for ((i = 0; i < 300; i++)); do
		n=$(rekey_field rekey_done "${1:-vol}")
		[ "$n" -eq 0 ] || [ "$n" -gt $((RANGE / 1024)) ] ||
			[ "$(rekey_field rekey "${1:-vol}")" != running ] ||
			return 0
		sleep 0.1
	done
	cmkctl status "${1:-vol}"
	return 1
}

ciphertext() {
	dd if="${2:-$CMK_DISK}" bs=1M skip=$((16 + $1 * RANGE / (1 << 20))) \
		count=$((RANGE >> 20)) iflag=direct status=none | sha256sum
}
