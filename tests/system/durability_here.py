#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Starts tests/guests/32/durability.c again and again on the hypervisor of the machine that this
runs on, kills the process at random moments, and looks at what the image holds: everything that the
guest was told is kept, and nothing that is torn within a sector.

Ends with status 1 and prints what was lost if that is not so; the last line is always a summary.
"""
import argparse
import multiprocessing
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GUEST = os.path.join(TOP, "build/guests/durability/bios-256k.bin")
PACKAGED = "/usr/share/seabios"
MAGIC, SECTORS, SECTOR, PATTERN = 0xca155d0b, 1024, 512, 16
LONGEST, LONGEST_PIO, PIECES = 64, 2, 4
WEIGHTS = 32
PIO_WEIGHTS, THROUGH_PIO_WEIGHTS = 3, 2     # of the guest's tables, where PIO comes first
MOST_STEPS = 7         # before the process is killed
LONGEST_DELAY = 0.012   # seconds after the report that the kill waits for
MASK = 0xffffffff


class Numbers:
    """The guest's."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        x = self.state
        x ^= x << 13 & MASK
        x ^= x >> 17
        x ^= x << 5 & MASK
        self.state = x
        return x


def pieces(numbers):
    """Where the guest's next step writes: (first sector, sectors)."""
    through = numbers.next() % 3 == 2
    pio = THROUGH_PIO_WEIGHTS if through else PIO_WEIGHTS
    for _ in range(1 + numbers.next() % PIECES):
        which, length, place = numbers.next(), numbers.next(), numbers.next()
        length = 1 + length % (LONGEST_PIO if which % WEIGHTS < pio else LONGEST)
        yield 1 + place % (SECTORS - length), length


def pattern(seed, lba, step):
    """What a sector is filled with, over and over."""
    if not step:
        return bytes(PATTERN)
    check = (lba * 0x9e3779b1 ^ step * 0x85ebca6b) & MASK
    return struct.pack("<4I", MAGIC ^ seed, lba, step, check)


def allowed_steps(seed, confirmed):
    """For each sector the steps whose content it may hold. The guest may have gone on after the
    last report that was seen: by a report that was under way, and by one unfinished step."""
    numbers = Numbers(seed)
    allowed = [[0] for _ in range(SECTORS)]
    for step in range(1, confirmed + 3):
        for first, length in pieces(numbers):
            for lba in range(first, first + length):
                allowed[lba] = [step] if step <= confirmed else allowed[lba] + [step]
    return allowed


def judge(image, seed, confirmed):
    """What is wrong with the image, one line a sector."""
    wrong = []
    with open(image, "rb") as f:
        data = f.read()
    for lba, steps in enumerate(allowed_steps(seed, confirmed)):
        got = data[lba * SECTOR:(lba + 1) * SECTOR]
        torn = got[:PATTERN] * (SECTOR // PATTERN) != got
        good = not torn and got[:PATTERN] in [pattern(seed, lba, step) for step in steps]
        if not lba or good:
            continue
        wrong.append(f"sector {lba}: {'torn' if torn else 'lost'}, step {steps[0]} was confirmed, "
                     f"it holds that of step {struct.unpack_from('<I', got, 8)[0]}")
    return wrong


def make_image(path, seed):
    with open(path, "wb") as f:
        f.write(struct.pack("<2I", MAGIC, seed))
        f.truncate(SECTORS * SECTOR)


def start(args, number, folder, image):
    env = dict(os.environ, CAISSON_FIRMWARE=folder)
    if args.preload:
        env["LD_PRELOAD"] = args.preload
    return subprocess.Popen(
        [args.program, "run", "--name", f"durability-{number}", "--memory", "16M", "--accel", "kvm", "--vnc",
         "none", "--serial", "stdio", "--exit-port", "--disk", image],
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def reported(text):
    """The last step that is reported in full, 0: none."""
    lines = text.split(b"\n")[:-1]
    steps = [int(line) for line in lines if line.isdigit()]
    if steps != list(range(1, len(steps) + 1)):
        raise RuntimeError(f"the guest's reports are not in order: {steps}")
    return len(steps)


def run_and_kill(proc, rng):
    """The last confirmed step. Kills after a number of reports and a moment, both random."""
    until, delay, text = rng.randint(1, MOST_STEPS), rng.uniform(0, LONGEST_DELAY), b""
    while reported(text) < until:
        more = os.read(proc.stdout.fileno(), 65536)
        if not more:
            break
        text += more
    if rng.random() < 0.5:      # else in the middle of a report, as likely as not
        end = time.monotonic() + delay
        while time.monotonic() < end:
            pass
    proc.kill()
    rest, errors = proc.communicate()
    if proc.returncode != -9 or b"bad" in text + rest:
        raise RuntimeError(f"the guest ended by itself: {(text + rest)[-200:]} {errors[-400:]}")
    return reported(text + rest)


def prepare(folder):
    """A firmware folder in which the guest is the firmware."""
    for name in os.listdir(PACKAGED):
        if name.startswith("vgabios-"):
            os.symlink(os.path.join(PACKAGED, name), os.path.join(folder, name))
    shutil.copy(GUEST, folder)


def rounds(args, job):
    """(rounds, steps confirmed, rounds with losses) of every args.jobs-th round."""
    rng = random.Random(f"{args.seed} {job}")
    folder = tempfile.mkdtemp(prefix="durability-")
    image, done, steps, bad = os.path.join(folder, "disk"), 0, 0, 0
    try:
        prepare(folder)
        for number in range(job, args.rounds, args.jobs):
            seed = rng.randint(1, MASK)
            make_image(image, seed)
            confirmed = run_and_kill(start(args, number, folder, image), rng)
            wrong = judge(image, seed, confirmed)
            done += 1
            steps += confirmed
            bad += bool(wrong)
            for line in wrong[:3]:
                print(f"round {number}, seed {seed}: {line}", flush=True)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return done, steps, bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--jobs", type=int, default=2, help="rounds at a time")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--program", default=os.path.join(TOP, "build/caisson"))
    parser.add_argument("--preload", help="a library for the program, which lies about the disk")
    args = parser.parse_args()
    began = time.monotonic()
    with multiprocessing.Pool(args.jobs) as pool:
        jobs = pool.starmap(rounds, [(args, job) for job in range(args.jobs)], chunksize=1)
    done, steps, bad = (sum(column) for column in zip(*jobs))
    print(f"rounds {done}, steps confirmed {steps}, rounds with losses {bad}, "
          f"{time.monotonic() - began:.0f} s", flush=True)
    sys.exit(1 if bad or done != args.rounds else 0)


if __name__ == "__main__":
    main()
