#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: plain
# cmk-disk: 128M
# cmk-cpus: 1
# cmk-timeout: 600
#
# open and close: a mapped device appears with all its keys or not at all, what
# cmktab says is what the table says, and a volume in use is not closed.

load ../lib/guest
load cmk
load agent

setup() {
	service_up OfflineGrace=4h HoldTimeout=11min KeyTimeout=7s
	volume_make
	cmkctl -q close vol
}

teardown() {
	gone top
	umount /mnt 2>/dev/null || true
	rm -f /etc/cmktab
	[ -n "${AGENT_PID-}" ] || agent_start
	all_down
}

# refused STATUS WORD OPEN-ARGUMENT...: no device is left
refused() {
	run cmkctl open "${@:3}"
	echo "$output"
	[ "$status" = "$1" ]
	[[ $output == *"$2"* ]]
	[ ! -e "$VOL" ]
	run dmsetup info -c --noheadings -o name
	[[ $output != *vol* ]]
}

@test "open by device: every key is there when it returns" {
	cmkctl --json open "$CMK_DISK" vol --kek service >/tmp/opened
	[ "$(jq -r .live /tmp/opened)" = "$(jq -r .ranges /tmp/opened)" ]
	[ "$(jq -r .device /tmp/opened)" = "$VOL" ]
	[ "$(dmsetup info -c --noheadings -o uuid vol)" = \
		"CMK-$VOL_UUID-vol" ]
	[ "$(cmkctl --json status vol | jq '.volumes[0].lease_ttl')" = 15 ]
}

@test "open by name: device, key and options are cmktab's" {
	echo "vol UUID=$VOL_UUID service discard,lease-ttl=20s" >/etc/cmktab
	[ "$(cmkctl --json list | jq -r '.volumes[0].state')" = closed ]
	cmkctl open vol
	table=$(dmsetup table vol)
	[[ $table == *allow_discards* ]]
	[[ $table == *key_timeout:7* ]]
	[[ $table == *hold_timeout:660* ]]
	[ "$(cmkctl --json status vol | jq '.volumes[0].lease_ttl')" = 20 ]
	cmkctl -q close vol
	echo "vol UUID=$VOL_UUID service read-only" >/etc/cmktab
	cmkctl open vol
	[ "$(blockdev --getro "$VOL")" = 1 ]
}

# as NAME VALUE: kernel.NAME is VALUE for who reads it
as() {
	echo "$2" >"/tmp/$1"
	mount --bind "/tmp/$1" "/proc/sys/kernel/$1"
}

@test "a kernel that panics on hung tasks sees no wait that is so long" {
	as hung_task_panic 1
	as hung_task_timeout_secs 60
	run cmkctl open "$CMK_DISK" vol --kek service
	umount /proc/sys/kernel/hung_task_{panic,timeout_secs}
	echo "$output"
	[ "$status" = 0 ]
	[[ $output == *"HoldTimeout= is cut to 40 s"* ]]
	[[ $output != *KeyTimeout* ]]
	table=$(dmsetup table vol)
	[[ $table == *key_timeout:7* ]]
	[[ $table == *hold_timeout:40* ]]
}

@test "a name that is not in cmktab, and a device without an allowed key" {
	refused 6 cmktab vol
	refused 2 "--kek" "$CMK_DISK" vol
}

@test "a key that the node does not allow" {
	refused 6 https://kv.vault.azure.net/keys/other "$CMK_DISK" vol \
		--kek https://kv.vault.azure.net/keys/other
}

@test "no agent: temporary; with --wait it is waited for" {
	agent_stop
	refused 5 "not running" "$CMK_DISK" vol --kek service
	cmkctl open "$CMK_DISK" vol --kek service --wait 60s 3>&- &
	opener=$!
	sleep 3
	kill -0 "$opener"
	agent_start
	wait "$opener"
	[ "$(state)" = "ready none" ]
}

@test "a service key that is lost is not a denial, and leaves no device" {
	mv /var/lib/cmk/service.kek /tmp/service.kek
	refused 1 service.kek "$CMK_DISK" vol --kek service
	mv /tmp/service.kek /var/lib/cmk/service.kek
	cmkctl open "$CMK_DISK" vol --kek service
}

@test "a device that became smaller than the volume" {
	dmsetup create top --table \
		"0 $(($(sectors "$CMK_DISK") - 8192)) linear $CMK_DISK 0"
	refused 6 smaller /dev/mapper/top vol --kek service
}

