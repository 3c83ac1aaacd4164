#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-kernels: 6.12
# cmk-mode: systemd
# cmk-disk: 256M
# cmk-timeout: 500
#
# The audit trail: each wrap and unwrap that made or fetched a key is in the
# journal with the request id of the vault's own log, a decision is there with
# its cause, no number is missing, and a journal that does not read delays no
# revocation.

load ../lib/guest
load node

setup_file() { node_up; }
teardown_file() { node_down; }

setup() {
	START=$(now)
	node_ready
}

teardown() {
	node_tell
	systemctl kill -s CONT systemd-journald
}

# entries [MATCH...]: of this test, one JSON object a line.  By their own time,
# since journalctl --after-cursor with a match passes over an entry.
entries() {
	journalctl --sync
	journalctl -b -o json --no-pager SYSLOG_IDENTIFIER=cmkd "$@" |
		jq -c "select((.CMK_BOOTTIME_US // \"0\" | tonumber) >= $START)"
}

# ids EVENT: request ids of the journal, sorted
ids() { entries CMK_EVENT="$1" | jq -r .CMK_CLIENT_REQUEST_ID | sort; }

# vault_ids OP FROM: of the vault's log since FROM
vault_ids() {
	jq -r "select(.op == \"$1\" and .status == 200 and
		.boottime_us > $2).client_request_id" $KV/requests.log | sort
}

no_storm() { [ ! -e /dev/mapper/storm ] || dmsetup remove storm; }

@test "each wrap of a format, each unwrap of an open" {
	local from uuid

	no_storm
	systemctl stop cmk@vol
	from=$(now)
	cmkctl -q format "$CMK_DISK" --force --kek $KEK --range-size ${RANGE}M
	[ "$(ids wrap)" = "$(vault_ids wrapKey "$from")" ]
	[ "$(ids wrap | wc -l)" = 9 ]
	uuid=$(cmkctl --json dump "$CMK_DISK" | jq -r .uuid)
	sed -i "s/UUID=[^ ]*/UUID=$uuid/" /etc/cmktab

	from=$(now)
	systemctl start cmk@vol
	[ "$(ids unwrap | wc -l)" = 9 ]
	# The vault's log has probes as well.
	[ -z "$(comm -23 <(ids unwrap) <(vault_ids unwrapKey "$from"))" ]
	entries CMK_EVENT=open | jq -e --arg uuid "$uuid" '
		.CMK_RESULT == "ok" and .CMK_NAME == "vol" and
		.CMK_VOLUME == $uuid and (.MESSAGE_ID | length) == 32'
	entries CMK_EVENT=install | jq -e '.CMK_RANGE == "all"'
	data | dd of=$VOL bs=1M seek=$DATA_AT iflag=fullblock oflag=direct \
		status=none
}

@test "a revoke has its cause and the id of the answer that led to it" {
	local id

	vault key delete pg >/dev/null
	wait_state "revoked kek-deleted" 15
	until_true 5 decided 1
	entries CMK_EVENT=revoke | jq -e '.CMK_CAUSE == "kek-deleted" and
		.CMK_HTTP == "404" and .CMK_STATE_NEW == "revoked"'
	id=$(entries CMK_EVENT=revoke | jq -r .CMK_CLIENT_REQUEST_ID)
	jq -s -e --arg id "$id" 'map(select(.client_request_id == $id)) |
		length == 1 and .[0].status == 404' $KV/requests.log
	cmkctl status vol | grep -q "reason: .*$id"
	vault key recover pg >/dev/null
	wait_state "ready none" 20
	entries CMK_EVENT=restore | jq -e '.CMK_RESULT == "ok"'
}

@test "no number of the sequence is missing" {
	journalctl --sync
	journalctl -b -o json --no-pager SYSLOG_IDENTIFIER=cmkd \
		"_PID=$(systemctl show -P MainPID cmkd)" |
		jq -s -e 'map(.CMK_SEQ // empty | tonumber) |
			. == [range(1; length + 1)]'
}

# Until a writer would have to wait: a new one cannot place a single datagram.
fill_queue() {
	python3 -c 'import socket
sent = 1
sockets = []
while sent:
    sent = 0
    sockets.append(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    try:
        while True:
            sockets[-1].sendto(b"X=1\n", socket.MSG_DONTWAIT,
                               "/run/systemd/journal/socket")
            sent += 1
    except BlockingIOError:
        pass'
}

@test "a journal that does not read delays no revocation" {
	systemctl kill -s STOP systemd-journald
	fill_queue
	vault key delete pg >/dev/null
	wait_state "revoked kek-deleted" 15
	vault key recover pg >/dev/null
	wait_state "ready none" 20
	systemctl kill -s CONT systemd-journald
	sleep 2
	until_true 10 cmkctl probe vol
	vault key disable pg >/dev/null
	wait_state "revoked kek-disabled" 15
	until_true 5 lost_is_told
	[ "$(printf '{"method":"Status"}\n' |
		socat - UNIX-CONNECT:/run/cmk/cmkd.sock |
		jq .result.audit_lost)" -gt 0 ]
}

lost_is_told() { entries CMK_EVENT=audit-lost | grep -q "entries were lost"; }
