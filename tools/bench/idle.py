# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench-idle` measures, and what it says about it."""
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from lablib import common, cpio, images

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = TOP / "build/bench/idle"
MEMORY = {"text": "256M", "fb": "256M", "installer": "512M"}
MODES = ("compare", "log", "idle")
PORTS = {"caisson": 5990, "qemu": 5991}
HYPERVISORS = {
    "caisson": SimpleNamespace(load=["insmod", str(TOP / "build/caisson.ko")], unload=["rmmod", "caisson"]),
    "kvm": SimpleNamespace(load=["modprobe", "kvm-amd"], unload=["modprobe", "-r", "kvm-amd"]),
}


def idle(cursor, viewer):
    name = f"cursor {cursor}, " if cursor else ""
    return {"kind": "idle", "name": f"{name}{'a viewer' if viewer else 'no viewer'}", "cursor": cursor, "viewer": viewer}


def work(order, viewer):
    what = {"s": "scrolling text", "S": "scrolling text", "p": "full-screen pattern"}[order]
    return {"kind": "work", "name": f"{what}, {'a viewer' if viewer else 'no viewer'}", "order": order, "viewer": viewer}


RESTING = [idle(cursor, viewer) for cursor in ("off", "blinks") for viewer in (False, True)]
LATENCY = [{"kind": "latency", "name": "first change after rest", "rounds": int(os.environ.get("ROUNDS", 20))}]
STEPS = {
    "text": [*RESTING, *LATENCY, work("S", False), work("S", True)],
    "fb": [*RESTING, *LATENCY, work("s", False), work("s", True), work("p", False), work("p", True)],
    "installer": [idle("", False), idle("", True)],
}


def argv(program, hypervisor, mode, screen):
    """One of the two programs with the guest that shows this kind of screen."""
    boot = {"text": {"caisson": ["--kernel", "@TMP@/vmlinuz", "--initrd", "@TMP@/initrd", "--append", "quiet panic=1"],
                     "qemu": ["-kernel", "@TMP@/vmlinuz", "-initrd", "@TMP@/initrd", "-append", "quiet panic=1"]},
            "fb": {"caisson": ["--cdrom", "@TMP@/fb.iso"], "qemu": ["-cdrom", "@TMP@/fb.iso"]},
            "installer": {"caisson": ["--cdrom", "@TMP@/installer.iso"], "qemu": ["-cdrom", "@TMP@/installer.iso"]}}
    if program == "caisson":
        tracking = ["--vram-tracking", mode] if has_option("--vram-tracking") else []
        return ["@TMP@/caisson", "run", "--name", "bench", "--memory", MEMORY[screen], "--cpus", "1", "--accel",
                f"/dev/{hypervisor}", "--vnc", "127.0.0.1:5990", "--serial", "stdio", *tracking, *boot[screen]["caisson"]]
    return ["qemu-system-x86_64", "-name", "bench,debug-threads=on", "-nodefaults", "-machine", "pc", "-accel", "kvm",
            "-cpu", "host", "-m", MEMORY[screen], "-smp", "1", "-vga", "std", "-vnc", "127.0.0.1:91", "-serial", "stdio",
            *boot[screen]["qemu"]]


def has_option(word):
    done = subprocess.run([str(TOP / "build/caisson"), "run", "--help"], capture_output=True, text=True, check=False)
    return word in done.stdout


def session(program, hypervisor, mode, screen):
    name = f"{screen} {program}" if program == "qemu" else f"{screen} {hypervisor} {mode}"
    hv = HYPERVISORS[hypervisor]
    return {"name": name, "argv": argv(program, hypervisor, mode, screen), "port": PORTS[program], "steps": STEPS[screen],
            "marker": screen != "installer", "load": hv.load, "unload": hv.unload}


def sessions(everything, wanted):
    """Those of one hypervisor behind each other."""
    screens = ("text", "fb", "installer") if everything or "installer" in wanted else ("text", "fb")
    found = [session("qemu", "kvm", "", screen) for screen in screens]
    for hypervisor in ("kvm", "caisson"):
        modes = MODES if has_option("--vram-tracking") else ("today",)
        found += [session("caisson", hypervisor, mode, screen) for screen in screens for mode in modes]
    return [s for s in found if re.search(wanted, s["name"])]


