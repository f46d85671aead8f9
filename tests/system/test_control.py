#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The control commands against two small guests, in one session of the lab."""
import glob
import os
import subprocess
import sys

from labkit import HERE, HV, TOP, Scratch, image

LIMIT = 900


def make_sector(folder):
    """The boot sector that echoes, as a disk."""
    path = os.path.join(folder, "echo.img")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-Wl,--oformat=binary,-Ttext=0x7c00",
                    "-Wl,--build-id=none", "-o", path, os.path.join(HERE, "echo.S")], check=True)
    with open(path, "r+b") as f:
        f.truncate(1 << 20)
    return path


def main():
    initrd = image("linux-initrd", file="linux-initrd.gz")
    kernel = sorted(glob.glob("/boot/vmlinuz-6.1.*-amd64"))[-1]
    with Scratch() as folder:
        sector = make_sector(folder)
        done = subprocess.run(
            [os.path.join(TOP, "tools", "lab"), "--hv", HV, "--memory", "1G", "--timeout",
             str(LIMIT), "--add", sector, "--", "sh", "-c",
             "cp /add/echo.img /tmp && exec python3 -u \"$@\"", "-",
             os.path.join(HERE, "control_here.py"), kernel, initrd, "/tmp/echo.img", "/tmp"],
            stdin=subprocess.DEVNULL, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
