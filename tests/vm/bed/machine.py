# SPDX-License-Identifier: GPL-2.0
"""One test machine: a QEMU process and the folder that holds its state."""

import ctypes
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

from . import channel, paths, payload
from .paths import BedError

# A real CPU copies and clears memory fastest by an instruction for bytes, and
# says so.  An emulated one does that byte by byte; without these words the
# kernel takes eight at a time, and programs need a third less of its time.
QUICK_CPU = 'max,erms=off,fsrm=off,fzrm=off,fsrs=off,fsrc=off'
PLAIN_INIT = f'/{payload.BED}/init'
PR_SET_PDEATHSIG = 1


def size_of(text):
    """Bytes of '512M', '2G', ..."""
    match = re.fullmatch(r'(\d+)([KMGT]?)', str(text))
    if not match:
        raise BedError(f"'{text}' is no size")
    return int(match[1]) << {'': 0, 'K': 10, 'M': 20, 'G': 30,
                             'T': 40}[match[2]]


@dataclasses.dataclass
class Spec:
    """What a machine is made of."""
    kernel: str = '6.12'
    systemd: bool = False
    disks: tuple = ()           # sizes, or names of raw files
    memory: str = '2G'
    cpus: int = 2
    cpu: str = 'max'            # its model, as QEMU names it
    append: str = ''            # more of the kernel's command line
    console: bool = False       # a shell on the console
    reboot: bool = False        # reboots instead of ending
    icount: bool = False        # one CPU whose clock counts instructions
    qemu: tuple = ()            # more arguments for QEMU


