#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Hours that `make test` does not have; `make soak` runs this. Prints PASS and FAIL as tests do.

idle    Debian's text console for an hour: threads beside the vCPUs must hardly wake, memory must not grow
busy    a Linux guest that writes, reads and computes for an hour; no complaint in its log, disk in order
resets  five resets in a row by each way that Linux has, on the path with BIOS and boot loader

    soak.py [--minutes N] [NAME...]
"""
import argparse
import os
import re
import sys

from labkit import IMAGES, TOP, Lab, Scratch, finish, image, verdict

WAYS = ("acpi", "kbd", "pci", "triple", "bios")
TIMES = 5
BOOT_LIMIT = 240  # seconds for one start through BIOS and boot loader


def kernel():
    sys.path.insert(0, os.path.join(TOP, "tools"))
    from lablib.common import find_kernel
    return str(find_kernel("6.1").image)


def in_lab(name, arguments, limit):
    """Runs soak_here.py's part of that name; its verdicts are ours."""
    with Scratch() as out:
        command = ["python3", "-u", os.path.join(TOP, "tests/system/soak_here.py"), name, "/out",
                   *arguments]
        with Lab(["--memory", "1536M", "--out", out], command,
                 os.path.join(out, "lab.log"), limit) as lab:
            status = lab.wait()
            print(lab.text(), end="", flush=True)
        verdict(f"{name}: runs to its end", status in (0, 1), f"status {status}")


def idle(minutes):
    image("linux-initrd", file="linux-initrd.gz")
    in_lab("idle", [kernel(), f"{IMAGES}/linux-initrd.gz", str(minutes)], minutes * 60 + 900)


def busy(minutes):
    image("linux-initrd", file="linux-initrd.gz")
    image("linux", file="linux.img")
    in_lab("busy", [kernel(), f"{IMAGES}/linux-initrd.gz", f"{IMAGES}/linux.img", str(minutes)],
           minutes * 60 + 900)


def resets(minutes):
    words = ",".join(way for way in WAYS for _ in range(TIMES))
    path = image("linux", "--default", "resets", "--append", f"quiet guest.resets={words}",
                 "--name", "linux-resets-soak", file="linux-resets-soak.img")
    in_lab("resets", [path, words], BOOT_LIMIT * (len(WAYS) * TIMES + 1))


SOAKS = {"idle": idle, "busy": busy, "resets": resets}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=int, default=60, help="of idle and busy (60)")
    parser.add_argument("name", nargs="*", help=f"of {', '.join(SOAKS)} (all)")
    asked = parser.parse_args()
    unknown = [name for name in asked.name if not re.fullmatch("|".join(SOAKS), name)]
    if unknown:
        parser.error(f"there is no soak {unknown[0]}")
    for name in asked.name or SOAKS:
        SOAKS[name](asked.minutes)
    finish()


if __name__ == "__main__":
    main()
