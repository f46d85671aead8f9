#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's kernels as guests, one after another, on the hypervisor of the machine that this runs on;
test_kernels.py runs it in the lab. Prints `PASS name` or `FAIL name: why` for each subject.

    kernels_here.py IMAGES KERNEL FOLDER [GUEST...]     the guest images; an amd64 kernel; results

686       i386 without PAE, from CD
smp       four processors, started directly, which are reset in Linux's ways and count themselves
686-pae   i386 with PAE, from CD; without nested paging, see below
"""
import os
import re
import subprocess
import sys
import time

from guestkit import Guest, Trouble
from labkit import finish, verdict

LIMIT = 400
# What Debian's kernels say on any hypervisor in this lab: see test_linux.py.
LAB_ONLY = re.compile(r"Speculative Return Stack Overflow|arch/x86/kernel/fpu/xstate\.c")
WAYS = {  # in which Linux resets, and what Caisson says of each
    "acpi": "port 0xcf9", "kbd": "the keyboard controller", "triple": "triple fault",
}


def complaints(serial):
    return [line for line in re.findall(r"caisson-guest: problem (.*)", serial)
            if not LAB_ONLY.search(line)]


def tail(guest):
    return f"; the end of what it said:\n{guest.read('serial')[-1500:]}"


def from_cd(flavour, images, folder):
    image = os.path.join(images, f"linux-cd-{flavour}-selftest.iso")
    with Guest(flavour, image, "--memory", "256M", folder=folder) as guest:
        status = guest.wait_end(LIMIT)
        serial = guest.read("serial")
        done = status == 0 and "caisson-guest: done" in serial
        verdict(f"{flavour}: the kernel reaches its init and powers off", done,
                f"status {status}{tail(guest)}")
        if done:
            found = complaints(serial)
            verdict(f"{flavour}: no complaint about firmware, ACPI or interrupts", not found,
                    "; ".join(found))


def i686(images, kernel, folder):
    from_cd("686", images, folder)


def without_nested_paging(on):
    """KVM's choice of paging, as far as it is a module here."""
    if os.path.isdir("/sys/module/kvm_amd"):
        subprocess.run(["rmmod", "kvm_amd"], check=True)
        subprocess.run(["modprobe", "kvm_amd", f"npt={'0' if on else '1'}"], check=True)


def i686_pae(images, kernel, folder):
    """
    The lab's processor lets KVM find reserved bits in the page-directory pointers of a PAE guest with
    nested paging: KVM then refuses a write to CR4 (the same under QEMU). Without, it reads its own.
    """
    without_nested_paging(True)
    try:
        from_cd("686-pae", images, folder)
    finally:
        without_nested_paging(False)


def resets_said(output):
    """Who asked for a reset, as the program's log has it, in order."""
    return re.findall(r"reset by (port 0x\w+|the keyboard controller)|guest: (triple fault)", output)


def smp(images, kernel, folder):
    disk = os.path.join(folder, "resets.img")
    with open(disk, "wb") as f:
        f.truncate(8 << 20)
    words = f"quiet console=ttyS0 guest.run=resets guest.resets={','.join(WAYS)}"
    with Guest("smp", "--kernel", kernel, "--initrd", f"{images}/linux-initrd.gz", "--append", words,
               "--disk", disk, "--cpus", "4", "--memory", "256M", folder=folder) as guest:
        status = guest.wait_end(LIMIT)
        serial, said = guest.read("serial"), guest.read("out")
    starts = re.findall(r"caisson-guest: start (\d+)", serial)
    verdict("smp: it starts again after each reset, and powers off",
            status == 0 and starts == [str(n + 1) for n in range(len(WAYS) + 1)],
            f"status {status}, starts {' '.join(starts)}{tail(guest)}")
    verdict("smp: four processors each time",
            serial.count("caisson-guest: processors 4") == len(WAYS) + 1, tail(guest))
    found = [port or fault for port, fault in resets_said(said)]
    verdict("smp: each reset came by the way that was asked for", found == list(WAYS.values()),
            f"{found}, not {list(WAYS.values())}")


GUESTS = {"686": i686, "smp": smp, "686-pae": i686_pae}


def main():
    images, kernel, folder, *names = sys.argv[1:]
    for name in names or GUESTS:
        began = time.monotonic()
        try:
            GUESTS[name](images, kernel, folder)
        except (Trouble, OSError, subprocess.SubprocessError) as trouble:
            verdict(f"{name}: runs", False, str(trouble))
        print(f"    {name}: {time.monotonic() - began:.1f} s", flush=True)
    finish()


if __name__ == "__main__":
    main()
