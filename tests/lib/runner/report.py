# SPDX-License-Identifier: GPL-2.0
"""Reading the TAP of test programs and writing the TAP of the whole run."""

import re
import sys
import threading
import time

RESULT = re.compile(r'^(ok|not ok)\b(?:\s+(\d+))?(?:\s*-)?\s*(.*)$')
PLAN = re.compile(r'^1\.\.(\d+)')
SKIP = re.compile(r'\s*#\s*skip\b\s*(.*)$', re.IGNORECASE)
NOTES_SHOWN = 40
SLOW = 10                       # seconds


class Report:
    """The run's output; several threads may write to it."""

    def __init__(self):
        self.passed = self.failed = self.skipped = 0
        self.lock = threading.Lock()
        self.started = time.monotonic()
        self.live = sys.stdout.isatty()
        self.running = {}
        if self.live:
            threading.Thread(target=self._tick, daemon=True).start()

    @property
    def count(self):
        return self.passed + self.failed + self.skipped

    def _write(self, text):
        if self.live:
            text = '\r\033[K' + text
        sys.stdout.write(text)
        sys.stdout.flush()

    def _tick(self):
        while True:
            time.sleep(1)
            with self.lock:
                what = '; '.join(f'{label} {time.monotonic() - since:.0f} s'
                                 for label, since in self.running.items())
                if what:
                    self._write(f'{self.passed} passed, {self.failed} failed'
                                f' | {what}'[:100])

    def begin(self, label):
        with self.lock:
            self.running[label] = time.monotonic()

    def end(self, label, cpu=None):
        """What took long is told, and of a machine how many seconds of CPU
        time it took: a run has little of both."""
        with self.lock:
            since = self.running.pop(label, None)
            if since and time.monotonic() - since >= SLOW:
                of_cpu = '' if cpu is None else f', {cpu:.0f} s of CPU time'
                self._write(f'# {label}: {time.monotonic() - since:.0f} s'
                            f'{of_cpu}\n')

    def note(self, text):
        with self.lock:
            self._write(''.join(f'# {line}\n' for line in text.splitlines()))

    def result(self, label, status, text, notes=(), log=None):
        """One line of TAP: status is 'ok', 'not ok' or 'skip'."""
        with self.lock:
            number = self.count + 1
            line = f'{number} - {label}: {text}'
            if status == 'ok':
                self.passed += 1
                self._write(f'ok {line}\n')
                # Of a test that passes these are its figures.
                for note in notes:
                    self._write(f'#   {note}\n')
            elif status == 'skip':
                self.skipped += 1
                self._write(f'ok {line}\n')
            else:
                self.failed += 1
                self._write(f'not ok {line}\n')
                for note in list(notes)[-NOTES_SHOWN:]:
                    self._write(f'#   {note}\n')
                if log:
                    self._write(f'#   log: {log}\n')

    def finish(self):
        with self.lock:
            self.running.clear()
            seconds = time.monotonic() - self.started
            self._write(f'1..{self.count}\n')
            self._write(f'# {seconds:.0f} s\n')
            line = f'{self.passed} passed, {self.failed} failed'
            if self.skipped:
                line += f', {self.skipped} skipped'
            self._write(line + '\n')
        return 1 if self.failed or not self.passed else 0


class Reader:
    """Reads one test's TAP line by line into a report.  A failure is told
    when the lines that explain it have come."""

    def __init__(self, report, label, log):
        self.report, self.label, self.log = report, label, log
        self.planned = None
        self.seen = self.failures = 0
        self.out_of_order = False   # a failure that no test reported
        self.open = None
        self.notes = []

    def feed(self, line):
        line = line.rstrip('\r\n')
        plan, result = PLAN.match(line), RESULT.match(line)
        if plan:
            self.planned = (self.planned or 0) + int(plan[1])
        elif result:
            self._flush()
            self.seen += result[2] is not None
            self.out_of_order |= result[2] is None
            self._result(result[1], result[3])
        elif line.strip():
            self.notes.append(re.sub(r'^# ?', '', line))

    def _result(self, status, text):
        skip = SKIP.search(text)
        if status == 'ok' and skip:
            self.report.result(self.label, 'skip', text)
        elif status == 'ok':
            self.report.result(self.label, 'ok', text, self.notes)
        else:
            self.open = text
            return
        self.notes = []

    def _flush(self):
        if self.open is not None:
            self.failures += 1
            self.report.result(self.label, 'not ok', self.open, self.notes,
                               self.log)
            self.notes = []
        self.open = None

    def fail(self, text, notes=()):
        self._flush()
        self.failures += 1
        self.out_of_order = True
        self.report.result(self.label, 'not ok', text, notes, self.log)

    def close(self, reason=''):
        """At the end of the output: what was announced must have run."""
        leftover = self.notes if self.open is None else []
        self._flush()
        if self.planned is None:
            self.fail('runs' + (f' ({reason})' if reason else ''), leftover)
        elif self.seen != self.planned:
            self.fail(f'runs all of its {self.planned} tests, not '
                      f'{self.seen}' + (f' ({reason})' if reason else ''),
                      leftover)
