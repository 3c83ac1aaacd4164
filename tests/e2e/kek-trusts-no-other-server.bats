#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# Only the vault itself, over verified TLS, is believed: no other certificate,
# no redirect, no proxy, no flood; and a metadata service is near.
#
# cmk-timeout: 120

load kek

setup() {
	kek_setup
	kek_wrap
	NEAR=127.0.0.1
	EXTRA_PID=
	log_mark
}

teardown() {
	[ -z "$EXTRA_PID" ] || kill "$EXTRA_PID" || true
	kvemu_stop
}

# listens ADDRESS-TYPE[,OPTIONS] PROGRAM: one process a connection; sets PORT
# to the one that the kernel has picked, as one picked here may be taken since
listens() {
	local log=$BATS_TEST_TMPDIR/socat.log type=${1%%,*}

	rm -f "$log"
	socat -d -d -lf "$log" "$type:0,bind=$NEAR,reuseaddr,fork${1#"$type"}" \
		"EXEC:$2" 3>&- &
	EXTRA_PID=$!
	until PORT=$(sed -n 's/.* listening on .*:\([0-9]*\)$/\1/p' "$log") &&
		[ -n "$PORT" ]; do
		kill -0 "$EXTRA_PID"
		sleep 0.05
	done 2>/dev/null
}

# serve ADDRESS-TYPE[,OPTIONS]: tells each connection the answer
serve() {
	cat >"$BATS_TEST_TMPDIR/handler" <<-EOF
	#!/bin/bash
	while IFS= read -r line && [ "\$line" != \$'\r' ]; do :; done
	cat "$BATS_TEST_TMPDIR/say"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/handler"
	listens "$1" "$BATS_TEST_TMPDIR/handler"
}

# make_certificate NAME ALTERNATIVE: signed by the vault's own authority
make_certificate() {
	local d=$BATS_TEST_TMPDIR

	openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes \
		-keyout "$d/tls.key" -subj "/CN=$1" -out "$d/tls.csr" 2>&1
	openssl x509 -req -in "$d/tls.csr" -CA "$KV_DIR/ca.pem" \
		-CAkey "$KV_DIR/ca.key" -set_serial 77 -days 2 \
		-extfile <(echo "subjectAltName=$2") -out "$d/tls.pem" 2>&1
	cat "$d/tls.key" >>"$d/tls.pem"
}

serve_tls() {
	make_certificate "$@"
	serve "OPENSSL-LISTEN,cert=$BATS_TEST_TMPDIR/tls.pem,verify=0"
}

