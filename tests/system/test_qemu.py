#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Stock QEMU, told to use KVM, with guests on the hypervisor of the lab, in one session of it.

    test_qemu.py [GUEST...]     the names are those of qemu_here.py; without one: all
"""
import glob
import os
import sys

from labkit import HERE, IMAGES, Lab, Scratch, finish, image, verdict

LIMIT = 1200


def main():
    image("linux-initrd", file="linux-initrd.gz")
    image("memtest", file="memtest.iso")
    for flavour in ("686", "686-pae"):
        image("linux-cd", "--arch", flavour, "--default", "selftest", "--append", "quiet", "--name",
              f"linux-cd-{flavour}-selftest", file=f"linux-cd-{flavour}-selftest.iso")
    kernel = sorted(glob.glob("/boot/vmlinuz-6.1.*-amd64"))[-1]
    command = ["python3", "-u", os.path.join(HERE, "qemu_here.py"), IMAGES, kernel, "/tmp", *sys.argv[1:]]
    with Scratch() as folder:
        with Lab(["--memory", "1G"], command, os.path.join(folder, "lab.log"), LIMIT) as lab:
            status = lab.wait()
        said = lab.text()
    print(said, end="")
    verdict("qemu: the hypervisor had nothing to complain about, and could be unloaded",
            "tools/lab:" not in said, said[-500:])
    if status and "FAIL" not in said:
        verdict("qemu: runs", False, f"status {status}")
    finish()


if __name__ == "__main__":
    main()
