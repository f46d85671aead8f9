#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Starts Debian's kernel directly, in each way there is: run by test_direct.py inside the lab.

bzimage  two processors, the 64-bit entry
pvh      the ELF file inside, by its PVH entry
old      the 32-bit entry and a picture instead of text; a reset once it is up, then the plug
Each way leaves NAME.log, the guest's serial port, in the folder of results, and prints its line
"NAME STATUS SECONDS".
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

XLOADFLAGS, KERNEL_64 = 0x236, 1
READY = "caisson-guest: ready"
LIMIT = 300


def start(name, out, kernel, initrd, words, *more):
    return subprocess.Popen(
        ["caisson", "run", "--name", name, "--kernel", kernel, "--initrd", initrd, "--append",
         words, "--vnc", "none", "--serial", f"file:{out}/{name}.log", *more],
        stdin=subprocess.DEVNULL)


def count_ready(out, name):
    try:
        with open(f"{out}/{name}.log", encoding="utf-8", errors="replace") as f:
            return f.read().count(READY)
    except FileNotFoundError:
        return 0


def wait_ready(proc, out, name, times):
    until = time.monotonic() + LIMIT
    while count_ready(out, name) < times and proc.poll() is None and time.monotonic() < until:
        time.sleep(0.2)


def selftest(name, out, kernel, initrd, *more):
    began = time.monotonic()
    proc = start(name, out, kernel, initrd, "guest.run=selftest", "--memory", "256M", *more)
    try:
        status = proc.wait(LIMIT)
    except subprocess.TimeoutExpired:
        proc.kill()
        status = proc.wait()
    print(name, status, round(time.monotonic() - began, 1), flush=True)


def without_64_bit_entry(kernel, folder):
    path = os.path.join(folder, "vmlinuz-32")
    shutil.copy(kernel, path)
    with open(path, "r+b") as f:
        f.seek(XLOADFLAGS)
        flags = f.read(1)[0]
        f.seek(XLOADFLAGS)
        f.write(bytes([flags & ~KERNEL_64]))
    return path


def reset_and_picture(name, out, kernel, initrd):
    began = time.monotonic()
    proc = start(name, out, kernel, initrd, "guest.run=shell vga=792",
                 "--memory", "256M")
    wait_ready(proc, out, name, 1)
    subprocess.run(["caisson", "reset", name], check=False)
    wait_ready(proc, out, name, 2)
    subprocess.run(["caisson", "screenshot", name, f"{out}/{name}.png"], check=False)
    subprocess.run(["caisson", "kill", name], check=False)
    try:
        status = proc.wait(30)
    except subprocess.TimeoutExpired:
        proc.kill()
        status = proc.wait()
    print(name, status, round(time.monotonic() - began, 1), flush=True)


def main():
    out, kernel, vmlinux, initrd, disk = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        copy = os.path.join(folder, "disk.img")
        shutil.copy(disk, copy)
        selftest("bzimage", out, kernel, initrd, "--cpus", "2", "--disk", copy)
        selftest("pvh", out, vmlinux, initrd)
        reset_and_picture("old", out, without_64_bit_entry(kernel, folder), initrd)


if __name__ == "__main__":
    main()
