#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The window of --sdl, on a display in memory (Xvfb), with a window manager and a user (xdotool), on the
hypervisor of the machine that this runs on. Prints `PASS name` or `FAIL name: why` for each test;
test_sdl.py runs it in the lab.

    sdl_here.py IMAGE FOLDER [ACCEL]     IMAGE: made from window.S; FOLDER: scratch space
"""
import glob
import os
import re
import struct
import subprocess
import sys
import tempfile
import time

import guestkit
from guestkit import Trouble
from labkit import finish, verdict
from picture import Picture

WIDTH, HEIGHT = 1280, 1024  # of the display
LIMIT = 240                 # a watchdog, not an expectation
LOOK = 0.3
GRABBED = " - Press Ctrl+Alt to release"


def wait_until(look, good, what):
    """Until good(look()), which is given back."""
    until = time.monotonic() + LIMIT
    while True:
        seen = look()
        if good(seen):
            return seen
        if time.monotonic() > until:
            raise Trouble(f"{what}: there is {seen}")
        time.sleep(LOOK)


def colours(line):
    """Pixels of four bytes each, without what is in the fourth."""
    line = bytearray(line)
    line[3::4] = bytes(len(line) // 4)
    return bytes(line)


class Desktop:
    """An X server without a screen, and a window manager, whose keys are with Super."""

    def __init__(self, folder):
        self.folder = os.path.join(folder, "frame-buffer")
        os.makedirs(self.folder)
        self.server = subprocess.Popen(
            ["Xvfb", "-displayfd", "1", "-screen", "0", f"{WIDTH}x{HEIGHT}x24", "-nolisten", "tcp",
             "-noreset", "-nocursor", "-extension", "GLX", "-fbdir", self.folder],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        number = self.server.stdout.readline().decode().strip()
        self.env = {"DISPLAY": f":{number}"}
        os.environ.update(self.env)
        self.manager = subprocess.Popen(["evilwm", "--fn", "fixed", "--mask1", "mod4"],
                                        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_until(lambda: self.do("get_num_desktops"), bool, "the window manager does not start")

    def do(self, *words):
        """What xdotool says; nothing if it fails."""
        done = subprocess.run(["xdotool", *map(str, words)], capture_output=True, text=True,
                              timeout=LIMIT, check=False)
        return "" if done.returncode else done.stdout.strip()

    def lines(self, x, y, width, height):
        """Part of the screen, from the file in which the server keeps it: an X window dump."""
        with open(os.path.join(self.folder, "Xvfb_screen0"), "rb") as f:
            data = f.read()
        head = struct.unpack(">20I", data[:80])
        at, pitch = head[0] + head[19] * 12, head[12]
        starts = (at + row * pitch + x * 4 for row in range(y, y + height))
        return [colours(data[start:start + width * 4]) for start in starts]

    def keep(self, path):
        lines = b"".join(self.lines(0, 0, WIDTH, HEIGHT))
        rgb = bytearray(WIDTH * HEIGHT * 3)
        for part in range(3):
            rgb[part::3] = lines[2 - part::4]
        Picture(WIDTH, HEIGHT, rgb).save_png(path)

    def end(self):
        for proc in (self.manager, self.server):
            proc.kill()
            proc.wait()


class Window:
    def __init__(self, desktop, name):
        self.desktop, self.name = desktop, name
        self.id = wait_until(
            lambda: desktop.do("search", "--onlyvisible", "--name", f"^{name}$"), bool,
            "no window appears").split()[0]

    def do(self, *words):
        return self.desktop.do(*words)

    def title(self):
        return self.do("getwindowname", self.id)

    def wait_title(self, more):
        wait_until(self.title, lambda t: t == self.name + more, f"the title is not +'{more}'")

    def place(self):
        """x, y, width, height"""
        said = self.do("getwindowgeometry", "--shell", self.id)
        return tuple(int(n) for n in re.findall(r"^(?:X|Y|WIDTH|HEIGHT)=(-?\d+)$", said, re.M))

    def wait_size(self, width, height):
        return wait_until(self.place, lambda p: p[2:] == (width, height),
                          f"the window is not {width}x{height}")

    def focus(self):
        """The pointer goes there, and the keyboard with it."""
        self.do("mousemove", "--window", self.id, 60, 60)
        wait_until(lambda: self.do("getwindowfocus"), lambda seen: seen == self.id,
                   "the window has not got the keyboard")

    def key(self, *keys):
        self.do("key", "--clearmodifiers", *keys)


def screenshot(guest):
    """Width, height, and lines of the guest's picture."""
    with tempfile.TemporaryFile() as f:
        size = guest.ask("screenshot", fds=[f.fileno()])
        f.seek(0)
        data = f.read()
    width, height = size["width"], size["height"]
    return width, height, [colours(data[y * width * 4:(y + 1) * width * 4]) for y in range(height)]


