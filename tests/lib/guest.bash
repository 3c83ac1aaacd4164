# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that run in a test machine: `load ../lib/guest`.
#
# The machine's data disks, in the order of their `# cmk-disk:` tags, are
# CMK_DISKS (all), CMK_DISK (the first) and CMK_DISK2; they read as zeros.

# sectors DEVICE: its size in units of 512 bytes
sectors() { blockdev --getsz "$1"; }

# hex BYTES BYTE: a string of so many equal bytes, in hexadecimal
hex() { printf "%0$(($1 * 2))d" 0 | sed "s/00/$2/g"; }

# drop_caches DEVICE: what is read next comes from the device
drop_caches() {
	blockdev --flushbufs "$1"
	echo 3 >/proc/sys/vm/drop_caches
}

# no_d_state: no task waits for what cannot be interrupted, or which ones do
no_d_state() {
	local stat

	for stat in /proc/[0-9]*/task/[0-9]*/stat; do
		if grep -q '^[0-9]* (.*) D' "$stat" 2>/dev/null; then
			cat "$stat"
			return 1
		fi
	done
}
