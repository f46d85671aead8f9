# SPDX-License-Identifier: GPL-2.0-only
"""For programs that run guests on the hypervisor of the machine they are on (inside the lab, mostly):
start, look at the screen, type, wait for words, end."""
import json
import os
import re
import socket
import subprocess
import tempfile
import time

from picture import read_png

LIMIT = 120  # seconds that one thing may take: a watchdog, not an expectation
LOOK = 1.0   # seconds between two looks: looking takes time of the guest in the lab


class Trouble(Exception):
    """What a guest did not do."""


class Guest:
    """`caisson run ARGUMENTS`, with its serial port, firmware log and output in files of a folder."""

    def __init__(self, name, *arguments, folder, env=None, vnc="none"):
        self.name, self.folder = name, folder
        self.out = open(self.path("out"), "wb")
        self.proc = subprocess.Popen(
            ["caisson", "run", *arguments, "--name", name, "--vnc", vnc, "--verbose",
             "--serial", f"file:{self.path('serial')}", "--debugcon", f"file:{self.path('firmware')}"],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT,
            env={**os.environ, **(env or {})})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            self.proc.kill()
        self.proc.wait()
        self.out.close()

    def path(self, what):
        return os.path.join(self.folder, f"{self.name}.{what}")

    def read(self, what):
        """What is in the file: serial, firmware or out."""
        try:
            with open(self.path(what), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def running(self):
        return self.proc.poll() is None

    def ask(self, request, fds=(), **more):
        """What the guest's control socket answers: its own line of JSON, without starting a program.
        fds are descriptors that go along."""
        folder = os.environ.get("XDG_RUNTIME_DIR", "/run") + "/caisson"
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LIMIT)
            try:
                sock.connect(f"{folder}/{self.name}.sock")
                line = json.dumps({"request": request, **more}).encode() + b"\n"
                socket.send_fds(sock, [line], list(fds))
                with sock.makefile("rb") as answer:
                    return json.loads(answer.readline() or "{}")
            except OSError:
                return {}

    def screen(self):
        """The characters on the screen; nothing while it shows graphics or is dark."""
        return self.ask("text").get("text", "")

    def picture(self):
        """The screen as a Picture, None when there is none."""
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "screen.png")
            done = subprocess.run(["caisson", "screenshot", self.name, path], capture_output=True,
                                  check=False, timeout=LIMIT)
            return None if done.returncode else read_png(path)

    def type(self, text):
        self.ask("type", text=text)

    def key(self, *keys):
        self.ask("key", keys=list(keys))

    def wait_for(self, what, limit=LIMIT, look=None):
        """Until the pattern is on the screen (or in what look() gives); all of that text."""
        look = look or self.screen
        until = time.monotonic() + limit
        while True:
            running = self.running()
            seen = look()
            if re.search(what, seen, re.M):
                return seen
            if not running or time.monotonic() > until:
                raise Trouble(f"'{what}' does not appear; there is:\n{seen.rstrip()[-1500:]}")
            time.sleep(LOOK)

    def wait_picture(self, predicate, what, limit=LIMIT):
        """Until predicate(picture); that picture."""
        until = time.monotonic() + limit
        while time.monotonic() < until and self.running():
            seen = self.picture()
            if seen and predicate(seen):
                return seen
            time.sleep(LOOK)
        raise Trouble(f"{what} does not appear")

    def wait_end(self, limit=LIMIT):
        """The exit status of the program, None if it goes on."""
        try:
            return self.proc.wait(limit)
        except subprocess.TimeoutExpired:
            return None
