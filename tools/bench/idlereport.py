# SPDX-License-Identifier: GPL-2.0-only
"""What `make bench-idle` found: tables, the bars, rows for idle.json, points for the plot.

A side is one device model on one hypervisor: "qemu", "idle on caisson", ... Findings are {screen: {side: {step: result}}}."""
from types import SimpleNamespace

PEER = "QEMU 7.2"
SIDES = ("qemu", *(f"{mode} on {hv}" for hv in ("kvm", "caisson") for mode in ("compare", "log", "idle")))
SCREENS = {"text": "text console", "fb": "frame buffer console", "installer": "graphical installer"}
STILL = ("cursor off, no viewer", "cursor off, a viewer", "cursor blinks, no viewer")
BLINKS = "cursor blinks, a viewer"
LATENCY = "first change after rest"
MOVING = ("scrolling text", "full-screen pattern")


def is_vcpu(thread):
    return thread["name"].startswith(("vcpu", "CPU "))


def rates(result):
    """Of the vCPU and of all other threads: thousand instructions, wakeups and preemptions a second."""
    found = SimpleNamespace()
    for key, side in (("vcpu", True), ("others", False)):
        threads = [t for t in result["threads"] if is_vcpu(t) == side]
        setattr(found, key, rate(threads, result["seconds"]))
    found.exits = result["exits"].get("exits", 0) / result["seconds"]
    found.updates = result["updates"] / result["seconds"]
    return found


def rate(threads, seconds):
    total = {field: sum(t[field] for t in threads) for field in ("run_ns", "wakeups", "preempted")}
    return SimpleNamespace(k=total["run_ns"] / seconds / 1e3, wakeups=total["wakeups"] / seconds,
                           preempted=total["preempted"] / seconds, total=total)


def instructions(result, vcpu):
    return sum(t["run_ns"] for t in result["threads"] if is_vcpu(t) == vcpu)


