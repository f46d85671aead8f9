#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Every control command against a Linux guest, on the hypervisor of the machine that this runs on.
Prints `PASS name` or `FAIL name: why` for each; test_control.py runs it in the lab.

    control_here.py IMAGE FOLDER        a disk with a shell on screen and serial port; scratch space
"""
import json
import os
import re
import subprocess
import sys
import time

NAME = "controlled"
BOOT_LIMIT, LIMIT = 600, 90  # watchdogs, not expectations
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


def screen():
    """What is on the screen; nothing while it shows graphics or is dark."""
    status, out, err = caisson("screenshot", NAME, "--text")
    if status not in (0, 2):
        raise Trouble(f"screenshot --text: status {status}: {err.strip()}")
    return out


def wait_for(what, limit=LIMIT, look=screen):
    """Until the text is there, which is given back."""
    until = time.monotonic() + limit
    while time.monotonic() < until:
        seen = look()
        if re.search(what, seen, re.M):
            return seen
        time.sleep(0.5)
    raise Trouble(f"'{what}' does not appear; there is:\n{seen.rstrip()}")


def run_in_guest(command, answer, limit=LIMIT):
    """Types a command; what it prints must match the answer, on lines of their own."""
    must("key", NAME, "Ctrl+L")
    must("type", NAME, command + "\n")
    return wait_for(answer, limit)


def status_of(name=NAME):
    for line in must("list").splitlines():
        words = line.split()
        if words[0] == name:
            return words[2]
    return None


def stats():
    return json.loads(must("stats", NAME, "--json"))


# --- the tests, in this order, on one guest ------------------------------------------------------

def test_ready(folder):
    """the shell's screen is read as text"""
    wait_for("caisson-guest: ready", BOOT_LIMIT)


def test_type(folder):
    """typed text reaches the shell, capitals and symbols included"""
    run_in_guest("echo 'Typed_{|}~\"@#' $((6*7))", r'^Typed_\{\|\}~"@# 42$')


def test_type_from_input(folder):
    """text from standard input, longer than the keyboard's queue"""
    text = "".join(chr(ord("a") + i % 26) for i in range(200))
    must("key", NAME, "Ctrl+L")
    must("type", NAME, "-", stdin=f"echo {text} | wc -c\n")
    wait_for("^201$")


def test_keys(folder):
    """keys by name: history, control characters"""
    must("key", NAME, "Ctrl+L")
    must("type", NAME, "echo again-$((2*4))\n")
    wait_for("^again-8$")
    must("key", NAME, "Ctrl+L", "Up", "Return")
    wait_for("^again-8$")
    must("type", NAME, "cat\n")
    must("key", NAME, "Ctrl+D")
    run_in_guest("echo back", "^back$")


def test_mouse(folder):
    """the mouse moves, clicks and turns without error"""
    must("mouse", NAME, "move", "10", "-10")
    must("mouse", NAME, "click", "left")
    must("mouse", NAME, "wheel", "1")


