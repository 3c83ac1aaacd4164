#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 32M
# cmk-timeout: 900
#
# A volume in use gets other keys, range by range, and whatever comes between
# loses nothing: the agent's death, a hold, a revoke, a close, another version
# of the KEK.  In the end dm-crypt with the new key reads what the volume had,
# and the former key is nowhere.

load ../lib/guest
load cmk
load agent
load agent-rekey

setup() {
	modprobe -a dm-cmk dm-crypt
	vault_start
	agent_config
	helper_start
	agent_start
}

teardown() {
	gone oracle
	all_down
	helper_stop
}

status_of() { cmkctl --json status vol | jq -r ".volumes[0] | $1"; }

# Of an order of all ranges; the kernel is asked, which is quicker
done_of() {
	echo $(($(rekey_field rekey_range) * RANGE +
		$(rekey_field rekey_done) * 512))
}

# beyond MIB: so much of the order is done, and not all
beyond() {
	local i n

	for ((i = 0; i < 300; i++)); do
		n=$(done_of)
		[ "$n" -lt $(($1 << 20)) ] || break
		sleep 0.1
	done
	echo "done: $n"
	[ "$n" -ge $(($1 << 20)) ]
	[ "$n" -lt $((16 << 20)) ]
}

# range_is RANGE SEED FILE: what is read from FILE is the range's pattern
range_is() {
	pattern $((16 << 20)) "$2" | tail -c +$(($1 * RANGE + 1)) |
		head -c $RANGE | cmp - "$3"
}

read_range() {	# RANGE
	dd if="$VOL" bs=1M skip=$(($1 * RANGE >> 20)) count=$((RANGE >> 20)) \
		iflag=direct status=none
}

# The wrapped DEK of a range, mode direct, and the DEK itself in hexadecimal
blob() {
	dd if="$CMK_DISK" bs=4k count=256 iflag=direct status=none |
		tail -c +$((8192 + $1 * 512 + 1)) | head -c 256
}

