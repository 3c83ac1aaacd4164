#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: plain
# cmk-disk: 256M
# cmk-cpus: 1
# cmk-timeout: 900
#
# A volume under load goes to a new version of its key, to another vault, to a
# managed HSM and to the node's own key and back; no I/O fails, no data is
# rewritten, and afterwards the former key is not needed for anything.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	vault_start
	agent_config
	service_kek
	agent_start
}

teardown() {
	reader_end
	if [ -n "${HSM_PID-}" ]; then
		kill "$HSM_PID"
		wait "$HSM_PID" || true
	fi
	all_down
	[ ! -e /dev/mapper/below ] || dmsetup resume below
	gone below
}

kid() { cmkctl --json dump "$CMK_DISK" | jq -r '.keks[].kid'; }
status_of() { cmkctl --json status vol | jq -r ".volumes[0] | $1"; }
data_sum() { dd if="$CMK_DISK" bs=1M skip=16 count=16 status=none | sha256sum; }

# newest_asked: how often the key without a version was
newest_asked() {
	grep -cE '"method":"GET","path":"/keys/pg/?"' "$KV_DIR/requests.log" ||
		true
}

# The load only reads: what is on the disk must not change by a byte.
begin() {
	volume_make "$@"
	pattern $((8 << 20)) begin | dd of="$VOL" bs=1M oflag=direct \
		iflag=fullblock status=none
	SUM=$(data_sum)
	while dd if="$VOL" bs=64k count=1 iflag=direct status=none; do
		sleep 0.2
	done >/dev/null 3>&- &
	READER_PID=$!
}

unharmed() {
	kill -0 "$READER_PID"
	wait_state "ready none" 40
	[ "$(data_sum)" = "$SUM" ]
	pattern $((8 << 20)) begin |
		cmp - <(dd if="$VOL" bs=1M count=8 iflag=direct status=none)
}

reader_end() {
	[ -n "${READER_PID-}" ] || return 0
	kill "$READER_PID" || true
	wait "$READER_PID" || true
	READER_PID=
}

# What counts at last: a volume that opens from the disk alone.
reopens_with() {
	reader_end
	cmkctl close vol
	cmkctl open "$CMK_DISK" vol --kek "$1"
	pattern $((8 << 20)) begin | cmp - <(head -c 8M "$VOL")
}

rotated() {
	local mode=$1 before

	begin --wrap "$mode"
	before=$(kid)
	cmkctl rewrap vol | grep -q "nothing to do"
	ctl key rotate pg >/dev/null
	cmkctl rewrap --dry-run vol | grep -q "would be rewrapped"
	[ "$(kid)" = "$before" ]

	run cmkctl rewrap vol
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"may be disabled"* ]]
	[ "$(kid)" != "$before" ]
	[ "$(status_of .former_kid)" = "$before" ]
	[ "$(status_of '.exposed // 0')" = 0 ]
	[ "$(ls /var/lib/cmk/backup | wc -l)" = 1 ]
	if grep -qF "${before##*/}" /var/lib/cmk/backup/*; then
		false
	fi
	ctl key disable pg "${before##*/}" >/dev/null
	cmkctl probe vol || [ $? = 5 ]
	sleep 6
	unharmed
	reopens_with "$KEK"
}

@test "a new version of the key, mode direct" {
	rotated direct
}

@test "a new version of the key, mode hk" {
	[ -n "${CMK_LONG-}" ] || skip "in the long form"
	rotated hk
}

@test "a new version is taken over by itself" {
	local before

	agent_stop
	agent_config RotateInterval=3s
	agent_start
	begin
	before=$(kid)
	sleep 5
	[ "$(kid)" = "$before" ]
	ctl key rotate pg >/dev/null
	for _ in {1..30}; do
		[ "$(status_of '.former_kid // ""')" != "$before" ] || break
		sleep 1
	done
	[ "$(kid)" != "$before" ]
	unharmed
}

