#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every control command against real guests, on the hypervisor of the machine that this runs on:
a boot sector that echoes what is typed on a text screen, and Debian's kernel with a shell on screen
and serial port. Prints `PASS name` or `FAIL name: why` for each; test_control.py runs it in the lab.

    control_here.py KERNEL INITRD ECHO FOLDER       FOLDER: scratch space
"""
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time

import rfb

ECHO, LINUX = "echo", "linux"
BOOT_LIMIT, LIMIT = 400, 90  # watchdogs, not expectations
DISC = 64 << 10


class Trouble(Exception):
    pass


def caisson(*words, stdin=None):
    """(status, output, errors) of a verb."""
    done = subprocess.run(["caisson", *words], capture_output=True, text=True, input=stdin,
                          timeout=LIMIT)
    return done.returncode, done.stdout, done.stderr


def must(*words, stdin=None):
    status, out, err = caisson(*words, stdin=stdin)
    if status:
        raise Trouble(f"{' '.join(words)}: status {status}: {err.strip()}")
    return out


def wait_for(what, look, limit=LIMIT):
    """Until the text is there, which is given back."""
    until = time.monotonic() + limit
    while True:
        seen = look()
        if re.search(what, seen, re.M):
            return seen
        if time.monotonic() > until:
            raise Trouble(f"'{what}' does not appear; there is:\n{seen[-3000:].rstrip()}")
        time.sleep(0.3)


def status_of(name):
    for line in must("list").splitlines():
        words = line.split()
        if words[0] == name:
            return words[2]
    return None


class Guest:
    """`caisson run` in the background."""

    def __init__(self, name, *options):
        self.name = name
        self.proc = subprocess.Popen(["caisson", "run", "--name", name, *options],
                                     stdin=subprocess.DEVNULL)
        while status_of(name) is None and self.proc.poll() is None:
            time.sleep(0.1)

    def end(self):
        try:
            return self.proc.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            return None


class Console:
    """`caisson console` with pipes, all that it has shown, and commands that are typed there."""

    def __init__(self, name):
        self.proc = subprocess.Popen(["caisson", "console", name], stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        os.set_blocking(self.proc.stdout.fileno(), False)
        self.seen = ""

    def look(self):
        data = self.proc.stdout.read() or b""
        self.seen += data.decode(errors="replace").replace("\r", "")
        return self.seen

    def send(self, text):
        self.proc.stdin.write(text.encode())
        self.proc.stdin.flush()

    def run(self, command, answer, limit=LIMIT):
        """The answer must appear after the command was sent."""
        self.look()
        self.seen = ""
        self.send(command + "\r")
        return wait_for(answer, self.look, limit)

    def leave(self):
        self.send("\x1d")
        return self.proc.wait(LIMIT)


def stats(name):
    return json.loads(must("stats", name, "--json"))


def screen(name):
    """What is on the screen; nothing while it shows graphics or is dark."""
    status, out, err = caisson("screenshot", name, "--text")
    if status not in (0, 2):
        raise Trouble(f"screenshot --text: status {status}: {err.strip()}")
    return out


# --- the echo: a text screen ----------------------------------------------------------------------

def echo_screen():
    return screen(ECHO)


def test_text(_):
    """a text screen is read as text"""
    wait_for("^echo is ready$", echo_screen, BOOT_LIMIT)


def test_type(_):
    """typed text reaches the guest, capitals and symbols included"""
    must("type", ECHO, "\nTyped_{|}~\"@#$ 'ABC'")
    wait_for(r"^Typed_\{\|\}~\"@#\$ 'ABC'$", echo_screen)


def test_long_text(_):
    """text from standard input, longer than the keyboard's queue"""
    text = "longer-than-16"  # and no longer than what the BIOS keeps for a program that is slow
    must("type", ECHO, "-", stdin=f"\n{text}")
    wait_for(f"^{text}$", echo_screen)


def test_keys(_):
    """keys by name, and combinations of them"""
    must("key", ECHO, "Return", "F12", "Up", "Shift+a", "Ctrl+F1", "+", "KP_Add")
    wait_for(r"^<86><48>A<5e>=\+$", echo_screen)


