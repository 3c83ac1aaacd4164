#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-timeout: 400
#
# Whichever way a bio takes through the module, what is on the disk is what
# dm-crypt writes, and what dm-crypt wrote is read.  That a way was taken is
# shown by a trace of the cipher's calls.

load ../lib/guest
load ../lib/trace
load cmk
load fail

MIB=${CMK_LONG:+4}
MIB=${MIB:-2}
SIZE=$((MIB * 2048))
# Where the volume begins on the disk, and its first tweak
START=2048 TWEAK=4096

setup() {
	modprobe dm-cmk
	pattern $((MIB << 20)) ours >/tmp/ours
	pattern $((MIB << 20)) theirs >/tmp/theirs
}

teardown() {
	trace_clear
	fail_unload
	gone cmk oracle
	modprobe -r brd
	modprobe -r null_blk scsi_debug
	rm -f /tmp/ours /tmp/theirs $TRACE
}

# On which an I/O completes where it was submitted
ram() {
	modprobe brd rd_nr=1 rd_size=$((64 * 1024))
	DISK=/dev/ram0
}

# Which completes in the interrupt of a timer
null() {
	modprobe null_blk nr_devices=1 memory_backed=1 gb=1 bs=512 \
		queue_mode=2 submit_queues=1 completion_nsec=20000 irqmode=2
	DISK=/dev/nullb0
}

# Which completes in a softirq
scsi() {
	softirq_disk
	DISK=$SOFTIRQ_DISK
}

# open_both SECTOR_SIZE [OPTION...]
open_both() {
	crypt_create oracle $DISK "$KEY_A" $TWEAK $START $SIZE "$1"
	cmk_create cmk $DISK 65536 $TWEAK $START $SIZE sector_size:"$1" \
		"${@:2}"
	set_keys "$KEY_A"
}

# same_bytes BLOCK: both ways, in I/O of so many bytes; then fio's own check
same_bytes() {
	dd if=/tmp/ours of=/dev/mapper/cmk bs="$1" oflag=direct status=none
	dd if=/dev/mapper/oracle bs=1M iflag=direct status=none |
		cmp - /tmp/ours
	dd if=/tmp/theirs of=/dev/mapper/oracle bs=1M oflag=direct status=none
	dd if=/dev/mapper/cmk bs="$1" iflag=direct status=none |
		cmp - /tmp/theirs
	fio --name=v --filename=/dev/mapper/cmk --rw=randwrite --bs="$1" \
		--direct=1 --ioengine=libaio --iodepth=16 --verify=crc32c \
		--do_verify=1 --output=/tmp/fio.log
}

# traced BLOCK [PROBE...]: the same, and CRYPTO tells where it was done
traced() {
	CRYPTO=/tmp/crypto
	trace_crypto "${@:2}"
	same_bytes "$1"
	trace_end
	trace_cryptos >$CRYPTO
	awk '{n[$1 " " $2]++} END {for (i in n) print "# " i ": " n[i]}' \
		$CRYPTO | sort >&3
}

# did REGEX: how often
did() { trace_count "$1" $CRYPTO; }

# only WHERE OTHER COUNT SECTOR_SIZE BLOCK OPTION: COUNT of status stays 0
only() {
	open_both "$4" "$6"
	traced "$5"
	[ "$(did "^write where=$1")" -ge $((MIB * 16)) ]
	[ "$(did "^read where=$1")" -ge $((MIB * 16)) ]
	[ "$(did "where=$2")" = 0 ]
	[[ "$(dmsetup status cmk)" == *" $3=0 "* ]]
}

only_inline() { only task queue queued "$@" crypt:inline; }
only_queued() { only queue task inline "$@" crypt:queued; }

@test "inline, 512-byte sectors" { ram; only_inline 512 4k; }
@test "inline, 4096-byte sectors" { ram; only_inline 4096 64k; }

@test "queued, 512-byte sectors" { ram; only_queued 512 4k; }
@test "queued, 4096-byte sectors" { ram; only_queued 4096 64k; }

# cpus VERB: how many CPUs took part
cpus() { grep "^$1 " $CRYPTO | cut -d ' ' -f 3 | sort -u | wc -l; }

in_pieces() {
	open_both "$1"
	traced 1M
	[ "$(did 'bytes=65536$')" = "$(wc -l <$CRYPTO)" ]
	[ "$(did where=task)" -ge 1 ]
	[ "$(did where=queue)" -ge 1 ]
	[ "$(cpus write)" = 2 ]
	[ "$(cpus read)" = 2 ]
}

@test "pieces of large I/O on two CPUs, 512-byte sectors" { ram; in_pieces 512; }
@test "pieces of large I/O on two CPUs, 4096-byte sectors" { ram; in_pieces 4096; }

# Each CPU keeps 64 pages at most.
reused() {
	local given pages

	open_both "$1" crypt:inline
	trace_begin 'r:cmk/page dm_cmk:cmk_page_alloc page=$retval:x64'
	same_bytes 4k
	trace_end
	given=$(trace_count ^page)
	pages=$(sort -u -k 5 $TRACE | wc -l)
	echo "# $pages pages, given $given times" >&3
	[ "$given" -ge $((MIB * 2 * 256)) ]
	[ "$pages" -le $((2 * 64 + 64)) ]
}

@test "bounce pages that are used again, 512-byte sectors" { ram; reused 512; }
@test "bounce pages that are used again, 4096-byte sectors" { ram; reused 4096; }

in_softirq() {
	scsi
	open_both "$1" crypt:inline
	traced "$2"
	[ "$(did '^read where=softirq')" -ge $((MIB * 16)) ]
	[ "$(did '^read where=(task|hardirq)')" = 0 ]
}

@test "reads that complete in a softirq, 512-byte sectors" { in_softirq 512 4k; }
@test "reads that complete in a softirq, 4096-byte sectors" { in_softirq 4096 32k; }

# That they complete there is shown by the trace; where they are decrypted is
# only told, but that is where the cipher cannot be called.
in_hardirq() {
	null
	open_both "$1" "${@:3}"
	traced "$2" 'p:cmk/endio dm_cmk:cmk_read_endio'
	[ "$(trace_count '^endio where=hardirq')" -ge $((MIB * 4)) ]
	[ "$(did '^read')" -ge $((MIB * 16)) ]
	[ "$(did where=hardirq)" = 0 ]
}

@test "reads that complete in an interrupt, 512-byte sectors" { in_hardirq 512 4k; }
@test "reads that complete in an interrupt, 4096-byte sectors" { in_hardirq 4096 64k; }
@test "reads that complete in an interrupt, crypt:inline" {
	in_hardirq 4096 4k crypt:inline
}
@test "large reads that complete in an interrupt" { in_hardirq 4096 1M; }

# All else is as if there were no memory: 16 pages and no other are in use.
from_reserve() {
	# No page of the tests before is kept for the next write.
	rmmod dm_cmk
	modprobe dm-cmk
	modprobe cmk-fail
	null
	open_both "$1" crypt:"$2"
	fail_from 1 all
	trace_reserve
	same_bytes 64k
	trace_end
	fail_end
	echo "# $failed allocations failed" >&3
	reserve_alone $((MIB * 256))
}

@test "the reserve alone, inline" { from_reserve 4096 inline; }
@test "the reserve alone, queued, 512-byte sectors" { from_reserve 512 queued; }
