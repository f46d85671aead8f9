#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernel in a sandboxed process, in one session of the lab: nobody with no privilege in
every thread, and all that a user does with a guest still works."""
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import time

from labkit import HERE, Lab, Scratch, finish, image, verdict

LIMIT = 600
BOOT_LIMIT = 240
RUN_DIRECTORY = "/run/caisson"
MEMORY = "256M"


# --- inside the lab ---------------------------------------------------------------------------


def caisson(*words):
    return subprocess.run(["caisson", *words], capture_output=True, text=True, timeout=60)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


class Guest:
    """`caisson run` in the background."""

    def __init__(self, name, *options, append=""):
        self.name, self.serial, self.log = name, f"/tmp/{name}.serial", f"/tmp/{name}.log"
        kernel = sorted(glob.glob("/boot/vmlinuz-6.1.*-amd64"))[-1]
        with open(self.log, "w", encoding="ascii") as log:
            self.proc = subprocess.Popen(
                ["caisson", "run", "--name", name, "--memory", MEMORY, "--kernel", kernel,
                 "--initrd", "/add/linux-initrd.gz", "--append", "console=ttyS0 " + append,
                 "--serial", "file:" + self.serial, *options],
                stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)

    def said(self):
        return read(self.log)

    def wait_for(self, text, times=1):
        """Until the guest has said text so often on its serial port."""
        until = time.monotonic() + BOOT_LIMIT
        while time.monotonic() < until and self.proc.poll() is None:
            if os.path.exists(self.serial) and read(self.serial).count(text) >= times:
                return True
            time.sleep(0.2)
        return os.path.exists(self.serial) and read(self.serial).count(text) >= times

    def wait_for_socket(self):
        until = time.monotonic() + 60
        while time.monotonic() < until and self.proc.poll() is None:
            if "to stop:" in self.said():
                return
            time.sleep(0.05)

    def threads(self):
        """What /proc says of each thread, as dictionaries."""
        found = []
        for path in glob.glob(f"/proc/{self.proc.pid}/task/*/status"):
            lines = dict(line.split(":", 1) for line in read(path).splitlines() if ":" in line)
            found.append({key: value.strip() for key, value in lines.items()})
        # newer kernels count KVM's own worker among the process's threads
        return [t for t in found if not t["Name"].startswith("kvm-")]

    def kill(self):
        done = caisson("kill", self.name)
        try:
            return done.returncode == 0 and self.proc.wait(20) == 0
        except subprocess.TimeoutExpired:
            self.proc.kill()
            return False


def check_threads(guest):
    threads = guest.threads()
    names = sorted(t["Name"] for t in threads)
    verdict("all kinds of threads are there",
            {"caisson", "vcpu0", "vcpu1", "vnc", "vnc viewer"} <= set(names), str(names))
    nobody = str(pwd.getpwnam("nobody").pw_uid)
    for key, wanted in (("Seccomp", "2"), ("NoNewPrivs", "1"), ("CapEff", "0" * 16),
                        ("CapPrm", "0" * 16), ("Uid", "\t".join([nobody] * 4)), ("Groups", "")):
        wrong = {t["Name"]: t[key] for t in threads if t[key] != wanted}
        verdict(f"every thread has {key} {wanted or 'none'}".replace("\t", " "), not wrong,
                str(wrong))
    narrow = {t["Name"]: t["Seccomp_filters"] for t in threads
              if t["Name"].startswith(("vcpu", "vnc"))}
    verdict("processors and viewers have a narrower filter of their own",
            set(narrow.values()) == {"2"}, str(narrow))


def check_verbs(guest):
    """What goes through the control socket; the guest is at its shell."""
    listed = caisson("list").stdout
    verdict("caisson list shows the guest", guest.name in listed and "running" in listed, listed)
    done = caisson("screenshot", guest.name, "/tmp/shot.png")
    good = done.returncode == 0 and read("/tmp/shot.png")[1:4] == "PNG"
    verdict("a screenshot is taken", good, done.stderr)
    done = caisson("pause", guest.name)
    paused = "paused" in caisson("list").stdout
    verdict("the guest pauses", done.returncode == 0 and paused, done.stderr)
    done = caisson("resume", guest.name)
    verdict("the guest goes on", done.returncode == 0, done.stderr)
    done = caisson("reset", guest.name)
    again = guest.wait_for("Linux version", 2)
    verdict("the guest starts again after a reset", done.returncode == 0 and again,
            done.stderr + guest.said())


def check_viewers(rfb):
    """They come and go, with as much memory as their encodings take."""
    for encoding in (0, 5, 6, 7, 16) * 3:
        with rfb.Client("unix:/tmp/boxed.vnc", timeout=60) as viewer:
            viewer.ask_in(encoding)
    with rfb.Client("unix:/tmp/boxed.vnc", timeout=60) as viewer:
        viewer.refresh()
        verdict("viewers of all encodings come and go", viewer.width > 0)


def wrong_password(address):
    """What the server says to one: 1 is failed."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(60)
        s.connect(address)
        stream = s.makefile("rwb", 0)
        for answer, question in ((b"RFB 003.008\n", 12), (b"\2", 2), (bytes(16), 16)):
            stream.read(question)
            stream.write(answer)
        return int.from_bytes(stream.read(4), "big")


