#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No change of video memory is lost while write access to it is dropped and given back: on AMD-V,
on VT-x, and with LAB_HV=kvm on KVM. See vram_here.py."""
import os
import re
import subprocess

from labkit import HV, TOP, Lab, Scratch, finish, verdict

LIMIT = 1200    # a watchdog: one to two minutes for each
# How often write access is dropped and comes back, at least: a fifth of what is usual or less, as a
# slow host has less of the quiet time that it takes. With more of that time, pages stay writable on
# KVM while they change. On VT-x the guest is stopped by the viewer.
RUNS = {
    "caisson": (("amd", "pixels", "idle", "200"), ("amd", "text", "idle", "20"),
                ("intel", "pixels", "idle", "20", "25")),
    "kvm": (("amd", "pixels", "idle:10ms", "30"), ("amd", "pixels", "idle:240ms", "0"),
            ("amd", "text", "idle:10ms", "10")),
}
LABS = {"amd": ["--smp", "2"], "intel": ["--cpu", "intel", "--memory", "1G", "--smp", "2"]}


def build():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "-C", TOP, "guests"], capture_output=True, text=True, env=env)
    if done.returncode:
        print(done.stdout + done.stderr)
        raise SystemExit("cannot build the guests")


def run(cpu, *words):
    """Its own verdicts, with the processor's name and the way of tracking."""
    where = f"{cpu}, {words[1]}"
    with Scratch() as folder:
        command = ["python3", "-u", os.path.join(TOP, "tests/system/vram_here.py"), *words]
        with Lab(LABS[cpu], command, os.path.join(folder, "lab.log"), LIMIT) as lab:
            status = lab.wait()
            said = lab.text()
    print(re.sub(r"^(PASS|FAIL) ", rf"\1 {where}, ", said, flags=re.M), end="", flush=True)
    verdict(f"{where}, {words[0]}: the program ends well", status == 0, f"status {status}")


def main():
    build()
    for words in RUNS[HV]:
        run(*words)
    finish()


if __name__ == "__main__":
    main()
