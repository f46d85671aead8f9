#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No change is lost: while two processors write at random places of video memory, with pauses in
which write access is dropped, a viewer follows by incremental updates alone. In the end it must see
what the guest finds in video memory (tests/guests/64/scribble.c)."""
import json
import os
import re
import subprocess
import sys
import time

import rfb
from labkit import HV, TOP, Lab, Scratch, finish, free_port, verdict, wait_until

GUEST = "build/guests/scribble/bios-256k.bin"
LIMIT = 600         # a watchdog: the guest takes 40 seconds
STILL_LIMIT = 120   # a watchdog: from the guest's last write to the viewer
# How often write access is dropped and comes back, at least, for each way of tracking. Some 1500
# times, and 500 on KVM, where it takes quiet time; less often on a slow host. With more of that time
# pages stay writable there while they change.
TRACKING = {"idle": 200} if HV == "caisson" else {"idle:10ms": 30, "idle:240ms": 0}

SCRIPT = f"""
caisson run --name vram --memory 16M --cpus 2 --firmware {TOP}/{GUEST} --vnc 127.0.0.1:5900 \\
    --vram-tracking $1 --serial file:/tmp/serial &
until grep -q -e ^still -e ^fail /tmp/serial; do sleep 0.5; kill -0 $! || exit 1; done
cat /tmp/serial
caisson stats --json vram
echo end of report
wait
"""


def build():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    done = subprocess.run(["make", "-C", TOP, GUEST], capture_output=True, text=True, env=env)
    if done.returncode:
        print(done.stdout + done.stderr)
        raise SystemExit("cannot build the guest")


def connect(port, lab):
    """A viewer, from the moment that there is a server."""
    if wait_until(lambda: "screen:" in lab.text(), lab, LIMIT):
        return rfb.connect(f"127.0.0.1:{port}", timeout=STILL_LIMIT, patience=STILL_LIMIT)
    return None


def sums(viewer):
    """Of each band of what the viewer sees, as the guest counts."""
    found = {}
    width, pixels = viewer.width, memoryview(bytes(viewer.frame)).cast("I")
    for y in range(0, viewer.height, 16):
        total = 0
        for pixel in pixels[y * width:(y + 16) * width]:
            total = total * 31 + (pixel & 0xffffff) & 0xffffffff
        found[y] = total
    return found


def follow(viewer, lab):
    """Takes updates until the guest is still; what the guest has in its bands."""
    while lab.running():
        viewer.poll(1.0)
        said = lab.text()
        if "end of report" in said:
            bands = re.findall(r"^band (\d+) (\d+)$", said, re.M)
            return {int(y): int(total) for y, total in bands}
    return {}


def differing(viewer, bands):
    """Bands that are not as the guest has them, once no more updates come that would mend it."""
    until = time.monotonic() + STILL_LIMIT
    while True:
        seen = sums(viewer)
        wrong = [y for y, total in bands.items() if seen.get(y) != total]
        if not wrong or time.monotonic() > until:
            return wrong
        viewer.poll(1.0)


def figures(said):
    start = said.find("\n{\n")
    return json.JSONDecoder().raw_decode(said[start + 1:])[0]["display"] if start > 0 else {}


def check(lab, port, least_faults):
    try:
        viewer = connect(port, lab)
        if not viewer:
            raise rfb.RfbError("no guest starts")
        bands = follow(viewer, lab)
        display = figures(lab.text())
        wrong = differing(viewer, bands)
    except rfb.RfbError as e:
        verdict("the viewer can follow", False, f"{e}\n{lab.text()[-3000:]}")
        return
    if not verdict("the guest writes to the end", len(bands) == 30, lab.text()[-2000:]):
        return
    print(f"{viewer.updates} updates, {display}")
    verdict("the picture equals video memory", not wrong, f"not from line {wrong[:1]} on")
    faults = display.get("faults", 0)
    verdict("write access was dropped and came back often", faults >= least_faults,
            f"{faults} times; at least {least_faults} are wanted")


def run(tracking, least_faults):
    port = free_port()
    with Scratch() as folder, \
            Lab(["--smp", "2", "--forward", f"{port}:5900"], ["sh", "-c", SCRIPT, "vram", tracking],
                os.path.join(folder, "lab.log"), LIMIT) as lab:
        check(lab, port, least_faults)


def main():
    build()
    for tracking, least_faults in ({t: 0 for t in sys.argv[1:]} or TRACKING).items():
        print(tracking, flush=True)
        run(tracking, least_faults)
    finish()


if __name__ == "__main__":
    main()
