#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's own QEMU, told to use KVM, with guests on the hypervisor of the machine that this runs on;
test_qemu.py runs it in the lab. Prints `PASS name` or `FAIL name: why` for each subject.

    qemu_here.py IMAGES KERNEL FOLDER [GUEST...]     the guest images; an amd64 kernel; results
"""
import json
import os
import re
import socket
import subprocess
import sys
import time

from kernels_here import complaints
from labkit import finish, verdict

LIMIT = 300  # seconds that one guest may take: a watchdog
MEMTEST_TIME = 20
MACHINE = "pc,accel=kvm,kernel-irqchip=split"


def qemu(*arguments, machine=MACHINE, memory="256M", cpu="host"):
    return ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine", machine, "-cpu", cpu,
            "-m", memory, "-display", "none", "-no-reboot", *arguments]


def run(folder, name, command):
    """(exit status or None, serial output) of a guest that powers off by itself."""
    path = os.path.join(folder, f"qemu-{name}.serial")
    command = [*command, "-serial", f"file:{path}"]
    with open(os.path.join(folder, f"qemu-{name}.out"), "w+", encoding="utf-8") as out:
        try:
            status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                                    timeout=LIMIT, check=False).returncode
        except subprocess.TimeoutExpired:
            status = None
        out.seek(0)
        said = out.read()
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return status, f.read(), said
    except FileNotFoundError:
        return status, "", said


def selftest(folder, name, cpus, command):
    """A guest whose init looks at itself and powers off."""
    status, serial, said = run(folder, name, command)
    done = status == 0 and "caisson-guest: done" in serial
    if not verdict(f"{name}: the kernel reaches its init and powers off", done,
                   f"status {status}; {said}; the end of what it said:\n{serial[-1500:]}"):
        return
    verdict(f"{name}: {cpus} processors", f"caisson-guest: processors {cpus}" in serial, serial[-500:])
    found = complaints(serial)
    verdict(f"{name}: no complaint about firmware, ACPI or interrupts", not found, "; ".join(found))


def amd64(images, kernel, folder, cpus, machine=MACHINE):
    name = ("q35" if "q35" in machine else "amd64") + f"-{cpus}"
    selftest(folder, name, cpus, qemu(
        "-smp", str(cpus), "-kernel", kernel, "-initrd", f"{images}/linux-initrd.gz", "-append",
        "quiet console=ttyS0 guest.run=selftest", machine=machine))


def from_cd(images, folder, flavour):
    selftest(folder, flavour, 1, qemu("-vga", "std", "-cdrom", f"{images}/linux-cd-{flavour}-selftest.iso",
                                     cpu=os.environ.get("CPU", "kvm32")))


class Monitor:
    """QEMU's machine protocol: its own words for what a person would do."""

    def __init__(self, path):
        until = time.monotonic() + LIMIT
        while True:
            self.sock = socket.socket(socket.AF_UNIX)
            self.sock.settimeout(LIMIT)
            try:
                self.sock.connect(path)
                break
            except OSError:
                self.sock.close()
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        self.file = self.sock.makefile("rw")
        self.file.readline()
        self.ask("qmp_capabilities")

    def ask(self, execute, **arguments):
        self.file.write(json.dumps({"execute": execute, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "event" not in answer:
                return answer

    def text_screen(self):
        """The 80 x 25 characters in video memory."""
        answer = self.ask("human-monitor-command", **{"command-line": "xp /4000bx 0xb8000"})
        cells = [int(byte, 16) for byte in re.findall(r"0x([0-9a-f]{2})\b", answer["return"])]
        text = "".join(chr(c) if 32 <= c < 127 else " " for c in cells[0::2])
        return "\n".join(text[i:i + 80] for i in range(0, len(text), 80))


def threads(pid):
    """Where each thread of a process is: for a process that does not answer."""
    said = []
    for task in sorted(os.listdir(f"/proc/{pid}/task")):
        for what in ("comm", "syscall", "schedstat", "stack"):
            try:
                with open(f"/proc/{pid}/task/{task}/{what}", encoding="utf-8", errors="replace") as f:
                    said.append(f"{what}: {f.read().strip()}")
            except OSError as err:
                said.append(f"{what}: {err}")
    return "\n".join(said)


def memtest(images, folder):
    path = os.path.join(folder, "qemu-memtest.sock")
    command = qemu("-vga", "std", "-cdrom", f"{images}/memtest.iso", "-qmp", f"unix:{path},server=on,wait=off",
                   memory="96M")
    with subprocess.Popen(command, stdin=subprocess.DEVNULL) as proc:
        try:
            monitor = Monitor(path)
            until, found = time.monotonic() + LIMIT, None
            while time.monotonic() < until and proc.poll() is None:
                screen = monitor.text_screen()
                found = re.search(r"Time: +(\d+):(\d+):(\d+)[\s\S]*Errors: +(\d+)", screen)
                if found and int(found[2]) * 60 + int(found[3]) >= MEMTEST_TIME:
                    break
                time.sleep(2)
            verdict("memtest: counts to twenty seconds without an error",
                    bool(found) and found[4] == "0", f"there is:\n{screen}")
        except OSError as err:
            raise ValueError(f"QEMU did not answer: {err}\n{threads(proc.pid)}") from err
        finally:
            proc.kill()


GUESTS = {
    "amd64-1": lambda i, k, f: amd64(i, k, f, 1),
    "amd64-2": lambda i, k, f: amd64(i, k, f, 2),
    "amd64-4": lambda i, k, f: amd64(i, k, f, 4),
    "q35-2": lambda i, k, f: amd64(i, k, f, 2, "q35,accel=kvm,kernel-irqchip=split"),
    "686": lambda i, k, f: from_cd(i, f, "686"),
    "686-pae": lambda i, k, f: from_cd(i, f, "686-pae"),
    "memtest": lambda i, k, f: memtest(i, f),
}


def main():
    images, kernel, folder, *names = sys.argv[1:]
    for name in names or GUESTS:
        began = time.monotonic()
        try:
            GUESTS[name](images, kernel, folder)
        except (OSError, subprocess.SubprocessError, ValueError) as trouble:
            verdict(f"{name}: runs", False, str(trouble))
        print(f"    {name}: {time.monotonic() - began:.1f} s", flush=True)
    finish()


if __name__ == "__main__":
    main()
