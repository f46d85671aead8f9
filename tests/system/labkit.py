# SPDX-License-Identifier: GPL-2.0-only
"""What tests of whole guests share: a scratch folder, the lab around `caisson run`, verdicts."""
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
PICTURES = os.path.join(HERE, "pictures")
IMAGES = os.path.join(TOP, "build", "images")
# LAB_HV=kvm runs the same tests on Debian's KVM, for comparison.
HV = os.environ.get("LAB_HV", "caisson")

_failed = 0


def verdict(name, ok, why=""):
    """One test's line, for tests/runner.py."""
    global _failed
    _failed += not ok
    print(f"PASS {name}" if ok else f"FAIL {name}: {why}", flush=True)
    return ok


def finish():
    sys.exit(1 if _failed else 0)


def image(name, *variant, file):
    """The path of a guest image, made if need be; file is what tools/mkimage calls it."""
    command = [os.path.join(TOP, "tools", "mkimage"), name, *variant]
    done = subprocess.run(command, capture_output=True, text=True)
    path = os.path.join(IMAGES, file)
    if done.returncode or not os.path.exists(path):
        print(done.stdout + done.stderr)
        raise SystemExit(f"cannot make the image {name}")
    return path


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Scratch:
    """A folder that is gone in the end."""

    def __enter__(self):
        self.path = tempfile.mkdtemp(prefix="caisson-test-")
        return self.path

    def __exit__(self, *_):
        shutil.rmtree(self.path, ignore_errors=True)


class Lab:
    """`tools/lab OPTIONS -- COMMAND` in the background; its output is in the file .log."""

    def __init__(self, options, command, log, limit):
        self.log = log
        self.out = open(log, "wb")
        self.proc = subprocess.Popen(
            [os.path.join(TOP, "tools", "lab"), "--hv", HV, "--timeout", str(limit), *options,
             "--", *command],
            stdin=subprocess.DEVNULL, stdout=self.out, stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
        self.proc.wait()
        self.out.close()

    def running(self):
        return self.proc.poll() is None

    def wait(self):
        """The command's exit status."""
        return self.proc.wait()

    def text(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()


def wait_until(condition, lab, limit):
    """Until condition() is true; False if the lab ends or the limit (a watchdog) is over first."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        if condition():
            return True
        if not lab.running():
            return bool(condition())
        time.sleep(0.5)
    return False