def test_paste(_):
    """Ctrl+Alt+V types a viewer's clipboard"""
    with rfb.connect("127.0.0.1:5900", LIMIT) as viewer:
        viewer.set_clipboard("\r\nPasted {it}")  # no more keys than the BIOS has room for
        viewer.key("Ctrl+Alt+v")
        wait_for("^Pasted {it}$", echo_screen)


def test_paste_ends(_):
    """what is pasted ends with the next key"""
    with rfb.connect("127.0.0.1:5900", LIMIT) as viewer:
        viewer.set_clipboard("z" * 16000)  # minutes of typing, which the watchdog does not wait for
        viewer.key("Ctrl+Alt+v")
        wait_for("zzz", echo_screen)
        viewer.key("Return")
        for _ in range(10):  # keys are lost while the BIOS has its room full of others
            must("type", ECHO, "\nenough\n")
            if re.search("^enough$", echo_screen(), re.M):
                return
            time.sleep(3)
        raise Trouble(f"nothing else can be typed; there is:\n{echo_screen()}")


def test_echo_screenshot(folder):
    """a picture of the text screen, as a PNG of its size"""
    must("screenshot", ECHO, f"{folder}/shot.png")
    with open(f"{folder}/shot.png", "rb") as f:
        head = f.read(24)
    size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[1:4] != b"PNG" or size != (720, 400):
        raise Trouble(f"{head[:4]} {size}")


def starts_again():
    wait_for("^echo is ready$", lambda: "" if "mark" in echo_screen() else echo_screen(),
             BOOT_LIMIT)


def test_reset(_):
    """the reset button starts the guest again"""
    must("type", ECHO, "mark")
    wait_for("mark", echo_screen)
    must("reset", ECHO)
    starts_again()


def test_three_keys(_):
    """Ctrl+Alt+Delete starts it again, too"""
    must("type", ECHO, "mark")
    wait_for("mark", echo_screen)
    must("key", ECHO, "Ctrl+Alt+Delete")
    starts_again()


def test_kill(_):
    """kill ends the program, and its files are gone"""
    must("kill", ECHO)
    if status_of(ECHO):
        raise Trouble("it is still listed")


# --- Linux: a shell on the serial port ------------------------------------------------------------

serial = None


def test_console(_):
    """the serial port in a terminal, for one at a time"""
    wait_for("caisson-guest: ready", serial.look, BOOT_LIMIT)
    serial.run("", "/ # ")
    serial.run("echo serial-$((6*7))", "^serial-42$")
    status, _, err = caisson("console", LINUX)
    if status != 2 or "already" not in err:
        raise Trouble(f"a second console: status {status}: {err}")


def test_type_to_linux(_):
    """a command is typed into Linux's shell, and what it prints read from the screen"""
    wait_for("caisson-guest: ready", lambda: screen(LINUX))
    must("type", LINUX, "echo Screen-$((6*7))\n")
    wait_for("^Screen-42$", lambda: screen(LINUX))


def test_mouse(_):
    """the guest hears the mouse move, click and turn"""
    count = "awk '/i8042/ && $1 == \"12:\" { print \"mouse:\" $2 }' /proc/interrupts"
    serial.run("cat /dev/input/mice >/dev/null &", "# ")

    def moved():
        return int(re.search(r"^mouse:(\d+)$", serial.run(count, r"^mouse:\d+$"), re.M)[1])

    before = moved()
    must("mouse", LINUX, "move", "10", "-300")
    must("mouse", LINUX, "click", "left")
    must("mouse", LINUX, "wheel", "1")
    after = moved()
    if after < before + 3 * 3:
        raise Trouble(f"{before} interrupts, then {after}")


def read_disc(answer):
    serial.run("head -c 8 /dev/sr0; echo \" is there\"", answer)


def test_discs(folder):
    """discs go out and in, as the guest sees it"""
    read_disc("^disc-one is there$")
    must("cd", LINUX, "eject")
    read_disc("^ is there$")
    must("cd", LINUX, "insert", f"{folder}/two.iso")
    read_disc("^disc-two is there$")


