#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The KVM API call by call, on /dev/caisson, and on KVM itself, so that the checks are checked; then
both modules on one machine."""
import os

from labkit import TOP, Lab, Scratch, finish, verdict

LIMIT = 300
PROCESSORS = {"caisson": ["--smp", "2"]}    # for two vCPUs that write while somebody draws


def run(device, *arguments, show=True):
    """What was said; the verdicts of a program that is shown are ours."""
    hv = "none" if arguments else device
    with Scratch() as folder:
        command = ["python3", "-u", os.path.join(TOP, "tests/system/api_here.py"), device, *arguments]
        # The later --hv counts.
        with Lab(["--hv", hv, *PROCESSORS.get(hv, [])], command, os.path.join(folder, "lab.log"), LIMIT) as lab:
            status = lab.wait()
            said = lab.text()
    if not verdict(f"{device}: the program ends well", status == 0, f"status {status}"):
        print(said[-3000:])
    for line in said.splitlines():
        if show and line.startswith(("PASS ", "FAIL ")):
            print(line, flush=True)
    return said


def main():
    said = run("caisson")
    verdict("caisson: the module unloads, and the kernel log shows nothing",
            "tools/lab:" not in said, said[-500:])
    run("kvm", show=False)
    run("beside", os.path.join(TOP, "build", "caisson.ko"))
    finish()


if __name__ == "__main__":
    main()
