# SPDX-License-Identifier: GPL-2.0-only
"""Runs test programs and counts their tests.

A program is either a cmocka program, or anything that prints `PASS name` or `FAIL name: why` for
each of its tests. One that ends badly without having named a failure counts as a failure itself.
The end of the output of a program that failed is shown; a watchdog ends one that hangs.
"""
import re
import subprocess
import sys
import threading

CMOCKA = re.compile(r"^\[ +(OK|FAILED) +\] (\w+)\s*$")
PLAIN = re.compile(r"^(PASS|FAIL) (.*)$")
SHOWN_LINES = 200
LIMIT = 300  # seconds, unless the caller knows better


class Counts:
    def __init__(self):
        self.passed = self.failed = 0

    def add(self, ok, program, name):
        if ok:
            self.passed += 1
        else:
            self.failed += 1
        print(f"{'ok    ' if ok else 'FAILED'} {program}: {name}", flush=True)


def test_in(line):
    """(ok, name) of the test that this line reports, or None."""
    match = CMOCKA.match(line)
    if match:
        return match.group(1) == "OK", match.group(2)
    match = PLAIN.match(line)
    if match:
        return match.group(1) == "PASS", match.group(2)
    return None


def run(command, name, counts, limit=LIMIT):
    failed_before = counts.failed
    output, seen = [], set()
    proc = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                            errors="replace", stdin=subprocess.DEVNULL)

    def overdue():
        output.append(f"ended after {limit} s\n")
        proc.terminate()

    watchdog = threading.Timer(limit, overdue)
    watchdog.start()
    for line in proc.stdout:
        output.append(line)
        found = test_in(line.rstrip("\n"))
        if found and found[1] not in seen:
            seen.add(found[1])
            counts.add(found[0], name, found[1])
    status = proc.wait()
    watchdog.cancel()
    if (status or not seen) and counts.failed == failed_before:
        counts.add(False, name, f"ended with status {status} after {len(seen)} tests")
    if counts.failed != failed_before:
        sys.stdout.write("".join("    " + line for line in output[-SHOWN_LINES:]))
        sys.stdout.flush()
