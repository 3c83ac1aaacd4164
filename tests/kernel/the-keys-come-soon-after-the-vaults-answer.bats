#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-more-kernels: 6.1
# cmk-icount
# cmk-timeout: 600
#
# How long the keys of a volume take from the vault's answer into the kernel.
# Time is counted in instructions, a nanosecond each, with the vault on the
# same CPU.  While nothing runs the clock leaps to the next timer, so that no
# disk may be waited for: all that is written here is written to memory.

load ../lib/guest
load cmk
load agent

setup() {
	modprobe dm-cmk
	modprobe null_blk nr_devices=1 gb=2 memory_backed=1 bs=512
	REAL_US=$(python3 -c 'import time
print((time.time_ns() - time.clock_gettime_ns(time.CLOCK_BOOTTIME)) // 1000)')
	mkdir -p /var/lib/cmk
	mount -t tmpfs tmpfs /var/lib/cmk
	vault_start
	agent_config
	agent_start
}

teardown() {
	all_down
	gone part
	umount /var/lib/cmk
	rmmod null_blk
}

# The clock of the vault's log, and no process to start for it.
now_us() { echo $((${EPOCHREALTIME/./} - REAL_US)); }

# answers SINCE UNTIL: when the vault gave each unwrapped key
answers() {
	jq "select(.op == \"unwrapKey\" and .status == 200) | .boottime_us |
		select(. >= $1 and . <= $2)" "$KV_DIR/requests.log"
}

# make_closed RANGES MODE: a volume of so many ranges of 1 MiB
make_closed() {
	dmsetup create part --table \
		"0 $(($1 * 2048 + 32768)) linear /dev/nullb0 0"
	CMK_DISK=/dev/mapper/part
	cmkctl -q format "$CMK_DISK" --force --kek "$KEK" --range-size 1M \
		--wrap "$2"
}

# open_timed RANGES: sets BEGIN and, when it is open, BACK
open_timed() {
	BEGIN=$(now_us)
	cmkctl -q open "$CMK_DISK" vol --kek "$KEK"
	BACK=$(now_us)
	[ "$(cmkctl --json status vol | jq '.volumes[0].live')" = "$1" ]
}

@test "1,024 DEKs of mode hk are live within 300 ms" {
	local answer ms

	make_closed 1024 hk
	open_timed 1024
	answer=$(answers "$BEGIN" "$BACK")
	ms=$(((BACK - answer) / 1000))
	echo "# open is back $ms ms after the answer" >&3
	[ $ms -le 300 ]
}

# blob N: what the header holds of the DEK of range N, for the vault
blob() {
	dd if="$CMK_DISK" bs=512 skip=$((16 + $1)) count=1 status=none |
		head -c 256 | base64 -w0 | tr '+/' '-_' | tr -d =
}

# curl_config KID: the requests that the agent makes, as many at once
curl_config() {
	local n token

	token=$(ctl --get access_token token default)
	for ((n = 0; n < 16; n++)); do
		[ $n = 0 ] || echo next
		cat <<-EOF2
		url = "$1/unwrapkey?api-version=7.4"
		header = "Authorization: Bearer $token"
		header = "Content-Type: application/json"
		data = "{\"alg\":\"RSA-OAEP-256\",\"value\":\"$(blob $n)\"}"
		cacert = "$KV_DIR/ca.pem"
		output = "$BATS_TEST_TMPDIR/out.$n"
		EOF2
	done
}

@test "16 of mode direct: within 1.5 times what the vault takes for them" {
	local begin end kid alone first deks

	make_closed 16 direct
	kid=$(jq -r "select(.op == \"wrapKey\") | .kid" \
		"$KV_DIR/requests.log" | tail -n 1)
	curl_config "$kid" >"$BATS_TEST_TMPDIR/curl"
	ctl switch fault-op unwrapKey >/dev/null
	ctl switch slow 250 >/dev/null
	begin=$(now_us)
	curl -fsS --http1.1 --parallel --parallel-immediate \
		--parallel-max 8 -K "$BATS_TEST_TMPDIR/curl"
	end=$(now_us)
	[ "$(answers "$begin" "$end" | wc -l)" = 16 ]
	alone=$(((end - begin) / 1000))
	open_timed 16
	answers "$BEGIN" "$BACK" >"$BATS_TEST_TMPDIR/answers"
	# the first is the one for the header key
	[ "$(wc -l <"$BATS_TEST_TMPDIR/answers")" = 17 ]
	read -r first <"$BATS_TEST_TMPDIR/answers"
	deks=$(((BACK - first) / 1000))
	echo "# $deks ms, the vault alone $alone ms" >&3
	# two times eight
	[ $alone -ge 500 ]
	[ $((deks * 10)) -le $((alone * 15)) ]
}
