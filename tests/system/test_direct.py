#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernel started without firmware: by its 64-bit, 32-bit and PVH entries, on one and two
vCPUs, and once more after a reset. Nothing that the kernel misses of firmware may show."""
import glob
import os
import re
import sys

from labkit import TOP, Lab, Scratch, finish, image, verdict
from picture import Picture, read_png
from test_linux import LAB_ONLY

LIMIT = 900
SCREEN = (1024, 768)  # what a direct boot sets; see devicemodel/boot/board.c


def newest_kernel():
    """Debian's bzImage, and the ELF file from it that the lab itself is started with."""
    sys.path.insert(0, os.path.join(TOP, "tools"))
    from lablib.common import find_kernel
    from lablib.hostkernel import boot_image
    kernel = find_kernel("6.1")
    return str(kernel.image), str(boot_image(kernel))


def read(path):
    try:
        with open(path, encoding="utf-8", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def judge_selftest(name, status, log, processors):
    problems = [line for line in re.findall(r"caisson-guest: problem (.*)", log)
                if not LAB_ONLY.search(line)]
    return [
        verdict(f"{name}: the kernel reaches its init and powers off",
                status == "0" and "caisson-guest: done" in log, f"status {status}"),
        verdict(f"{name}: number of processors", f"processors {processors}" in log, "another"),
        verdict(f"{name}: no complaint about firmware, ACPI or interrupts",
                "caisson-guest: problems" in log and not problems, "; ".join(problems)),
    ]


def judge_picture(path):
    """The kernel's console: of the size that was set, with light letters on black."""
    if not os.path.exists(path):
        return verdict("old: the console is in the linear picture", False, "no screenshot")
    shot = read_png(path)
    black = Picture(shot.width, shot.height)
    share = shot.differing(black) / (shot.width * shot.height)
    return verdict("old: the console is in the linear picture",
                   (shot.width, shot.height) == SCREEN and 0.001 < share < 0.5,
                   f"{shot.width}x{shot.height}, {share:.1%} not black")


def main():
    kernel, vmlinux = newest_kernel()
    initrd = image("linux-initrd", file="linux-initrd.gz")
    disk = image("linux", "--default", "selftest", file="linux-selftest.img")
    with Scratch() as out:
        command = [os.path.join(TOP, "tests/system/direct_here.py"), "/out", kernel, vmlinux,
                   initrd, disk]
        with Lab(["--memory", "1536M", "--out", out], command, os.path.join(out, "lab.log"),
                 LIMIT) as lab:
            lab.wait()
            said = lab.text()
        done = dict(re.findall(r"^(\w+) (-?\d+) [\d.]+$", said, re.M))
        print(*re.findall(r"^\w+ -?\d+ [\d.]+$", said, re.M), sep=" s\n", end=" s\n")
        logs = {name: read(os.path.join(out, name + ".log")) for name in ("bzimage", "pvh", "old")}
        ok = judge_selftest("bzimage", done.get("bzimage"), logs["bzimage"], 2)
        ok += [verdict("bzimage: disk written and read back",
                       "caisson-guest: disk ok" in logs["bzimage"], "not so")]
        ok += judge_selftest("pvh", done.get("pvh"), logs["pvh"], 1)
        ok += [verdict("old: a reset starts the kernel again",
                       logs["old"].count("caisson-guest: ready") == 2 and done.get("old") == "0",
                       f"ready {logs['old'].count('caisson-guest: ready')} times"),
               judge_picture(os.path.join(out, "old.png"))]
        if not all(ok):
            print(said[-3000:], *(log[-3000:] for log in logs.values()), sep="\n")
    finish()


if __name__ == "__main__":
    main()
