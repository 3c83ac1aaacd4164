#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 64M
#
# A device below may refer to the pages of a write after it has completed it; a
# network transport sends them again.  They are not used for another write
# before he has let go.

load ../lib/guest
load ../lib/trace
load cmk
load fail

SIZE=65536

setup() {
	modprobe dm-cmk
	modprobe dm-below
	dmsetup create below --table "0 $SIZE below $CMK_DISK"
}

teardown() {
	trace_clear
	fail_unload
	[ ! -e /dev/mapper/below ] || dmsetup message below 0 drop
	gone cmk below
	modprobe -r dm-below
	rm -f /tmp/data
}

below() { field "$1" "$(dmsetup status below)"; }

open_cmk() {
	cmk_create cmk /dev/mapper/below $SIZE 0 0 $SIZE "$@"
	set_keys "$KEY_A"
}

writes() {	# BLOCK I/OS
	fio --name=w --filename=/dev/mapper/cmk --rw=randwrite --bs="$1" \
		--number_ios="$2" --direct=1 --ioengine=libaio --iodepth=8 \
		--norandommap --output=/tmp/fio.log
}

# The stash is full of pages before, and other writes take from it after.
kept() {	# BLOCK [OPTION...]
	open_cmk "${@:2}"
	writes 64k 64
	dmsetup message below 0 keep 200
	writes "$1" 400
	[ "$(below kept)" = 200 ]
	writes 4k 1000
	writes 64k 200
	echo "# $(below changed) of $(below kept) pages changed" >&3
	[ "$(below changed)" = 0 ]
	dmsetup message below 0 drop
}

@test "pages of small writes" { kept 4k; }
@test "pages of larger writes" { kept 64k; }
@test "pages of writes on the queue" { kept 16k crypt:queued; }

# No page can be had, so that all are of the reserve: those that are kept must
# not be filled again, though others have to wait for one.
@test "pages of the reserve" {
	rmmod dm_cmk
	modprobe dm-cmk
	modprobe cmk-fail
	open_cmk crypt:inline
	dmsetup message below 0 keep 8
	fail_from 1 all
	writes 4k 1000
	fail_end
	echo "# $failed failed, $(below changed) of $(below kept) pages changed" >&3
	[ "$(below kept)" = 8 ]
	[ "$(below changed)" = 0 ]
	dmsetup message below 0 drop
}

# Else the tests above would pass where no page is ever used again.
@test "a page that nobody holds is used again" {
	open_cmk crypt:inline
	writes 4k 200
	trace_begin 'r:cmk/page dm_cmk:cmk_page_alloc page=$retval:x64'
	writes 4k 1000
	trace_end
	pages=$(sort -u -k 5 $TRACE | wc -l)
	echo "# $pages pages in $(trace_count ^page) writes" >&3
	[ "$(trace_count ^page)" = 1000 ]
	[ "$pages" -le 100 ]
}
