# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# For tests in which allocations of the module, or its cipher, fail: `load fail`
# and `modprobe cmk-fail [cipher=1]`, see module/cmk-fail.c.

FAIL=/sys/module/cmk_fail/parameters
# Callers among which the module's own code is looked for: what it asks for
# itself, or also what the kernel asks for on its behalf.
FAIL_OWN=4 FAIL_DEEP=56

# fail_from N TIMES|all [DEPTH]: the Nth call from now on fails, and those
# after it, so many in all
fail_from() {
	echo "${2/all/4294967295}" >$FAIL/times
	echo "${3:-$FAIL_OWN}" >$FAIL/depth
	echo "$1" >$FAIL/from
}

# fail_end: none fails any more; how many did is in $failed
fail_end() {
	failed=$(<$FAIL/failed)
	echo 0 >$FAIL/from
}

fail_unload() {
	[ ! -e $FAIL ] || echo 0 >$FAIL/from
	modprobe -r cmk-fail
}
