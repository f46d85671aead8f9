#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No change is lost: while a guest writes into video memory, with pauses in which write access is
dropped, a viewer follows by incremental updates alone. In the end it must see what the guest finds
in video memory. test_vram.py runs this in the lab; it also runs by hand on a host with KVM:

    vram_here.py pixels|text TRACKING LEAST [UPDATES]

pixels: tests/guests/64/scribble.c, two processors; text: tests/guests/64/scrawl.c, and now and then
the viewer leaves and another one comes. TRACKING is --vram-tracking, LEAST how often write access
must be dropped and come back; after UPDATES the guest is told to stop, else it stops by itself."""
import os
import re
import sys
import tempfile
import time
from types import SimpleNamespace

import rfb
from guestkit import Guest
from labkit import TOP, finish, verdict

LIMIT = 600             # seconds for any one answer, and for what is missing in the end: watchdogs
AWAY = 0.3              # seconds between two viewers: time to come to rest without one
BAND = 16               # lines; of text, too
CELL, COLUMNS, DOTS = 9, 80, 8
# Colour n of 16: blue, green, red, and all of them brighter.
PALETTE = [sum((0xaa * (n >> bit & 1) + 0x55 * (n >> 3)) << 8 * bit for bit in range(3))
           for n in range(16)]


def pixels_of(band):
    return band.pixels


def glyph(code):
    """Its lines of dots, as the guest has made them."""
    lines = (0xff, 0, *(code, code ^ 0xff) * (BAND // 2 - 1))
    return [[line >> bit & 1 for bit in reversed(range(DOTS))] for line in lines]


def character(lines):
    """The cell of text memory that looks like this, None if none does."""
    ink, ground = lines[0][0], lines[1][0]
    code = sum((dot == ink) << (DOTS - 1 - i) for i, dot in enumerate(lines[2]))
    if lines != [[ink if dot else ground for dot in line] for line in glyph(code)] or \
            not {ink, ground} <= set(PALETTE):
        return None
    return PALETTE.index(ground) << 12 | PALETTE.index(ink) << 8 | code


def text_of(band):
    starts = range(0, len(band.pixels), band.width)
    cells = (character([band.pixels[at + x:at + x + DOTS] for at in starts])
             for x in range(0, COLUMNS * CELL, CELL))
    return [cell or 0 for cell in cells]


KINDS = {
    "pixels": SimpleNamespace(image="scribble", cpus=2,
                              size=(640, 480), read=pixels_of, stay=0),
    "text": SimpleNamespace(image="scrawl", cpus=1,
                            size=(720, 400), read=text_of, stay=60),
}


def sums(kind, viewer):
    """Of each band of what the viewer sees, as the guest counts."""
    found = {}
    if (viewer.width, viewer.height) != kind.size:
        return found
    pixels = [pixel & 0xffffff for pixel in memoryview(bytes(viewer.frame)).cast("I")]
    for y in range(0, viewer.height, BAND):
        part = pixels[y * viewer.width:(y + BAND) * viewer.width]
        total = 0
        for item in kind.read(SimpleNamespace(pixels=part, width=viewer.width)):
            total = total * 31 + item & 0xffffffff
        found[y] = total
    return found


def dial(guest):
    """A viewer, as soon as there is a server."""
    while True:
        try:
            return rfb.connect(f"unix:{guest.path('screen')}", timeout=LIMIT)
        except rfb.RfbError:
            if not guest.running():
                raise
            time.sleep(AWAY)


def follow(guest, kind, enough):
    """Takes updates until the guest is still. The viewer of the end, and the number of updates."""
    viewer, before = dial(guest), 0
    while guest.running() and not re.search("^(still|fail)", guest.read("serial"), re.M):
        viewer.poll(1.0)
        if enough and viewer.updates >= enough:
            viewer.key("Return")
            enough = 0
        if kind.stay and viewer.updates >= kind.stay:
            before += viewer.updates
            viewer.close()
            time.sleep(AWAY)
            viewer = dial(guest)
    return viewer, before + viewer.updates


def differing(kind, viewer, bands):
    """Bands that are not as the guest has them, once no more updates come that would mend it."""
    until = time.monotonic() + LIMIT
    while True:
        seen = sums(kind, viewer)
        wrong = [y for y, total in bands.items() if seen.get(y) != total]
        if not wrong or time.monotonic() > until or not viewer.poll(LIMIT):
            return wrong


def check(name, guest, least, enough):
    kind = KINDS[name]
    viewer, updates = follow(guest, kind, enough)
    said = guest.read("serial")
    bands = {int(y): int(total) for y, total in re.findall(r"^band (\d+) (\d+)$", said, re.M)}
    display = guest.ask("stats").get("display", {})
    if not verdict(f"{name}: the guest writes to the end", len(bands) == kind.size[1] // BAND,
                   said[-1000:] + guest.read("out")[-2000:]):
        return
    wrong = differing(kind, viewer, bands)
    print(f"{updates} updates, {display}")
    verdict(f"{name}: the picture equals video memory", not wrong, f"not from line {wrong[:1]} on")
    faults = display.get("faults", 0)
    verdict(f"{name}: write access was dropped and came back often", faults >= least,
            f"{faults} times; at least {least} are wanted")


def main():
    name, tracking, least, enough = (*sys.argv[1:], "0")[:4]
    kind = KINDS[name]
    image = os.path.join(TOP, "build/guests", kind.image, "bios-256k.bin")
    with tempfile.TemporaryDirectory() as folder:
        with Guest("vram", "--firmware", image, "--memory", "16M", "--cpus", str(kind.cpus),
                   "--vram-tracking", tracking, folder=folder,
                   vnc=f"unix:{folder}/vram.screen") as guest:
            try:
                check(name, guest, int(least), int(enough))
            except rfb.RfbError as e:
                verdict(f"{name}: the viewer can follow", False,
                        f"{e}\n{guest.read('out')[-3000:]}")
    finish()


if __name__ == "__main__":
    main()