def _die_with_parent():
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Machine:
    """A machine by the name of its folder."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.guest = channel.Guest(self.folder / 'agent.sock')
        self.process = None

    def file(self, name):
        return self.folder / name

    @property
    def console(self):
        return self.file('console.log')

    def create(self, spec):
        """Make the folder, the disks and the payload; the spec is kept, so
        that a stopped machine can be started again with its disks."""
        if self.running():
            raise BedError(f"machine '{self.folder.name}' is running")
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        subprocess.run(['qemu-img', 'create', '-q', '-f', 'qcow2', '-F', 'raw',
                        '-b', paths.root_image(), self.file('root.qcow2')],
                       check=True)
        for number, disk in enumerate(spec.disks):
            if re.fullmatch(r'\d+[KMGT]?', str(disk)):
                with open(self._disk(number), 'wb') as raw:
                    raw.truncate(size_of(disk))
            else:
                self._disk(number).symlink_to(pathlib.Path(disk).resolve())
        self.file('spec.json').write_text(json.dumps(
            dataclasses.asdict(spec), indent=1), encoding='ascii')

    def spec(self):
        try:
            return Spec(**json.loads(self.file('spec.json').read_text()))
        except FileNotFoundError as error:
            raise BedError(f"no machine '{self.folder.name}'") from error

    def _disk(self, number):
        return self.file(f'data{number}.raw')

    def _append(self, spec):
        # no_timer_check: on a busy host the check of the timer sees too few
        # ticks, and the kernel panics.
        words = ['console=ttyS0,115200', 'ignore_loglevel', 'panic=-1',
                 'no_timer_check',
                 'printk.devkmsg=on', 'random.trust_cpu=on', 'net.ifnames=0',
                 'rw', 'systemd.show_status=0',
                 'systemd.log_target=journal', 'selinux=0', 'apparmor=0']
        if not spec.systemd:
            words.append(f'cmk.init={PLAIN_INIT}')
        if spec.console:
            words.append('cmk.console')
        return ' '.join(words + [spec.append])

    @staticmethod
    def _drive(serial, file, form, options=''):
        return ['-drive', f'if=none,id={serial},file={file},format={form}'
                          f'{options}',
                '-device', f'virtio-blk-pci,drive={serial},serial={serial}']

    def _drives(self, spec):
        kernel = paths.kernel(spec.kernel)
        words = self._drive('cmk-root', 'root.qcow2', 'qcow2',
                            ',cache=unsafe')
        words += self._drive('cmk-modules', kernel / 'modules.img', 'raw',
                             ',snapshot=on')
        words += self._drive('cmk-payload', 'payload.tar', 'raw',
                             ',readonly=on')
        for number in range(len(spec.disks)):
            words += self._drive(f'cmkdata{number or ""}',
                                 self._disk(number).name, 'raw',
                                 ',discard=unmap,cache=writeback')
        return words

    @staticmethod
    def _port(number, name, chardev):
        return ['-chardev', chardev, '-device',
                f'virtserialport,chardev=port{number},name={name}']

    def _ports(self):
        words = ['-device', 'virtio-serial-pci']
        words += self._port(0, 'org.qemu.guest_agent.0',
                            'socket,id=port0,path=agent.sock,server=on,'
                            'wait=off')
        words += self._port(1, 'cmk.tap',
                            'file,id=port1,path=tap.log,append=on')
        return words + ['-chardev', 'socket,id=console,path=console.sock,'
                        'server=on,wait=off,logfile=console.log,logappend=on',
                        '-serial', 'chardev:console',
                        '-qmp', 'unix:qmp.sock,server=on,wait=off']

    @staticmethod
    def _cpus(spec):
        """With icount, an instruction takes a nanosecond of the machine's
        time whatever its host does, and idle time passes at once."""
        if spec.icount:
            return ['-accel', 'tcg,thread=single', '-smp', '1',
                    '-icount', 'shift=0,sleep=off']
        return ['-accel', 'tcg,thread=multi', '-smp', f'{spec.cpus},sockets=1']

    def _command(self, spec):
        kernel = paths.kernel(spec.kernel)
        return ['qemu-system-x86_64', '-nodefaults', '-no-user-config',
                '-name', f'cmk-{self.folder.name}', '-display', 'none',
                '-machine', 'q35', *self._cpus(spec),
                '-cpu', spec.cpu, '-m', spec.memory,
                '-kernel', kernel / 'vmlinuz',
                '-initrd', paths.initramfs(spec.kernel),
                '-append', self._append(spec),
                '-device', 'virtio-rng-pci', *self._drives(spec),
                *self._ports(), *([] if spec.reboot else ['-no-reboot']),
                *spec.qemu]

    def boot(self, attached=True):
        """Start QEMU; attached, it ends with this process."""
        spec = self.spec()
        if self.running():
            raise BedError(f"machine '{self.folder.name}' is running")
        payload.build(spec.kernel, self.file('payload.tar'))
        for name in ('agent.sock', 'qmp.sock', 'console.sock'):
            self.file(name).unlink(missing_ok=True)
        with open(self.file('qemu.log'), 'wb') as log:
            self.process = subprocess.Popen(
                [str(word) for word in self._command(spec)], cwd=self.folder,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
                preexec_fn=_die_with_parent if attached else None)
        self.file('pid').write_text(f'{self.process.pid}\n', encoding='ascii')

    def wait_ready(self, timeout=300):
        """Until commands can be given; under systemd, until it has started
        what it starts."""
        end = time.monotonic() + timeout
        while not (self.file('agent.sock').exists() and self.guest.alive()):
            if not self.running():
                raise BedError(f'the machine ended while it started, see '
                               f'{self.console} and {self.file("qemu.log")}')
            if time.monotonic() > end:
                raise BedError(f'not ready after {timeout} s, see '
                               f'{self.console}')
            time.sleep(0.1)
        if self.spec().systemd:
            self.guest.run(['systemctl', 'is-system-running', '--wait'],
                           timeout=max(10, end - time.monotonic()))

    def pid(self):
        """Of the QEMU process; a process of another's is known by its
        command line, which a number used again does not have."""
        if self.process:
            return None if self.process.poll() is not None \
                else self.process.pid
        try:
            pid = int(self.file('pid').read_text())
            command = pathlib.Path(f'/proc/{pid}/cmdline').read_bytes()
        except (OSError, ValueError):
            return None
        mine = f'\0cmk-{self.folder.name}\0'.encode()
        return pid if mine in command else None

    def cpu_time(self):
        """Seconds of the host's CPUs that it has used; 0 when it has ended."""
        try:
            stat = pathlib.Path(f'/proc/{self.pid()}/stat').read_text()
        except OSError:
            return 0
        user, system = stat.rpartition(')')[2].split()[11:13]
        return (int(user) + int(system)) / os.sysconf('SC_CLK_TCK')

    def running(self):
        return self.pid() is not None

    def qmp(self, command, arguments=None):
        return channel.qmp(self.file('qmp.sock'), command, arguments)

    def stop(self, sync=True, timeout=60):
        """End the machine: shut down in order, or as a power cut."""
        if sync and self.running():
            self._shut_down(timeout)
        pid = self.pid()
        if pid:
            os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while self.running() and time.monotonic() < end:
            time.sleep(0.05)
        if self.process:
            self.process.wait()
        self.file('pid').unlink(missing_ok=True)

    def _shut_down(self, timeout):
        command = ('systemctl poweroff' if self.spec().systemd else
                   'sync; echo o >/proc/sysrq-trigger')
        try:
            self.guest.start(['sh', '-c', command], capture=False)
        except (OSError, EOFError, BedError):
            return
        end = time.monotonic() + timeout
        while self.running() and time.monotonic() < end:
            time.sleep(0.1)

    def remove(self):
        self.stop(sync=False)
        shutil.rmtree(self.folder, ignore_errors=True)
