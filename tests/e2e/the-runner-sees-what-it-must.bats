#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0
#
# cmk-timeout: 900
#
# A test that cannot fail shows nothing, and neither does a runner that cannot
# see a failure: here it runs tests that warn in the kernel log, hang, crash
# the machine or leave things behind, and its verdicts are compared.

@test "each control gets the verdict that it is made for" {
	cd "$BATS_TEST_DIRNAME/../.."
	tests/vm/selftest/run
}

@test "a name that no test has is an error" {
	cd "$BATS_TEST_DIRNAME/../.."
	run tests/run --no-build no-such-test
	[ "$status" != 0 ]
	[[ $output == *"no test is called 'no-such-test'"* ]]
}

# Else what is left out for the sake of time would never be run.
@test "what a plain run leaves out is run when it is asked for" {
	local label='6.1 swap-goes-on-with-the-agent-stopped'

	cd "$BATS_TEST_DIRNAME/../.."
	[ -z "$(tests/run --no-build --list | grep -x "$label")" ]
	tests/run --no-build --list --long | grep -qx "$label"
	tests/run --no-build --list --kernel 6.1 | grep -qx "$label"
	tests/run --no-build --list "${label#* }" | grep -qx "$label"
}

# Who waits for an answer and does not come to ask is told so in time.
@test "a machine whose line is taken does not answer" {
	local line=$BATS_TEST_TMPDIR/agent.sock

	cd "$BATS_TEST_DIRNAME/../.."
	touch "$line.lock"
	exec 8<"$line.lock"
	flock 8
	(sleep 2; flock -u 8) 3>&- &
	PYTHONPATH=tests/vm python3 -B - "$line" <<-'END'
		import pathlib, sys
		from bed.channel import Guest
		sys.exit(Guest(pathlib.Path(sys.argv[1])).alive(timeout=1))
	END
	wait
}

# The kernel warns of a timer that it forgot when the machine hangs there.
@test "what a machine says after its power is down is not judged" {
	cd "$BATS_TEST_DIRNAME/../.."
	PYTHONPATH=tests/vm python3 -B - <<-'END'
		from bed import klog
		before = '[   1.0] WARNING: before'
		down = '[   2.0] reboot: Power down'
		after = '[   3.0] WARNING: after'
		boot = '[   0.0] Linux version 6'
		judged = lambda *log: klog.trouble(
			klog.sections('\r\n'.join(log))[None])
		assert judged(before, down, after) == [before]
		assert judged(before, after) == [before, after]
		assert judged(before, down, after, boot, after) == [
			before, after]
	END
}
