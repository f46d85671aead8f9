#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A VNC viewer for tests: looks at a guest's screen, types and clicks.

As a module: Client(host, port). As a program:

    rfb.py HOST:PORT|unix:PATH [--timeout S] ACTION...

with the actions --screenshot FILE, --type TEXT, --key NAME (or Ctrl+Alt+Delete), --click X,Y,
--move X,Y, --wait S and --wait-change, done in the order given. Encodings: Raw, CopyRect,
DesktopSize, QEMU Extended Key Event. Everything waits as long as --timeout says, because the
server may run inside an emulated machine.

Reference: RFC 6143; The RFB Protocol (community version).
"""

import argparse
import select
import socket
import struct
import sys
import time

from picture import Picture, read_png  # noqa: F401 (read_png is for those who import this)

RAW, COPY_RECT = 0, 1
DESKTOP_SIZE, SCANCODES = -223, -258

KEYSYMS = {
    "backspace": 0xFF08, "tab": 0xFF09, "return": 0xFF0D, "enter": 0xFF0D, "escape": 0xFF1B,
    "esc": 0xFF1B, "delete": 0xFFFF, "del": 0xFFFF, "insert": 0xFF63, "ins": 0xFF63,
    "home": 0xFF50, "left": 0xFF51, "up": 0xFF52, "right": 0xFF53, "down": 0xFF54,
    "pageup": 0xFF55, "page_up": 0xFF55, "pgup": 0xFF55, "prior": 0xFF55,
    "pagedown": 0xFF56, "page_down": 0xFF56, "pgdn": 0xFF56, "next": 0xFF56, "end": 0xFF57,
    "pause": 0xFF13, "break": 0xFF6B, "scroll_lock": 0xFF14, "print": 0xFF61, "menu": 0xFF67,
    "num_lock": 0xFF7F, "caps_lock": 0xFFE5, "shift": 0xFFE1, "shift_l": 0xFFE1,
    "shift_r": 0xFFE2, "ctrl": 0xFFE3, "control": 0xFFE3, "control_l": 0xFFE3,
    "control_r": 0xFFE4, "alt": 0xFFE9, "alt_l": 0xFFE9, "alt_r": 0xFFEA, "altgr": 0xFE03,
    "super": 0xFFEB, "super_l": 0xFFEB, "super_r": 0xFFEC, "win": 0xFFEB, "space": 0x20,
    "plus": 0x2B, "kp_enter": 0xFF8D,
    **{f"f{n}": 0xFFBD + n for n in range(1, 25)},
    **{f"kp_{n}": 0xFFB0 + n for n in range(10)},
}


class RfbError(Exception):
    """The server broke the protocol, hung up, or took too long."""


def keysym(name):
    """The X11 keysym of a key name ("Return", "F1") or a character."""
    if isinstance(name, int):
        return name
    if name.lower() in KEYSYMS:
        return KEYSYMS[name.lower()]
    if len(name) == 1:
        if name == "\n":
            return KEYSYMS["return"]
        if name == "\t":
            return KEYSYMS["tab"]
        return ord(name) if ord(name) < 0x100 else 0x01000000 + ord(name)
    raise ValueError(f"no key is called '{name}'")


# --- the viewer -------------------------------------------------------------------------------


class Client:
    """A connection. timeout is how long the server may take for any one answer, in seconds."""

    def __init__(self, host, port=None, timeout=60.0, shared=True):
        self.timeout = timeout
        self.width = self.height = 0
        self.name = ""
        self.updates = 0            # received so far
        self.has_scancodes = False  # the server takes scan codes
        self.frame = bytearray()    # x8r8g8b8, little-endian
        self._buttons = 0
        self._asked = False         # an update was asked for and has not come yet
        self._changed = False       # a pixel is another since poll() began
        self._resized = False       # in the update that is being read
        self._position = (0, 0)
        self.sock = self._dial(host, port)
        self.sock.settimeout(timeout)
        self._handshake(shared)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.sock.close()

    # --- bytes

    def _dial(self, host, port):
        try:
            if port is None and host.startswith("unix:"):
                sock = socket.socket(socket.AF_UNIX)
                sock.settimeout(self.timeout)
                sock.connect(host[5:])
                return sock
            sock = socket.create_connection((host, port), self.timeout)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except OSError as e:
            where = host if port is None else f"{host}:{port}"
            raise RfbError(f"cannot connect to {where}: {e}") from e

    def _send(self, data):
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise RfbError(f"cannot send: {e}") from e

    def _receive(self, n):
        data, got = bytearray(n), 0
        view = memoryview(data)
        while got < n:
            try:
                count = self.sock.recv_into(view[got:])
            except socket.timeout as e:
                raise RfbError(f"the server said nothing for {self.timeout:g} s") from e
            except OSError as e:
                raise RfbError(f"cannot receive: {e}") from e
            if not count:
                raise RfbError("the server hung up")
            got += count
        return data

    def _unpack(self, layout):
        return struct.unpack(layout, self._receive(struct.calcsize(layout)))

    # --- the handshake

    def _handshake(self, shared):
        version = bytes(self._receive(12))
        if not version.startswith(b"RFB 003.") or version[11:] != b"\n":
            raise RfbError(f"the server is no VNC server; it says {version!r}")
        minor = 8 if int(version[8:11]) >= 8 else 7 if int(version[8:11]) == 7 else 3
        self._send(b"RFB 003.%03d\n" % minor)
        self._security(minor)
        self._send(b"\1" if shared else b"\0")
        self.width, self.height = self._unpack(">HH")
        self._receive(16)
        (length,) = self._unpack(">I")
        self.name = self._receive(length).decode("utf-8", "replace")
        self.frame = bytearray(self.width * self.height * 4)
        self._send(struct.pack(">BxxxBBBBHHHBBBxxx", 0, 32, 24, 0, 1, 255, 255, 255, 16, 8, 0))
        encodings = (COPY_RECT, RAW, DESKTOP_SIZE, SCANCODES)
        self._send(struct.pack(f">BxH{len(encodings)}i", 2, len(encodings), *encodings))

    def _security(self, minor):
        if minor == 3:
            (kind,) = self._unpack(">I")
            if kind == 0:
                self._fail()
            if kind != 1:
                raise RfbError("the server wants a password")
            return
        (count,) = self._unpack(">B")
        if not count:
            self._fail()
        if 1 not in self._receive(count):
            raise RfbError("the server wants a password")
        self._send(b"\1")
        if minor == 8 and self._unpack(">I") != (0,):
            self._fail()

    def _fail(self):
        (length,) = self._unpack(">I")
        raise RfbError("the server refuses: " + self._receive(length).decode("utf-8", "replace"))

    # --- updates

    def request(self, incremental=True):
        self._send(struct.pack(">BBHHHH", 3, incremental, 0, 0, self.width, self.height))
        self._asked = True

    def ask_in(self, encoding):
        """Asks for everything in an encoding that may not be read here; waits for some answer."""
        self._send(struct.pack(">BxHi", 2, 1, encoding))
        self.request(False)
        if not self._readable(self.timeout):
            raise RfbError(f"no answer in encoding {encoding}")

    def _put_line(self, x, y, line):
        at = (y * self.width + x) * 4
        if self.frame[at:at + len(line)] != line:
            self.frame[at:at + len(line)] = line
            self._changed = True

    def _raw(self, x, y, w, h):
        pixels = self._receive(w * h * 4)
        for row in range(h):
            self._put_line(x, y + row, pixels[row * w * 4:(row + 1) * w * 4])

    def _copy(self, x, y, w, h):
        from_x, from_y = self._unpack(">HH")
        starts = (((from_y + row) * self.width + from_x) * 4 for row in range(h))
        for row, line in enumerate([self.frame[at:at + w * 4] for at in starts]):
            self._put_line(x, y + row, line)

    def _rectangle(self):
        x, y, w, h, encoding = self._unpack(">HHHHi")
        if encoding == DESKTOP_SIZE:
            self.width, self.height = w, h
            self.frame = bytearray(w * h * 4)
            self._resized = self._changed = True
        elif encoding == SCANCODES:
            self.has_scancodes = True
        elif x + w > self.width or y + h > self.height:
            raise RfbError(f"the server sent {w}x{h} at {x},{y} of {self.width}x{self.height}")
        elif encoding == RAW:
            self._raw(x, y, w, h)
        elif encoding == COPY_RECT:
            self._copy(x, y, w, h)
        else:
            raise RfbError(f"the server sent encoding {encoding}, which was not asked for")
        return encoding in (RAW, COPY_RECT)

    def _message(self):
        """Reads one message; did it bring pixels?"""
        (kind,) = self._unpack(">B")
        if kind == 0:
            (count,) = self._unpack(">xH")
            self._resized = False
            pixels = sum([self._rectangle() for _ in range(count)]) > 0
            if pixels or self._resized:
                self._asked = False
                self.updates += 1
            if self._resized:
                self.request(False)
            return pixels
        if kind == 1:
            _, count = self._unpack(">xHH")
            self._receive(count * 6)
        elif kind == 3:
            (length,) = self._unpack(">xxxI")
            self._receive(length)
        elif kind != 2:
            raise RfbError(f"the server sent a message of type {kind}")
        return False

    def _readable(self, seconds):
        return bool(select.select([self.sock], [], [], max(seconds, 0.0))[0])

    def refresh(self):
        """Fetches the whole picture; returns it."""
        self.request(False)
        while not self._message():
            pass
        return self.picture()

    def poll(self, seconds):
        """Waits for the picture to change, at most so long. Did it?"""
        until = time.monotonic() + seconds
        self._changed = False
        while not self._changed:
            if not self._asked:
                self.request()
            if not self._readable(until - time.monotonic()):
                return False
            self._message()
        return True

    def picture(self):
        """What is on the screen, as of the last update."""
        p = Picture(self.width, self.height)
        p.rgb[0::3], p.rgb[1::3], p.rgb[2::3] = \
            self.frame[2::4], self.frame[1::4], self.frame[0::4]
        return p

    def wait_for(self, predicate, timeout=None):
        """Waits until predicate(picture) is true; returns that picture. RfbError if it never is."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        picture = self.refresh()
        while not predicate(picture):
            left = until - time.monotonic()
            if left <= 0:
                raise RfbError("what the test waited for did not appear on the screen")
            if self.poll(min(left, 1.0)):
                picture = self.picture()
        return picture

    def wait_stable(self, quiet=2.0, timeout=None):
        """Waits until nothing has changed for quiet seconds; returns the picture."""
        until = time.monotonic() + (self.timeout if timeout is None else timeout)
        self.refresh()
        while self.poll(quiet):
            if time.monotonic() > until:
                raise RfbError("the screen does not come to rest")
        return self.picture()

    def matches(self, reference, region=None, tolerance=0, allowed=0):
        return self.refresh().matches(reference, region, tolerance, allowed)

    def find_template(self, template, tolerance=0):
        return self.refresh().find(template, tolerance)

    def save_png(self, path):
        """A screenshot of now."""
        self.refresh().save_png(path)

    # --- input

    def key_event(self, key, down):
        self._send(struct.pack(">BBxxI", 4, down, keysym(key)))

    def key(self, combination, hold=0.0):
        """Presses and releases a key, or several at once: "Return", "Ctrl+Alt+Delete"."""
        keys = [combination]
        if isinstance(combination, str) and len(combination) > 1:
            keys = [k for k in combination.split("+") if k]
        for k in keys:
            self.key_event(k, True)
        if hold:
            time.sleep(hold)
        for k in reversed(keys):
            self.key_event(k, False)

    def type_text(self, text, delay=0.0):
        """Types; a newline is Return. delay is between characters, for guests with few buffers."""
        for c in text:
            self.key(c)
            if delay:
                time.sleep(delay)

    def set_clipboard(self, text):
        """What the user has copied; Ctrl+Alt+V types it."""
        data = text.encode("latin-1")
        self._send(struct.pack(">BxxxI", 6, len(data)) + data)

    def scan_event(self, qnum, down, symbol=0):
        self._send(struct.pack(">BBHII", 255, 0, down, symbol, qnum))

    def scan(self, qnum, symbol=0):
        """Presses and releases a key by scan code (set 1; 0x80 added for those with E0)."""
        self._need_scancodes()
        self.scan_event(qnum, True, symbol)
        self.scan_event(qnum, False, symbol)

    def _need_scancodes(self):
        while not self.has_scancodes:
            if not self._readable(self.timeout):
                raise RfbError("the server does not take scan codes")
            self._message()

    def _pointer(self):
        self._send(struct.pack(">BBHH", 5, self._buttons, *self._position))

    def move(self, x, y):
        self._position = (x, y)
        self._pointer()

    def button(self, number, down):
        """1 left, 2 middle, 3 right, 4 and 5 the wheel."""
        bit = 1 << (number - 1)
        self._buttons = self._buttons | bit if down else self._buttons & ~bit
        self._pointer()

    def click(self, x=None, y=None, button=1, hold=0.05):
        if x is not None:
            self.move(x, y)
        self.button(button, True)
        if hold:
            time.sleep(hold)
        self.button(button, False)

    def wheel(self, steps):
        """Towards the user is positive."""
        for _ in range(abs(steps)):
            self.click(button=5 if steps > 0 else 4, hold=0)


