#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs our own small guests, as tests/guests/table says, on the hypervisor of the machine that this
runs on, one after another, and prints `PASS name` or `FAIL name: why` for each.

Disks and CDs hold a pattern by which a guest knows each sector: every 32-bit word of sector S (of
512 bytes) is S; the first word of a disk's sector is 0xca155000 plus the drive's number instead.
"""
import argparse
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGES = os.path.join(TOP, "build/guests")
PACKAGED = "/usr/share/seabios"
PATTERN_BYTES = 1 << 20
SHOWN_LINES = 60
POWERED_OFF = ("acpi", "poweroff")  # and do not leave by the exit port
# What only a configuration file can say.
SETTINGS = {"crash": 'on_crash = "destroy"\n'}
COLUMNS = ("name", "bits", "start", "cpus", "memory", "status", "starts", "drives")


def read_table():
    with open(os.path.join(TOP, "tests/guests/table"), encoding="ascii") as f:
        rows = [line.split() for line in f if line.strip() and not line.startswith("#")]
    return [dict(zip(COLUMNS, row)) for row in rows]


def patterned(path, number, size):
    """A sparse file whose first MiB has the pattern."""
    with open(path, "wb") as f:
        for sector in range(PATTERN_BYTES // 512):
            words = [sector] * 128
            if number:
                words[0] = 0xca155000 + number
            f.write(struct.pack("<128I", *words))
        f.truncate(size)


def bytes_of(size):
    return int(size[:-1]) << {"M": 20, "G": 30}[size[-1]]


def drives(guest, folder):
    args = []
    for number, what in enumerate(guest["drives"].split(","), 1):
        path = os.path.join(folder, f"drive{number}")
        if what == "cd":
            patterned(path, 0, PATTERN_BYTES)
            args += ["--cdrom", path]
        elif what != "-":
            patterned(path, number, bytes_of(what))
            args += ["--disk", f"{path},serial=GUEST{number}"]
    return args


def image(guest):
    """Of memory-5g and memory alike: memory."""
    return os.path.join(IMAGES, guest["name"].split("-")[0])


def firmware(guest, folder):
    """The environment in which the guest is the firmware."""
    for name in os.listdir(PACKAGED):
        if name.startswith("vgabios-"):
            os.symlink(os.path.join(PACKAGED, name), os.path.join(folder, name))
    shutil.copy(os.path.join(image(guest), "bios-256k.bin"), folder)
    return dict(os.environ, CAISSON_FIRMWARE=folder)


def command(guest, accel, folder):
    argv = [os.path.join(TOP, "build/caisson"), "run", "--name", f"guest-{guest['name']}",
            "--memory", guest["memory"], "--cpus", guest["cpus"], "--accel", accel,
            "--vnc", "none", "--exit-port", "--serial", f"file:{folder}/serial"]
    if guest["name"] in SETTINGS:
        argv.append(os.path.join(folder, "guest.cfg"))
        with open(argv[-1], "w", encoding="ascii") as f:
            f.write(SETTINGS[guest["name"]])
    if guest["start"] == "disk":
        boot = os.path.join(folder, "boot.img")
        shutil.copy(image(guest) + ".img", boot)
        argv += ["--disk", boot]
    return argv + drives(guest, folder)


def read_serial(folder):
    try:
        with open(os.path.join(folder, "serial"), encoding="ascii", errors="replace") as f:
            return f.read()
    except FileNotFoundError:
        return ""


def judge(guest, status, serial, errors):
    """What is wrong, or None."""
    bad = re.findall(r"^bad .*$", serial, re.M)
    starts = len(re.findall(r"^start", serial, re.M))
    if bad:
        return "; ".join(bad)
    if status is None:
        return "not at its end in time"
    if status != int(guest["status"]):
        return f"status {status}, not {guest['status']}"
    if not re.search(r"^ok ", serial, re.M) or not re.search(r"^done \d+$", serial, re.M):
        return "says nothing of having checked anything"
    if starts != int(guest["starts"]):
        return f"started {starts} times, not {guest['starts']}"
    if guest["name"] in POWERED_OFF and "powered off" not in errors:
        return "the program does not say that the guest powered off"
    return None


def run(guest, accel, limit, verbose):
    """What is wrong, or None."""
    folder = tempfile.mkdtemp(prefix=f"guest-{guest['name']}-")
    try:
        argv = command(guest, accel, folder)
        env = firmware(guest, folder) if guest["start"] == "rom" else None
        status = None
        proc = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, errors="replace")
        try:
            errors = proc.communicate(timeout=limit)[0]
            status = proc.returncode
        except subprocess.TimeoutExpired:
            proc.kill()
            errors = proc.communicate()[0]
        serial = read_serial(folder)
        why = judge(guest, status, serial, errors)
        if why or verbose:
            lines = errors.splitlines() + serial.splitlines()[-SHOWN_LINES:]
            print("".join(f"    {guest['name']}: {line}\n" for line in lines), end="")
        return why
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--accel", default="kvm", help="the hypervisor, as for caisson run")
    parser.add_argument("--limit", type=int, default=120, help="seconds for one guest")
    parser.add_argument("--verbose", action="store_true", help="show what every guest says")
    parser.add_argument("name", nargs="*", help="guests to run (all)")
    args = parser.parse_args()
    failed = 0
    for guest in read_table():
        if args.name and guest["name"] not in args.name:
            continue
        began = time.monotonic()
        why = run(guest, args.accel, args.limit, args.verbose)
        failed += bool(why)
        print(f"FAIL {guest['name']}: {why}" if why else f"PASS {guest['name']}")
        print(f"    {guest['name']}: {time.monotonic() - began:.1f} s", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
