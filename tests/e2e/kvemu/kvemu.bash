# SPDX-License-Identifier: GPL-2.0
#
# For tests that need a vault: starts kvemu on free ports of the loopback and
# ends exactly that process again.
#
#   kvemu_start [OPTION...]   sets KV_DIR, KV_URL, KV_IMDS, KV_PID
#   kvemu_stop                for teardown; harmless when nothing runs
#   ctl COMMAND...            the control interface
#   use WHO                   whose token the next requests carry
#   rest METHOD PATH [JSON]   request to the vault: prints the body, sets
#                             $KV_DIR/status and $KV_DIR/headers
#   status / header NAME      of the last answer

KV_ROOT=$(cd "$BATS_TEST_DIRNAME/../.." && pwd)
KVEMU=${CMK_BUILD:-$KV_ROOT/build}/bin/kvemu
KV_API=${KV_API:-7.4}

kvemu_start() {
	KV_DIR=$BATS_TEST_TMPDIR/kv
	"$KVEMU" --dir "$KV_DIR" --listen "${KV_LISTEN:-127.0.0.1:0}" \
		--imds 127.0.0.1:0 "$@" \
		>"$BATS_TEST_TMPDIR/kvemu.out" 2>&1 3>&- &
	KV_PID=$!
	ctl --wait 20 state >/dev/null
	read -r _ _ KV_URL _ KV_IMDS <"$BATS_TEST_TMPDIR/kvemu.out"
	KV_TOKEN=
}

# kvemu_stop [SIGNAL]
kvemu_stop() {
	[ -n "${KV_PID-}" ] || return 0
	kill "-${1:-TERM}" "$KV_PID" || true
	wait "$KV_PID" || true
	KV_PID=
}

ctl() {
	"$KVEMU" ctl --dir "$KV_DIR" "$@"
}

use() {
	KV_TOKEN=$(ctl --get access_token token "$@")
}

# curl with the vault's authority; a token travels by a file, as arguments are
# for everybody to read
kv_curl() {
	curl -sS --max-time 20 --cacert "$KV_DIR/ca.pem" "$@"
}

rest() {
	local method=$1 path=$2 body=${3-}
	local query='?'

	case $path in
	*\?*) query='&' ;;
	esac
	{
		[ -z "$KV_TOKEN" ] || echo "Authorization: Bearer $KV_TOKEN"
		echo "Content-Type: application/json"
		echo "x-ms-client-request-id: ${KV_REQUEST_ID:-test}"
	} >"$BATS_TEST_TMPDIR/request"
	kv_curl -X "$method" -H "@$BATS_TEST_TMPDIR/request" \
		${body:+--data-binary "$body"} \
		-D "$BATS_TEST_TMPDIR/headers" \
		-w '%{stderr}%{http_code}' -o "$BATS_TEST_TMPDIR/body" \
		"$KV_URL$path${KV_API:+${query}api-version=$KV_API}" \
		2>"$BATS_TEST_TMPDIR/status" || return
	cat "$BATS_TEST_TMPDIR/body"
}

status() {
	cat "$BATS_TEST_TMPDIR/status"
}

header() {
	sed -n "s/^$1: \(.*\)\r\$/\1/ip" "$BATS_TEST_TMPDIR/headers"
}

# answers STATUS [CODE [INNER]] < body: fails and tells what came instead
answers() {
	local body
	body=$(cat)
	local got
	got="$(status) $(jq -r '[.error.code, .error.innererror.code] |
		map(select(. != null)) | join(" ")' <<<"$body" 2>/dev/null ||
		echo 'no JSON')"
	[ "${got% }" = "$*" ] || {
		echo "expected '$*', got '$got': $body"
		return 1
	}
}

# member FILTER < body: one value out of an answer; fails if it is false, null
# or not there, and, unlike jq -e, if there is no answer at all
member() {
	jq -ers "if length == 1 then .[0]
		else error(\"\(length) answers\") end | ($1)"
}

b64url() {
	base64 -w0 | tr '+/' '-_' | tr -d '='
}

# wrap NAME [ALG] < plaintext; prints the answer
wrap() {
	rest POST "/keys/$1/wrapkey" \
		"{\"alg\":\"${2:-RSA-OAEP-256}\",\"value\":\"$(b64url)\"}"
}

# unwrap NAME VALUE [ALG]; prints the answer
unwrap() {
	rest POST "/keys/$1/unwrapkey" \
		"{\"alg\":\"${3:-RSA-OAEP-256}\",\"value\":\"$2\"}"
}
