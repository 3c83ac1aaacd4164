#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 96M
# cmk-disk: 1G
# cmk-timeout: 900
#
# All that a rekey writes is recorded by dm-log-writes.  What a power loss
# leaves is made from it: the log up to each flush (in the short form up to
# some); with the writes until the next one torn, any of their sectors of 512
# bytes there or not; and with that one torn, which is a record.  On each disk
# the volume is opened, the rekey resumed or, before its first record, started
# anew, and every byte of the range compared.

load ../lib/guest
load cmk
load rekey

# Small, for many states: two ranges of 2 MiB.
small() {
	RANGE=4096
	SECTORS=$((2 * RANGE))
	DISK=/dev/mapper/disk
}

setup() {
	modprobe -a dm-cmk dm-log-writes dm-crypt loop
	small
	before=/tmp/before
	dmsetup create plain --table "0 65536 linear $CMK_DISK 0"
}

teardown() { gone cmk oracle disk log plain; }

lower() {	# table
	gone disk
	dmsetup create disk --table "$1"
}

# copy FROM TO: the places of the record, and the data
copy() {
	local at

	for at in "4 2" "16 4"; do
		dd if="$1" of="$2" bs=1M skip="${at% *}" seek="${at% *}" \
			count="${at#* }" conv=notrunc,fsync status=none
	done
}

# record_a_rekey [table option...]: with the load that $load names
record_a_rekey() {
	lower "0 65536 linear $CMK_DISK 0"
	no_record
	rekey_create "$@"
	nl "set $UUID 0 1 $KEY_B" "set $UUID 1 1 $OLD" >/dev/null
	fill seed
	gone cmk
	copy "$CMK_DISK" $before
	lower "0 65536 log-writes $CMK_DISK $CMK_DISK2"
	rekey_create "$@"
	nl "set $UUID 0 1 $KEY_B" "set $UUID 1 1 $OLD" >/dev/null
	${load:-true} &
	writer=$!
	rekey_start ${load:+bandwidth=1500}
	wait $writer
	reach complete
	rekey_done
	reach none
	end_of_log
}

end_of_log() {
	gone cmk disk
	mapfile -t marks < <(logreplay "$CMK_DISK2" count | grep -v entries)
	entries=$(logreplay "$CMK_DISK2" count | sed -n 's/entries //p')
	lower "0 65536 linear $CMK_DISK 0"
}

# From now on the states are those that a second power loss leaves, while the
# stripe is repaired that the first has torn.
record_a_repair() {
	local i torn=

	for ((i = 0; i < ${#marks[@]} - 1; i++)); do
		[ $((marks[i + 1] - marks[i])) -gt 1 ] || continue
		[ -z "$torn" ] || break
		torn=$i
	done
	copy $before "$CMK_DISK"
	logreplay "$CMK_DISK2" tear "$CMK_DISK" "${marks[i]}" \
		$((marks[i + 1] - 1)) 1
	copy "$CMK_DISK" $before
	lower "0 65536 log-writes $CMK_DISK $CMK_DISK2"
	rekey_create
	[ "$(status rekey)" = pending ]
	nl "set $UUID 0 1 $KEY_B" "$(rekey_line resume "old=$OLD")" >/dev/null
	reach complete
	end_of_log
}

# What was left is opened and finished.
finish() {	# table options
	rekey_create "$@"
	case $(status rekey) in
	none)
		# Before its first record, or after its end
		nl "set $UUID 0 1 $KEY_B" "set $UUID 1 1 $OLD" >/dev/null
		! right >/dev/null 2>&1 || return 0
		gone cmk
		rekey_create "$@"
		nl "set $UUID 0 1 $KEY_B" "set $UUID 1 2 $NEW" >/dev/null
		;;
	pending)
		nl "set $UUID 0 1 $KEY_B" "$(rekey_line resume "old=$OLD")" \
			>/dev/null
		reach complete
		;;
	complete)
		nl "set $UUID 0 1 $KEY_B" "set $UUID 1 2 $NEW" >/dev/null
		;;
	esac
	right
}

# What was written once or, under load, twice
right() {
	if [ -n "${load:-}" ]; then
		drop_caches /dev/mapper/cmk
		logreplay "$(data seed)" either /dev/mapper/cmk \
			"$(data other)"
	else
		same seed
	fi
}

