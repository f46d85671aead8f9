#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's i386 kernels from CD, its amd64 kernel on four processors, and Linux's ways to reset, in
one lab."""
import os
import sys

from labkit import IMAGES, TOP, Lab, Scratch, finish, image, verdict

LIMIT = 1400


def main():
    for flavour in ("686", "686-pae"):
        image("linux-cd", "--arch", flavour, "--default", "selftest", "--append", "quiet", "--name",
              f"linux-cd-{flavour}-selftest", file=f"linux-cd-{flavour}-selftest.iso")
    image("linux-initrd", file="linux-initrd.gz")
    sys.path.insert(0, os.path.join(TOP, "tools"))
    from lablib.common import find_kernel
    with Scratch() as out:
        command = ["python3", "-u", os.path.join(TOP, "tests/system/kernels_here.py"), IMAGES,
                   str(find_kernel("6.1").image), "/out", *sys.argv[1:]]
        with Lab(["--memory", "1G", "--out", out], command, os.path.join(out, "lab.log"),
                 LIMIT) as lab:
            status = lab.wait()
            print(lab.text(), end="")
        if status not in (0, 1):  # 1: it has said itself what failed
            verdict("the guests run to their end", False, f"status {status}")
    finish()


if __name__ == "__main__":
    main()
