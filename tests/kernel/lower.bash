# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests whose disk fails: `load lower`, and in setup `lower` with
# DISK=/dev/mapper/disk, which is CMK_DISK.
#
#   lower [FIRST LENGTH TARGET [ARGUMENT...]]
#                          the disk, of which one part is such a target; or
#                          it is well again
#   no_writes FIRST LENGTH writes fail there

DISK=/dev/mapper/disk

lower() {
	local all end table

	all=$(sectors "$CMK_DISK")
	table="0 $all linear $CMK_DISK 0"
	if [ $# != 0 ]; then
		end=$(($1 + $2))
		table="0 $1 linear $CMK_DISK 0
$1 $2 ${*:3}
$end $((all - end)) linear $CMK_DISK $end"
	fi
	if [ -e $DISK ]; then
		dmsetup reload disk --table "$table"
		dmsetup suspend disk
		dmsetup resume disk
	else
		dmsetup create disk --table "$table"
	fi
}

no_writes() { lower "$1" "$2" flakey "$CMK_DISK" "$1" 0 3600 1 error_writes; }