def twice(lines):
    """Each pixel as four."""
    out = []
    for line in lines:
        wide = bytearray(len(line) * 2)
        for part in range(4):
            wide[part::8] = wide[part + 4::8] = line[part::4]
        out += [bytes(wide)] * 2
    return out


def expect_picture(guest, window, at=(0, 0), by=lambda lines: lines):
    """The window shows there what a screenshot shows; the cursor may blink in between."""
    def look():
        want = by(screenshot(guest)[2])
        x, y = window.place()[:2]
        seen = window.desktop.lines(x + at[0], y + at[1], len(want[0]) // 4, len(want))
        return sum(a != b for a, b in zip(seen, want)), len(set(want))
    wait_until(look, lambda seen: seen[0] == 0 and seen[1] > 1, "lines that differ, and kinds")


def start(desktop, image, folder, accel, name="w"):
    guest = guestkit.Guest(name, "--sdl", "--memory", "32M", "--accel", accel, "--disk",
                           f"{image},ro", folder=folder, env=desktop.env)
    return guest, Window(desktop, name)


# --- tests, in this order -------------------------------------------------------------------------

def test_picture(guest, window):
    """the window shows the guest's picture"""
    guest.wait_for("^window is ready$", LIMIT)
    window.wait_size(720, 400)
    expect_picture(guest, window)


def test_keys(guest, window):
    """keys reach the guest, capitals and symbols included"""
    window.focus()
    window.do("key", "H", "e", "l", "l", "o", "exclam", "less")
    guest.wait_for("Hello!<$")  # before it, what the guest saw of the pointer
    expect_picture(guest, window)


def test_resize(guest, window):
    """a window made twice as large shows each pixel as four"""
    window.do("windowmove", window.id, 0, 0)
    window.do("windowsize", window.id, 1280, 960)
    window.wait_size(1280, 960)
    window.key("F1")
    wait_until(lambda: screenshot(guest)[:2], lambda size: size == (640, 480), "no graphics")
    window.wait_size(1138, 853)  # 1280 are 1.78 times the 720 of text
    window.do("windowsize", window.id, 1280, 960)
    window.wait_size(1280, 960)
    expect_picture(guest, window, by=twice)


def test_full_screen(guest, window):
    """full screen and back, in the picture's proportions"""
    window.key("ctrl+alt+f")
    window.wait_size(WIDTH, HEIGHT)
    window.wait_title("")
    expect_picture(guest, window, (0, 32), twice)
    window.key("ctrl+alt+f")
    window.wait_size(1280, 960)
    window.do("windowsize", window.id, 640, 480)
    window.wait_size(640, 480)
    expect_picture(guest, window)


def test_mode(guest, window):
    """the window follows the guest's mode"""
    window.focus()
    window.key("F1")
    window.wait_size(720, 400)
    guest.wait_for("^window is ready$")
    expect_picture(guest, window)


def test_grab(guest, window):
    """a click grabs the mouse, the guest hears it, Ctrl+Alt releases it"""
    window.focus()
    window.do("key", "bracketleft")
    guest.wait_for(r"\[$")
    window.do("click", 1)
    window.wait_title(GRABBED)
    window.do(*["mousemove_relative", "--", 20, 0] * 5)
    guest.wait_for(r"\[>+$")
    window.do("mousedown", 1)
    guest.wait_for(r"\[>+!$")
    window.do("mouseup", 1)
    window.key("ctrl+alt")
    window.wait_title("")


def test_pause(guest, window):
    """the title says that the guest is paused"""
    guest.ask("pause")
    window.wait_title(" (paused)")


def wakeups(guest):
    """Of everything that is there for the window: in the guest's process, and in its own."""
    threads = {}
    for path in glob.glob("/proc/[0-9]*/task/*/status"):
        try:
            with open(path, encoding="ascii") as f:
                said = dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)
        except (FileNotFoundError, ProcessLookupError):
            continue
        if said["Name"] == "caisson-window" or said["Tgid"] == str(guest.proc.pid):
            threads[said["Pid"]] = int(said["voluntary_ctxt_switches"])
    return threads


