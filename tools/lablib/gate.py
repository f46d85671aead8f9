# SPDX-License-Identifier: GPL-2.0-only
"""Where an emulated host without virtio gets its files and streams: connections to a port of this machine's loopback.

Anybody on this machine can connect to that port; so each connection begins with a line `SECRET NAME`, and gets nothing
before it. The secret is in the emulated host's initramfs only."""

import hmac
import os
import pwd
import secrets
import socket
import subprocess
import threading

from .common import find_program

GREETING_LIMIT = 128        # bytes
GREETING_TIME = 30          # seconds


class Gate:
    def __init__(self, ports, out):
        """ports: {name: descriptor}, the far ends of the streams and the log; out: the folder for results, or None."""
        self.streams = {name: socket.socket(fileno=os.dup(ports[name])) for name in ("control", "stdout", "stderr")}
        self.shares = {"root": ("/", "ro")}
        if out:
            self.shares["out"] = (str(out), "rw")
        self.log = os.dup(ports["log"])
        self.server = find_program("diod", "diod")
        self.user = pwd.getpwuid(os.getuid()).pw_name   # the server insists on a name
        self.secret = secrets.token_hex(16)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]

    def open(self):
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        with connection:
            try:
                name = self._greeting(connection)
                if name in self.shares:
                    self._share(connection, *self.shares[name])
                elif name in self.streams:
                    self._carry(connection, self.streams.pop(name))
            except OSError:         # the emulated host is gone
                pass

    def _greeting(self, connection):
        """What the connection is for; None if it has not the secret."""
        connection.settimeout(GREETING_TIME)
        line = b""
        while not line.endswith(b"\n"):
            byte = connection.recv(1)       # what follows the line is not for us
            if not byte or len(line) == GREETING_LIMIT:
                return None
            line += byte
        connection.settimeout(None)
        secret, _, name = line.decode("ascii", "replace").strip().partition(" ")
        return name if hmac.compare_digest(secret.encode(), self.secret.encode()) else None

    def _share(self, connection, path, how):
        """A 9p server for this one connection; it ends with it."""
        number = str(connection.fileno())
        # Paths may hold what mount options must not: the export is the server's working folder.
        subprocess.run([self.server, "-f", "-n", "-c", "/dev/null", "-L", "stderr", "-u", str(os.getuid()),
                        "-e", "/proc/self/cwd/.", *(["-o", "ro"] if how == "ro" else []), "-r", number, "-w", number],
                       cwd=path, pass_fds=[connection.fileno()], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
                       check=False)

    def _carry(self, connection, stream):
        back = threading.Thread(target=copy, args=(stream, connection), daemon=True)
        back.start()
        copy(connection, stream)
        stream.shutdown(socket.SHUT_WR)
        back.join()


def copy(source, sink):
    try:
        while data := source.recv(1 << 16):
            sink.sendall(data)
    except OSError:
        pass
