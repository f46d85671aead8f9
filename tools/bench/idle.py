# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench-idle` measures, and what it says about it."""
import json
import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import idlereport
from lablib import common, cpio, images

HERE = Path(__file__).resolve().parent
TOP = HERE.parents[1]
BUILD = TOP / "build/bench/idle"
MEMORY = {"text": "256M", "fb": "256M", "installer": "512M"}
LIMITS = {"text": 300, "fb": 300, "installer": 2400}       # real seconds: a watchdog
MODES = ("compare", "log", "idle")
ROUNDS = int(os.environ.get("ROUNDS", 20))
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
WATCHED = [idle(cursor, True) for cursor in ("off", "blinks")]
LATENCY = [{"kind": "latency", "name": "first change after rest", "rounds": ROUNDS}]
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
        return ["@TMP@/caisson", "run", "--name", "bench", "--memory", MEMORY[screen], "--cpus", "1", "--accel",
                f"/dev/{hypervisor}", "--vnc", "127.0.0.1:5990", "--serial", "stdio",
                "--vram-tracking", mode, *boot[screen]["caisson"]]
    return ["qemu-system-x86_64", "-name", "bench,debug-threads=on", "-nodefaults", "-machine", "pc", "-accel", "kvm",
            "-cpu", "host", "-m", MEMORY[screen], "-smp", "1", "-vga", "std", "-vnc", "127.0.0.1:91", "-serial", "stdio",
            *boot[screen]["qemu"]]


def session(program, hypervisor, mode, screen, steps):
    side = program if program == "qemu" else f"{mode} on {hypervisor}"
    hv = HYPERVISORS[hypervisor]
    return {"name": f"{screen}, {side}", "screen": screen, "side": side, "argv": argv(program, hypervisor, mode, screen),
            "port": PORTS[program], "steps": steps, "marker": screen != "installer", "load": hv.load, "unload": hv.unload}


def matches(pattern, name):
    try:
        return re.search(pattern or "", name)
    except re.error as error:
        raise common.ToolError(f"'{pattern}' is no regular expression: {error}") from error


def sessions(asked):
    """The guests to start, those of one hypervisor behind each other."""
    everything = asked.all or asked.case
    screens = ("text", "fb", "installer") if everything else ("text", "fb")
    modes = MODES if everything else ("idle",)
    plan = [session("caisson", hypervisor, mode, screen, STEPS[screen])
            for hypervisor in ("caisson", "kvm") for screen in screens
            for mode in (("idle",) if screen == "installer" else modes)]
    plan += [session("qemu", "kvm", "", screen, STEPS[screen]) for screen in screens]
    if not everything:
        plan += [session("caisson", "caisson", mode, screen, WATCHED) for screen in screens for mode in ("compare", "log")]
    chosen = [s for s in plan if matches(asked.case, s["name"])]
    if not chosen:
        raise common.ToolError(f"no guest is called '{asked.case}'; there are:\n  " + "\n  ".join(s["name"] for s in plan))
    steps = list(dict.fromkeys(t["name"] for s in chosen for t in s["steps"]))
    for s in chosen:
        s["profile"] = asked.profile
        s["steps"] = [t for t in s["steps"] if matches(asked.step, t["name"])]
    chosen = [s for s in chosen if s["steps"]]
    if not chosen:
        raise common.ToolError(f"no step is called '{asked.step}'; there are:\n  " + "\n  ".join(steps))
    return chosen


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
              "  APPEND initrd=/initrd quiet panic=1 vga=0x317\n")
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
                            str(sum(LIMITS[s["screen"]] for s in plan)), "--out", str(keep), "--", "python3", str(HERE / "idlelab.py"),
                            "/out/plan.json"], stdout=subprocess.PIPE, text=True)
    for line in lab.stdout:
        print(f"{time.monotonic() - begin:6.0f} s  {line}", end="", flush=True)
    if lab.wait():
        raise subprocess.CalledProcessError(lab.returncode, ["tools/lab"])
    return json.loads((keep / "found.json").read_text())


def by_side(plan, found):
    """{screen: {side: {step: result}}}"""
    sorted_out = {}
    for s in plan:
        steps = sorted_out.setdefault(s["screen"], {}).setdefault(s["side"], {})
        steps.update((result["step"]["name"], result) for result in found[s["name"]])
    return sorted_out


def show_profiles(keep):
    """Where the processes executed their instructions. The lab's files have their paths below a folder here."""
    root = keep / "root"
    (root / "tmp/bench").mkdir(parents=True, exist_ok=True)
    shutil.copy(keep / "caisson", root / "tmp/bench/caisson")
    for name in ("lib", "usr"):
        if not (root / name).exists():
            (root / name).symlink_to(f"/{name}")
    for data in sorted(keep.glob("*.perf")):
        print(f"\n{data.stem}")
        for sort in ("comm,dso", "comm,dso,symbol"):
            done = subprocess.run(["perf", "report", "-i", str(data), "--symfs", str(root), "--kallsyms", str(keep / "kallsyms"), "--stdio",
                                   "--percent-limit", "0.4", "--sort", sort], check=True, capture_output=True, text=True)
            lines = [line for line in done.stdout.splitlines() if line and not line.startswith("#")]
            print("\n".join(lines) or "no samples: perf began too late", "\n")


def plot(keep, found):
    """build/bench/idle.png: one viewer, and little or nothing moves."""
    sides = ["qemu", *(f"{mode} on caisson" for mode in MODES)]
    lines = ["\t".join(("case", idlereport.PEER, *(f"Caisson, {mode}" for mode in MODES)))]
    for screen in ("text", "fb"):
        for step in (s["name"] for s in WATCHED):
            results = [found.get(screen, {}).get(side, {}).get(step) for side in sides]
            if None in results:
                return
            label = f"{idlereport.SCREENS[screen]},\\n{step.partition(',')[0]}"
            lines.append("\t".join((label, *(f"{idlereport.rates(r).others.k:.2f}" for r in results))))
    (keep / "plot.tsv").write_text("\n".join(lines) + "\n")
    picture = TOP / "build/bench/idle.png"
    subprocess.run([common.find_program("gnuplot", "gnuplot-nox"), "-c", str(HERE / "idle/plot.gp"), str(keep / "plot.tsv"),
                    str(picture)], check=True)
    print(f"written: {picture.relative_to(TOP)}")


def main(keep, asked):
    plan = sessions(asked)
    found = by_side(plan, run(keep, plan))
    idlereport.show(found, asked.threads)
    if asked.profile:
        show_profiles(keep)
        return
    for name, text in (("idle.json", json.dumps(idlereport.rows(found), indent=1)),
                       ("idle.md", "\n".join(idlereport.markdown(found)))):
        path = TOP / "build/bench" / name
        path.write_text(text + "\n")
        print(f"written: {path.relative_to(TOP)}")
    plot(keep, found)
