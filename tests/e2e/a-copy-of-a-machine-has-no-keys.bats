#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-mode: host
# cmk-timeout: 300
#
# A machine is saved with its memory and goes on from there.  Where the platform
# tells it by its generation id that it is a copy now, the keys of all volumes
# end before the agent has done anything, I/O waits, and the agent fetches them
# again.  Where the id is the same, nothing ends.

GUID=324e6eaf-d1d1-4bf6-bf41-b9bb6c91fb87
COPY=7a4e2c10-55aa-4f0e-8c1d-0e9b6a3d2f41
TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
BUILD=${CMK_BUILD:-$TREE/build}

vm() { "$TREE/tests/vm/vm" "$@"; }
guest() { vm exec --timeout 120 -n "$VM" -- /root/guest "$@"; }

setup_file() {
	[ "$(id -u)" = 0 ] || skip "needs root"
	export VM=fork-$$
	# It is in no session: it would outlive a test that is ended by force.
	setsid bash -c 'while kill -0 "$1"; do sleep 5; done
		exec "$2" stop --kill --remove "$3"' - $$ "$TREE/tests/vm/vm" \
		"$VM" >/dev/null 2>&1 3>&- &
	vm start --kernel "${CMK_KERNEL:-6.12}" --memory 512M --disk 64M \
		--disk 64M --qemu=-device --qemu=vmgenid,guid=$GUID "$VM"
	vm push "$VM" "$BATS_TEST_DIRNAME/fork/guest" /root/guest
	vm exec -n "$VM" -- chmod 755 /root/guest
	guest up
}

teardown_file() {
	[ -z "${VM-}" ] || vm stop --kill --remove "$VM" || true
}

setup() {
	SAVED=$BATS_FILE_TMPDIR/saved
	SPEC=${CMK_VMS:-$BUILD/vm}/$VM/spec.json
}

until_true() {	# SECONDS COMMAND...
	local end=$((SECONDS + $1))

	until "${@:2}"; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.5
	done
}

saved() {
	vm qmp "$VM" query-migrate | jq -e '.status == "completed"' >/dev/null
}

ended() { ! vm list | grep -q "^$VM.*running"; }

# goes_on_as GUID: the machine, from its saved state
goes_on_as() {
	rm -f "$SAVED"
	vm qmp "$VM" "$(jq -n --arg to "file:$SAVED" \
		'{execute: "migrate", arguments: {uri: $to}}')" >/dev/null
	until_true 60 saved
	vm qmp "$VM" quit >/dev/null || true
	until_true 20 ended
	jq --arg guid "$1" --arg from "file:$SAVED" \
		'.qemu = ["-device", "vmgenid,guid=" + $guid,
			"-incoming", $from]' "$SPEC" >"$SPEC.new"
	mv "$SPEC.new" "$SPEC"
	vm start --again "$VM"
}

# gates WORDS: both volumes have them in their status
gates() {
	guest gates
	[ "$(guest gates | grep -c "$1")" = 2 ]
}

@test "gone on with the same id, nothing has ended" {
	guest stop
	goes_on_as $GUID
	gates "gate=open cause=none.* live=2"
	guest go
	until_true 60 guest ready
	[ "$(guest lapses)" = 0 ]
	guest reads
}

@test "a copy has no keys, I/O waits, and the agent fetches them again" {
	guest stop
	goes_on_as $COPY
	# The platform tells it by an interrupt, and its agent is stopped.
	until_true 30 gates "gate=held cause=vm-fork.* live=0"
	until_true 30 gates "parked=1"
	guest go
	until_true 60 guest ready
	[ "$(guest lapses)" = 2 ]
	gates "gate=open cause=none.* live=2"
	guest reads
}
