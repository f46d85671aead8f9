#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernel from an IDE disk, through SeaBIOS and GRUB, on two vCPUs: it writes a file,
flushes, powers off by ACPI, and the file is there."""
import os
import re
import shutil
import struct
import subprocess

from labkit import Lab, Scratch, finish, image, verdict

LIMIT = 900
# What Debian's kernel says on any hypervisor in this lab: its emulated processor has no XSETBV
# intercept (xstate), and a microcode that knows no mitigation (Speculative Return Stack Overflow).
LAB_ONLY = re.compile(r"Speculative Return Stack Overflow|arch/x86/kernel/fpu/xstate\.c")


def partition_start(path):
    """Byte offset of the first partition, from the MBR."""
    with open(path, "rb") as f:
        f.seek(446 + 8)
        return struct.unpack("<I", f.read(4))[0] * 512


def file_on(disk, name):
    """A file's content, straight from the image."""
    done = subprocess.run(["debugfs", "-R", f"cat {name}",
                           f"{disk}?offset={partition_start(disk)}"],
                          capture_output=True, text=True,
                          env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin"})
    return done.stdout


def main():
    original = image("linux", "--default", "selftest", file="linux-selftest.img")
    with Scratch() as out:
        disk = os.path.join(out, "disk.img")
        shutil.copy(original, disk)
        command = ["caisson", "run", "/out/disk.img", "--name", "linux", "--memory", "512M",
                   "--cpus", "2", "--vnc", "none", "--serial", "file:/out/serial.log"]
        with Lab(["--memory", "1536M", "--out", out], command, os.path.join(out, "lab.log"),
                 LIMIT) as lab:
            status = lab.wait()
            said = lab.text()
        try:
            with open(os.path.join(out, "serial.log"), encoding="utf-8", errors="replace") as f:
                serial = f.read()
        except FileNotFoundError:
            serial = ""
        problems = [line for line in re.findall(r"caisson-guest: problem (.*)", serial)
                    if not LAB_ONLY.search(line)]
        ok = [
            verdict("shell reached through SeaBIOS and GRUB", "caisson-guest: ready" in serial,
                    "no line 'caisson-guest: ready' on the serial port"),
            verdict("two processors", "caisson-guest: processors 2" in serial, "not two"),
            verdict("disk written and read back", "caisson-guest: disk ok" in serial, "see below"),
            verdict("no complaint about firmware, ACPI or interrupts",
                    "caisson-guest: problems" in serial and not problems, "; ".join(problems)),
            verdict("power off by ACPI ends the program with status 0",
                    status == 0 and "powered off" in said, f"status {status}"),
            verdict("the file is on the disk", file_on(disk, "/selftest.txt").strip() ==
                    "caisson-selftest", "debugfs finds another content"),
        ]
        if not all(ok):
            print(serial[-6000:])
            print(said[-3000:])
    finish()


if __name__ == "__main__":
    main()
