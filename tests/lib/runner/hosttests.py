# SPDX-License-Identifier: GPL-2.0
"""Tests that run on this machine: unit test programs and tests/e2e."""

import os
import signal
import subprocess
import threading

from bed import paths

from .report import Reader


def _command(test):
    if test.mode == 'unit':
        return [str(paths.BUILD / 'unit' / test.name)]
    return ['bats', '--tap', test.path]


def _environment(run, test):
    env = dict(os.environ, CMOCKA_MESSAGE_OUTPUT='TAP',
               CMK_TREE=str(paths.TREE), CMK_BUILD=str(paths.BUILD),
               CMK_VMS=str(paths.BUILD / 'vm'), CMK_KERNEL=test.kernel,
               PATH=f"{paths.BUILD / 'bin'}:{os.environ['PATH']}")
    env.pop('CMK_LONG', None)
    if run.long:
        env['CMK_LONG'] = '1'
    return env


def _end(process):
    """A test that is out of time ends with all that it started, as far as
    that stayed in its session."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass


def run_one(run, test):
    """Run one test to its end, its lines going into the report."""
    log = run.log_of(test)
    reader = Reader(run.report, test.label, log)
    limit = run.limit(test)
    run.report.begin(test.label)
    with open(log, 'w', encoding='utf-8') as copy, subprocess.Popen(
            _command(test), cwd=paths.TREE, env=_environment(run, test),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, errors='replace',
            start_new_session=True) as process:
        late = threading.Event()

        def ring():
            late.set()
            _end(process)

        timer = threading.Timer(limit, ring)
        timer.start()
        for line in process.stdout:
            copy.write(line)
            reader.feed(line)
        process.wait()
        timer.cancel()
    if late.is_set():
        reader.fail(f'ended within {limit} s')
    reason = f'exit status {process.returncode}' if process.returncode else ''
    reader.close(reason)
    if process.returncode and not reader.failures:
        reader.fail(f'ends with status 0, not {process.returncode}')
    run.report.end(test.label)


def run_all(run, tests):
    """Run all tests, one after the other."""
    for test in tests:
        run_one(run, test)
