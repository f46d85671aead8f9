# SPDX-License-Identifier: GPL-2.0-only
"""The idle benchmark's VNC viewer: one incremental request always outstanding, pixels counted and thrown away.

Encodings: Raw, DesktopSize. Reference: RFC 6143."""
import select
import socket
import struct
import time

RAW, DESKTOP_SIZE = 0, -223
CONNECT_LIMIT = 20      # virtual seconds


class Viewer:
    """Times are those of time.monotonic_ns()."""

    def __init__(self, port):
        self.updates = self.pixels = self.size_changes = 0
        self.last = 0           # when the last update was complete
        self.black = None       # pixels among those that came, while somebody wants to know
        self.scratch = bytearray(1 << 20)
        self.socket = self.connect(port)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.handshake()
        self.request(False)

    @staticmethod
    def connect(port):
        until = time.monotonic() + CONNECT_LIMIT
        while True:
            try:
                return socket.create_connection(("127.0.0.1", port), CONNECT_LIMIT)
            except ConnectionRefusedError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    def close(self):
        self.socket.close()

    def take(self, count):
        """The next bytes; of many, only the last."""
        view = memoryview(self.scratch)
        while count > len(view):
            count -= self.take_some(view)
        got = 0
        while got < count:
            got += self.take_some(view[got:count])
        return bytes(view[:count]) if count < 4096 else None

    def take_some(self, view):
        got = self.socket.recv_into(view)
        if not got:
            raise ConnectionError("the VNC server hung up")
        return got

    def take_pixels(self, count):
        if self.black is None:
            self.take(count * 4)
            return
        while count:
            some = min(count, 512)
            self.black += memoryview(self.take(some * 4)).cast("I").tolist().count(0)
            count -= some

    def black_share(self):
        """How much of the picture is black."""
        self.black, before = 0, self.pixels
        self.request(False)
        while self.pixels - before < self.width * self.height:
            self.message()
        share, self.black = min(1, self.black / (self.width * self.height)), None
        return share

    def unpack(self, layout):
        return struct.unpack(layout, self.take(struct.calcsize(layout)))

    def handshake(self):
        self.take(12)
        self.socket.sendall(b"RFB 003.008\n")
        self.take(self.take(1)[0])
        self.socket.sendall(b"\1")
        self.take(4)
        self.socket.sendall(b"\1")
        self.width, self.height = self.unpack(">HH16x")
        self.take(self.unpack(">I")[0])
        self.socket.sendall(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0) +
                            struct.pack(">BxHii", 2, 2, RAW, DESKTOP_SIZE))

    def request(self, incremental=True):
        self.socket.sendall(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))

    def message(self):
        kind = self.take(1)[0]
        if kind == 0:
            self.update()
        elif kind == 3:
            self.take(self.unpack(">xxxI")[0])
        elif kind != 2:
            raise ConnectionError(f"the VNC server sent a message of type {kind}")

    def update(self):
        resized = False
        for _ in range(self.unpack(">xH")[0]):
            _, _, width, height, encoding = self.unpack(">HHHHi")
            if encoding == DESKTOP_SIZE:
                self.width, self.height, resized = width, height, True
            else:
                self.pixels += width * height
                self.take_pixels(width * height)
        self.last = time.monotonic_ns()
        self.updates += 1
        self.size_changes += resized
        self.request(not resized)

    def watch(self, seconds, *others):
        """Takes what comes for so long, or until one of the other files can be read: that one, or None."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            ready = select.select([self.socket, *others], [], [], left)[0]
            if self.socket in ready:
                self.message()
            elif ready:
                return ready[0]
        return None
