#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Mistakes around a guest that runs, on the hypervisor of the machine that this runs on: what is
busy, who sends garbage, a full disk. The guest is tests/guests/32/durability.c, which reports step
after step, so that it shows whether it still runs, and whether its disk kept everything."""
import fcntl
import os
import random
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

import durability_here as durability
from labkit import finish, free_port, verdict
from rfb import Client

PROGRAM = os.path.join(durability.TOP, "build/caisson")
RUN_DIR = "/run/caisson"
SEED, PATIENCE = 0x5eed, 60


class Guest:
    """A guest that writes and reports, with what it says on its serial port."""

    def __init__(self, folder, image, *options):
        self.image, self.folder = image, folder
        self.text, self.errors = b"", b""
        env = dict(os.environ, CAISSON_FIRMWARE=folder)
        self.proc = subprocess.Popen(
            [PROGRAM, "run", "--memory", "16M", "--accel", "kvm", "--serial", "stdio",
             "--exit-port", "--disk", image, *options],
            env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for pipe, name in ((self.proc.stdout, "text"), (self.proc.stderr, "errors")):
            threading.Thread(target=self.collect, args=(pipe, name), daemon=True).start()

    def collect(self, pipe, name):
        fd = os.dup(pipe.fileno())
        if name == "text":
            self.reader = fd
        try:
            while more := os.read(fd, 65536):
                setattr(self, name, getattr(self, name) + more)
        except OSError:
            pass        # stop_reading()

    def stop_reading(self):
        os.close(self.reader)
        self.proc.stdout.close()

    def steps(self):
        return durability.reported(self.text)

    def goes_on(self):
        """Whether two more steps come."""
        before = self.steps()
        return wait_until(lambda: self.steps() >= before + 2)

    def end(self):
        """What is wrong with its disk after the plug was pulled."""
        self.proc.kill()
        self.proc.wait()
        return durability.judge(self.image, SEED, self.steps())


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def caisson(*args, **more):
    """(status, stdout, stderr)"""
    done = subprocess.run([PROGRAM, *args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=PATIENCE, check=False, **more)
    return done.returncode, done.stdout, done.stderr


def refused(name, answer, status, *words):
    got, out, err = answer
    lines = err.splitlines()
    ok = got == status and not out and len(lines) == 1 and all(str(w) in err for w in words)
    verdict(name, ok, f"status {got}, said {out + err!r}, not {status} and one line with {words}")


def what_is_busy(guest, folder):
    other = os.path.join(folder, "other")
    durability.make_image(other, SEED)
    log = os.path.join(folder, "log")
    with open(log, "w", encoding="ascii") as f:
        f.write("precious\n")
    run = ("run", "--memory", "16M", "--accel", "kvm", "--vnc", "none")
    pid = guest.proc.pid
    refused("an image in use names process and guest",
            caisson(*run, "--name", "second", "--disk", guest.image, "--serial", f"file:{log}"),
            2, guest.image, f"process {pid} ", "guest holder;")
    refused("an image in use names them for one who only reads, too",
            caisson(*run, "--name", "second", "--disk", guest.image + ",ro"), 2, pid, "holder")
    refused("two guests of one name",
            caisson(*run, "--name", "holder", "--disk", other, "--serial", f"file:{log}"), 2,
            "holder", pid)
    with open(log, encoding="ascii") as f:
        verdict("two guests of one name: the second touches no file", f.read() == "precious\n",
                "its serial log is another")
    with socket.create_server(("127.0.0.1", 0)) as busy:
        port = busy.getsockname()[1]
        refused("a busy port", caisson("run", "--memory", "16M", "--accel", "kvm", "--name", "port",
                                       "--disk", other, "--vnc", f"127.0.0.1:{port}"), 2, port)


def disc_in_use(guest, folder):
    taken = os.path.join(folder, "taken.iso")
    durability.make_image(taken, SEED)
    with open(taken, "r+b") as f:
        fcntl.lockf(f, fcntl.LOCK_EX)
        refused("a disc that another process has", caisson("cd", "holder", "insert", taken), 2,
                taken, os.getpid())
    refused("a disc that is the guest's own disk", caisson("cd", "holder", "insert", guest.image),
            2, guest.image)
    verdict("the guest goes on with the disc it had", guest.goes_on(), guest.errors.decode())


def abrupt(port):
    """A viewer that leaves with a reset, in the middle of a picture."""
    viewer = Client("127.0.0.1", port)
    viewer.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    viewer.sock.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, viewer.width, viewer.height) * 50)
    viewer.sock.close()


def garbage(rng):
    return rng.choice([
        rng.randbytes(rng.randint(1, 3000)),
        b"{" * 70000,
        b"x" * 200000 + b"\n",
        b'{"request":5}\n', b'{"request":"status"', b"[" * 100 + b"\n", b"\0\n\n{}\n",
        b'{"request":"' + rng.randbytes(20).hex().encode() + b'"}\n',
        b"RFB 003.008\n\1" + rng.randbytes(500),
    ])


def send_garbage(family, address, rng, times):
    for _ in range(times):
        with socket.socket(family) as s:
            s.settimeout(PATIENCE)
            try:
                s.connect(address)
                s.sendall(garbage(rng))
                if rng.random() < 0.5:
                    s.shutdown(socket.SHUT_WR)
                    while s.recv(65536):
                        pass
            except OSError:
                pass        # thrown out, as it should be


def who_sends_garbage(guest, port):
    rng = random.Random(5)
    for _ in range(5):
        abrupt(port)
    send_garbage(socket.AF_INET, ("127.0.0.1", port), rng, 40)
    with_viewer = Client("127.0.0.1", port)
    verdict("viewers that leave in the middle or send garbage", with_viewer.width > 0 and
            guest.goes_on(), "the guest stands still")
    send_garbage(socket.AF_UNIX, f"{RUN_DIR}/holder.sock", rng, 60)
    status, out, err = caisson("list")
    verdict("control clients that send garbage",
            status == 0 and "holder" in out and "running" in out and not err and guest.goes_on(),
            f"list ends with {status}: {out + err}")
    verdict("garbage does not make the program say anything", guest.errors.count(b"\n") == 3,
            guest.errors.decode())


def reader_goes_away(folder):
    image = os.path.join(folder, "unread")
    durability.make_image(image, SEED)
    guest = Guest(folder, image, "--vnc", "none", "--name", "unread")
    wait_until(lambda: guest.steps() > 1)
    guest.stop_reading()
    before = last_change(image)
    verdict("nobody reads the serial port any more",
            wait_until(lambda: last_change(image) > before) and guest.proc.poll() is None,
            "the guest stands still")
    guest.end()


def last_change(image):
    return os.stat(image).st_mtime_ns


def full_disk(folder):
    small = os.path.join(folder, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "none", small], check=True)
    image = os.path.join(small, "disk")
    durability.make_image(image, SEED)
    guest = Guest(folder, image, "--vnc", "none", "--name", "full")
    told = wait_until(lambda: b"cannot grow" in guest.errors)
    line = guest.errors.decode().splitlines()[-1]
    verdict("full disk: one line tells of it",
            told and image in line and "resume full" in line, guest.errors.decode())
    state = caisson("list")[1]
    verdict("full disk: the guest is paused", "full" in state and "paused" in state, state)
    before, began = guest.steps(), guest.errors.count(b"\n")
    caisson("resume", "full")
    again = wait_until(lambda: guest.errors.count(b"\n") > began)
    verdict("full disk: and again, when it is resumed without room", again and guest.steps() <= before + 1,
            f"steps {before} to {guest.steps()}, {guest.errors.decode()}")
    subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
    status, out, err = caisson("resume", "full")
    verdict("full disk: with room it goes on", status == 0 and guest.goes_on(), out + err)
    verdict("full disk: the guest never heard of it", b"bad" not in guest.text, guest.text[-200:].decode())
    wrong = guest.end()
    verdict("full disk: nothing is lost", not wrong, "; ".join(wrong[:5]))
    subprocess.run(["umount", small], check=True)


def left_over():
    verdict("nothing is left in the run directory",
            wait_until(lambda: not os.listdir(RUN_DIR)), str(os.listdir(RUN_DIR)))
    running = subprocess.run(["pgrep", "-l", "caisson"], capture_output=True, text=True,
                             check=False).stdout
    verdict("nothing is left running", not running, running)


def main():
    folder = tempfile.mkdtemp(prefix="bad-input-")
    durability.prepare(folder)
    image = os.path.join(folder, "holder.img")  # and so its name is holder
    durability.make_image(image, SEED)
    port = free_port()
    disc = os.path.join(folder, "disc.iso")
    durability.make_image(disc, SEED)
    guest = Guest(folder, image, "--vnc", f"127.0.0.1:{port}", "--cdrom", disc)
    verdict("the guest runs", wait_until(lambda: guest.steps() > 1), guest.errors.decode())
    what_is_busy(guest, folder)
    disc_in_use(guest, folder)
    who_sends_garbage(guest, port)
    wrong = guest.end()
    verdict("the guest's disk kept everything", not wrong, "; ".join(wrong[:5]))
    reader_goes_away(folder)
    full_disk(folder)
    left_over()
    shutil.rmtree(folder, ignore_errors=True)
    sys.stdout.flush()
    finish()


if __name__ == "__main__":
    main()
