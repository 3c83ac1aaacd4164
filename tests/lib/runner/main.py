# SPDX-License-Identifier: GPL-2.0
"""tests/run: build what the chosen tests need, run them, report in TAP."""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import signal
import subprocess
import sys

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve()
sys.path[:0] = [str(HERE.parents[1]), str(HERE.parents[2] / 'vm')]

from bed import paths                                        # noqa: E402
from runner import catalog, hosttests, report, vmtests       # noqa: E402

LONG_FACTOR = 10


class Run:
    """What the parts of one run share."""

    def __init__(self, args):
        self.report = report.Report()
        self.long, self.keep = args.long, args.keep
        self.folder = paths.BUILD / 'test'

    def log_of(self, test):
        folder = self.folder / (test.kernel or test.mode)
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f'{test.name}.log'

    def limit(self, test):
        return test.timeout * (LONG_FACTOR if self.long else 1)


def make(run, what, *goals):
    """Build something; a build that fails is a failed test."""
    log = run.folder / f'make-{what.replace(" ", "-")}.log'
    run.report.begin(f'building {what}')
    with open(log, 'w', encoding='utf-8') as copy:
        done = subprocess.run(['make', '--no-print-directory',
                               f'-j{os.cpu_count() or 1}', *goals],
                              cwd=paths.TREE, stdout=copy, check=False,
                              stderr=subprocess.STDOUT)
    run.report.end(f'building {what}')
    if done.returncode:
        run.report.result('build', 'not ok', what,
                          log.read_text().splitlines(), log)
    return done.returncode == 0


def build(run, tests):
    """Build what these tests use and nothing else; the tests that can run."""
    bad = set()
    units = [t for t in tests if t.mode == 'unit']
    # As the Makefile spells it: another spelling of the same path has no rule,
    # and a program that is there already would pass for built.
    folder = os.environ.get('BUILD', 'build')
    for test in units:
        if not make(run, test.name, f'{folder}/unit/{test.name}'):
            bad.add(test)
    rest = [t for t in tests if t.mode != 'unit']
    if rest and not make(run, 'programs', 'programs', 'test-tools'):
        bad.update(rest)
    for kernel in sorted({t.kernel for t in rest if t.kernel}):
        goals = ['module', 'test-modules', f'KVER={paths.release(kernel)}']
        if not make(run, f'module {kernel}', *goals):
            bad.update(t for t in rest if t.kernel == kernel)
    for test in tests:
        if test in bad:
            run.report.result(test.label, 'not ok', 'runs',
                              ['what it needs cannot be built'])
    return [t for t in tests if t not in bad]


def remove_old_machines(folder):
    """What runs have kept that are no more."""
    for old in folder.glob('*'):
        if not pathlib.Path('/proc', old.name.split('-')[0]).exists():
            shutil.rmtree(old, ignore_errors=True)


def static_checks(run):
    """tools/checks/run says by itself which check failed and why."""
    log = run.folder / 'checks.log'
    reader = report.Reader(run.report, 'checks', log)
    run.report.begin('checks')
    done = subprocess.run(['tools/checks/run', '--all'], cwd=paths.TREE,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors='replace', check=False)
    log.write_text(done.stdout)
    for line in done.stdout.splitlines():
        reader.feed(line)
    reader.close()
    run.report.end('checks')


def side_by_side(run, tests, checks):
    """Checks, then tests of this machine, which leave its CPUs idle for much
    of their time, beside as many machines as there are CPUs."""
    here = [t for t in tests if t.mode in ('unit', 'host')]
    away = [t for t in tests if t.mode in ('plain', 'systemd')]
    lanes = max(2, os.cpu_count() or 1)
    with concurrent.futures.ThreadPoolExecutor(1) as first, \
            concurrent.futures.ThreadPoolExecutor(lanes) as machines:
        jobs = [first.submit(static_checks, run)] if checks else []
        jobs += [first.submit(hosttests.run_all, run, here)]
        jobs += [machines.submit(vmtests.run_group, run, group, number)
                 for number, group in enumerate(vmtests.groups(away))]
        for done in jobs:
            done.result()


def parse():
    parser = argparse.ArgumentParser(
        prog='tests/run', description='Run the tests: all, or those named.')
    parser.add_argument('names', nargs='*', metavar='NAME',
                        help='a test by its file name without suffix; '
                        'shell patterns are allowed')
    parser.add_argument('--list', action='store_true',
                        help='list the tests and do nothing')
    parser.add_argument('--long', action='store_true',
                        help='the long form of tests that have one')
    parser.add_argument('--kernel', choices=paths.KERNELS,
                        help='only this kernel')
    parser.add_argument('--no-build', action='store_true',
                        help='take what build/ holds')
    parser.add_argument('--keep', action='store_true',
                        help='keep the disks of the machines')
    parser.add_argument('--selftest', action='store_true',
                        help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    args = parse()
    tests = catalog.selftests() if args.selftest else catalog.everything()
    tests = catalog.chosen(tests, args.names, args.kernel, args.long)
    if args.list:
        for test in tests:
            print(test.label)
        return 0
    run = Run(args)
    remove_old_machines(run.folder / 'vm')
    run.folder.mkdir(parents=True, exist_ok=True)
    if not args.no_build and not args.selftest:
        tests = build(run, tests)
    side_by_side(run, tests, not args.names and not args.selftest)
    return run.report.finish()


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.chdir(paths.TREE)
    try:
        sys.exit(main())
    except paths.BedError as problem:
        sys.exit(f'tests/run: {problem}')
    except KeyboardInterrupt:
        sys.exit(130)