dek() {
	local pem=$BATS_TEST_TMPDIR/pem n

	for ((n = 0; n < 8; n++)); do
		jq -rn --argjson n $n '[inputs | .. | strings |
			select(startswith("-----BEGIN PRIVATE KEY"))][$n] // ""' \
			"$KV_DIR"/*.json >"$pem"
		[ -s "$pem" ] || return 1
		openssl pkeyutl -decrypt -inkey "$pem" \
			-pkeyopt rsa_padding_mode:oaep \
			-pkeyopt rsa_oaep_md:sha256 -in <(blob "$1") \
			2>/dev/null | head -c 64 | xxd -p -c 64 | grep . &&
			return 0
	done
	return 1
}

# by_dm_crypt KEY RANGE: what dm-crypt makes of the range's sectors
by_dm_crypt() {
	crypt_create oracle "$CMK_DISK" "$1" $(($2 * RANGE / 512)) \
		$((32768 + $2 * RANGE / 512)) $((RANGE / 512)) 4096
	dd if=/dev/mapper/oracle bs=1M iflag=direct status=none
	gone oracle
}

# In no copy of the header, nor between them, nor in a backup
nowhere() {	# FILE
	/usr/bin/python3 - "$1" "$CMK_DISK" /var/lib/cmk/backup/* <<-END
		import sys
		what = open(sys.argv[1], 'rb').read()
		assert len(what) == 256
		for name in sys.argv[2:]:
		    with open(name, 'rb') as f:
		        assert what not in f.read(16 << 20), name
	END
}

@test "under load, with all that comes between" {
	local old fio

	make_volume direct
	old=$(dek 3)
	[ ${#old} = 128 ]
	blob 3 >"$BATS_TEST_TMPDIR/blob"
	range_is 3 begin <(by_dm_crypt "$old" 3)

	fio --name=v --filename="$VOL" --rw=randrw --direct=1 \
		--ioengine=libaio --iodepth=8 --size=12M --verify=crc32c \
		--bssplit=4k/50:16k/30:64k/20 --verify_backlog=64 \
		--time_based --runtime=5 --output=/tmp/fio.log 3>&- &
	fio=$!
	cmkctl --json rekey vol --all --bandwidth 256K \
		>"$BATS_TEST_TMPDIR/rekey" 2>&1 3>&- &
	REKEY_PID=$!
	beyond 1
	[ "$(status_of .state)" = ready ]
	[ "$(status_of .rekey_order.total)" = $((16 << 20)) ]

	agent_stop KILL
	wait $REKEY_PID && false
	grep -q '"progress".*"rate"' "$BATS_TEST_TMPDIR/rekey"
	agent_start
	beyond 2
	ctl key rotate pg >/dev/null
	cmkctl rewrap vol
	in_the_middle
	cmkctl hold vol
	until_rekey pending 30
	sleep 1
	cmkctl restore vol
	until_rekey running 30
	beyond 3
	wait $fio || { cat /tmp/fio.log; false; }

	in_the_middle
	cmkctl revoke vol --no-purge
	until_rekey pending 30
	cmkctl restore vol
	until_rekey running 30
	beyond 5
	in_the_middle
	cmkctl close vol
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	until_rekey running 30
	range_is 3 begin <(read_range 3)

	run cmkctl --json rekey vol --all --bandwidth 1G
	echo "$output"
	[ "$status" = 0 ]
	[ "$(status_of '.rekey // .rekey_order // "none"')" = none ]
	range_is 3 begin <(read_range 3)
	[ "$(cmkctl --json dump "$CMK_DISK" | jq -c '.keks | length')" = 1 ]
	[ "$(dek 3)" != "$old" ]
	range_is 3 begin <(by_dm_crypt "$(dek 3)" 3)
	if range_is 3 begin <(by_dm_crypt "$old" 3) >/dev/null; then
		false
	fi
	nowhere "$BATS_TEST_TMPDIR/blob"
	[ "$(ls /var/lib/cmk/backup | wc -l)" = 1 ]
	# what counts at last
	cmkctl close vol
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	range_is 3 begin <(read_range 3)
}

@test "killed before the kernel has begun, and closed when it had ended" {
	local old

	make_volume direct
	old=$(dek 1)
	helper_stop
	cmkctl rekey vol --range 1 --bandwidth 1M --detach & REKEY_PID=$!
	until_rekey armed 30
	agent_stop KILL
	wait $REKEY_PID && false
	cmkctl close vol
	agent_start
	# The key that was never used is thrown away, and another one made.
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	until_rekey armed 30
	helper_start
	until_rekey running 30
	agent_stop KILL
	until_rekey complete 30
	cmkctl close vol
	agent_start
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	range_is 1 begin <(read_range 1)
	until_rekey none 30
	[ "$(dek 1)" != "$old" ]
	range_is 1 begin <(by_dm_crypt "$(dek 1)" 1)
}

# without_record: the volume's table, but for its record area
without_record() {
	dmsetup table vol | awk '{
		$9--
		sub(/ record:[0-9]+/, "")
		print
	}'
}

asked_to_open() {
	local uuid

	uuid=$(cmkctl --json dump "$CMK_DISK" | jq -r .uuid)
	jq -cn --arg uuid "$uuid" --arg device "$CMK_DISK" --arg kek "$KEK" \
		'{method: "Open", parameters: {name: "vol", $uuid, $device,
			$kek}}' |
		socat -t 30 - UNIX-CONNECT:/run/cmk/cmkd.sock
}

@test "mapped without its record area: no key, and the next DEK stays" {
	local table

	make_volume direct
	cmkctl rekey vol --range 0 --bandwidth 512K --detach
	beyond 1
	cmkctl rekey vol --pause
	agent_stop
	table=$(without_record)
	[[ $table != *record* ]]
	dmsetup remove --retry vol
	dmsetup create vol --table "$table"
	agent_start
	run asked_to_open
	echo "$output"
	[[ $output == *'"no-record"'*"mapped without its record area"* ]]
	[[ "$(dmsetup status vol)" == *"live=0 "* ]]
	dmsetup remove --retry vol
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	until_rekey paused 30
	cmkctl rekey vol --range 0 --bandwidth 1G --detach
	cmkctl rekey vol --resume
	until_rekey none 30
	range_is 0 begin <(by_dm_crypt "$(dek 0)" 0)
}

@test "paused, watched, refused; and an old header stays away" {
	make_volume hk
	cmkctl header backup "$CMK_DISK" "$BATS_TEST_TMPDIR/old.hdr"
	run cmkctl rekey vol --attach
	[ "$status" = 6 ]
	run cmkctl rekey vol --range 4
	[ "$status" = 2 ]
	cmkctl rekey vol --range 1-2 --bandwidth 512K --detach
	run cmkctl rekey vol --range 1
	echo "$output"
	[ "$status" = 6 ]
	cmkctl rekey vol --pause
	until_rekey paused 30
	run cmkctl rekey vol --attach
	echo "$output"
	[ "$status" = 7 ]
	agent_stop
	agent_start
	sleep 1
	until_rekey paused 30
	cmkctl status vol
	cmkctl rekey vol --resume
	cmkctl rekey vol --range 1-2 --bandwidth 1G
	same begin
	cmkctl close vol
	run cmkctl --json header restore "$CMK_DISK" \
		"$BATS_TEST_TMPDIR/old.hdr" --accept-header
	echo "$output"
	[ "$status" = 6 ]
	[[ $output == *'"generation"'* ]]
	# A node that does not know better: the disk itself does.
	agent_stop
	rm -rf /var/lib/cmk/state
	agent_start
	dd if="$BATS_TEST_TMPDIR/old.hdr" of="$CMK_DISK" bs=1M count=3 \
		oflag=direct status=none
	dd if="$BATS_TEST_TMPDIR/old.hdr" of="$CMK_DISK" bs=1M skip=12 \
		seek=12 count=3 oflag=direct status=none
	run cmkctl --json open "$CMK_DISK" vol --kek "$KEK" --wait 0 \
		--accept-header
	echo "$output"
	[ "$status" = 6 ]
	[[ $output == *'"generation"'* ]]
}

@test "another KEK, and other keys under it" {
	make_volume hk
	run cmkctl set-kek vol service --rekey --dry-run
	[ "$status" = 2 ]
	run cmkctl set-kek vol service --rekey
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"rekeyed; the former keys are gone"* ]]
	[[ "$output" != *"exposed"* ]]
	[ "$(status_of '.exposed // 0')" = 0 ]
	[ "$(status_of .kek)" = service ]
	cmp <(pattern $((16 << 20)) begin) \
		<(dd if="$VOL" bs=1M iflag=direct status=none)
	cmkctl close vol
	run cmkctl set-kek "$CMK_DISK" "$KEK" --rekey
	echo "$output"
	[ "$status" = 2 ]
	cmkctl open "$CMK_DISK" vol --kek service
	[ "$(status_of '.exposed // 0')" = 0 ]
	range_is 3 begin <(read_range 3)
}
