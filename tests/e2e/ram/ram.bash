# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# A machine whose memory is searched from outside, for `load ram/ram`.  The
# vault and all that knows a key run on this side: what the machine holds, it
# holds by what the product does.
#
#   ram_up [WORDS]        vault and machine, with WORDS on the kernel's command
#                         line, and in it the volumes of ram/guest
#   ram_again [WORDS]     a new machine with the disks of the last
#   ram_down              in teardown_file
#   guest VERB            runs ram/guest there
#   ram_learn             adds to NEEDLES what the sealed transport's sessions
#                         were made of until now
#   ram_next MODE         adds what a volume's rekey has made, to be learnt
#   ram_rekeyed MODE RANGE
#                         that is the range's key now, the other one its former
#   ram_search            what of NEEDLES are in its memory and the registers of
#                         its CPUs, as HITS; the machine stands still meanwhile
#   ram_search_idle [COMMAND]
#                         the same at a moment, after COMMAND, at which the
#                         agent does not handle an answer of the vault: while it
#                         looks whether the KEK is there it has the header key
#   ram_search_cpus       the same in the registers alone
#   only PATTERN          each needle that matches was found, and no other
#   none [PATTERN]        none was found, or none that matches

RAM_DIR=$BATS_TEST_DIRNAME/ram
RAM_TREE=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
RAM_BUILD=${CMK_BUILD:-$RAM_TREE/build}
RAM_MIB=512
DISKS=(160M 160M)

vm() { "$RAM_TREE/tests/vm/vm" "$@"; }
guest() { vm exec --timeout 120 -n "$VM" -- /root/guest "$@"; }
vault() { "$RAM_BUILD/bin/kvemu" ctl --dir "$KV_DIR" "$@"; }

vault_up() {
	export KV_DIR=$BATS_FILE_TMPDIR/kv
	"$RAM_BUILD/bin/kvemu" --dir "$KV_DIR" --listen 127.0.0.1:0 \
		--imds 127.0.0.1:0 --name vault.test \
		>"$BATS_FILE_TMPDIR/kvemu.out" 2>&1 3>&- &
	export KV_PID=$!
	vault --wait 20 key create pg >/dev/null
	read -r _ _ KV_URL _ KV_IMDS <"$BATS_FILE_TMPDIR/kvemu.out"
	export KV_PORT=${KV_URL##*:} KV_IMDS_PORT=${KV_IMDS##*:}
	jq -r '.keys[] | select(.name == "pg").versions[0].secret' \
		"$KV_DIR/state.json" >"$BATS_FILE_TMPDIR/kek.pem"
}

# The machine reaches two ports of this one's loopback, and nothing else.  The
# agent takes tokens from a link-local address only.
net_words() {
	local to='cmd:socat - TCP:127.0.0.1'

	printf '%s,' user,id=net0,restrict=on,ipv6=off,net=169.254.169.0/24 \
		"guestfwd=tcp:169.254.169.253:443-$to:$KV_PORT"
	printf '%s\n' "guestfwd=tcp:169.254.169.254:80-$to:$KV_IMDS_PORT"
}

machine_up() {
	local disk words=()

	for disk in "${DISKS[@]}"; do
		words+=(--disk "$disk")
	done
	vm start --kernel "${CMK_KERNEL:-6.12}" --memory ${RAM_MIB}M \
		"${words[@]}" --append "$1" --qemu=-netdev \
		--qemu="$(net_words)" --qemu=-device \
		--qemu=virtio-net-pci,netdev=net0 "$VM"
	vm push "$VM" "$RAM_DIR/guest" /root/guest
	vm push "$VM" "$RAM_DIR/whose" /root/whose
	vm push "$VM" "$KV_DIR/ca.pem" /root/ca.pem
	vm exec -n "$VM" -- chmod 755 /root/guest /root/whose
	: >"$BATS_FILE_TMPDIR/tapped"
	guest up
}

ram_names() {
	VM_DIR=${CMK_VMS:-$RAM_BUILD/vm}/$VM
	NEEDLES=$BATS_FILE_TMPDIR/needles
	LASTING=$BATS_FILE_TMPDIR/needles.lasting
	DUMP=$BATS_FILE_TMPDIR/dump
	CPUS=$BATS_FILE_TMPDIR/cpus
	HITS=$BATS_FILE_TMPDIR/hits
}

# A machine is in no session: it would outlive a test that is ended by force.
machine_ends_with() {	# PID
	setsid bash -c 'while kill -0 "$1"; do sleep 5; done
		exec "$2" stop --kill --remove "$3"' - "$1" \
		"$RAM_TREE/tests/vm/vm" "$VM" >/dev/null 2>&1 3>&- &
}

ram_up() {
	export VM=ram-$$
	ram_names
	machine_ends_with $$
	vault_up
	machine_up "${1-}"
	guest format
	"$RAM_DIR/needles" "$BATS_FILE_TMPDIR/kek.pem" \
		"direct=$(header_of direct)" "hk=$(header_of hk)" >"$LASTING"
	ram_learn
}

ram_learn() {
	guest tapped >>"$BATS_FILE_TMPDIR/tapped"
	"$RAM_DIR/needles" "$BATS_FILE_TMPDIR/kek.pem" \
		"tap=$BATS_FILE_TMPDIR/tapped" >"$NEEDLES.tap"
	cat "$LASTING" "$NEEDLES.tap" >"$NEEDLES"
}

header_of() {	# MODE
	case $1 in
	direct) echo "$VM_DIR/data0.raw" ;;
	hk) echo "$VM_DIR/data1.raw" ;;
	esac
}