def test_console(folder):
    """the serial port in a terminal, left by Ctrl-]"""
    proc = subprocess.Popen(["caisson", "console", NAME], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    os.set_blocking(proc.stdout.fileno(), False)
    seen = b""

    def look():
        nonlocal seen
        seen += proc.stdout.read() or b""
        return seen.decode(errors="replace").replace("\r", "")

    try:
        proc.stdin.write(b"\recho serial-$((6*7))\r")
        proc.stdin.flush()
        wait_for("^serial-42$", look=look)
        status, _, err = caisson("console", NAME)
        if status != 2 or "already" not in err:
            raise Trouble(f"a second console: status {status}: {err}")
        proc.stdin.write(b"\x1d")
        proc.stdin.flush()
        if proc.wait(LIMIT):
            raise Trouble(f"status {proc.returncode}")
    finally:
        proc.kill()


def read_disc(answer):
    run_in_guest("head -c 8 /dev/sr0; echo \" is there\"", answer)


def test_discs(folder):
    """discs go out and in, as the guest sees it"""
    read_disc("^disc-one is there$")
    must("cd", NAME, "eject")
    read_disc("^ is there$")
    must("cd", NAME, "insert", f"{folder}/two.iso")
    read_disc("^disc-two is there$")


def test_locked_drive(folder):
    """a drive that the guest has locked keeps its disc, unless forced"""
    run_in_guest("exec 9</dev/sr0; echo open $?", "^open 0$")
    status, _, err = caisson("cd", NAME, "insert", f"{folder}/one.iso")
    if status != 2 or "locked" not in err:
        raise Trouble(f"status {status}: {err}")
    must("cd", NAME, "insert", f"{folder}/one.iso", "--force")
    run_in_guest("exec 9<&-; echo closed", "^closed$")
    read_disc("^disc-one is there$")


def test_screenshot(folder):
    """a picture of the text screen, as a PNG of its size"""
    must("screenshot", NAME, f"{folder}/shot.png")
    with open(f"{folder}/shot.png", "rb") as f:
        head = f.read(24)
    size = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if head[1:4] != b"PNG" or size not in ((720, 400), (640, 400)):
        raise Trouble(f"{head[:4]} {size}")


def test_stats(folder):
    """figures: of exits, wakeups, disks, threads, memory"""
    s = stats()
    names = {t["name"] for t in s["threads"]}
    wrong = [what for what, ok in (
        ("port exits", s["exits"]["vcpu0"]["io"] > 1000),
        ("end of interrupt exits", "eoi" in s["exits"]["vcpu0"]),
        ("control wakeups", s["loop"]["sources"]["control"] > 10),
        ("loop wakeups", s["loop"]["wakeups"] > 10),
        ("disk reads", s["drives"]["hda"]["bytes_read"] > 1 << 20),
        ("threads", "vcpu0" in names),
        ("guest memory", s["memory"]["guest_bytes"] > 32 << 20),
        ("memory beside", 0 < s["memory"]["beside_bytes"] < 64 << 20),
    ) if not ok]
    print(must("stats", NAME))
    if wrong:
        raise Trouble(f"{', '.join(wrong)}: {json.dumps(s)}")


def test_pause(folder):
    """a paused guest stands still, and says so; resumed, it goes on"""
    must("pause", NAME)
    before = stats()
    if status_of() != "paused":
        raise Trouble(f"state {status_of()}")
    status, _, err = caisson("type", NAME, "x")
    if status != 2 or "paused" not in err:
        raise Trouble(f"typing: status {status}: {err}")
    status, _, err = caisson("stop", NAME)
    if status != 2 or "paused" not in err:
        raise Trouble(f"stop: status {status}: {err}")
    after = stats()
    if before["guest_time_ms"] != after["guest_time_ms"] or before["exits"] != after["exits"]:
        raise Trouble("guest time or exits go on")
    must("resume", NAME)
    run_in_guest("echo awake", "^awake$")
    if status_of() != "running":
        raise Trouble(f"state {status_of()}")


def test_stop(folder):
    """the power button is an event of the guest's ACPI"""
    events = "awk '/acpi/ { n = $2 } END { print \"events:\" n + 0 }' /proc/interrupts"
    before = int(re.search(r"^events:(\d+)$", run_in_guest(events, r"^events:\d+$"), re.M)[1])
    must("stop", NAME)
    after = int(re.search(r"^events:(\d+)$", run_in_guest(events, r"^events:\d+$"), re.M)[1])
    if after != before + 1:
        raise Trouble(f"{before} events, then {after}")


def test_reset(folder):
    """the reset button leads to the firmware"""
    run_in_guest("echo before-$((1+1))", "^before-2$")
    must("reset", NAME)
    wait_for("SeaBIOS|GRUB|Booting|Loading", LIMIT)


def test_errors(folder):
    """what cannot be is told in one sentence, with its status"""
    for words, status, said in (
            (("stop", "nobody"), 1, "No guest named nobody is running"),
            (("key", NAME, "Hyperspace"), 1, "'Hyperspace' is not the name of a key"),
            (("cd", NAME, "insert", "/nowhere.iso"), 1, "/nowhere.iso does not exist"),
            (("cd", NAME, "insert", "/etc"), 1, "is a directory"),
            (("cd", NAME, "eject", "--drive", "hda"), 2, "has no CD-ROM drive hda"),
            (("mouse", NAME, "jump"), 1, "mouse"),
            (("screenshot", NAME, "/nowhere/x.png"), 1, "/nowhere/x.png cannot be written")):
        got, _, err = caisson(*words)
        if got != status or said not in err or err.count("\n") != 1:
            raise Trouble(f"{' '.join(words)}: status {got}: {err}")


def test_kill(folder):
    """kill ends the program, and its files are gone"""
    must("kill", NAME)
    if status_of():
        raise Trouble("it is still listed")


TESTS = (test_ready, test_type, test_type_from_input, test_keys, test_mouse, test_console,
         test_discs, test_locked_drive, test_screenshot, test_stats, test_pause, test_stop,
         test_errors, test_reset, test_kill)


def make_discs(folder):
    for name in ("one", "two"):
        with open(f"{folder}/{name}.iso", "wb") as f:
            f.write(f"disc-{name}".encode())
            f.truncate(DISC)


def main():
    image, folder = sys.argv[1:]
    make_discs(folder)
    guest = subprocess.Popen(
        ["caisson", "run", image, "--name", NAME, "--memory", "256M", "--discard-changes",
         "--cdrom", f"{folder}/one.iso", "--boot", "cd", "--serial", "pty", "--vnc", "none"],
        stdin=subprocess.DEVNULL)
    failed = 0
    while status_of() is None and guest.poll() is None:
        time.sleep(0.2)
    for test in TESTS:
        began = time.monotonic()
        try:
            test(folder)
            print(f"PASS {test.__doc__}")
        except (Trouble, subprocess.TimeoutExpired, KeyError) as e:
            failed += 1
            print(f"FAIL {test.__doc__}: {e}")
            if test is test_ready:
                break
        print(f"    {time.monotonic() - began:.1f} s", flush=True)
    try:
        status = guest.wait(LIMIT)
    except subprocess.TimeoutExpired:
        guest.kill()
        status = None
    ok = status == 0
    print("PASS the program's status is 0" if ok else f"FAIL the program's status is 0: {status}")
    sys.exit(1 if failed or not ok else 0)


if __name__ == "__main__":
    main()
