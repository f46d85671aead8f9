#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot loaders, screens in text, planar and VBE modes, and a minute of Memtest86+, in one lab."""
import glob
import os
import shutil
import subprocess
import sys

from labkit import IMAGES, TOP, Lab, Scratch, finish, image, verdict

LIMIT = 1200


def main():
    for name in ("grub", "ipxe", "memtest"):
        image(name, file=f"{name}.iso")
    subprocess.run(["make", "-s", "-C", TOP, "guests"], check=True)
    with Scratch() as out:
        command = ["python3", "-u", os.path.join(TOP, "tests/system/media_here.py"), IMAGES, "/out",
                   *sys.argv[1:]]
        with Lab(["--memory", "1G", "--out", out], command, os.path.join(out, "lab.log"),
                 LIMIT) as lab:
            status = lab.wait()
            said = lab.text()
        print(said, end="")
        if status not in (0, 1):  # 1: it has said itself what failed
            verdict("the guests run to their end", False, f"status {status}")
        keep = os.environ.get("CAISSON_KEEP")
        for path in glob.glob(os.path.join(out, "*.png")) if keep else ():
            shutil.copy(path, keep)
    finish()


if __name__ == "__main__":
    main()
