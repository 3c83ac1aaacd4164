# SPDX-License-Identifier: GPL-2.0
"""A machine that measures: it gets a list of loads and writes the figures to a
port as they come, so that nothing has to be asked of it meanwhile."""

import contextlib
import os
import subprocess
import sys
import time

from bed import machine, payload, paths
from bed.paths import BedError

GUEST = f'/{payload.BED}/tests/bench/guest'
SILENCE = 900                   # seconds without a figure


@contextlib.contextmanager
def booted(kernel, **more):
    vm = machine.Machine(paths.BUILD / 'bench' / f'vm-{os.getpid()}')
    vm.create(machine.Spec(kernel=kernel, **more))
    try:
        vm.boot()
        vm.wait_ready()
        yield vm
    finally:
        vm.remove()


def answer_late(vm):
    """From now on the disks of a machine with one CPU answer when that has
    gone idle, as it has when a real disk answers.  Otherwise the answer meets
    the submitter here or there on his way to sleep, as the host likes, and
    the cost is another each time.  So what answers, QEMU's main thread, runs
    only where its CPU does not."""
    cpu = max(os.sched_getaffinity(0))
    pid = vm.pid()
    for task in os.listdir(f'/proc/{pid}/task'):
        os.sched_setaffinity(int(task), {cpu})
    os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def cipher_module(kernel):
    """The module that measures the bare cipher, built for a kernel."""
    release = paths.release(kernel)
    folder = paths.BUILD / 'bench' / release
    folder.mkdir(parents=True, exist_ok=True)
    source = paths.TREE / 'tests/bench/module'
    subprocess.run(['cp', '-a', *source.iterdir(), folder], check=True)
    subprocess.run(['make', '-s', '-C', f'/lib/modules/{release}/build',
                    f'M={folder}', 'modules'], check=True,
                   stdout=sys.stderr)
    return folder / 'cipher-cost.ko'


def push(vm, file, name):
    with open(file, 'rb') as stream:
        vm.guest.push(stream, name)


def call(vm, *words):
    status, out, err = vm.guest.run(list(words))
    if status:
        raise BedError(f"{' '.join(words)}: {err.decode().strip()}")
    return out.decode()


def figures(vm, script, lines):
    """Run a guest script on lines of work; its answers as lists of words."""
    work = vm.file('work')
    work.write_text(''.join(f'{line}\n' for line in lines), encoding='ascii')
    push(vm, work, '/root/work')
    vm.guest.start(['bash', f'{GUEST}/{script}', '/root/work'], capture=False)
    heard = time.monotonic()
    with open(vm.file('tap.log'), 'rb') as port:
        while True:
            line = port.readline()
            if not line.endswith(b'\n'):
                port.seek(-len(line), os.SEEK_CUR)
                if not vm.running() or time.monotonic() > heard + SILENCE:
                    raise BedError(f'the machine is silent, see {vm.console}')
                time.sleep(0.2)
                continue
            heard = time.monotonic()
            words = line.decode().split()
            if words[0] == 'end':
                return
            if words[0] == 'error':
                raise BedError(line.decode().strip())
            yield words
