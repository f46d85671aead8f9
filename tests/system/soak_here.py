#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The parts of soak.py that run beside their guest, in the lab: soak_here.py NAME FOLDER ARGUMENTS."""
import os
import re
import shutil
import sys
import time

from guestkit import Guest, Trouble
from kernels_here import complaints
from labkit import finish, verdict

WAKES_PER_10_S = 1   # beside the vCPUs: what an idle guest may cost
GROWTH = 4 << 10     # KiB
SAID = {"acpi": "port 0xcf9", "kbd": "the keyboard controller", "pci": "port 0xcf9",
        "triple": "triple fault", "bios": "port 0xcf9"}


def status_field(path, name):
    with open(path, encoding="ascii") as f:
        return int(re.search(rf"^{name}:\s+(\d+)", f.read(), re.M)[1])


def wakes(pid):
    """How often threads beside the vCPUs have gone to sleep."""
    count = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        folder = f"/proc/{pid}/task/{task}"
        with open(folder + "/comm", encoding="ascii") as f:
            if not f.read().startswith("vcpu"):
                count += status_field(folder + "/status", "voluntary_ctxt_switches")
    return count


def memory(pid):
    return status_field(f"/proc/{pid}/status", "RssAnon")


def linux(name, kernel, initrd, words, folder, *more):
    return Guest(name, "--kernel", kernel, "--initrd", initrd, "--append", f"quiet {words}",
                 "--memory", "256M", *more, folder=folder)


def idle(folder, kernel, initrd, minutes):
    with linux("idle", kernel, initrd, "console=tty0 guest.run=shell", folder) as guest:
        guest.wait_for("caisson-guest: ready", look=lambda: guest.read("serial"), limit=300)
        time.sleep(60)
        pid = guest.proc.pid
        before, began, wake = memory(pid), time.monotonic(), wakes(pid)
        until = began + float(minutes) * 60
        while time.monotonic() < until and guest.running():
            time.sleep(min(60, max(0.1, until - time.monotonic())))
        if not verdict("idle: the guest runs on", guest.running(), guest.read("out")[-500:]):
            return
        rate = (wakes(pid) - wake) / (time.monotonic() - began) * 10
        print(f"    idle: {rate:.2f} wakes in 10 s beside the vCPUs, memory {before} to {memory(pid)} KiB")
        verdict("idle: threads beside the vCPUs hardly wake", rate <= WAKES_PER_10_S, f"{rate:.2f} in 10 s")
        verdict("idle: memory does not grow", memory(pid) - before <= GROWTH, f"{before} to {memory(pid)} KiB")


WORK = ("n=0; while :; do n=$((n+1)); dd if=/dev/urandom of=/mnt/a bs=64k count=64 2>/dev/null; sync; "
        "echo 3 >/proc/sys/vm/drop_caches; s=$(md5sum </mnt/a); cp /mnt/a /mnt/b; sync; "
        "echo 3 >/proc/sys/vm/drop_caches; [ \"$(md5sum </mnt/b)\" = \"$s\" ] || echo caisson-bad $n; "
        "echo caisson-round $n; done >/dev/ttyS0 2>&1 &\n")


def busy(folder, kernel, initrd, original, minutes):
    disk = os.path.join(folder, "busy.img")
    shutil.copy(original, disk)
    with linux("busy", kernel, initrd, "console=tty0 guest.run=shell", folder, "--disk", disk,
               "--cpus", "2") as guest:
        def serial():
            return guest.read("serial")

        guest.wait_for("caisson-guest: ready", look=serial, limit=300)
        for line in ("mount -t ext4 /dev/sda1 /mnt && echo mounted >/dev/ttyS0\n", WORK):
            guest.type(line)
        guest.wait_for("mounted", look=serial)
        until = time.monotonic() + float(minutes) * 60
        while time.monotonic() < until and guest.running():
            time.sleep(min(30, max(0.1, until - time.monotonic())))
        rounds = len(re.findall("caisson-round", serial()))
        print(f"    busy: {rounds} rounds")
        verdict("busy: the guest runs on", guest.running(), guest.read("out")[-500:])
        verdict("busy: it gets on with its work", rounds >= float(minutes) / 2, f"{rounds} rounds")
        verdict("busy: all is read as it was written", "caisson-bad" not in serial(), serial()[-500:])
        guest.type("dmesg >/dev/ttyS0; echo caisson-log >/dev/ttyS0\n")
        guest.wait_for("caisson-log", look=serial, limit=300)
        found = re.findall(r"ata\d.*(?:failed|reset|timeout).*|I/O error.*|BUG:.*|lockup.*", serial())
        verdict("busy: no complaint in the guest's log", not found, "; ".join(found[:5]))


def resets(folder, original, words):
    disk, ways = os.path.join(folder, "resets.img"), words.split(",")
    shutil.copy(original, disk)
    with Guest("resets", disk, "--memory", "192M", folder=folder) as guest:
        status = guest.wait_end(240 * (len(ways) + 1))
        serial, said = guest.read("serial"), guest.read("out")
    starts = len(re.findall("caisson-guest: start", serial))
    verdict("resets: five by each way", status == 0 and starts == len(ways) + 1,
            f"status {status}, {starts} starts; {serial[-800:]}")
    verdict("resets: no complaint", not complaints(serial), "; ".join(complaints(serial)))
    for fault in {SAID[way] for way in ways}:
        if fault == "triple fault":  # these are told each time, the others ten a minute
            verdict("resets: triple faults were some", said.count(fault) == ways.count("triple"), said[-800:])


def main():
    name, folder, *arguments = sys.argv[1:]
    try:
        {"idle": idle, "busy": busy, "resets": resets}[name](folder, *arguments)
    except (Trouble, OSError) as trouble:
        verdict(f"{name}: as it should be", False, str(trouble))
    finish()


if __name__ == "__main__":
    main()
