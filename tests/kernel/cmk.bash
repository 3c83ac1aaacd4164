# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests of the module: `load cmk` after `load ../lib/guest`.

# No udev runs in a plain machine: libdm makes the nodes itself.
export DM_DISABLE_UDEV=1

UUID=6f0f3c6e-8b0e-4f6a-9d3e-0d5c1c7b2a10
# Two keys of 64 bytes, halves unequal, in hexadecimal.
KEY_A=$(printf '%02x' {1..64})
KEY_B=$(printf '%02x' {65..128})

# cmk_create NAME DEVICE RANGE_SECTORS IV_OFFSET OFFSET LENGTH [OPTION...]
# The table says no_lease unless the caller's words say "lease".
cmk_create() {
	dmsetup create "$1" --uuid "CMK-$UUID-$1" --table \
		"$(cmk_table "${@:2}")"
}

# cmk_table DEVICE RANGE_SECTORS IV_OFFSET OFFSET LENGTH [OPTION...]
cmk_table() {
	local opts=("${@:6}")

	if [ "${opts[0]:-}" = lease ]; then
		opts=("${opts[@]:1}")
	else
		opts+=(no_lease)
	fi
	echo "0 $5 cmk $UUID $2 $3 $1 $4 ${#opts[@]} ${opts[*]}"
}

# crypt_create NAME DEVICE KEY IV_OFFSET OFFSET LENGTH SECTOR_SIZE
crypt_create() {
	dmsetup create "$1" --table \
		"0 $6 crypt aes-xts-plain64 $3 $4 $2 $5 1 sector_size:$7"
}

# nl LINE...: each line a command of nltool on one bound socket
nl() { printf '%s\n' "$@" | nltool; }

# set_keys KEY...: key n to range n, generation 1
set_keys() {
	local i=0 key lines=()

	for key; do
		lines+=("set $UUID $i 1 $key")
		i=$((i + 1))
	done
	nl "${lines[@]}" >/dev/null
}

# gone NAME...: remove what is there
gone() {
	local name

	for name; do
		[ ! -e "/dev/mapper/$name" ] || dmsetup remove --retry "$name"
	done
}

# pattern BYTES SEED: bytes that never repeat, from a seed
pattern() {
	openssl enc -aes-128-ctr -pass "pass:$2" -nosalt -pbkdf2 -iter 1 \
		</dev/zero 2>/dev/null | head -c "$1"
}

# field NAME TEXT: the value of NAME=... in a line of such words
field() { sed -n "s/.*\b$1=\([^ ]*\).*/\1/p" <<<"$2"; }
