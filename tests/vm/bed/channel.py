# SPDX-License-Identifier: GPL-2.0
"""Talking to a machine: QMP to QEMU, the guest agent's protocol to Linux.

Both are one JSON object a line over a Unix socket that serves one caller at
a time; a lock file keeps several callers of one machine apart.
"""

import base64
import contextlib
import fcntl
import json
import os
import random
import socket
import time

from .paths import BedError

CHUNK = 1 << 20


def unix_connect(path, timeout):
    """A socket's name may have 107 bytes; that of its folder's descriptor is
    always short."""
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(timeout)
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect(f'/proc/self/fd/{folder}/{path.name}')
    except OSError:
        sock.close()
        raise
    finally:
        os.close(folder)
    return sock


@contextlib.contextmanager
def _locked(path):
    with open(f'{path}.lock', 'w', encoding='ascii') as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class _Line:
    """One JSON conversation."""

    def __init__(self, path, timeout):
        self.sock = unix_connect(path, timeout)
        self.stream = self.sock.makefile('rb')

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.sock.close()

    def send(self, message, prefix=b''):
        self.sock.sendall(prefix + json.dumps(message).encode() + b'\n')

    def receive(self):
        line = self.stream.readline()
        if not line:
            raise EOFError
        return json.loads(line)

    def call(self, command, arguments=None):
        message = {'execute': command}
        if arguments:
            message['arguments'] = arguments
        self.send(message)
        while True:
            answer = self.receive()
            if 'error' in answer:
                raise BedError(f"{command}: {answer['error']['desc']}")
            if 'return' in answer:
                return answer['return']


def qmp(path, command, arguments=None, timeout=120):
    """Give QEMU one command; the answer's `return`."""
    with _locked(path), _Line(path, timeout) as line:
        line.receive()
        line.call('qmp_capabilities')
        return line.call(command, arguments)


class Guest:
    """The guest agent of one machine."""

    def __init__(self, path):
        self.path = path

    def _ask(self, command, arguments, timeout):
        """The 0xff resets the agent's parser and marks the answer that
        belongs to this caller: what came before is somebody else's."""
        token = random.getrandbits(31)
        with _Line(self.path, timeout) as line:
            line.send({'execute': 'guest-sync-delimited',
                       'arguments': {'id': token}}, b'\xff')
            while True:
                answer = line.stream.readline()
                if not answer:
                    raise EOFError
                if b'\xff' not in answer:
                    continue
                if json.loads(answer.split(b'\xff')[-1])['return'] == token:
                    break
            return line.call(command, arguments)

    def call(self, command, arguments=None, timeout=60, again=None):
        """Ask the agent, and every `again` seconds anew while no answer
        comes: a machine that goes to sleep loses what is on its way."""
        end = time.monotonic() + timeout
        with _locked(self.path):
            while True:
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(f'{command}: others were asking')
                try:
                    return self._ask(command, arguments,
                                     min(again or left, left))
                except TimeoutError:
                    if not again or time.monotonic() + again > end:
                        raise

    def status(self, pid, timeout=60):
        """What the agent knows of a program that it has started."""
        return self.call('guest-exec-status', {'pid': pid}, timeout, again=5)

    def alive(self, timeout=2):
        try:
            self.call('guest-ping', timeout=timeout)
        except (OSError, EOFError):
            return False
        return True

    def start(self, argv, stdin=b'', capture=True):
        """Start a program, with the agent's environment; its process id."""
        arguments = {'path': argv[0], 'arg': list(argv[1:]),
                     'capture-output': capture}
        if stdin:
            arguments['input-data'] = base64.b64encode(stdin).decode()
        return self.call('guest-exec', arguments)['pid']

    def wait(self, pid, timeout=None):
        """(exit status, stdout, stderr); 128 + n for a signal, as a shell."""
        end = None if timeout is None else time.monotonic() + timeout
        pause = 0.02
        while True:
            state = self.status(pid)
            if state['exited']:
                break
            if end and time.monotonic() > end:
                raise TimeoutError
            time.sleep(pause)
            pause = min(pause * 1.5, 0.3)
        code = state.get('exitcode', 128 + state.get('signal', 0))
        return (code, base64.b64decode(state.get('out-data', '')),
                base64.b64decode(state.get('err-data', '')))

    def run(self, argv, stdin=b'', timeout=None):
        return self.wait(self.start(argv, stdin), timeout)

    @contextlib.contextmanager
    def _file(self, name, mode):
        handle = self.call('guest-file-open', {'path': name, 'mode': mode})
        try:
            yield handle
        finally:
            self.call('guest-file-close', {'handle': handle})

    def push(self, stream, name):
        """Copy what a stream holds to a file in the guest."""
        with self._file(name, 'w') as handle:
            while block := stream.read(CHUNK):
                self.call('guest-file-write', {
                    'handle': handle,
                    'buf-b64': base64.b64encode(block).decode()})

    def pull(self, name, stream):
        """Copy a file of the guest into a stream."""
        with self._file(name, 'r') as handle:
            while True:
                answer = self.call('guest-file-read',
                                   {'handle': handle, 'count': CHUNK})
                stream.write(base64.b64decode(answer['buf-b64']))
                if answer['eof']:
                    return
