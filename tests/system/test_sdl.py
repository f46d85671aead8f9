#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The window of --sdl, in the lab: see sdl_here.py."""
import os
import subprocess
import sys

from labkit import HERE, HV, TOP, Scratch

LIMIT = 1200


def make_sector(folder):
    path = os.path.join(folder, "window.img")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-Wl,--oformat=binary,-Ttext=0x7c00",
                    "-Wl,--build-id=none", "-o", path, os.path.join(HERE, "window.S")], check=True)
    with open(path, "r+b") as f:
        f.truncate(1 << 20)
    return path


def main():
    with Scratch() as folder:
        sector = make_sector(folder)
        done = subprocess.run(
            [os.path.join(TOP, "tools", "lab"), "--hv", HV, "--memory", "1G", "--timeout",
             str(LIMIT), "--add", sector, "--", "python3", "-u", os.path.join(HERE, "sdl_here.py"),
             "/add/window.img", "/tmp"], stdin=subprocess.DEVNULL, check=False)
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