@test "a name that is taken, a volume that is open" {
	dmsetup create vol --table "0 8 zero"
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 6 ]
	run cmkctl close vol
	[ "$status" = 6 ]
	dmsetup remove vol
	cmkctl -q open "$CMK_DISK" vol --kek service
	run cmkctl open "$CMK_DISK" vol --kek service
	[ "$status" = 6 ]
	[[ $output == *"open already"* ]]
	run cmkctl open "$CMK_DISK" other --kek service
	[ "$status" = 6 ]
	[ "$(state)" = "ready none" ]
}

@test "what a killed open left behind is taken away by the next" {
	dmsetup create vol --uuid "CMK-$VOL_UUID-vol" --notable
	cmkctl open "$CMK_DISK" vol --kek service
	[ "$(state)" = "ready none" ]
}

@test "close: a volume in use stays, and the message names the users" {
	cmkctl -q open "$CMK_DISK" vol --kek service
	mkfs.ext4 -q "$VOL"
	mount "$VOL" /mnt
	run cmkctl close vol
	[ "$status" = 6 ]
	[[ $output == *"mounted on /mnt"* ]]
	umount /mnt
	dmsetup create top --table "0 8 linear $VOL 0"
	run cmkctl close vol
	[ "$status" = 6 ]
	[[ $output == *"used by the mapped device top"* ]]
	gone top
	sleep 60 <"$VOL" 3>&- &
	until grep -qx sleep "/proc/$!/comm"; do sleep 0.1; done
	run cmkctl close vol
	kill $!
	[ "$status" = 6 ]
	[[ $output == *"open by sleep[$!]"* ]]
	[ "$(state)" = "ready none" ]
	wait $! || true
	cmkctl close vol
	[ ! -e "$VOL" ]
	run cmkctl close vol
	[ "$status" = 6 ]
}

@test "close --force: the volume goes when its last user has gone" {
	cmkctl -q open "$CMK_DISK" vol --kek service
	mkfs.ext4 -q "$VOL"
	mount "$VOL" /mnt
	run cmkctl close vol --force
	[ "$status" = 7 ]
	echo data >/mnt/file
	sync
	umount /mnt
	for ((i = 0; i < 100; i++)); do
		[[ "$(dmsetup info -c --noheadings -o name)" == *vol* ]] ||
			break
		sleep 0.1
	done
	[ "$i" -lt 100 ]
	cmkctl -q open "$CMK_DISK" vol --kek service
	mount "$VOL" /mnt
	[ "$(cat /mnt/file)" = data ]
}

@test "after a close the agent has forgotten the volume" {
	cmkctl -q open "$CMK_DISK" vol --kek service
	cmkctl -q close vol
	[ "$(cmkctl --json status | jq -c .volumes)" = "[]" ]
	run cmkctl probe vol
	[ "$status" = 6 ]
}

unwraps() { grep -c '"op":"unwrapKey"' "$KV_DIR/requests.log" || true; }
asked_since() { [ "$(unwraps)" -ge $(($1 + $2)) ]; }

@test "revoked while its keys are on their way: no further one is asked for" {
	local before after opened=0 out=$BATS_TEST_TMPDIR/opened

	agent_stop
	vault_start
	agent_config OfflineGrace=4h
	sed -i 's/^RequestTimeout=.*/RequestTimeout=8s\nMaxConcurrent=1/' \
		/etc/cmk/cmkd.conf
	agent_start
	RANGE_SIZE=8M
	volume_make --wrap direct
	cmkctl -q close vol
	before=$(unwraps)
	ctl switch slow 1000 >/dev/null
	cmkctl open "$CMK_DISK" vol --kek "$KEK" >"$out" 2>&1 3>&- &
	opener=$!
	until_true 30 asked_since "$before" 2
	# Its own status is that of what may be gone before it has told all.
	cmkctl revoke --all || true
	wait "$opener" || opened=$?
	cat "$out"
	[ "$opened" = 1 ]
	[[ "$(<"$out")" == *"was revoked (admin) before it had its keys"* ]]
	[ ! -e "$VOL" ]
	[ "$(cmkctl --json status | jq -c .volumes)" = "[]" ]

	# One that the vault has heard of may still be written down.
	sleep 3
	after=$(unwraps)
	[ "$after" -lt $((before + 10)) ]
	sleep 4
	[ "$(unwraps)" = "$after" ]

	ctl switch slow 0 >/dev/null
	cmkctl restore "UUID=$VOL_UUID"
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
	[ "$(state)" = "ready none" ]
}
