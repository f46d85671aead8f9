#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What a guest was told is on the disk survives `kill -9` of the process: 200 rounds in the lab, some
on a disk that is slow. That a program which confirms too early would be caught is shown by a disk
that lies."""
import os
import re
import subprocess

from labkit import TOP, Lab, Scratch, finish, verdict

ROUNDS, SLOW_ROUNDS, LYING_ROUNDS = 120, 80, 10
LIMIT = 900
GUEST = "build/guests/durability/bios-256k.bin"
SUMMARY = re.compile(r"^rounds (\d+), steps confirmed (\d+), rounds with losses (\d+), .*$", re.M)


def build(folder):
    """The guest, and the disks for the program; why not, if that fails."""
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    for command in (["make", "-C", TOP, GUEST],
                    ["gcc", "-O2", "-Wall", "-shared", "-fPIC", "-o",
                     os.path.join(folder, "bad_disk.so"),
                     os.path.join(TOP, "tests/system/bad_disk.c")]):
        done = subprocess.run(command, capture_output=True, text=True, env=env)
        if done.returncode:
            return done.stdout + done.stderr
    return None


def script():
    rounds = f"python3 -u {TOP}/tests/system/durability_here.py"
    return "\n".join([
        f"{rounds} --rounds {ROUNDS}",
        f"BAD_DISK=slow {rounds} --rounds {SLOW_ROUNDS} --seed 2 --preload /out/bad_disk.so",
        f"BAD_DISK=lying {rounds} --rounds {LYING_ROUNDS} --seed 3 --preload /out/bad_disk.so",
        "caisson list",
        "ls -A /run/caisson | sed 's/^/left over: /'",
    ])


def main():
    with Scratch() as out:
        why = build(out)
        if why:
            verdict("the guest is built", False, why)
            finish()
        with Lab(["--smp", "2", "--out", out], ["sh", "-c", script()],
                 os.path.join(out, "lab.log"), LIMIT) as lab:
            lab.wait()
            said = lab.text()
    found = [[int(n) for n in row] for row in SUMMARY.findall(said)]
    found += [[0, 0, 0]] * (3 - len(found))
    plain, slow, lying = found
    ok = [
        verdict(f"{ROUNDS} rounds of kill -9, nothing lost or torn",
                plain[0] == ROUNDS and plain[1] > ROUNDS and not plain[2], f"{plain}, see below"),
        verdict(f"{SLOW_ROUNDS} rounds on a slow disk, nothing lost or torn",
                slow[0] == SLOW_ROUNDS and slow[1] > SLOW_ROUNDS and not slow[2],
                f"{slow}, see below"),
        verdict("a disk that lies is caught", lying[0] == LYING_ROUNDS and lying[2] > 1,
                f"{lying}, see below"),
        verdict("what killed processes left in the run directory is cleared away",
                "NAME" in said and "left over" not in said, "see below"),
    ]
    for line in SUMMARY.finditer(said):
        print(line.group(0))
    if not all(ok):
        print(said[-6000:])
    finish()


if __name__ == "__main__":
    main()
