#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
#
# A completion in a softirq keeps its CPU from all others.  What it decrypts
# there in one go is at most 64 KiB; of crypt:inline, which leaves no choice, a
# piece of 1 MiB.

load ../lib/guest
load ../lib/trace
load cmk

SIZE=65536
BOUND=$((64 * 1024))

setup() {
	modprobe dm-cmk
	softirq_disk
}

teardown() {
	trace_clear
	echo 1 >/sys/devices/system/cpu/cpu1/online
	gone cmk
	modprobe -r scsi_debug
	rm -f $TRACE /tmp/crypto
}

open_cmk() {
	cmk_create cmk "$SOFTIRQ_DISK" $SIZE 0 0 $SIZE "$@"
	set_keys "$KEY_A"
}

# reads BLOCK: the disk once, into memory that lies so that one bio can have it
reads() {
	trace_crypto "p:cmk/map dm_cmk:cmk_io_map size=+40(\$arg2):u32"
	fio --name=r --filename=/dev/mapper/cmk --rw=randread --bs="$1" \
		--direct=1 --ioengine=libaio --iodepth=4 --mem=shmhuge \
		--hugepage-size=2m --output=/tmp/fio.log
	trace_end
	trace_cryptos >/tmp/crypto
}

huge() { echo "$1" >/proc/sys/vm/nr_hugepages; }

# largest REGEX: bytes of the largest piece that matches, 0 for none
largest() {
	grep -E "$1" /tmp/crypto | sed 's/.*bytes=//' | sort -n | tail -n 1 |
		grep . || echo 0
}

softirqs() {
	echo "# softirq up to $(largest where=softirq)" \
		"queue up to $(largest where=queue)" >&3
	[ "$(largest where=hardirq)" = 0 ]
}

@test "64 KiB are decrypted in the softirq" {
	open_cmk
	huge 32
	reads 64k
	huge 0
	softirqs
	[ "$(largest where=softirq)" = $BOUND ]
}

large() {
	huge 32
	reads 4M
	huge 0
	softirqs
	# They came as such, and were cut here.
	grep -q 'size=4194304$' $TRACE
	[ "$(trace_count where= /tmp/crypto)" -ge $((SIZE / 2048)) ]
}

@test "more is done in pieces" {
	open_cmk
	large
	[ "$(largest where=)" = $BOUND ]
}

@test "with one CPU, where nothing is cut for its sake, more is queued" {
	echo 0 >/sys/devices/system/cpu/cpu1/online
	open_cmk
	large
	[ "$(largest where=softirq)" -le $BOUND ]
	[ "$(largest where=queue)" -gt $BOUND ]
}

@test "crypt:inline has a bound, too" {
	open_cmk crypt:inline
	large
	[ "$(largest where=queue)" = 0 ]
	[ "$(largest where=softirq)" = $((1 << 20)) ]
}
