# SPDX-License-Identifier: GPL-2.0
"""Where the parts of the test machine lie."""

import os
import pathlib
import subprocess

TREE = pathlib.Path(__file__).resolve().parents[3]
BUILD = pathlib.Path(os.environ.get('BUILD', 'build'))
if not BUILD.is_absolute():
    BUILD = TREE / BUILD
CACHE = pathlib.Path(os.environ.get('CMK_CACHE', '/var/cache/cmk'))
KERNELS = ('6.1', '6.12')


class BedError(Exception):
    """Something about the bed itself, told to the user in one line."""


def kernel(series):
    """The directory of a kernel in the cache."""
    path = CACHE / 'kernel' / series
    if not (path / 'recipe').exists():
        raise BedError(f'no kernel {series}: run tools/deps --vm')
    return path.resolve()


def release(series):
    """The release of a kernel, as in `uname -r`."""
    return (kernel(series) / 'release').read_text().strip()


def _made_by(*command):
    run = subprocess.run([str(c) for c in command], stdout=subprocess.PIPE,
                         text=True, check=False)
    if run.returncode:
        raise BedError(f'{command[0]} failed')
    return pathlib.Path(run.stdout.strip())


def root_image():
    return _made_by(TREE / 'tests/vm/mkroot')


def initramfs(series):
    return _made_by(TREE / 'tests/vm/mkinitramfs', series)
