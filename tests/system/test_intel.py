#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Guests on the lab's Intel processors, each in a lab of its own, where it must leave a hypervisor that
unloads and a kernel that has nothing to complain about.

    test_intel.py [--whole | GUEST...]

direct, smp   the lab's small kernel without firmware, on one and two vCPUs
bios          the same through SeaBIOS, from CD
qemu          the same by stock QEMU with -accel kvm, two vCPUs
debian        Debian's amd64 kernel without firmware
debian-bios   the same through SeaBIOS, from CD
686, 686-pae  Debian's i386 kernels from CD

Without a word: those of QUICK.
"""
import os
import re
import sys
import time

from kernels_here import complaints
from labkit import TOP, Lab, Scratch, finish, image, verdict

sys.path.insert(0, os.path.join(TOP, "tools"))
from lablib import common  # noqa: E402

QUICK = ("smp", "bios")
LIMIT = 1200  # seconds of one guest: a watchdog
WORDS = "quiet console=ttyS0,115200 guest.run=selftest"
# A processor that sleeps by MWAIT misses wake-ups here.
SMP_WORDS = f"{WORDS} idle=halt"

# The frame of a notice by a PAE kernel that a 64-bit one would isolate its page tables at less cost.
PAE_NOTICE = re.compile(r"\*\* (WARNING! ){6} \*\*")


def caisson(*arguments, memory="256M"):
    return ["caisson", "run", *arguments, "--name", "guest", "--memory", memory, "--vnc", "none",
            "--serial", "stdio"]


def direct(kernel, series, cpus):
    initrd = image("linux-initrd", "--kernel", series,
                   file="linux-initrd" + ("-small" if series == "small" else "") + ".gz")
    return (["--add", str(kernel.image)],
            caisson("--kernel", f"/add/{kernel.image.name}", "--initrd", initrd, "--append",
                    SMP_WORDS if cpus > 1 else WORDS, "--cpus", str(cpus)))


def small(cpus):
    return direct(common.find_small_kernel(), "small", cpus)


def qemu():
    options, ours = small(2)
    given = dict(zip(ours[2::2], ours[3::2]))
    return options, ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-machine",
                     "pc,accel=kvm,kernel-irqchip=split", "-cpu", "host", "-m", "256", "-smp", "2",
                     "-display", "none", "-no-reboot", "-serial", "stdio", "-kernel", given["--kernel"],
                     "-initrd", given["--initrd"], "-append", given["--append"]]


def from_cd(*variant):
    """Quiet: each character of the console is exits, and minutes in all."""
    name = "-".join(["linux-cd", *(word for word in variant if not word.startswith("-")), "selftest"])
    return [], caisson(image("linux-cd", *variant, "--default", "selftest", "--append", "quiet",
                             "--name", name, file=name + ".iso"))


# {name: (processors, function that gives options of the lab and a command in it)}
GUESTS = {
    "direct": (1, lambda: small(1)),
    "smp": (2, lambda: small(2)),
    "bios": (1, lambda: from_cd("--kernel", "small")),
    "qemu": (2, qemu),
    "debian": (1, lambda: direct(common.find_kernel("6.1"), "6.1", 1)),
    "debian-bios": (1, lambda: from_cd("--arch", "amd64")),
    "686": (1, lambda: from_cd("--arch", "686")),
    "686-pae": (1, lambda: from_cd("--arch", "686-pae")),
}


def run(name):
    cpus, make = GUESTS[name]
    options, command = make()
    began = time.monotonic()
    with Scratch() as folder:
        with Lab(["--cpu", "intel", "--memory", "1G", *options], command,
                 os.path.join(folder, "lab.log"), LIMIT) as lab:
            status = lab.wait()
        said = lab.text().replace("\r", "")
    done = status == 0 and "caisson-guest: done" in said
    verdict(f"{name}: the kernel reaches its init and powers off", done,
            f"status {status}; the end of what it said:\n{said[-3000:]}")
    if done:
        found = [line for line in complaints(said) if not PAE_NOTICE.search(line)]
        verdict(f"{name}: processors {cpus}, no complaint about firmware, ACPI or interrupts",
                f"caisson-guest: processors {cpus}" in said and not found, "; ".join(found))
        verdict(f"{name}: the hypervisor had nothing to complain about, and could be unloaded",
                not re.search(r"^tools/lab:", said, re.M), said[-500:])
    print(f"    {name}: {time.monotonic() - began:.1f} s", flush=True)


def main():
    names = sys.argv[1:]
    for name in GUESTS if names == ["--whole"] else names or QUICK:
        run(name)
    finish()


if __name__ == "__main__":
    main()