def connect(address, timeout=60.0, patience=0.0):
    """A Client for HOST:PORT or unix:PATH, tried again for patience seconds."""
    until = time.monotonic() + patience
    while True:
        try:
            if address.startswith("unix:"):
                return Client(address, timeout=timeout)
            host, _, port = address.rpartition(":")
            return Client(host.strip("[]") or "127.0.0.1", int(port), timeout)
        except RfbError:
            if time.monotonic() >= until:
                raise
            time.sleep(0.2)


# --- the program ------------------------------------------------------------------------------


class _Action(argparse.Action):
    """Keeps the actions in the order of the command line."""

    def __call__(self, parser, args, value, option=None):
        args.actions = getattr(args, "actions", None) or []
        args.actions.append((self.dest, value))


def _point(text):
    x, y = text.split(",")
    return int(x), int(y)


def _parse(argv):
    p = argparse.ArgumentParser(description="Looks at a guest's screen over VNC, types, clicks.")
    p.add_argument("address", metavar="HOST:PORT|unix:PATH")
    p.add_argument("--timeout", type=float, default=60.0, help="for each answer (60 s)")
    p.add_argument("--patience", type=float, default=0.0, help="to connect at all (0 s)")
    add = lambda name, **more: p.add_argument(name, action=_Action, **more)
    add("--screenshot", metavar="FILE")
    add("--type", metavar="TEXT", help="with \\n for Return")
    add("--key", metavar="NAME")
    add("--move", metavar="X,Y", type=_point)
    add("--click", metavar="X,Y", type=_point)
    add("--wait", metavar="S", type=float)
    add("--wait-change", nargs=0)
    return p.parse_args(argv)


def _act(client, kind, value):
    if kind == "screenshot":
        client.save_png(value)
    elif kind == "type":
        client.type_text(value.encode("latin-1", "backslashreplace").decode("unicode_escape"))
    elif kind == "key":
        client.key(value)
    elif kind == "move":
        client.move(*value)
    elif kind == "click":
        client.click(*value)
    elif kind == "wait":
        time.sleep(value)
    elif kind == "wait_change" and not client.poll(client.timeout):
        raise RfbError("the screen did not change")


def main(argv=None):
    args = _parse(argv)
    try:
        with connect(args.address, args.timeout, args.patience) as client:
            client.refresh()
            if not getattr(args, "actions", None):
                print(f"{client.width}x{client.height} {client.name}")
            for kind, value in getattr(args, "actions", None) or []:
                _act(client, kind, value)
            client.refresh()  # so that what was sent has arrived before the connection ends
    except (RfbError, OSError, ValueError) as e:
        print(f"rfb.py: {e}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
