#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's graphical installer from CD: its language page appears, and keyboard and mouse choose a
language there. Seen over VNC, as a person would."""
import os
import sys

import rfb
from labkit import PICTURES, Lab, Scratch, finish, free_port, image, verdict, wait_until
from picture import read_png

LIMIT = 1400
PAGE_LIMIT, ANSWER_LIMIT = 1200, 120  # watchdogs, not expectations
# On the 1024x768 page: the heading, and the column where the chosen row shows its colour.
HEADING = (0, 80, 1024, 40)
ROW_X = 600
CHOSEN = (43, 134, 124)
TOLERANCE = 24
ROWS_TOP, ROWS_BOTTOM = 172, 704


def chosen_row(picture):
    """The middle of the highlighted row, None when there is none."""
    ys = [y for y in range(ROWS_TOP, min(ROWS_BOTTOM, picture.height))
          if all(abs(a - b) <= TOLERANCE for a, b in zip(picture.pixel(ROW_X, y), CHOSEN))]
    return (ys[0] + ys[-1]) // 2 if len(ys) > 8 else None


def language_page(picture):
    if (picture.width, picture.height) != (1024, 768):
        return False
    reference = read_png(os.path.join(PICTURES, "installer-heading.png"))
    heading = picture.crop(*HEADING)
    return heading.matches(reference, tolerance=TOLERANCE, allowed=40) and \
        chosen_row(picture) is not None


def insist(viewer, act, done):
    """
    Acts, and acts again where nothing comes of it for a while, as a person would: a page is drawn
    before it listens. The picture for which done() holds.
    """
    for _ in range(4):
        act()
        try:
            return viewer.wait_for(done, ANSWER_LIMIT / 4)
        except rfb.RfbError:
            pass
    act()
    return viewer.wait_for(done, ANSWER_LIMIT / 4)


def by_keyboard(viewer):
    """Two rows down from English: Estonian."""
    start = now = chosen_row(viewer.refresh())
    for _ in range(2):
        now = chosen_row(insist(viewer, lambda: viewer.key("Down"),
                                lambda p, above=now: (chosen_row(p) or 0) > above))
    return now - start


def push_to_corner(viewer):
    """The guest's pointer goes to the top left, wherever it was, and the viewer's with it."""
    for _ in range(3):
        viewer.move(1000, 740)
        viewer.move(0, 0)


def by_mouse(viewer, x, y):
    """
    Clicks a row. The guest has a relative mouse and speeds fast movements up: small steps from a
    known corner arrive where they should, more or less.
    """
    push_to_corner(viewer)
    viewer.poll(3.0)
    steps = max(x, y) // 3
    for i in range(1, steps + 1):
        viewer.move(x * i // steps, y * i // steps)
        viewer.poll(0.05)
    viewer.click()


def in_guest(viewer, out):
    try:
        viewer.wait_for(language_page, PAGE_LIMIT)
        viewer.wait_stable(quiet=3.0, timeout=ANSWER_LIMIT)
    except rfb.RfbError as e:
        viewer.save_png(os.path.join(out, "seen.png"))
        verdict("language page appears", False, str(e))
        return
    verdict("language page appears", True)
    try:
        moved = by_keyboard(viewer)
        verdict("keyboard moves the choice", 35 <= moved <= 60, f"moved {moved} lines")
        before = chosen_row(viewer.refresh())
        insist(viewer, lambda: by_mouse(viewer, 400, 250),
               lambda p: chosen_row(p) not in (None, before))
        verdict("mouse chooses a row", True)
        insist(viewer, lambda: viewer.key("Return"), lambda p: not language_page(p))
        verdict("Return goes on to the next page", True)
    except rfb.RfbError as e:
        verdict("keyboard and mouse work", False, str(e))


def dial(lab, port):
    """Connects as soon as the guest's screen is served."""
    if not wait_until(lambda: "VNC viewer to" in lab.text(), lab, 120):
        raise rfb.RfbError("no screen is served")
    return rfb.connect(f"127.0.0.1:{port}", timeout=120, patience=20)


def main():
    iso = image("installer", file="installer.iso")
    port = free_port()
    with Scratch() as out:
        command = ["caisson", "run", iso, "--name", "installer", "--memory", "1G",
                   "--vnc", "127.0.0.1:5900", "--serial", "none"]
        with Lab(["--memory", "2304M", "--forward", f"{port}:5900"], command,
                 os.path.join(out, "lab.log"), LIMIT) as lab:
            try:
                with dial(lab, port) as viewer:
                    in_guest(viewer, out)
            except (rfb.RfbError, OSError) as e:
                verdict("a viewer connects", False, f"{e}\n{lab.text()}")
        keep = os.environ.get("CAISSON_KEEP")
        if keep and os.path.exists(os.path.join(out, "seen.png")):
            os.replace(os.path.join(out, "seen.png"), os.path.join(keep, "seen.png"))
    finish()


if __name__ == "__main__":
    sys.exit(main())