# answer STATUS HEADER... < body: what a server to come will say
answer() {
	{
		printf 'HTTP/1.1 %s\r\nConnection: close\r\n' "$1"
		shift
		[ $# = 0 ] || printf '%s\r\n' "$@"
		printf '\r\n'
		cat
	} >"$BATS_TEST_TMPDIR/say"
}

KEY_NOT_FOUND='{"error":{"code":"KeyNotFound","message":"no"}}'
JSON='Content-Type: application/json; charset=utf-8'

# probe_at PORT: the key, said to be in another vault
probe_at() {
	kek unwrap "https://$NEAR:$1/${KID#https://*/}" "$BLOB"
}

@test "the control: a server with the authority's certificate is believed" {
	answer "404 Not Found" "$JSON" <<<"$KEY_NOT_FOUND"
	serve_tls x "IP:$NEAR"
	probe_at "$PORT"
	is '.answer == "denied-deleted"'
}

@test "a certificate of another authority is refused" {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout /dev/null -subj "/CN=other" -days 2 \
		-out "$BATS_TEST_TMPDIR/other.pem" 2>&1
	probe --ca "$BATS_TEST_TMPDIR/other.pem"
	is '.answer == "unknown"' '.http == null' '.text | test("certificate")'
	probe --ca ""
	is '.answer == "unknown"' '.http == null' '.text | test("CaFile=")'
	probe --ca /nonexistent.pem
	is '.answer == "unknown"' '.http == null'
	[ "$(requests unwrapKey)" = 0 ]
}

@test "CaFile replaces the system's authorities" {
	local certs=$BATS_TEST_TMPDIR/certs

	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 \
		-nodes -keyout /dev/null -subj "/CN=other" -days 2 \
		-out "$BATS_TEST_TMPDIR/other.pem" 2>&1
	mkdir "$certs"
	cp "$KV_DIR/ca.pem" "$certs/ca-certificates.crt"
	cp "$KV_DIR/ca.pem" "$certs/vault.pem"
	openssl rehash "$certs" 2>/dev/null
	put "$certs" /etc/ssl/certs
	probe --ca ""
	is .plain_ok
	probe --ca "$BATS_TEST_TMPDIR/other.pem"
	is '.answer == "unknown"' '.http == null'
}

@test "a certificate for another name is refused" {
	answer "404 Not Found" "$JSON" <<<"$KEY_NOT_FOUND"
	serve_tls 127.0.0.1 "DNS:kv.vault.azure.net"
	probe_at "$PORT"
	is '.answer == "unknown"' '.http == null'
}

@test "old TLS is refused, also where OpenSSL would allow it" {
	local ciphers=ALL:@SECLEVEL=0 conf=$BATS_TEST_TMPDIR/openssl.cnf

	cat >"$conf" <<-EOF
	openssl_conf = a
	[a]
	ssl_conf = b
	[b]
	system_default = c
	[c]
	MinProtocol = TLSv1
	CipherString = $ciphers
	EOF
	export OPENSSL_CONF=$conf
	answer "404 Not Found" "$JSON" <<<"$KEY_NOT_FOUND"
	make_certificate x "IP:$NEAR"
	serve "OPENSSL-LISTEN,cert=$BATS_TEST_TMPDIR/tls.pem,verify=0,openssl-max-proto-version=TLS1.1,cipher=$ciphers"
	openssl s_client -connect "$NEAR:$PORT" -tls1_1 -cipher "$ciphers" \
		</dev/null 2>&1 | grep -q 'Protocol *: TLSv1.1'
	probe_at "$PORT"
	is '.answer == "unknown"' '.http == null'
}

@test "a redirect is not followed" {
	answer "307 Temporary Redirect" "Location: $KID/unwrapkey" \
		</dev/null
	serve_tls x "IP:$NEAR"
	probe_at "$PORT"
	is '.answer == "unknown"' '.http == 307' '.text | test("redirect")'
	[ "$(requests unwrapKey)" = 0 ]
}

@test "an answer about another key is not taken" {
	answer "200 OK" "$JSON" <<<"{\"kid\":\"$KID\",\"value\":\"AAAA\"}"
	serve_tls x "IP:$NEAR"
	probe_at "$PORT"
	is '.answer == "unknown"' '.error == "malformed"' '.plain_ok == null'
}

@test "a flood is cut off" {
	{
		printf '{"kid":"%s","value":"' "$KID"
		head -c 5000000 /dev/zero | tr '\0' A
	} | answer "200 OK" "$JSON"
	serve_tls x "IP:$NEAR"
	probe_at "$PORT"
	is '.answer == "unknown"' '.text | test("too long")'
}

@test "a proxy's answer to CONNECT is not the vault's" {
	local status

	for status in "404 Not Found" "403 Forbidden" "200 OK" "407 No" \
		"429 No" "503 No"; do
		answer "$status" "$JSON" <<<"$KEY_NOT_FOUND"
		serve TCP-LISTEN
		probe --proxy "http://$NEAR:$PORT"
		is '.answer == "unknown"' '.http == null' '.code == null'
		kill "$EXTRA_PID"
	done
	[ "$(requests unwrapKey)" = 0 ]
}

@test "through a proxy the vault is reached, and the proxy's headers are not its" {
	local vault=${KV_URL#https://}

	cat >"$BATS_TEST_TMPDIR/proxy" <<-EOF
	#!/bin/bash
	while IFS= read -r line && [ "\$line" != \$'\r' ]; do
		echo "\$line" >>"$BATS_TEST_TMPDIR/seen"
	done
	printf 'HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1998 00:00:00 GMT\r\n'
	printf 'x-ms-request-id: proxy\r\nRetry-After: 99\r\n\r\n'
	exec socat - "TCP:$vault"
	EOF
	chmod +x "$BATS_TEST_TMPDIR/proxy"
	listens TCP-LISTEN "$BATS_TEST_TMPDIR/proxy"
	probe --proxy "http://$NEAR:$PORT"
	is .plain_ok '.date > 1500000000' '.request_id != "proxy"' \
		'.retry_after == null'
	grep -q "^CONNECT $vault " "$BATS_TEST_TMPDIR/seen"
	absent metadata "$BATS_TEST_TMPDIR/seen"
	absent bearer "$BATS_TEST_TMPDIR/seen"
}

@test "the environment names no proxy" {
	local nobody=http://$NEAR:1

	export https_proxy=$nobody HTTPS_PROXY=$nobody
	export http_proxy=$nobody ALL_PROXY=$nobody
	probe
	is .plain_ok
}

@test "a token is asked for on this machine and its link only" {
	local address

	[ "$(id -u)" = 0 ] || skip "needs root for a network of its own"
	answer "404 Not Found" "$JSON" <<<'{"error":"not_found"}'
	serve TCP-LISTEN
	kill "$EXTRA_PID"
	cat >"$BATS_TEST_TMPDIR/net" <<-EOF
	#!/bin/bash
	ip link set lo up
	ip address add 192.0.2.1/32 dev lo
	ip address add 169.254.7.7/32 dev lo
	socat TCP-LISTEN:80,fork "EXEC:$BATS_TEST_TMPDIR/handler" &
	until (exec 9<>/dev/tcp/127.0.0.1/80) 2>/dev/null; do sleep 0.05; done
	"\$@"
	kill \$!
	EOF
	chmod +x "$BATS_TEST_TMPDIR/net"
	KEK_PREFIX=(unshare -n "$BATS_TEST_TMPDIR/net")
	for address in 127.0.0.1 169.254.7.7 localhost; do
		probe --imds "http://$address"
		is '.answer == "unknown"' '.error == "token-not_found"'
	done
	probe --imds http://192.0.2.1
	is '.answer == "unknown"' '.error == "token-unreachable"'
	probe --imds "https://$NEAR:1"
	is '.answer == "refused"' '.error == "auth-settings"'
}

@test "a token is sent to a vault's host only" {
	KEK_SETTINGS=(--ca "$KV_DIR/ca.pem")
	probe
	is '.answer == "refused"' '.error == "kek-host"' \
		'.text | test("no token is sent")'
}
