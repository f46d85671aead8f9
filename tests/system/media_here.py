#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Boot loaders, a picture and a memory tester, one after another, on the hypervisor of the machine that this
runs on; test_media.py runs it in the lab. Prints `PASS name` or `FAIL name: why` for each subject.

    media_here.py IMAGES FOLDER [GUEST...]      the guest images; results; grub, ipxe, planar, memtest, ovmf
"""
import os
import re
import sys
import time

from guestkit import Guest, Trouble
from labkit import PICTURES, finish, verdict
from picture import Picture, read_png

MEMTEST_TIME = 60  # seconds that Memtest86+ is to count
# Enough that its last test, which sleeps for minutes and reads no key, is not reached in that time.
MEMTEST_MEMORY = "96M"
UEFI_SHELL, UEFI_COUNTDOWN = (1280, 800), 8  # its size; seconds that it waits for a key


def steps(guest, *todo):
    """Each (name, function) as a test, until one fails: what follows would fail with it."""
    for name, do in todo:
        try:
            why = do()
        except Trouble as trouble:
            why = str(trouble)
        if not verdict(f"{guest.name}: {name}", not why, why or ""):
            picture = guest.picture()
            if picture:
                picture.save_png(guest.path("png"))
            return


def wait_like(guest, name, region=None, limit=30):
    """Until the screen is as in tests/system/pictures/NAME.png, at least in the region."""
    path = os.path.join(PICTURES, f"{name}.png")
    want = read_png(path) if os.path.exists(path) else Picture(0, 0)
    last = []

    def as_known(seen):
        last[:] = [seen]
        return (seen.width, seen.height) == (want.width, want.height) and seen.matches(want, region)

    try:
        guest.wait_picture(as_known, f"the picture {name}.png", limit)
    except Trouble:
        if last:
            last[0].save_png(guest.path(f"{name}.png"))
        raise


# --- GRUB --------------------------------------------------------------------------------------


def grub(images, folder):
    with Guest("grub", f"{images}/grub.iso", "--memory", "128M", folder=folder) as guest:
        def menu():
            guest.wait_for("executed automatically in")
            guest.key("Up")  # ends the countdown, stays on the first entry
            wait_like(guest, "grub-menu")

        def prompt():
            guest.key("c")
            guest.wait_for("grub> *$")
            guest.type("ls\n")
            guest.wait_for(r"^\(cd\)")

        def command(line):
            """One at a time: a BIOS keeps 15 keys for a program that is busy."""
            guest.type(line + "\n")
            guest.wait_for(rf"{re.escape(line)}\n(.*\n)*grub> *$" if line != "clear" else r"\Agrub> *$")

        def graphics():
            for line in ("clear", "set gfxmode=800x600x32", "insmod all_video",
                         "loadfont /boot/grub/fonts/unicode.pf2"):
                command(line)
            guest.type("terminal_output gfxterm\n")
            wait_like(guest, "grub-vbe", limit=60)
            guest.type("terminal_output console\n")
            guest.wait_for("grub> *$")

        def reboot():
            guest.type("reboot\n")
            guest.wait_for("executed automatically in")

        def halt():
            guest.key("c")
            guest.wait_for("grub> *$")
            guest.type("halt\n")
            return None if guest.wait_end() == 0 else "the guest does not power off"

        steps(guest, ("its menu, in text mode", menu), ("a command and its answer", prompt),
              ("graphics through VBE", graphics), ("reboot", reboot), ("halt powers off", halt))


# --- iPXE --------------------------------------------------------------------------------------


def ipxe(images, folder):
    with Guest("ipxe", f"{images}/ipxe.iso", "--memory", "128M", folder=folder) as guest:
        def banner():
            guest.wait_for(r"iPXE 1\..*Open Source Network Boot Firmware", limit=180)

        def shell():
            guest.wait_for("Press Ctrl-B for the iPXE command line")
            guest.key("Ctrl+B")
            guest.wait_for("iPXE> *$")
            guest.type("show platform\n")
            guest.wait_for("platform.* = pcbios")

        steps(guest, ("its banner", banner), ("its command line", shell))


# --- a picture in planes -------------------------------------------------------------------------

EGA = [(0xaa * (n >> 2 & 1) + 0x55 * (n >> 3), 0xaa * (n >> 1 & 1) + 0x55 * (n >> 3),
        0xaa * (n & 1) + 0x55 * (n >> 3)) for n in range(16)]
EGA[6] = (0xaa, 0x55, 0x00)  # brown, where dark yellow would be


def pattern():
    """What tests/guests/16/planar.c draws, in the colours of a VGA BIOS."""
    colours = [bytes(c) for c in EGA]
    return Picture(640, 480, b"".join(
        colours[(x // 8 + y // 6) % 16 ^ (0 if (x + y) % 7 else 15)]
        for y in range(480) for x in range(640)))


def planar(images, folder):
    image = os.path.join(images, "../guests/planar.img")
    with Guest("planar", image, "--discard-changes", "--memory", MEMTEST_MEMORY, folder=folder) as guest:
        def shown():
            guest.wait_for("^shown", look=lambda: guest.read("serial"))
            want = pattern()
            guest.wait_picture(lambda seen: seen.matches(want), "the pattern", 10)

        steps(guest, ("a picture in 16 colours, in planes", shown))


# --- Memtest86+ ----------------------------------------------------------------------------------


def memtest_figures(screen):
    """(seconds, errors, percent of the pass, passes) as the screen has them, or None."""
    found = [re.search(what, screen) for what in
             (r"Time: +(\d+):(\d+):(\d+)", r"Errors: +(\d+)", r"Pass +(\d+)%", r"Pass: +(\d+)")]
    if not all(found):
        return None
    hours, minutes, seconds = (int(n) for n in found[0].groups())
    return hours * 3600 + minutes * 60 + seconds, *(int(f[1]) for f in found[1:])


def memtest(images, folder):
    with Guest("memtest", f"{images}/memtest.iso", "--memory", MEMTEST_MEMORY, folder=folder) as guest:
        def starts():
            guest.wait_for(r"Memtest86\+ v6.*\n(.*\n)+.*Errors: 0")

        def tests():
            until = time.monotonic() + 4 * MEMTEST_TIME
            while time.monotonic() < until:
                figures = memtest_figures(guest.screen())
                if figures and figures[1]:
                    return f"{figures[1]} errors"
                if figures and figures[0] >= MEMTEST_TIME:
                    seconds, _, percent, passes = figures
                    print(f"    memtest: {passes} passes and {percent} % in {seconds} s")
                    return None if passes or percent > 2 else "it makes no progress"
                time.sleep(2)
            return "its clock does not reach a minute"

        def restarts():
            guest.key("Escape")
            guest.wait_for("Booting from DVD/CD|ISOLINUX")

        steps(guest, ("starts", starts), ("a minute without an error", tests), ("Escape resets", restarts))


# --- OVMF ----------------------------------------------------------------------------------------


def ovmf(images, folder):
    if not os.path.exists("/dev/caisson"):
        print("    ovmf: left out, the lab's processor does not survive it on KVM (docs/lab.md)")
        return
    with Guest("ovmf", f"{images}/grub.iso", "--firmware", "ovmf", "--memory", "256M",
               folder=folder) as guest:
        def shell():
            """No text screen: the prompt is a picture that has come to rest."""
            guest.wait_picture(lambda p: (p.width, p.height) == UEFI_SHELL and p.colours() > 3,
                               "OVMF's shell", 120)
            time.sleep(UEFI_COUNTDOWN)

        def off():
            guest.type("\nreset -s\n")
            return None if guest.wait_end() == 0 else "the guest does not power off"

        steps(guest, ("its shell, 1280x800", shell), ("a command that powers off", off))


GUESTS = {"grub": grub, "ipxe": ipxe, "planar": planar, "memtest": memtest, "ovmf": ovmf}


def main():
    images, folder, *names = sys.argv[1:]
    for name in names or GUESTS:
        began = time.monotonic()
        GUESTS[name](images, folder)
        print(f"    {name}: {time.monotonic() - began:.1f} s", flush=True)
    finish()


if __name__ == "__main__":
    main()
