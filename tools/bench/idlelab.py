#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The part of `make bench-idle` that runs in the lab: one guest after another, each through its steps.

Called as `idlelab.py JSON`; writes its findings to /out/found.json after each guest. Guests do what bytes on their
serial port tell them (idle/guest.c) and answer there."""
import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time

import inlab
from viewer import Viewer

SETTLE = 6              # virtual seconds before a window: longer than any display takes to go to rest
WINDOW = 30
REST = 60               # before a write whose way to the viewer is timed
ANSWER_LIMIT = 120      # virtual seconds
SILENCE = 20            # of a screen that has nothing more to show
MOSTLY = 0.5            # black: a console's picture
PATIENCE = 900
SAMPLE = 20000          # instructions between two samples of a profile


class Guest:
    """A device model and its guest, whose serial port is our pipe."""

    def __init__(self, session, scratch):
        self.session = session
        self.log = open(f"{scratch}/log", "w+b")
        self.process = subprocess.Popen(inlab.expand(session["argv"], "", scratch), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.log, bufsize=0)
        self.pid = self.process.pid
        self.viewer = None

    def said(self):
        self.log.seek(0)
        return self.log.read()[-1500:].decode(errors="replace")

    def wait(self, seconds):
        """The guest's next answer, or None."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.viewer:
                ready = self.viewer.watch(left, self.process.stdout)
            else:
                ready = select.select([self.process.stdout], [], [], left)[0]
            if ready:
                answer = os.read(self.process.stdout.fileno(), 1)
                if not answer:
                    raise RuntimeError(f"{self.session['name']} ended: {self.said()}")
                return answer.decode("latin-1")
        return None

    def expect(self, answer, seconds=ANSWER_LIMIT):
        """Whatever else firmware and kernel say there is passed over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.wait(left) == answer:
                return
        raise RuntimeError(f"{self.session['name']} does not answer '{answer}': {self.said()}")

    def order(self, command):
        os.write(self.process.stdin.fileno(), command.encode())
        self.expect(command)

    def look(self, wanted):
        """A viewer is there, or none."""
        if bool(self.viewer) == wanted:
            return
        if wanted:
            self.viewer = Viewer(self.session["port"])
        else:
            self.viewer.close()
            self.viewer = None

    def settle_picture(self):
        """For a guest that takes no orders: it waits for its user when the picture is no console's, most of which is black,
        and does not change for long. Without a viewer in between: what nobody sees is not drawn, and the guest is quicker."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            self.look(False)
            self.wait(SILENCE)
            self.look(True)
            black, seen = self.viewer.black_share(), self.viewer.updates
            if black < MOSTLY:
                self.wait(SILENCE)
            changes = self.viewer.updates - seen
            print(f"  {time.monotonic():.0f} virtual seconds: {self.viewer.width}x{self.viewer.height}, {black:.0%} black, "
                  f"{changes} changes", flush=True)
            if black < MOSTLY and not changes:
                return
        raise RuntimeError(f"{self.session['name']} does not come to rest: {self.said()}")

    def end(self):
        self.look(False)
        self.process.kill()
        self.process.wait()
        self.log.close()


def counters(guest):
    viewer = guest.viewer
    return {"threads": inlab.threads(guest.pid), "exits": inlab.exit_counters(guest.pid), "idle": inlab.host_idle_ns(),
            "time": time.monotonic(), "updates": viewer.updates if viewer else 0,
            "pixels": viewer.pixels if viewer else 0}


def between(first, last):
    """What happened between two looks at the counters."""
    seconds = last["time"] - first["time"]
    none = {"wakeups": 0, "preempted": 0, "run_ns": 0}
    threads = [{"name": t["name"], **{key: t[key] - first["threads"].get(tid, none)[key] for key in none}}
               for tid, t in last["threads"].items()]
    return {"seconds": seconds, "threads": threads, "host_ns": seconds * 1e9 - (last["idle"] - first["idle"]),
            "exits": {key: value - first["exits"].get(key, 0) for key, value in last["exits"].items()},
            "updates": last["updates"] - first["updates"], "pixels": last["pixels"] - first["pixels"]}


@contextlib.contextmanager
def profile(guest, step):
    """Where the process executes its instructions: samples after each so many of them, to a file in /out."""
    if not guest.session["profile"]:
        yield
        return
    data = f"/tmp/{guest.session['name']}, {step['name']}.perf"
    record = ["perf", "record", "-q", "-e", "cpu-clock", "-c", str(SAMPLE), "-o", data]
    subprocess.run([*record, "true"], check=True)       # so that its own files are in memory
    perf = subprocess.Popen([*record, "-p", str(guest.pid)])
    guest.wait(SETTLE)
    yield
    perf.send_signal(signal.SIGINT)
    perf.wait()
    subprocess.run(["cp", data, "/proc/kallsyms", "/out"], check=True)


def step_idle(guest, step):
    if step["cursor"]:
        guest.order("c" if step["cursor"] == "blinks" else "C")
    guest.look(step["viewer"])
    guest.wait(SETTLE)
    with profile(guest, step):
        first = counters(guest)
        guest.wait(WINDOW)
        return between(first, counters(guest))


def step_work(guest, step):
    """Something that moves, from the order to the answer."""
    guest.order("C")
    guest.order("f")
    guest.look(step["viewer"])
    guest.wait(SETTLE)
    with profile(guest, step):
        first = counters(guest)
        guest.order(step["order"])
        return between(first, counters(guest))


def step_latency(guest, step):
    """From the guest's write, after a rest, to the end of the update."""
    guest.order("C")
    guest.look(True)
    times = []
    for _ in range(step["rounds"]):
        guest.wait(REST)
        seen = guest.viewer.updates
        os.write(guest.process.stdin.fileno(), b"w")
        guest.expect("w")
        begin = time.monotonic_ns()
        while guest.viewer.updates == seen and time.monotonic_ns() - begin < 20e9:
            guest.wait(0.5)
        times.append((guest.viewer.last - begin) / 1e6 if guest.viewer.updates != seen else None)
    return {"milliseconds": times}


STEPS = {"idle": step_idle, "work": step_work, "latency": step_latency}


def start(session, scratch):
    """A guest that is ready. One that is not gets a second try: what the emulated processor does to guests, docs/lab.md."""
    for retry in (True, False):
        guest = Guest(session, scratch)
        try:
            if session["marker"]:
                guest.expect("r")
            else:
                guest.settle_picture()
            return guest
        except RuntimeError as error:
            guest.end()
            if not retry:
                raise
            print(f"  once more: {error}", flush=True)
    return None


def run(session, scratch):
    guest = start(session, scratch)
    found = []
    try:
        for step in session["steps"]:
            began = time.monotonic()
            found.append({"step": step, **STEPS[step["kind"]](guest, step)})
            print(f"  {step['name']}: {time.monotonic() - began:.1f} virtual seconds", flush=True)
    finally:
        guest.end()
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    scratch = "/tmp/bench"
    os.makedirs(scratch)
    for source, name in plan["files"]:
        subprocess.run(["cp", source, f"{scratch}/{name}"], check=True)
    found, loaded = {}, None
    for session in plan["sessions"]:
        if loaded != session["load"]:
            if loaded:
                subprocess.run(unload, check=True)
            subprocess.run(session["load"], check=True)
            loaded, unload = session["load"], session["unload"]
        print(f"{session['name']} ...", flush=True)
        found[session["name"]] = run(session, scratch)
        with open("/out/found.json", "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
    subprocess.run(unload, check=True)


if __name__ == "__main__":
    main()
