# SPDX-License-Identifier: GPL-2.0
"""Tests that run in a test machine.

Tests with the same needs share a boot, one after the other.  A machine that
has shown trouble is not used again: the rest gets a fresh one.
"""

import os
import time

from bed import klog, machine, payload
from bed.paths import BedError

from .report import Reader

RUN_TEST = f'/{payload.BED}/run-test'
GRACE = 60                      # for the machine to end a late test itself
SILENCE = {False: 60, True: 600}    # seconds; an image takes its time
# What is against speculation, of which an emulated CPU does none, and security
# modules, which ask at each call and have no policy here, cost up to a tenth of
# its time.
FASTER = 'mitigations=off lsm=capability '


def groups(tests):
    """Those that may share a machine, the longest first: what comes last is
    what the others wait for."""
    found = {}
    for test in tests:
        found.setdefault(test.needs, []).append(test)
    return sorted(found.values(), reverse=True,
                  key=lambda group: sum(test.timeout for test in group))


def run_group(run, group, number):
    """Run such tests, on as many machines one after the other as it takes."""
    pending = list(group)
    boots = 0
    while pending:
        first = pending[0]
        name = f'{os.getpid()}-{first.kernel}-{first.mode}-{number}.{boots}'
        boots += 1
        session = Session(run, first, run.folder / 'vm' / name)
        try:
            session.boot()
        except (BedError, OSError, EOFError, TimeoutError) as error:
            for test in pending:
                run.report.result(test.label, 'not ok', 'runs',
                                  [f'the machine did not start: {error}'],
                                  session.vm.console)
            session.end()
            return
        while pending and session.sound:
            session.run_test(pending.pop(0))
        session.end()


class Session:
    """One boot of one machine."""

    def __init__(self, run, test, folder):
        self.run, self.kind = run, f'{test.kernel} {test.mode}'
        self.vm = machine.Machine(folder)
        self.spec = machine.Spec(
            kernel=test.kernel, systemd=test.mode == 'systemd',
            disks=test.disks, memory=test.memory, cpus=test.cpus,
            cpu='max' if test.icount else machine.QUICK_CPU,
            append=FASTER + test.append, icount=test.icount,
            reboot=test.reboots)
        self.sound = True
        self.taken = 0          # of the TAP that the machine has written

    def boot(self):
        self.run.report.begin(f'{self.kind} boots')
        try:
            started = time.monotonic()
            self.vm.create(self.spec)
            self.vm.boot()
            self.vm.wait_ready()
            self.run.report.note(f'{self.kind}: up after '
                                 f'{time.monotonic() - started:.0f} s')
        finally:
            self.run.report.end(f'{self.kind} boots', self.vm.cpu_time())

    def _tap(self):
        """What has come since the last time, in whole lines."""
        try:
            with open(self.vm.file('tap.log'), 'rb') as stream:
                stream.seek(self.taken)
                data = stream.read()
        except FileNotFoundError:
            return []
        data = data[:data.rfind(b'\n') + 1]
        self.taken += len(data)
        return data.decode(errors='replace').splitlines()

    def _argv(self, test, limit):
        file = f'/{payload.BED}/{test.path}'
        argv = [RUN_TEST, file, str(limit)]
        words = ['CMK_LONG=1'] if self.run.long else []
        if 'CMK_SEED' in os.environ:
            words.append(f"CMK_SEED={os.environ['CMK_SEED']}")
        if words:
            argv = ['env', *words, *argv]
        if self.spec.systemd:
            argv = ['systemd-run', '--quiet', '--wait', '--collect',
                    '--unit=cmk-test', '--property=Type=oneshot', *argv]
        return argv

    def run_test(self, test):
        """Run one test file; afterwards `sound` says whether the machine is
        fit for another."""
        log = self.run.log_of(test)
        reader = Reader(self.run.report, test.label, log)
        limit = self.run.limit(test)
        cpu = self.vm.cpu_time()
        self.run.report.begin(test.label)
        with open(log, 'w', encoding='utf-8') as copy:
            def take():
                for line in self._tap():
                    copy.write(line + '\n')
                    copy.flush()
                    reader.feed(line)

            reason = self._follow(test, limit, take)
            take()
            reader.close(reason)
            self._judge(test, reader, copy)
        if reason or reader.out_of_order:
            self.sound = False
        self.run.report.end(test.label, max(0, self.vm.cpu_time() - cpu))

    def _follow(self, test, limit, take):
        """Start it and wait; why it could not end by itself, or ''."""
        end = time.monotonic() + limit + GRACE
        try:
            pid = self.vm.guest.start(self._argv(test, limit), capture=False)
            while time.monotonic() < end:
                take()
                state = self.vm.guest.status(pid, SILENCE[test.reboots])
                if state['exited']:
                    return ''
                # Each answer is work for the machine, and a line in its log.
                time.sleep(1)
        except (OSError, EOFError, BedError):
            return self._why_silent()
        return f'not ended after {limit + GRACE} s'

    def _why_silent(self):
        """A kernel that panics takes a moment to end QEMU."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            if not self.vm.running():
                return 'the machine has ended'
            time.sleep(0.1)
        return 'the machine does not answer'

    def _judge(self, test, reader, copy):
        """The kernel log of the test; give the console a moment to show the
        mark of the test's end."""
        mark = f'cmk-bed: end {test.name}'
        for _ in range(20):
            text = self.vm.console.read_text(errors='replace')
            if mark in text or not self.vm.running():
                break
            time.sleep(0.1)
        lines = klog.sections(text).get(test.name, [])
        copy.write('\n# kernel log\n' + '\n'.join(lines) + '\n')
        bad = klog.trouble(lines, test.allow_klog)
        if bad:
            reader.fail('leaves the kernel log clean', bad)
            self.sound = False

    def end(self):
        """Shut down, and judge what the log says outside of the tests."""
        self.vm.stop(sync=self.sound)
        try:
            text = self.vm.console.read_text(errors='replace')
        except FileNotFoundError:
            text = ''
        bad = klog.trouble(klog.sections(text)[None])
        if bad and self.sound:
            self.run.report.result(
                self.kind, 'not ok', 'the kernel log is clean between tests',
                bad, self.vm.console)
        elif self.sound and not self.run.keep:
            for name in ('root.qcow2', 'payload.tar'):
                self.vm.file(name).unlink(missing_ok=True)
            for disk in self.vm.folder.glob('data*.raw'):
                disk.unlink()
