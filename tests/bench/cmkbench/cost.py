# SPDX-License-Identifier: GPL-2.0
"""Cost mode: instructions of an I/O on one CPU whose clock counts them.

overhead = target - linear - bare cipher: what a target adds to what no target
can save.  The bare cipher is measured in the kernel of the same boot.
"""

import re

from . import session
from .cells import TARGETS

BUDGET = 40e6                   # instructions of one run at least
BUDGET_AWAY = 18e6              # of the short one of two runs
BUDGET_QUEUED = 8e6             # likewise, where the CPU is never idle
# A disk that takes no time on the host.  Without ioeventfd it hears of a
# request at once, not when its host gets round to it: the machine's clock
# would run on meanwhile from timer to timer, each of which costs something.
VIRTIO = ('-blockdev', 'driver=null-co,node-name=bench,size=134217728,'
          'read-zeroes=on', '-device',
          'virtio-blk-pci,drive=bench,serial=bench,ioeventfd=off')


def rounds(load):
    """So many I/Os that the figure is worth something."""
    guess = 8000 + load.kib * 2500
    budget = BUDGET_QUEUED if load.depth > 1 else BUDGET
    if load.disk != 'ram':
        budget = BUDGET_AWAY
    return max(40, int(budget / guess))


def _line(load, targets):
    return ' '.join(str(word) for word in (
        load.disk, load.sector_size, load.rw, load.kib, load.engine,
        load.depth, rounds(load), *targets))


def cipher(vm, module):
    """Instructions of one call, by direction and size, and the driver."""
    session.push(vm, module, '/root/cipher-cost.ko')
    text = session.call(vm, 'sh', '-c', 'insmod /root/cipher-cost.ko && '
                        'grep . /sys/module/cipher_cost/parameters/*')
    found = dict(re.findall(r'parameters/(\w+):(.*)', text))
    driver = found.pop('driver')
    return {name: int(value) for name, value in found.items()}, driver


def _row(load, target, value, floor, share):
    return {'mode': 'cost', 'sector_size': load.sector_size, 'rw': load.rw,
            'bs': load.kib * 1024, 'qd': load.depth, 'engine': load.engine,
            'disk': load.disk, 'init_on_alloc': not load.alloc0,
            'name': load.name, 'target': target, 'per_io': round(value),
            'cipher': share, 'overhead': round(value - floor - share)}


def _rows(loads, got, calls):
    for number, load in enumerate(loads):
        way = 'encrypt' if load.write else 'decrypt'
        share = calls[f'{way}_{load.sector_size}'] * load.sectors
        values = got[number]
        floor = values['linear']
        for target, value in values.items():
            yield _row(load, target, value, floor,
                       0 if target == 'linear' else share)


def measure(loads, args, note):
    """Rows of these loads, two boots at most."""
    module = session.cipher_module(args.kernel)
    rows = []
    for alloc0 in (False, True):
        part = sorted((x for x in loads if x.alloc0 == alloc0),
                      key=lambda x: (x.disk, -x.sector_size))
        if not part:
            continue
        append = 'init_on_alloc=0' if alloc0 else ''
        with session.booted(args.kernel, append=append, icount=True,
                            qemu=VIRTIO) as vm:
            calls, driver = cipher(vm, module)
            note(f'{driver}: {calls}')
            if any(x.disk == 'virtio' for x in part):
                session.answer_late(vm)
            got = {}
            lines = [_line(load, TARGETS) for load in part]
            for _, number, target, value in session.figures(
                    vm, 'cost', lines):
                got.setdefault(int(number), {})[target] = float(value)
                note(f'{part[int(number)].name} {target} {value}')
        rows += _rows(part, got, calls)
    return rows
