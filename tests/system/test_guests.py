#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Our own small guests (tests/guests/) in the emulated host."""
import os
import subprocess
import sys

from labkit import HV, TOP

HOST_MEMORY = "6G"  # one guest has 5 GiB, of which it touches little


def main():
    subprocess.run(["make", "-s", "-C", TOP, "guests"], check=True)
    lab = [os.path.join(TOP, "tools/lab"), "--hv", HV, "--memory", HOST_MEMORY, "--",
           "python3", os.path.join(TOP, "tests/system/guests_here.py"), *sys.argv[1:]]
    os.execv(lab[0], lab)


if __name__ == "__main__":
    main()