def test_locked_drive(folder):
    """a drive that the guest has locked keeps its disc, unless forced"""
    serial.run("exec 9</dev/sr0; echo open $?", "^open 0$")
    status, _, err = caisson("cd", LINUX, "insert", f"{folder}/one.iso")
    if status != 2 or "locked" not in err:
        raise Trouble(f"status {status}: {err}")
    must("cd", LINUX, "insert", f"{folder}/one.iso", "--force")
    serial.run("exec 9<&-; echo closed", "^closed$")
    read_disc("^disc-one is there$")


def test_stats(_):
    """figures: of exits, wakeups, disks, threads, memory"""
    s = stats(LINUX)
    names = {t["name"] for t in s["threads"]}
    wrong = [what for what, ok in (
        ("port exits", s["exits"]["vcpu0"]["io"] > 1000),
        ("end of interrupt exits", "eoi" in s["exits"]["vcpu0"]),
        ("control wakeups", s["loop"]["sources"]["control"] > 10),
        ("loop wakeups", s["loop"]["wakeups"] > 10),
        ("disc reads", s["drives"]["hdc"]["bytes_read"] > 0),
        ("threads", "vcpu0" in names),
        ("guest memory", s["memory"]["guest_bytes"] > 32 << 20),
        ("memory beside", 0 < s["memory"]["beside_bytes"] < 64 << 20),
    ) if not ok]
    print(must("stats", LINUX))
    if wrong:
        raise Trouble(f"{', '.join(wrong)}: {json.dumps(s)}")


def test_pause(_):
    """a paused guest stands still, and says so; resumed, it goes on"""
    must("pause", LINUX)
    before = stats(LINUX)
    if status_of(LINUX) != "paused":
        raise Trouble(f"state {status_of(LINUX)}")
    status, _, err = caisson("type", LINUX, "x")
    if status != 2 or "paused" not in err:
        raise Trouble(f"typing: status {status}: {err}")
    status, _, err = caisson("stop", LINUX)
    if status != 2 or "paused" not in err:
        raise Trouble(f"stop: status {status}: {err}")
    after = stats(LINUX)
    if before["guest_time_ms"] != after["guest_time_ms"] or before["exits"] != after["exits"]:
        raise Trouble("guest time or exits go on")
    must("resume", LINUX)
    serial.run("echo awake-$((2*2))", "^awake-4$")
    if status_of(LINUX) != "running":
        raise Trouble(f"state {status_of(LINUX)}")


def test_stop(folder):
    """the power button is an event of the guest's ACPI"""
    count = "awk '/acpi/ { n = $2 } END { print \"events:\" n + 0 }' /proc/interrupts"

    def events():
        return int(re.search(r"^events:(\d+)$", serial.run(count, r"^events:\d+$"), re.M)[1])

    # without the driver, the guest does not want to hear of it
    must("cd", LINUX, "insert", f"{folder}/driver.iso")
    size = os.path.getsize(f"{folder}/button.ko")
    serial.run(f"head -c {size} /dev/sr0 >/button.ko; insmod /button.ko; echo loaded $?",
               "^loaded 0$")
    before = events()
    must("stop", LINUX)
    after = events()
    if after != before + 1:
        raise Trouble(f"{before} events, then {after}")


def test_errors(_):
    """what cannot be is told in one sentence, with its status"""
    for words, status, said in (
            (("stop", "nobody"), 1, "No guest named nobody is running"),
            (("key", LINUX, "Hyperspace"), 1, "'Hyperspace' is not the name of a key"),
            (("type", LINUX, "\u00e9"), 1, "types '\u00e9'"),
            (("cd", LINUX, "insert", "/nowhere.iso"), 1, "/nowhere.iso cannot be opened: No such file"),
            (("cd", LINUX, "insert", "/etc"), 1, "is a directory"),
            (("cd", LINUX, "eject", "--drive", "hda"), 2, "has no CD-ROM drive hda"),
            (("mouse", LINUX, "jump"), 1, "mouse"),
            (("console", ECHO), 2, "--serial pty"),
            (("screenshot", LINUX, "/nowhere/x.png"), 1, "/nowhere/x.png cannot be written")):
        got, _, err = caisson(*words)
        if got != status or said not in err or err.count("\n") != 1:
            raise Trouble(f"{' '.join(words)}: status {got}: {err}")