def median_and_worst(result):
    times = [t if t is not None else float("inf") for t in result["milliseconds"]]
    return sorted(times)[len(times) // 2], max(times)


def sides_with(found, screen, step):
    return [(side, found[screen][side][step]) for side in SIDES if step in found.get(screen, {}).get(side, {})]


def title(side):
    return f"{PEER} on kvm" if side == "qemu" else f"Caisson, {side}"


def show_windows(found, screen):
    steps = [s for s in (*STILL, BLINKS, "no viewer", "a viewer") if sides_with(found, screen, s)]
    for step in steps:
        print(f"\n{SCREENS[screen]}, {step}")
        print(f"  {'':28} {'device model':>29} {'vCPU':>29}")
        print(f"  {'':28} {'k insn/s':>9} {'wakeups/s':>9} {'preempted':>9} "
              f"{'k insn/s':>9} {'wakeups/s':>9} {'preempted':>9} {'exits/s':>8} {'updates/s':>9}")
        for side, result in sides_with(found, screen, step):
            r = rates(result)
            print(f"  {title(side):28} " + " ".join(f"{x.k:9.1f} {x.wakeups:9.2f} {x.preempted:9.2f}" for x in (r.others, r.vcpu)) +
                  f" {r.exits:8.1f} {r.updates:9.2f}")


def show_latency(found):
    if not any(sides_with(found, screen, LATENCY) for screen in found):
        return
    print(f"\n{LATENCY}, to the viewer: milliseconds of virtual time, median and worst")
    for screen in found:
        for side, result in sides_with(found, screen, LATENCY):
            median, worst = median_and_worst(result)
            print(f"  {SCREENS[screen] + ', ' + title(side):50} {median:8.1f} {worst:8.1f}   of {len(result['milliseconds'])}")


def moving(found, screen, what):
    """(side, guest's instructions without a viewer, with one, instructions of the device model for each update)"""
    without = dict(sides_with(found, screen, f"{what}, no viewer"))
    for side, result in sides_with(found, screen, f"{what}, a viewer"):
        if side in without:
            yield SimpleNamespace(side=side, alone=instructions(without[side], True), watched=instructions(result, True),
                                  update=instructions(result, False) / result["updates"] if result["updates"] else 0,
                                  updates=result["updates"], pixels=result["pixels"], seconds=result["seconds"])


def show_moving(found):
    for screen in found:
        for what in MOVING:
            rows = list(moving(found, screen, what))
            if not rows:
                continue
            print(f"\n{SCREENS[screen]}, {what}: million instructions of the vCPU for the same work, and of the device model for an update")
            print(f"  {'':28} {'no viewer':>10} {'a viewer':>10} {'more, %':>8} {'updates':>8} {'a second':>8} {'an update':>10} {'Mpixel':>7}")
            for m in rows:
                print(f"  {title(m.side):28} {m.alone / 1e6:10.1f} {m.watched / 1e6:10.1f} {100 * (m.watched / m.alone - 1):8.1f} "
                      f"{m.updates:8} {m.updates / m.seconds:8.1f} {m.update / 1e6:10.2f} {m.pixels / 1e6:7.1f}")


def show_threads(found):
    for screen in found:
        for side, steps in found[screen].items():
            for step, result in steps.items():
                for t in result.get("threads", ()):
                    if t["run_ns"]:
                        print(f"  {SCREENS[screen]}, {step}, {title(side)}: {t['name']}: {t['run_ns'] / result['seconds'] / 1e3:.1f} k/s, "
                              f"{t['wakeups']} wakeups, {t['preempted']} preempted")


def bars(found):
    """(what, figure, limit, met)"""
    for hv in ("caisson", "kvm"):
        side = f"idle on {hv}"
        for screen in ("text", "fb"):
            steps = found.get(screen, {}).get(side, {})
            yield from bars_of_rest(f"{SCREENS[screen]}, on {hv}", screen, steps)
            if LATENCY in steps:
                for word, figure, limit in zip(("median", "worst"), median_and_worst(steps[LATENCY]), (40, 60)):
                    yield f"3 {LATENCY}, {SCREENS[screen]}, on {hv}: {word}, ms", figure, limit, figure <= limit
            for what in MOVING:
                yield from bars_of_moving(found, screen, what, side)


def bars_of_rest(where, screen, steps):
    for step in STILL:
        if step in steps:
            total = rates(steps[step]).others.total
            yield f"1 {step}, {where}: wakeups in 30 s", total["wakeups"] + total["preempted"], 0, total["wakeups"] + total["preempted"] == 0
            yield f"1 {step}, {where}: instructions", total["run_ns"], 0, total["run_ns"] == 0
    if BLINKS in steps:
        r = rates(steps[BLINKS])
        limit = {"text": 80, "fb": 280}[screen]
        yield f"2 {BLINKS}, {where}: device model, k insn/s", r.others.k, limit, r.others.k <= limit
        if screen == "fb":
            yield f"2 {BLINKS}, {where}: vCPU, k insn/s", r.vcpu.k, 300, r.vcpu.k <= 300


def bars_of_moving(found, screen, what, side):
    rows = {m.side: m for m in moving(found, screen, what)}
    if side in rows:
        ours = rows[side]
        more = 100 * (ours.watched / ours.alone - 1)
        where = f"{what}, {SCREENS[screen]}, {side}"
        yield f"4 {where}: more for the guest, %", more, 2, more < 2
        if "qemu" in rows and rows["qemu"].update:
            ratio = ours.update / rows["qemu"].update
            yield f"4 {where}: an update, of QEMU's", ratio, 0.5, 0 < ratio <= 0.5


def show_bars(found):
    rows = list(bars(found))
    if not rows:
        return
    print(f"\n{'bar':84} {'figure':>10} {'limit':>6}")
    for what, figure, limit, met in rows:
        print(f"{what:84} {figure:10.2f} {limit:6}  {'met' if met else 'NOT MET'}")
    print(f"{sum(row[3] for row in rows)} of {len(rows)} bars met")


def show(found, threads=False):
    for screen in found:
        show_windows(found, screen)
    show_latency(found)
    show_moving(found)
    if threads:
        print()
        show_threads(found)
    show_bars(found)


def figures(result):
    """{metric: figure} of one window."""
    if "milliseconds" in result:
        return dict(zip(("median, ms", "worst, ms"), median_and_worst(result)))
    r = rates(result)
    found = {}
    for name, threads in (("device model", r.others), ("vCPU", r.vcpu)):
        found.update({f"{name}: k instructions/s": threads.k, f"{name}: wakeups/s": threads.wakeups,
                      f"{name}: preemptions/s": threads.preempted})
    return {**found, "exits/s": r.exits, "updates/s": r.updates}


def by_thread(result):
    for t in result.get("threads", ()):
        yield f"thread {t['name']}: k instructions/s", t["run_ns"] / result["seconds"] / 1e3
        yield f"thread {t['name']}: wakeups/s", t["wakeups"] / result["seconds"]
        yield f"thread {t['name']}: preemptions/s", t["preempted"] / result["seconds"]


def row(case, metric, ours, theirs):
    ours, theirs = (None if x in (None, float("inf")) else round(x, 3) for x in (ours, theirs))
    ratio = round(ours / theirs, 3) if ours is not None and theirs else None
    return {"case": case, "metric": metric, "caisson": ours, "peer": theirs, "peer_name": PEER, "ratio": ratio}


def rows(found):
    """For idle.json."""
    table = []
    for screen, sides in found.items():
        for side, steps in sides.items():
            for step, result in steps.items():
                case = f"{SCREENS[screen]}, {step}, {title(side)}"
                peer = sides.get("qemu", {}).get(step)
                if side != "qemu":
                    theirs = figures(peer) if peer else {}
                    table += [row(case, metric, figure, theirs.get(metric)) for metric, figure in figures(result).items()]
                ours = side != "qemu"
                table += [row(case, metric, *((figure, None) if ours else (None, figure))) for metric, figure in by_thread(result)]
        for what in MOVING:
            found_moving = {m.side: m for m in moving(found, screen, what)}
            peer = found_moving.pop("qemu", None)
            for m in found_moving.values():
                case = f"{SCREENS[screen]}, {what}, {title(m.side)}"
                table.append(row(case, "vCPU: instructions with a viewer, of those without one", m.watched / m.alone,
                                 peer and peer.watched / peer.alone))
                table.append(row(case, "device model: instructions for an update", m.update, peer and peer.update))
    return table


def markdown(found):
    """The tables of docs/performance.md."""
    for screen in found:
        yield from (f"| {SCREENS[screen]} | | device model: k insn/s | wakeups/s (preempted) | vCPU: k insn/s | wakeups/s | exits/s | updates/s |",
                    "| --- | --- | --- | --- | --- | --- | --- | --- |")
        for step in (*STILL, BLINKS, "no viewer", "a viewer"):
            for number, (side, result) in enumerate(sides_with(found, screen, step)):
                r = rates(result)
                yield (f"| {'' if number else step} | {title(side)} | {r.others.k:.0f} | {r.others.wakeups:.2f} ({r.others.preempted:.2f}) | "
                       f"{r.vcpu.k:.0f} | {r.vcpu.wakeups:.1f} | {r.exits:.1f} | {r.updates:.2f} |")
        yield ""
    yield from (f"| {LATENCY} | | median, ms | worst, ms |", "| --- | --- | --- | --- |")
    for screen in found:
        for side, result in sides_with(found, screen, LATENCY):
            yield "| {} | {} | {:.1f} | {:.1f} |".format(SCREENS[screen], title(side), *median_and_worst(result))
    yield from ("", "| moving picture | | vCPU, M insn: no viewer | a viewer | more | updates/s | device model: M insn an update |",
                "| --- | --- | --- | --- | --- | --- | --- |")
    for screen in found:
        for what in MOVING:
            for m in moving(found, screen, what):
                yield (f"| {what}, {SCREENS[screen]} | {title(m.side)} | {m.alone / 1e6:.0f} | {m.watched / 1e6:.0f} | "
                       f"{100 * (m.watched / m.alone - 1):.1f} % | {m.updates / m.seconds:.1f} | {m.update / 1e6:.2f} |")