@test "the vault is asked for a new version without a look at the disk" {
	local asked

	dmsetup create below --table \
		"0 $(sectors "$CMK_DISK") linear $CMK_DISK 0"
	CMK_DISK=/dev/mapper/below
	agent_stop
	agent_config RotateInterval=3s
	agent_start
	volume_make
	dmsetup suspend --noflush --nolockfs below
	asked=$(newest_asked)
	for _ in {1..60}; do
		[ "$(newest_asked)" -lt $((asked + 2)) ] || break
		sleep 0.5
	done
	agent_answers
	dmsetup resume below
	[ "$(newest_asked)" -ge $((asked + 2)) ]
	wait_state "ready none" 10
}

hsm_start() {
	mkdir "$BATS_TEST_TMPDIR/hsm"
	cp -r "$KV_DIR"/* "$BATS_TEST_TMPDIR/hsm/"
	rm -f "$BATS_TEST_TMPDIR/hsm/requests.log"
	# One directory of identities for both.
	kvemu --dir "$BATS_TEST_TMPDIR/hsm" --listen 127.0.0.1:0 --managed-hsm \
		--resource https://vault.azure.net \
		>"$BATS_TEST_TMPDIR/hsm.out" 2>&1 3>&- &
	HSM_PID=$!
	kvemu ctl --dir "$BATS_TEST_TMPDIR/hsm" --wait 20 key create hsmkey \
		>/dev/null
	read -r _ _ HSM_URL _ <"$BATS_TEST_TMPDIR/hsm.out"
}

set_kek() {
	run cmkctl set-kek vol "$@"
	echo "$output"
	[ "$status" = 0 ]
	[[ "$output" == *"exposed to former KEK: 8 ranges"* ]]
	[ "$(kid | wc -l)" = 1 ]
	[ "$(status_of .kek)" = "$1" ]
	[ "$(status_of .exposed)" = 8 ]
	unharmed
}

other_key_is_refused() {
	run cmkctl set-kek vol "service:$(printf '%064d' 0)"
	echo "$output"
	[ "$status" = 6 ]
	[[ "$output" == *"is another one"* ]]
	[ "$(status_of .kek)" = service ]
}

changes() {
	begin --wrap "$1"
	hsm_start
	set_kek "$HSM_URL/keys/hsmkey"
	# nothing of the former one is needed, or asked
	ctl key disable pg >/dev/null
	sleep 6
	unharmed
	ctl key enable pg >/dev/null
	set_kek service
	other_key_is_refused
	set_kek "$KEK"
	# the same key under another pin
	set_kek "$(kid)"
	set_kek "$KEK"
	reopens_with "$KEK"
	run cmkctl open "$CMK_DISK" vol2 --kek service --wait 0
	[ "$status" != 0 ]
}

@test "vault, managed HSM, the node's key, and back, mode direct" {
	[ -n "${CMK_LONG-}" ] || skip "in the long form"
	changes direct
}

@test "vault, managed HSM, the node's key, and back, mode hk" {
	changes hk
}

@test "a closed volume by its device; a held one is left alone" {
	local before

	volume_make
	cmkctl -q hold vol
	run cmkctl --json -q set-kek vol service
	echo "$output"
	[ "$status" = 6 ]
	[ "$(jq -r .error.code <<<"${lines[-1]}")" = not-live ]
	restore_vol
	cmkctl close vol
	before=$(kid)
	ctl key rotate pg >/dev/null
	cmkctl rewrap "$CMK_DISK"
	[ "$(kid)" != "$before" ]
	ctl key disable pg "${before##*/}" >/dev/null
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}

@test "killed in the middle: it opens, and goes through it again" {
	local before

	volume_make --wrap direct
	before=$(kid)
	ctl key rotate pg >/dev/null
	ctl switch slow 700 >/dev/null
	cmkctl rewrap vol & REWRAP=$!
	sleep 3
	agent_stop KILL
	wait "$REWRAP" && false
	[ "$(kid)" = "$before" ]
	ctl switch slow 0 >/dev/null
	agent_start
	wait_state "ready none" 60
	cmkctl rewrap vol
	[ "$(kid)" != "$before" ]
	ctl key disable pg "${before##*/}" >/dev/null
	cmkctl close vol
	cmkctl open "$CMK_DISK" vol --kek "$KEK"
}
