#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Disks as Debian's kernel sees them, in the lab: see disks_here.py."""
import os

from labkit import TOP, Lab, Scratch, finish, image, verdict
from test_direct import newest_kernel

LIMIT = 600


def main():
    initrd = image("linux-initrd", file="linux-initrd.gz")
    with Scratch() as out:
        program = os.path.join(TOP, "tests/system/disks_here.py")
        with Lab([], ["python3", "-u", program, newest_kernel()[0], initrd],
                 os.path.join(out, "log"), LIMIT) as lab:
            status = lab.wait()
            print(lab.text(), flush=True)
            verdict("the cases come to their end",
                    status in (0, 1) and "the image is as it was" in lab.text(), f"status {status}")
    finish()


if __name__ == "__main__":
    main()
