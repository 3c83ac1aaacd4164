# SPDX-License-Identifier: GPL-2.0
"""What is measured: cells, each one load on one target.

A cell's name is mode/sector size/rw/block size/depth, with the engine or the
disk behind it where it is not the usual one, and alloc0 where the kernel does
not clear pages that it gives out:

    cost/4096/randread/4k/1         psync on the ram disk
    cost/512/randwrite/8k/32/libaio
    cost/4096/randread/64k/1/null2
    scale/4096/randread/4k/1        one range, many ranges, many volumes
    database/4096/select-only/1     a transaction of pgbench, by instructions
    database/4096/tpcb-like/4/wall  transactions a second, by the clock
"""

import dataclasses
import fnmatch

TARGETS = ('linear', 'crypt-default', 'crypt-noqueue', 'crypt-samecpu', 'cmk')
CRYPT = TARGETS[1:4]
SCALES = ('one-range', 'ranges-65536', 'volumes-64')
SECTOR_SIZES = (4096, 512)
BLOCKS = (4, 8, 16, 64, 128, 1024)              # KiB


@dataclasses.dataclass(frozen=True)
class Load:
    """One row of the table: all targets are compared in it."""
    mode: str                   # cost, scale, parallel or database
    sector_size: int
    rw: str                     # as fio or pgbench calls it
    kib: int
    depth: int = 1
    engine: str = 'psync'
    disk: str = 'ram'           # ram, virtio, null1, null2 (irqmode)
    alloc0: bool = False        # booted with init_on_alloc=0

    @property
    def name(self):
        block = f'{self.kib}k' if self.kib < 1024 else '1m'
        words = [self.mode, str(self.sector_size), self.rw, block,
                 str(self.depth)]
        if self.mode == 'database':
            words.remove(block)
        if self.wall:
            words.append('wall')
        if self.engine == 'libaio':
            words.append(self.engine)
        if self.disk != 'ram':
            words.append(self.disk)
        if self.alloc0:
            words.append('alloc0')
        return '/'.join(words)

    @property
    def wall(self):
        """Of a database: by the clock, with several clients?"""
        return self.mode == 'database' and self.depth > 1

    @property
    def write(self):
        return self.rw.endswith('write')

    @property
    def sectors(self):
        return self.kib * 1024 // self.sector_size


def _cost(size, patterns, blocks, queues):
    for rw in patterns:
        for kib in blocks:
            for depth, engine in queues:
                load = Load('cost', size, rw, kib, depth, engine)
                yield load
                if load.write:
                    yield dataclasses.replace(load, alloc0=True)


def quick():
    """What CI runs."""
    return [load for size in SECTOR_SIZES for load in
            _cost(size, ('randread', 'randwrite'), (4, 8), [(1, 'psync')])]


def _away():
    """Disks that complete elsewhere than in the submitter."""
    return [Load('cost', 4096, 'randread', kib, disk=disk)
            for disk in ('null1', 'null2', 'virtio') for kib in (4, 64)]


def _scale():
    return [Load('scale', 4096, rw, 4) for rw in ('randread', 'randwrite')]


def _parallel():
    for rw in ('read', 'write'):
        yield Load('parallel', 4096, rw, 1024)
        for kib in (4, 8, 16, 64, 128):
            yield Load('parallel', 4096, f'rand{rw}', kib, 32, 'io_uring')
    yield Load('parallel', 4096, 'mixed', 4)


def _database():
    return [Load('database', 4096, script, 8, clients, 'pgbench')
            for script, clients in (('select-only', 1), ('tpcb-like', 1),
                                    ('tpcb-like', 4))]


def everything():
    """All of it."""
    queues = [(1, 'psync'), (32, 'io_uring'), (32, 'libaio')]
    patterns = ('randread', 'randwrite', 'read', 'write')
    loads = [load for size in SECTOR_SIZES
             for load in _cost(size, patterns, BLOCKS, queues)]
    return (loads + _away() + _scale() + list(_parallel()) +
            _database())


def named(name, patterns):
    """Does the name begin as one of the patterns says?"""
    return not patterns or any(
        fnmatch.fnmatchcase(name, p) or fnmatch.fnmatchcase(name, f'{p}/*')
        for p in patterns)


def chosen(loads, patterns):
    """Those loads that are asked for."""
    return [load for load in loads if named(load.name, patterns)]
