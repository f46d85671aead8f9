#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""The part of `tools/bench/bench` that runs in the lab: starts device models, reads the kernel's counters about them.

Called as `inlab.py JSON`; writes its findings to /out/found.json, and kernel traces to /out/CASE.trace.
In this lab an executed instruction is a virtual nanosecond, or some of them, so a thread's run time is its number of
instructions."""
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time

TRACING = "/sys/kernel/debug/tracing"
EVENTS = ("kvm_entry", "kvm_exit", "kvm_pio", "kvm_mmio", "kvm_msr", "kvm_userspace_exit")
CAISSON_EXITS = "/sys/kernel/debug/caisson/exits"
PAGE_KB = 4
BOOT_LIMIT = 30         # virtual seconds: three times what the slowest case takes
WARM_UP = 3e8           # instructions: enough to have every file of the program read once


def cpu_ns(pid):
    """Run time of all threads of a process, also of those that have ended."""
    return time.clock_gettime_ns((~pid << 3) | 2)


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return file.read()


def exit_counters(pid):
    """The hypervisor's own statistics about the one virtual machine of a process."""
    if os.path.exists(CAISSON_EXITS):
        lines = (line.split() for line in read(CAISSON_EXITS).splitlines())
        return {"exits" if name == "total" else name: int(count) for name, count in lines}
    folders = [f for f in glob.glob(f"/sys/kernel/debug/kvm/{pid}-*") if os.path.isdir(f)]
    counters = {}
    for name in os.listdir(folders[0]) if folders else ():
        path = os.path.join(folders[0], name)
        if os.path.isfile(path):
            try:
                counters[name] = int(read(path))
            except (OSError, ValueError):
                pass            # the TSC fields of a vCPU, a histogram
    return counters


def threads(pid):
    """{tid: name, voluntary and involuntary switches, run time}"""
    found = {}
    for tid in os.listdir(f"/proc/{pid}/task"):
        status = read(f"/proc/{pid}/task/{tid}/status")
        found[tid] = {
            "name": re.search(r"Name:\t(.*)", status)[1],
            "wakeups": int(re.search(r"\nvoluntary_ctxt_switches:\t(\d+)", status)[1]),
            "preempted": int(re.search(r"nonvoluntary_ctxt_switches:\t(\d+)", status)[1]),
            "run_ns": int(read(f"/proc/{pid}/task/{tid}/schedstat").split()[0]),
        }
    return found


def host_idle_ns():
    """How long the one processor has had nothing to do. What is left of the time, interrupts too, it has executed."""
    return sum(int(ns) for ns in re.findall(r"\.(?:idle|iowait)_sleeptime\s*: (\d+) nsecs", read("/proc/timer_list")))


def memory(pid, guest_mib):
    """Resident kB: all, and guest RAM: mappings with our names, or of exactly the size of RAM or more.

    Video memory is the guest's as well, but QEMU's mapping of it has no name; so it counts as memory beside."""
    found = {"rss": 0, "guest": 0, "file": 0, "anonymous": 0, "vram": 0}
    kind, size = "", 0
    for line in read(f"/proc/{pid}/smaps").splitlines():
        head = re.match(r"[0-9a-f]+-[0-9a-f]+ \S+ \S+ \S+ (\d+)\s*(.*)", line)
        if head:
            kind = head[2] if head[1] != "0" or head[2].startswith(("/memfd:", "[")) else ""
        elif line.startswith("Size:"):
            size = int(line.split()[1])
        elif line.startswith("Rss:"):
            rss = int(line.split()[1])
            found["rss"] += rss
            if "guest-ram" in kind or size >= guest_mib * 1024:
                found["guest"] += rss
            elif "guest-vram" in kind:
                found["vram"] += rss
            elif kind.startswith("/"):
                found["file"] += rss
            else:
                found["anonymous"] += rss
    found["beside"] = found["rss"] - found["guest"]
    return found


