# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests that run in a test machine: `load ../lib/guest`.
#
# The machine's data disks, in the order of their `# cmk-disk:` tags, are
# CMK_DISKS (all), CMK_DISK (the first) and CMK_DISK2; they read as zeros.

# bats notes before each command where it is, lest it fail: 5 ms of an emulated
# CPU (0.3 ms without).  Noted when one has failed it is the same place, but for
# a test that ends by "exit", of which none is told.
bats_debug_trap() { :; }
bats_error_trap() {
	bats_check_status_from_trap
	[ -n "$BATS_DEBUG_LAST_STACK_TRACE_IS_VALID" ] ||
		bats_capture_stack_trace
	BATS_DEBUG_LAST_STACK_TRACE_IS_VALID=1
}

# sectors DEVICE: its size in units of 512 bytes
sectors() { blockdev --getsz "$1"; }

# hex BYTES BYTE: a string of so many equal bytes, in hexadecimal
hex() { printf "%0$(($1 * 2))d" 0 | sed "s/00/$2/g"; }

# drop_caches DEVICE: what is read next comes from the device
drop_caches() {
	blockdev --flushbufs "$1"
	echo 3 >/proc/sys/vm/drop_caches
}

# until_true SECONDS COMMAND...: what must be quick is measured by the clock of
# who does it; the seconds here are those of an idle host, and a busy one has
# four times as many
until_true() {
	local end=$((SECONDS + 4 * $1))

	until "${@:2}"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.3
	done
}

# no_d_state: no task waits for what cannot be interrupted, or which ones do;
# whoever writes to a disk does so for a moment
no_d_state() {
	local tries stuck

	for ((tries = 0; tries < 30; tries++)); do
		stuck=$(cat /proc/[0-9]*/task/[0-9]*/stat 2>/dev/null |
			grep '^[0-9]* (.*) D') || return 0
		sleep 0.1
	done
	echo "$stuck"
	return 1
}

# softirq_disk: a RAM disk of 64 MiB as SOFTIRQ_DISK, whose I/O completes in a
# softirq that a timer's interrupt asks for; `modprobe -r scsi_debug` removes it
softirq_disk() {
	local tries

	modprobe sd_mod
	modprobe scsi_debug dev_size_mb=64 sector_size=512 ndelay=20000 \
		submit_queues=1
	for ((tries = 0; tries < 100; tries++)); do
		for SOFTIRQ_DISK in /sys/block/sd*; do
			[ -e "$SOFTIRQ_DISK" ] || continue
			SOFTIRQ_DISK=/dev/${SOFTIRQ_DISK##*/}
			return
		done
		sleep 0.1
	done
	return 1
}