def test_idle(guest, _):
    """nothing wakes while nothing happens"""
    def look():
        before = wakeups(guest)
        time.sleep(5)
        after = wakeups(guest)
        return {pid: n - before.get(pid, 0) for pid, n in after.items() if n != before.get(pid)}
    wait_until(look, lambda woken: not woken, "wakeups in 5 s")


def test_resume(guest, window):
    """and no more when it goes on"""
    guest.ask("resume")
    window.wait_title("")


def shown(guest):
    return guest.ask("stats")["window"]["shown"]


def test_hidden(guest, window):
    """nothing is drawn for a hidden window, and all of it when it is back"""
    window.do("windowunmap", window.id)
    wait_until(lambda: shown(guest), lambda s: s == 0, "the window counts as shown")
    guest.type("unseen ")
    guest.wait_for("unseen")
    window.do("windowmap", window.id)
    wait_until(lambda: shown(guest), lambda s: s == 1, "the window counts as hidden")
    expect_picture(guest, window)


def test_apart(guest, _):
    """nothing of the desktop is in the guest's process, and its thread is in the sandbox"""
    with open(f"/proc/{guest.proc.pid}/maps", encoding="ascii") as f:
        strangers = set(re.findall(r"/(lib(?:SDL|X11|xcb|wayland)\S*)", f.read()))
    filters = {}
    for path in glob.glob(f"/proc/{guest.proc.pid}/task/*/status"):
        with open(path, encoding="ascii") as f:
            said = f.read()
        if re.search(r"^Name:\tsdl$", said, re.M):
            filters = re.findall(r"^Seccomp_filters:\t(\d+)$", said, re.M)
    if strangers or filters != ["2"]:
        raise Trouble(f"libraries {strangers}, filters {filters}")


def test_close(guest, window):
    """closing the window presses the power button"""
    window.focus()
    window.key("super+Escape")
    status = guest.wait_end(LIMIT)
    if status != 0 or "powered off" not in guest.read("out"):
        raise Trouble(f"status {status}: {guest.read('out')}")


def test_display_ends(guest, window):
    """a display that ends takes the window along, and not the guest"""
    window.desktop.end()
    guest.wait_for("The window is gone", LIMIT, lambda: guest.read("out"))
    if guest.ask("status").get("state") != "running":
        raise Trouble("it does not run")
    guest.ask("kill")
    if guest.wait_end(LIMIT) != 0:
        raise Trouble(guest.read("out"))


def no_display():
    """without a display, one sentence that names what is missing, and status 2"""
    env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY")}
    accel = sys.argv[3] if len(sys.argv) > 3 else "auto"
    done = subprocess.run(["caisson", "run", "--sdl", "--vnc", "none", "--memory", "32M", "--accel",
                           accel], env=env, capture_output=True, text=True, timeout=LIMIT,
                          check=False)
    if (done.returncode != 2 or done.stderr.count("\n") != 1 or
            not all(word in done.stderr for word in ("DISPLAY", "WAYLAND_DISPLAY", "--vnc"))):
        raise Trouble(f"status {done.returncode}: {done.stderr}")


def run(tests, guest, window):
    """All of them, until one fails: each begins where the one before it left off."""
    for test in tests:
        try:
            test(guest, window)
        except (Trouble, OSError, ValueError, KeyError,
                subprocess.TimeoutExpired) as trouble:
            keep = os.environ.get("CAISSON_KEEP")
            if keep and window.desktop.server.poll() is None:
                window.desktop.keep(os.path.join(keep, f"{test.__name__}.png"))
            verdict(test.__doc__, False, f"{trouble}\n{guest.read('out')}")
            return False
        verdict(test.__doc__, True)
    return True


def main():
    image, folder = sys.argv[1:3]
    accel = sys.argv[3] if len(sys.argv) > 3 else "auto"
    try:
        no_display()
        verdict(no_display.__doc__, True)
    except Trouble as trouble:
        verdict(no_display.__doc__, False, str(trouble))
    desktop = Desktop(folder)
    try:
        guest, window = start(desktop, image, folder, accel)
        with guest:
            run([test_picture, test_keys, test_resize, test_full_screen, test_mode, test_grab,
                 test_pause, test_idle, test_resume, test_hidden, test_apart, test_close], guest,
                window)
        guest, window = start(desktop, image, folder, accel, "second")
        with guest:
            run([test_display_ends], guest, window)
    finally:
        desktop.end()
    finish()


if __name__ == "__main__":
    main()