def initramfs(path):
    """The guest's one program."""
    archive = cpio.Cpio()
    archive.folder("dev")
    archive.device("dev/console", 5, 1)
    archive.file("init", (BUILD / "init").read_bytes(), 0o755)
    path.write_bytes(archive.finish())


def prepare(keep, plan):
    """The files that the sessions need; what is theirs is copied, as others may build meanwhile."""
    kernel = common.find_kernel("6.1")
    shutil.copy(os.environ.get("CAISSON", TOP / "build/caisson"), keep / "caisson")
    shutil.copy(kernel.image, keep / "vmlinuz")
    initramfs(keep / "initrd")
    config = ("DEFAULT linux\nPROMPT 0\nTIMEOUT 0\nLABEL linux\n  KERNEL /vmlinuz\n"
              "  APPEND initrd=/initrd quiet vga=0x317\n")
    images.make_iso(keep / "fb.iso", keep, "CAISSON_IDLE", config, {"/vmlinuz": kernel.image, "/initrd": keep / "initrd"})
    files = [[f"/out/{name}", name] for name in ("caisson", "vmlinuz", "initrd", "fb.iso")]
    if any("installer" in s["name"] for s in plan):
        subprocess.run([str(TOP / "tools/mkimage"), "installer"], check=True, stdout=subprocess.DEVNULL)
        files.append([str(TOP / "build/images/installer.iso"), "installer.iso"])
    (keep / "plan.json").write_text(json.dumps({"sessions": plan, "files": files}))


def run(keep, plan):
    prepare(keep, plan)
    begin = time.monotonic()
    lab = subprocess.Popen([str(TOP / "tools/lab"), "--icount", "--hv", "none", "--memory", "2048", "--timeout",
                            str(300 * len(plan)), "--out", str(keep), "--", "python3", str(HERE / "idlelab.py"),
                            "/out/plan.json"], stdout=subprocess.PIPE, text=True)
    for line in lab.stdout:
        print(f"{time.monotonic() - begin:6.0f} s  {line}", end="", flush=True)
    if lab.wait():
        raise subprocess.CalledProcessError(lab.returncode, "tools/lab")
    return json.loads((keep / "found.json").read_text())


def is_vcpu(thread):
    return thread["name"].startswith(("vcpu", "CPU "))


def sums(result):
    """Thousand instructions and wakeups (with those after preemption) a second: of the vCPU, of all others."""
    found = {}
    for key, side in (("vcpu", True), ("others", False)):
        threads = [t for t in result["threads"] if is_vcpu(t) == side]
        found[key] = SimpleNamespace(**{
            name: sum(t[field] for t in threads) / result["seconds"] / unit
            for name, field, unit in (("k", "run_ns", 1e3), ("wakeups", "wakeups", 1), ("preempted", "preempted", 1))})
    return found


def show(found):
    for name, results in found.items():
        print(f"\n{name}")
        for r in results:
            if "milliseconds" in r:
                times = sorted(t for t in r["milliseconds"] if t is not None)
                if not times:
                    print(f"  {r['step']['name']:40} nothing came")
                    continue
                print(f"  {r['step']['name']:40} median {times[len(times) // 2]:.1f} ms, worst {times[-1]:.1f} ms, "
                      f"{len(r['milliseconds']) - len(times)} lost")
                continue
            s = sums(r)
            print(f"  {r['step']['name']:40} others {s['others'].k:8.1f} k/s {s['others'].wakeups:6.2f}+{s['others'].preempted:.2f} wakeups/s"
                  f"  vCPU {s['vcpu'].k:8.1f} k/s {s['vcpu'].wakeups:6.2f}+{s['vcpu'].preempted:.2f}  "
                  f"exits {r['exits'].get('exits', 0) / r['seconds']:6.1f}/s  updates {r['updates'] / r['seconds']:.2f}/s {r['pixels']} px in {r['seconds']:.2f}s")
            for t in r["threads"]:
                print(f"      {t['name']:16} {t['wakeups']:6} + {t['preempted']:5} wakeups {t['run_ns'] / 1e3:12.1f} k instructions")


def main(keep, asked):
    plan = sessions(asked.all, asked.case or "")
    for s in plan:
        s["profile"] = asked.profile
        s["steps"] = [t for t in s["steps"] if re.search(asked.step or "", t["name"])]
    found = run(keep, plan)
    show(found)
    if asked.profile:
        print((keep / "profile").read_text())
