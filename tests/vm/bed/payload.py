# SPDX-License-Identifier: GPL-2.0
"""What of the tree goes into a machine: programs, units, module, tests.

A tar file that the machine reads from a disk and unpacks over its root.
"""

import os
import shutil
import subprocess
import tarfile
import tempfile
import pathlib

from . import paths

BED = 'usr/lib/cmk-bed'
UNIT_FILES = {'.service': 'usr/lib/systemd/system',
              '.socket': 'usr/lib/systemd/system',
              '.target': 'usr/lib/systemd/system',
              '.slice': 'usr/lib/systemd/system',
              '.rules': 'usr/lib/udev/rules.d',
              '.sysusers': 'usr/lib/sysusers.d',
              '.tmpfiles': 'usr/lib/tmpfiles.d'}


def _install_programs(stage):
    for program in sorted((paths.BUILD / 'bin').glob('*')):
        where = 'usr/bin' if program.name == 'kvemu' else 'usr/sbin'
        (stage / where).mkdir(parents=True, exist_ok=True)
        shutil.copy2(program, stage / where / program.name)


def _install_packaging(stage):
    for file in sorted((paths.TREE / 'packaging').glob('**/*')):
        where = UNIT_FILES.get(file.suffix)
        if not where:
            continue
        name = file.name
        if file.suffix in ('.sysusers', '.tmpfiles'):
            name = file.stem + '.conf'
        (stage / where).mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, stage / where / name)


def _install_overlay(stage):
    shutil.copytree(paths.TREE / 'tests/vm/overlay', stage,
                    dirs_exist_ok=True)


def _install_tests(stage):
    bed = stage / BED
    bed.mkdir(parents=True)
    for file in (paths.TREE / 'tests/vm/guest').iterdir():
        shutil.copy2(file, bed / file.name)
    for name in ('lib', 'kernel', 'system', 'vm/selftest', 'bench/guest'):
        shutil.copytree(paths.TREE / 'tests' / name, bed / 'tests' / name,
                        ignore=shutil.ignore_patterns('__pycache__', '*.py'),
                        dirs_exist_ok=True)


def _install_keys(stage):
    for file in (paths.BUILD / 'test-keys').glob('*'):
        shutil.copy2(file, stage / BED / file.name)


def _install_module(stage, series):
    """Put the module, and those of the tests, among the kernel's own and index
    all of them, so that the machine loads it on demand as any other."""
    release = paths.release(series)
    module = paths.BUILD / 'module' / release / 'dm-cmk.ko'
    if not module.exists():
        return False
    modules = [module, *(paths.BUILD / 'test-module' / release).glob('*.ko')]
    own = paths.kernel(series) / 'modules/lib/modules' / release
    with tempfile.TemporaryDirectory(dir=paths.CACHE) as work:
        tree = pathlib.Path(work) / 'lib/modules' / release
        tree.parent.mkdir(parents=True)
        subprocess.run(['cp', '-rl', own, tree], check=True)
        index = [f.name for f in tree.glob('modules.*')
                 if f.name not in ('modules.order',)
                 and not f.name.startswith('modules.builtin')]
        for name in index:
            (tree / name).unlink()
        (tree / 'updates').mkdir()
        for file in modules:
            subprocess.run(['strip', '--strip-debug', '-o',
                            tree / 'updates' / file.name, file], check=True)
        subprocess.run(['depmod', '-b', work, release], check=True,
                       stderr=subprocess.DEVNULL)
        target = stage / 'usr/lib/modules' / release
        target.mkdir(parents=True)
        for file in [*tree.glob('modules.*'), tree / 'updates']:
            subprocess.run(['cp', '-r', file, target], check=True)
    return True


def _root(info):
    info.uid = info.gid = 0
    info.uname = info.gname = 'root'
    return info


def build(series, file):
    """Write the tar file for a kernel; is the module in it?"""
    with tempfile.TemporaryDirectory() as work:
        stage = pathlib.Path(work)
        _install_overlay(stage)
        _install_programs(stage)
        _install_packaging(stage)
        _install_tests(stage)
        _install_keys(stage)
        has_module = _install_module(stage, series)
        with tarfile.open(file, 'w') as tar:
            for name in sorted(os.listdir(stage)):
                tar.add(stage / name, name, filter=_root)
    return has_module
