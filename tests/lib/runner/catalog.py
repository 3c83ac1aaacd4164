# SPDX-License-Identifier: GPL-2.0
"""The tests of the tree and what each one needs.

A .bats file says it in comment lines at its head:

    # cmk-kernels: 6.1 6.12      run once on each of these kernels
    # cmk-more-kernels: 6.1      and on these when it is asked for by name or
                                 kernel, or in the long form
    # cmk-mode: plain            plain, systemd or host: no machine, but with
                                 kernels the modules for them, and CMK_KERNEL
    # cmk-disk: 512M             a data disk; once for each disk
    # cmk-mem: 1G                memory of the machine
    # cmk-cpus: 2                its CPUs, 1 under systemd: machines with more
                                 CPUs together than their host spend much of
                                 their time waiting for each other's
    # cmk-icount                 one CPU whose clock counts instructions, and
                                 leaps while nothing runs
    # cmk-append: WORDS          more of the kernel's command line
    # cmk-reboots                a reboot does not end it: it hibernates, with
                                 cmk.resume=SERIAL, the disk, in cmk-append
    # cmk-timeout: 120           seconds for the whole file
    # cmk-own-vm                 a machine of its own
    # cmk-allow-klog: REGEX      kernel log lines that the test provokes
"""

import dataclasses
import fnmatch
import re

from bed import paths

DEFAULT_TIMEOUT = 300
TAG = re.compile(r'^# cmk-([a-z-]+)(?::\s*(.*?))?\s*$')
TAGS = {'kernels', 'more-kernels', 'mode', 'disk', 'mem', 'cpus', 'append',
        'timeout', 'icount', 'own-vm', 'allow-klog', 'reboots'}
FOLDERS = {'e2e': ('host', ()), 'kernel': ('plain', paths.KERNELS),
           'system': ('systemd', ('6.12',))}
CPUS = {'systemd': 1}


@dataclasses.dataclass(frozen=True)
class Test:
    """One test file or program, on one kernel if it needs one."""
    name: str
    path: str                   # below the tree
    mode: str                   # unit, host, plain or systemd
    kernel: str = ''
    disks: tuple = ()
    memory: str = '2G'
    cpus: int = 2
    append: str = ''
    timeout: int = DEFAULT_TIMEOUT
    icount: bool = False
    reboots: bool = False
    own_vm: bool = False
    allow_klog: tuple = ()
    asked: bool = False         # only when it is asked for

    @property
    def label(self):
        return f'{self.kernel or self.mode} {self.name}'

    @property
    def needs(self):
        """Tests that agree in this may share a machine."""
        return (self.kernel, self.mode, self.disks, self.memory, self.cpus,
                self.append, self.icount, self.reboots,
                self.path if self.own_vm else '')


def _tags(path):
    tags = {}
    for line in path.read_text(encoding='utf-8').splitlines():
        if line and not line.startswith('#'):
            break
        match = TAG.match(line)
        if not match:
            continue
        if match[1] not in TAGS:
            raise paths.BedError(f"{path}: unknown tag 'cmk-{match[1]}'")
        tags.setdefault(match[1], []).append(match[2] or '')
    return tags


def _file_tests(path, mode, kernels):
    tags = _tags(path)
    mode = tags.get('mode', [mode])[0]
    if 'kernels' in tags:
        kernels = tags['kernels'][0].split()
    elif mode == 'host':
        kernels = ('',)
    more = tags.get('more-kernels', [''])[0].split()
    for kernel in (*kernels, *more):
        yield Test(
            name=path.stem, path=str(path.relative_to(paths.TREE)), mode=mode,
            kernel=kernel, disks=tuple(tags.get('disk', [])),
            memory=tags.get('mem', ['2G'])[0],
            cpus=int(tags.get('cpus', [CPUS.get(mode, 2)])[0]),
            append=tags.get('append', [''])[0],
            timeout=int(tags.get('timeout', [DEFAULT_TIMEOUT])[0]),
            icount='icount' in tags, reboots='reboots' in tags,
            own_vm='own-vm' in tags,
            allow_klog=tuple(tags.get('allow-klog', [])),
            asked=kernel in more)


def everything():
    """All tests, the quick kinds first."""
    tests = [Test(path.stem, str(path.relative_to(paths.TREE)), 'unit')
             for path in sorted((paths.TREE / 'tests/unit').glob('test_*.c'))]
    for folder, (mode, kernels) in FOLDERS.items():
        for path in sorted((paths.TREE / 'tests' / folder).glob('*.bats')):
            tests += _file_tests(path, mode, kernels)
    return tests


def selftests():
    """The tests of the runner itself; some are meant to fail."""
    found = []
    for path in sorted((paths.TREE / 'tests/vm/selftest').glob('*.bats')):
        found += _file_tests(path, 'plain', ('6.12',))
    return found


def chosen(tests, patterns, kernel, long=False):
    """The tests that are asked for by name; one that nobody knows is an
    error, lest a misspelt name pass."""
    if kernel:
        tests = [t for t in tests if t.kernel in ('', kernel)]
    if not patterns:
        return [t for t in tests if kernel or long or not t.asked]
    names = [re.sub(r'^.*/|\.(bats|c)$', '', p) for p in patterns]
    for name in names:
        if not any(fnmatch.fnmatchcase(t.name, name) for t in tests):
            raise paths.BedError(f"no test is called '{name}'")
    return [t for t in tests
            if any(fnmatch.fnmatchcase(t.name, n) for n in names)]
