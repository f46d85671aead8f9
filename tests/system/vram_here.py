#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""No change is lost: while a guest writes into video memory, with pauses in which write access is
dropped, a viewer follows by incremental updates alone. In the end it must see what the guest finds
in video memory; of text, which is few pages, ten times on the way. test_vram.py runs this in the
lab; it also runs by hand on a host with KVM:

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

LIMIT = 600             # seconds for any one answer: a watchdog
STILL_LIMIT = 120       # for what a viewer misses once the guest is still: a watchdog
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
                              size=(640, 480), read=pixels_of, stay=0, stills=1),
    "text": SimpleNamespace(image="scrawl", cpus=1,
                            size=(720, 400), read=text_of, stay=60, stills=10),
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


def is_still(guest, times):
    said = guest.read("serial")
    return len(re.findall("^still", said, re.M)) >= times or re.search("^fail", said, re.M)


def follow(guest, kind, viewer, times, enough):
    """Takes updates until the guest is still for the n-th time. The viewer of the end, and the
    number of updates."""
    before = -viewer.updates
    while guest.running() and not is_still(guest, times):
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
    until = time.monotonic() + STILL_LIMIT
    while True:
        seen = sums(kind, viewer)
        wrong = [y for y, total in bands.items() if seen.get(y) != total]
        if not wrong or time.monotonic() > until or not viewer.poll(STILL_LIMIT):
            return wrong


def check(name, guest, least, enough):
    kind = KINDS[name]
    viewer, updates, wrong, count = dial(guest), 0, [], kind.size[1] // BAND
    for times in range(1, kind.stills + 1):
        if times > 1:
            viewer.key("Return")
        viewer, more = follow(guest, kind, viewer, times, enough)
        updates += more
        bands = re.findall(r"^band (\d+) (\d+)$", guest.read("serial"), re.M)
        if len(bands) != count * times:
            break
        wrong = differing(kind, viewer, {int(y): int(total) for y, total in bands[-count:]})
        if wrong:
            break
    display = guest.ask("stats").get("display", {})
    complete = wrong or len(bands) == count * kind.stills
    if not verdict(f"{name}: the guest writes to the end", complete,
                   guest.read("serial")[-1000:] + guest.read("out")[-2000:]):
        return
    print(f"{updates} updates, {display}")
    verdict(f"{name}: the picture equals video memory", not wrong,
            f"not from line {wrong[:1]} on, the guest being still for the {times}. time")
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