class Program:
    """A device model, stopped just before its exec, so that its counters begin at zero."""

    def __init__(self, argv, log):
        self.log = open(log, "wb")
        self.child = subprocess.Popen(["/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *argv],
                                      stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        self.pid = self.child.pid
        while "State:\tT" not in read(f"/proc/{self.pid}/status"):
            time.sleep(0.01)
        self.before = cpu_ns(self.pid)
        os.kill(self.pid, signal.SIGCONT)

    def spent(self):
        return cpu_ns(self.pid) - self.before

    def end(self):
        self.child.kill()
        self.child.wait()
        self.log.close()


def wait_for_marker(program, serial):
    """The guest's /init writes one byte to the serial port and sleeps."""
    until = time.monotonic() + BOOT_LIMIT
    while time.monotonic() < until:
        if os.path.exists(serial) and os.path.getsize(serial):
            return True
        if program.child.poll() is not None:
            return False
        time.sleep(0.02)
    return False


def trace(on):
    for event in EVENTS:
        with open(f"{TRACING}/events/kvm/{event}/enable", "w", encoding="utf-8") as file:
            file.write("1" if on else "0")
    with open(f"{TRACING}/tracing_on", "w", encoding="utf-8") as file:
        file.write("1" if on else "0")


def trace_prepare(megabytes):
    for name, value in (("tracing_on", "0"), ("trace_clock", "mono"),
                        ("buffer_size_kb", str(megabytes * 1024)), ("trace", "")):
        with open(f"{TRACING}/{name}", "w", encoding="utf-8") as file:
            file.write(value)


def trace_save(path):
    """The ring buffer as it is; what its records mean, the format files say."""
    raw = os.open(f"{TRACING}/per_cpu/cpu0/trace_pipe_raw", os.O_RDONLY | os.O_NONBLOCK)
    with open(path, "wb") as file:
        while True:
            try:
                page = os.read(raw, PAGE_KB * 1024)
            except BlockingIOError:
                break
            if not page:
                break
            file.write(page)
    os.close(raw)
    formats = {event: read(f"{TRACING}/events/kvm/{event}/format") for event in EVENTS}
    with open(path + ".formats", "w", encoding="utf-8") as file:
        json.dump({"formats": formats, "stats": read(f"{TRACING}/per_cpu/cpu0/stats")}, file)


def expand(argv, serial, scratch):
    return [word.replace("@SERIAL@", serial).replace("@TMP@", scratch) for word in argv]


def warm_up(case, scratch):
    program = Program(expand(case["argv"], f"{scratch}/warm", scratch), f"{scratch}/warm.log")
    while program.child.poll() is None and program.spent() < WARM_UP * case["instruction"]:
        time.sleep(0.05)
    program.end()


def boot(case, scratch, traced):
    """Starts a case and waits for /init; the program goes on running."""
    serial = f"{scratch}/{case['name']}.serial"
    if os.path.exists(serial):
        os.remove(serial)
    if traced:
        trace_prepare(case["trace_mb"])
        trace(True)
    program = Program(expand(case["argv"], serial, scratch), f"{scratch}/{case['name']}.log")
    start = time.monotonic_ns()
    found = {"booted": wait_for_marker(program, serial), "insn": program.spent(),
             "elapsed": time.monotonic_ns() - start}
    if traced:
        trace(False)
    if found["booted"]:
        found["exits"] = exit_counters(program.pid)
        found["threads"] = threads(program.pid)
    else:
        found["said"] = read(f"{scratch}/{case['name']}.log")[-2000:]
    return program, found


def run_boot(case, scratch):
    program, found = boot(case, scratch, False)
    if found["booted"]:
        time.sleep(case["settle"])
        found["memory"] = memory(program.pid, case["memory"])
    program.end()
    return found


def run_trace(case, scratch):
    program, found = boot(case, scratch, True)
    program.end()
    trace_save(f"/out/{case['name']}.trace")
    return found


def run_idle(case, scratch):
    """A window of the guest's idle life, between two looks at the kernel's counters."""
    program, found = boot(case, scratch, False)
    if not found["booted"]:
        program.end()
        return found
    time.sleep(case["settle"])
    first = threads(program.pid), exit_counters(program.pid), time.monotonic(), host_idle_ns()
    time.sleep(case["window"])
    last = threads(program.pid), exit_counters(program.pid), time.monotonic(), host_idle_ns()
    found["window"] = last[2] - first[2]
    found["host_ns"] = found["window"] * 1e9 - (last[3] - first[3])
    found["idle"] = [
        {"name": t["name"], **{key: t[key] - first[0].get(tid, {key: 0})[key]
                               for key in ("wakeups", "preempted", "run_ns")}}
        for tid, t in last[0].items()]
    found["idle_exits"] = {key: value - first[1].get(key, 0) for key, value in last[1].items()}
    program.end()
    return found


def run_exits(case, scratch):
    """The exits benchmark prints a table of its own."""
    done = subprocess.run(expand(case["argv"], "", scratch), stdout=subprocess.PIPE, text=True, check=True)
    return {"booted": True, "table": done.stdout}


KINDS = {"boot": run_boot, "trace": run_trace, "idle": run_idle, "exits": run_exits}


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        plan = json.load(file)
    scratch = "/tmp/bench"
    os.makedirs(scratch)
    for source, name in plan["files"]:
        shutil.copy(source, f"{scratch}/{name}")
    found, warm = {}, set()
    for case in plan["cases"]:
        subprocess.run(case["load"], check=True)
        if case["kind"] != "exits" and case["argv"][0] not in warm:
            warm_up(case, scratch)
            warm.add(case["argv"][0])
        print(f"{case['kind']} {case['name']} ...", flush=True)
        found.setdefault(case["kind"], {})[case["name"]] = KINDS[case["kind"]](case, scratch)
        with open("/out/found.json", "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)
        subprocess.run(case["unload"], check=True)


if __name__ == "__main__":
    main()