state_is_good() {	# table options
	local rc=0

	finish "$@" || rc=1
	[ $rc = 0 ] || { dmsetup status cmk; dmesg | tail -n 3; }
	gone cmk
	return $rc
}

# state TABLE_OPTIONS -- play|tear WORD...: one disk that a power loss leaves
state() {
	local options=()

	while [ "$1" != -- ]; do
		options+=("$1")
		shift
	done
	copy $before "$CMK_DISK"
	logreplay "$CMK_DISK2" "$2" "$CMK_DISK" "${@:3}"
	state_is_good "${options[@]}" || { echo "${*:2}"; return 1; }
	states=$((states + 1))
}

# all_states STEP [table option...]: every so many-th of the flushes, and of
# those with data behind them every second; all of them in the long form
all_states() {
	local i mark next data=0 states=0 step=$1 each=2

	[ -z "${CMK_LONG:-}" ] || step=1 each=1
	for ((i = 0; i < ${#marks[@]}; i++)); do
		mark=${marks[i]} next=${marks[i + 1]:-$entries}
		[ $((next - mark)) -le 1 ] || data=$((data + 1))
		if [ $((next - mark)) -gt 1 ] && [ $((data % each)) = 0 ]; then
			# The next flush may have begun, all of them may be lost
			state "${@:2}" -- tear "$mark" $((next - 1)) "$i"
		elif [ $((i % step)) != 0 ]; then
			continue
		fi
		state "${@:2}" -- play "$mark"
		[ "$next" = "$mark" ] ||
			state "${@:2}" -- tear $((next - 1)) "$next" "$i"
	done
	echo "# $states states of $entries writes, ${#marks[@]} flushes" >&3
	[ $states -ge 4 ]
}

# single FROM TO: of the sectors of these writes one alone is there, or one
# alone is not; each in turn, in the short form some
single() {
	local how k n step=29

	[ -z "${CMK_LONG:-}" ] || step=1
	n=$(logreplay "$CMK_DISK2" but "$CMK_DISK" "$1" "$2" 0)
	[ "$n" -ge 8 ]
	for how in only but; do
		for ((k = 0; k < n; k += step)); do
			state -- $how "$1" "$2" $k
		done
	done
	echo "# $states states, of $n sectors each one" >&3
}

@test "512-byte sectors" {
	record_a_rekey sector_size:512
	all_states 9 sector_size:512
}

@test "crypto sectors of 4096 bytes, torn at each block of 512" {
	record_a_rekey
	all_states 9
}

@test "once more, while what the first crash tore is repaired" {
	record_a_rekey
	record_a_repair
	all_states 9
}

overwrite() {
	dd if="$(data other)" of=/dev/mapper/cmk bs=16k oflag=direct \
		conv=notrunc status=none
}

# The one stripe of a range that the volume ends in, and the record before it.
@test "each single sector of a stripe and of a record" {
	local i states=0

	SECTORS=$((RANGE + 64))
	record_a_rekey
	for ((i = 1; i < ${#marks[@]} - 1; i++)); do
		[ $((marks[i + 1] - marks[i])) -le 1 ] || break
	done
	single $((marks[i] - 1)) "${marks[i]}"
	single "${marks[i]}" $((marks[i + 1] - 1))
}

# begun_anew HOW WRITE K: what there is of that write is no record
begun_anew() {
	copy $before "$CMK_DISK"
	logreplay "$CMK_DISK2" "$1" "$CMK_DISK" "$2" $(($2 + 1)) "$3" >/dev/null
	rekey_create
	[ "$(status rekey)" = none ]
	nl "set $UUID 0 1 $KEY_B" "set $UUID 1 1 $OLD" >/dev/null
	same seed
	rekey_start
	reach complete
	same seed
	gone cmk
	rekey_create
	[ "$(status rekey)" = complete ]
	gone cmk
}

@test "what there is of the first two records is no rekey" {
	local write k some=8

	[ -z "${CMK_LONG:-}" ] || some=$(seq 39)
	record_a_rekey
	for write in $((marks[0] - 1)) $((marks[1] - 1)); do
		for k in $some; do
			begun_anew front "$write" "$k"
		done
		begun_anew but "$write" 39
		begun_anew only "$write" 0
	done
}

@test "under load" {
	data other >/dev/null
	load=overwrite
	record_a_rekey
	all_states 9
}