def files_left():
    return sorted(os.listdir(RUN_DIRECTORY)) if os.path.isdir(RUN_DIRECTORY) else []


def check_start_and_verbs():
    import rfb  # pylint: disable=import-outside-toplevel
    guest = Guest("boxed", "--cpus", "2", "--vnc", "unix:/tmp/boxed.vnc")
    verdict("a kernel starts inside the sandbox", guest.wait_for("caisson-guest: ready"),
            guest.said())
    with rfb.Client("unix:/tmp/boxed.vnc", timeout=60) as viewer:
        viewer.type_text("echo\n")
        viewer.move(10, 10)
        viewer.refresh()
        verdict("a viewer sees the screen, types and points", viewer.width > 0)
        check_threads(guest)
    check_viewers(rfb)
    check_verbs(guest)
    verdict("caisson kill ends it", guest.kill(), guest.said())
    left = files_left() + glob.glob("/tmp/boxed.vnc")
    verdict("sockets and lock are gone when it has ended", not left, str(left))
    verdict("the sandbox refused nothing that it needs", "refused" not in guest.said(),
            guest.said())


def check_disk():
    shutil.copy("/add/linux-selftest.img", "/tmp/disk.img")
    os.chmod("/tmp/disk.img", 0o600)
    guest = Guest("disk", "--disk", "/tmp/disk.img", "--vnc", "none",
                  append="guest.run=selftest")
    try:
        status = guest.proc.wait(BOOT_LIMIT)
    except subprocess.TimeoutExpired:
        guest.proc.kill()
        status = "none"
    serial = read(guest.serial)
    verdict("the disk of another user, once open, is written and read",
            "caisson-guest: disk ok" in serial, serial[-2000:])
    verdict("power off ends it with status 0", status == 0, f"status {status}; {guest.said()}")


def private(path, flags):
    return os.open(path, flags, 0o600)


def wait_until_no_files():
    until = time.monotonic() + 20
    while files_left() and time.monotonic() < until:
        time.sleep(0.05)
    return not files_left()


def check_plug():
    with open("/tmp/password", "w", encoding="ascii", opener=private) as f:
        f.write("secret\n")
    guest = Guest("plug", "--vnc", "unix:/tmp/plug.vnc", "--vnc-password-file", "/tmp/password")
    guest.wait_for_socket()
    failed = wrong_password("/tmp/plug.vnc")
    verdict("a wrong password is one inside the sandbox, too",
            failed == 1 and "wrong password" in guest.said(), f"{failed}; {guest.said()}")
    guest.proc.send_signal(signal.SIGKILL)
    guest.proc.wait()
    verdict("nothing is left in the run directory after kill -9", wait_until_no_files(),
            str(files_left()))


def control_socket_answers(name):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(30)
        s.connect(f"{RUN_DIRECTORY}/{name}.sock")
        s.sendall(b'{"request":"status"}\n')
        return json.loads(s.makefile().readline()).get("ok")


def check_off():
    guest = Guest("open", "--vnc", "none", "--sandbox", "off")
    guest.wait_for_socket()
    verdict("--sandbox off says what it is for", "debugging" in guest.said(), guest.said())
    verdict("--sandbox off leaves the process as it was",
            control_socket_answers("open") and
            {(t["Seccomp"], t["Uid"].split()[0]) for t in guest.threads()} == {("0", "0")},
            str(guest.threads()))
    guest.kill()


def check_user():
    guest = Guest("daemon", "--vnc", "none", "--user", "daemon")
    guest.wait_for_socket()
    wanted = str(pwd.getpwnam("daemon").pw_uid)
    users = {t["Uid"].split()[0] for t in guest.threads()}
    verdict("--user names whom root becomes", users == {wanted}, str(users) + guest.said())
    guest.kill()
    done = caisson("run", "--name", "x", "--vnc", "none", "--user", "no-such-user")
    verdict("a user that does not exist is an error of one sentence, and status 1",
            done.returncode == 1 and done.stderr.count("\n") == 1 and
            "no-such-user" in done.stderr, done.stderr)


def inside():
    sys.path.insert(0, HERE)
    check_start_and_verbs()
    check_disk()
    check_plug()
    check_off()
    check_user()
    finish()


# --- outside ----------------------------------------------------------------------------------


def main():
    if sys.argv[1:] == ["inside"]:
        inside()
    initrd = image("linux-initrd", file="linux-initrd.gz")
    disk = image("linux", "--default", "selftest", file="linux-selftest.img")
    with Scratch() as out:
        log = os.path.join(out, "lab.log")
        with Lab(["--memory", "1280M", "--add", initrd, "--add", disk],
                 ["python3", "-u", os.path.abspath(__file__), "inside"], log, LIMIT) as lab:
            status = lab.wait()
            print(lab.text(), flush=True)
    if status not in (0, 1):
        verdict("the lab's command ends", False, f"status {status}")
    finish() if status == 0 else sys.exit(1)


if __name__ == "__main__":
    main()