def raw_request(line):
    """The answer to what is sent as it is; None if there is none."""
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(LIMIT)
        s.connect(f"/run/caisson/{LINUX}.sock")
        s.sendall(line.encode() + b"\n")
        text = s.makefile().readline()
    return json.loads(text)["ok"] if text else None


def test_garbage(_):
    """requests that make no sense are refused, and the guest does not mind"""
    for request in ('"type"', '"type","text":5', '"type","text":"\\u0007"', '"key"',
                    '"key","keys":"a"',
                    '"key","keys":[1]', '"key","keys":[["a"]]', '"mouse","dx":1e99,"click":"x"',
                    '"mouse","dx":-99999999999', '"mouse","wheel":4711', '"insert"',
                    '"insert","path":"/x"', '"eject","drive":"hda"', '"screenshot"',
                    '"leap"', '["status"]'):
        if raw_request('{"request":%s}' % request):
            raise Trouble(f"{request} is accepted")
    # one who leaves in the midst of typing
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(f"/run/caisson/{LINUX}.sock")
        s.sendall(b'{"request":"type","text":"%s"}\n' % (b"x" * 10000))
    must("key", LINUX, "Ctrl+C")
    if not raw_request('{"request":"status"}'):
        raise Trouble("no status")


def test_console_left(_):
    """Ctrl-] leaves the console"""
    status = serial.leave()
    if status:
        raise Trouble(f"status {status}")


def test_guest_powers_off(_):
    """a console ends with its guest"""
    last = Console(LINUX)
    last.send("poweroff -f\r")
    if last.proc.wait(LIMIT):
        raise Trouble(f"status {last.proc.returncode}")


ECHO_TESTS = (test_text, test_type, test_long_text, test_keys, test_paste, test_paste_ends,
              test_echo_screenshot, test_reset, test_three_keys)
LINUX_TESTS = (test_console, test_type_to_linux, test_mouse, test_discs, test_locked_drive,
               test_stats, test_pause, test_stop, test_errors, test_garbage)
LAST_TESTS = (test_kill, test_console_left, test_guest_powers_off)


def make_discs(folder, kernel):
    for name in ("one", "two"):
        with open(f"{folder}/{name}.iso", "wb") as f:
            f.write(f"disc-{name}".encode())
            f.truncate(DISC)
    driver = glob.glob(f"/lib/modules/{os.path.basename(kernel)[len('vmlinuz-'):]}"
                       "/kernel/drivers/acpi/button.ko")[0]
    shutil.copy(driver, f"{folder}/button.ko")
    shutil.copy(driver, f"{folder}/driver.iso")
    with open(f"{folder}/driver.iso", "r+b") as f:
        f.truncate(DISC)


def run_tests(tests, folder):
    """How many failed; without the first, there is no point in the others."""
    failed = 0
    for test in tests:
        began = time.monotonic()
        try:
            test(folder)
            print(f"PASS {test.__doc__}")
        except (Trouble, subprocess.TimeoutExpired, KeyError) as e:
            failed += 1
            print(f"FAIL {test.__doc__}: {e}")
            if test is tests[0]:
                break
        print(f"    {time.monotonic() - began:.1f} s", flush=True)
    return failed


def main():
    global serial
    kernel, initrd, sector, folder = sys.argv[1:]
    make_discs(folder, kernel)
    linux = Guest(LINUX, "--memory", "256M", "--kernel", kernel, "--initrd", initrd, "--append",
                  "guest.run=shell quiet", "--cdrom", f"{folder}/one.iso", "--serial", "pty",
                  "--vnc", "none")
    serial = Console(LINUX)
    echo = Guest(ECHO, "--disk", sector, "--memory", "32M", "--vnc", "127.0.0.1:5900")
    failed = run_tests(ECHO_TESTS, folder) + run_tests(LINUX_TESTS, folder)
    failed += sum(run_tests((test,), folder) for test in LAST_TESTS)
    for guest in (echo, linux):
        status = guest.end()
        failed += status != 0
        print(f"PASS {guest.name} ends with status 0" if status == 0 else
              f"FAIL {guest.name} ends with status 0: {status}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