ram_next() {
	"$RAM_DIR/needles" "$BATS_FILE_TMPDIR/kek.pem" \
		"$1.next=$(header_of "$1")" >>"$LASTING"
}

ram_rekeyed() {
	sed -Ei "s,^(\w+)/$1\.dek$2/,\1/$1.former/,
		s,^(\w+)/$1\.next/,\1/$1.dek$2/," "$LASTING"
}

ram_again() {
	vm stop "$VM"
	mv "$VM_DIR"/data?.raw "$BATS_FILE_TMPDIR"
	DISKS=("$BATS_FILE_TMPDIR"/data?.raw)
	machine_up "${1-}"
}

ram_down() {
	[ -z "${VM-}" ] || vm stop --kill --remove "$VM" || true
	[ -z "${KV_PID-}" ] || kill "$KV_PID"
}

ram_search_cpus() {
	qmp stop >/dev/null
	cpu_registers >"$CPUS"
	qmp cont >/dev/null
	"$RAM_BUILD/test/ramscan" "$NEEDLES" "$CPUS" >"$HITS"
}

# planted: each needle in 32 bytes of its own, so that none lies across pages
planted() {
	python3 -c 'import sys
for line in sys.stdin:
    sys.stdout.buffer.write(bytes.fromhex(line.split()[1]).ljust(32))' \
		<"$NEEDLES"
}

asked() { wc -l <"$KV_DIR/requests.log"; }

# ram_settle: returns when no request has come for a second
ram_settle() {
	SETTLED=-1
	until [ "$(asked)" = "$SETTLED" ]; do
		SETTLED=$(asked)
		sleep 1
	done
}

# ram_next_request: returns when one has come; the agent asks every 5 s
ram_next_request() {
	local before tries

	before=$(asked)
	for ((tries = 0; tries < 600; tries++)); do
		[ "$(asked)" = "$before" ] || return 0
		sleep 0.1
	done
	echo "the agent has not asked for a minute"
	return 1
}

qmp() { vm qmp "$VM" "$@"; }

# Numbers of a register stand with the highest byte first.
cpu_registers() {
	qmp '{"execute": "human-monitor-command",
		"arguments": {"command-line": "info registers -a"}}' |
		jq -r . | grep -o '[XYZ]MM[0-9]*=[0-9a-f ]*' |
		python3 -c 'import sys
for line in sys.stdin:
    word = line.split("=")[1].replace(" ", "").strip()
    sys.stdout.buffer.write(bytes.fromhex(word)[::-1])'
}

ram_dump() {
	local size

	rm -f "$DUMP" "$CPUS"
	size=$(qmp query-memory-size-summary | jq '."base-memory"')
	qmp "$(jq -n --arg file "$DUMP" --argjson size "$size" \
		'{execute: "pmemsave", arguments:
			{val: 0, size: $size, filename: $file}}')" >/dev/null
	cpu_registers >"$CPUS"
	# All of it, below the hole that a PC has at 2 GiB.
	[ "$(stat -c %s "$DUMP")" = $((RAM_MIB << 20)) ]
	[ -s "$CPUS" ]
}

ram_search() {
	qmp stop >/dev/null
	ram_dump
	"$RAM_BUILD/test/ramscan" "$NEEDLES" "$DUMP" "$CPUS" >"$HITS"
	qmp cont >/dev/null
}

ram_search_idle() {
	local tries

	for ((tries = 0; tries < 20; tries++)); do
		ram_settle
		"$@"
		qmp stop >/dev/null
		if [ "$(asked)" = "$SETTLED" ]; then
			ram_search
			return
		fi
		qmp cont >/dev/null
	done
	echo "the agent is never idle"
	return 1
}

# hits: the names of what was found
hits() { cut -d ' ' -f 1 "$HITS" | sort -u; }

# kinds: how many needles of each kind, from names
kinds() { cut -d / -f 1 | sort | uniq -c | awk '{printf "%s %s ", $2, $1}'; }

only() {
	diff <(cut -d ' ' -f 1 "$NEEDLES" | grep -E "$1" | sort) <(hits) |
		head -n 20
	echo "# found: $(hits | kinds)" >&3
	cut -d ' ' -f 1 "$NEEDLES" | grep -E "$1" | sort | cmp - <(hits)
}

# Whose memory it is, for whoever has to find out.
tell() {
	local at

	echo "found: $(hits | kinds)"
	head -n 12 "$HITS"
	for at in $(awk '$2 == "dump" {print $3}' "$HITS" | head -n 400); do
		echo $((at >> 12))
	done | sort -un | head -n 24 | vm exec "$VM" -- /root/whose
}

none() {
	if grep -qE "${1-}" "$HITS"; then
		tell
		return 1
	fi
}
