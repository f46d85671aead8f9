# SPDX-License-Identifier: GPL-2.0-only
"""Reads a saved ring buffer of the kernel's tracing, and what KVM's events in it say about a guest."""
import collections
import json
import re
import struct

PAGE = 4096
NSEC_BITS = 27
PADDING, TIME_EXTEND, TIME_STAMP = 29, 30, 31
HIGH_HALF = 0xffff800000000000
EFER = 0xc0000080
SVM_EXITS = {0x60: "host interrupt", 0x64: "interrupt window", 0x72: "CPUID", 0x78: "halt", 0x7b: "port",
             0x7c: "MSR", 0x400: "page fault", 0x6e: "RDPMC", 0x7f: "shutdown", 0x00: "CR", 0x10: "CR",
             0x65: "CR0", 0x76: "INVD", 0x89: "WBINVD", 0x8d: "XSETBV", 0x61: "NMI", 0x40: "exception"}


class Format:
    """One event's fields, as its `format` file in tracefs describes them."""

    def __init__(self, text):
        self.id = int(re.search(r"^ID: (\d+)", text, re.M)[1])
        self.fields = {m[1]: (int(m[2]), int(m[3])) for m in
                       re.finditer(r"field:.*?(\w+)(?:\[[^;]*\])?;\s*offset:(\d+);\s*size:(\d+)", text)}

    def get(self, record, name):
        offset, size = self.fields[name]
        return int.from_bytes(record[offset:offset + size], "little")


def records(path):
    """(nanoseconds, record) of every event; the record begins with its 16-bit type."""
    with open(path, "rb") as file:
        while len(page := file.read(PAGE)) == PAGE:
            now, commit = struct.unpack_from("<QQ", page)
            at, end = 16, 16 + (commit & 0xfffff)
            while at < end:
                head, = struct.unpack_from("<I", page, at)
                kind, delta = head & 31, head >> 5
                at += 4
                if kind in (TIME_EXTEND, TIME_STAMP):
                    extra, = struct.unpack_from("<I", page, at)
                    at += 4
                    now = now + delta + (extra << NSEC_BITS) if kind == TIME_EXTEND else delta | extra << NSEC_BITS
                    continue
                if kind == PADDING:
                    break
                now += delta
                length = kind * 4
                if not kind:
                    length = struct.unpack_from("<I", page, at)[0] - 4
                    at += 4
                yield now, page[at:at + length]
                at += length


class Trace:
    """What the profile and the decompressor's share need, collected in one pass."""

    def __init__(self, path):
        with open(path + ".formats", encoding="utf-8") as file:
            saved = json.load(file)
        self.formats = {name: Format(text) for name, text in saved["formats"].items()}
        self.lost = int(re.search(r"overrun: (\d+)", saved["stats"])[1])
        self.names = {f.id: name for name, f in self.formats.items()}
        self.reasons = collections.Counter()
        self.cost = collections.Counter()       # instructions outside the guest after an exit, by what it was about
        self.count = collections.Counter()
        self.user = collections.Counter()       # of the count, those that the device model answered
        self.guest = 0
        self.span = []                          # (entry time, exit time, rip at exit) of each stay in the guest
        self.efer = []
        self._read(path)

    def _read(self, path):
        entered = left = about = None
        user = False
        for now, record in records(path):
            name = self.names.get(int.from_bytes(record[:2], "little"))
            if name is None:
                continue
            get = self.formats[name].get
            if name == "kvm_entry":
                if about:
                    self.cost[about] += now - left
                    self.count[about] += 1
                    self.user[about] += user
                entered, about, user = now, None, False
            elif name == "kvm_exit":
                reason = SVM_EXITS.get(get(record, "exit_reason"), hex(get(record, "exit_reason")))
                rip = get(record, "guest_rip")
                if entered is not None:
                    self.span.append((entered, now, rip))
                    self.guest += now - entered
                self.reasons[reason] += 1
                left, about = now, reason
            elif name == "kvm_pio" and about:
                port, write = get(record, "port"), get(record, "rw")
                about = f"port {port:#x} {'write' if write else 'read'}"
            elif name == "kvm_mmio" and about:
                about = f"memory {get(record, 'gpa') & ~0xfff:#x} {'write' if get(record, 'type') == 2 else 'read'}"
            elif name == "kvm_msr":
                if get(record, "write") and get(record, "ecx") == EFER:
                    self.efer.append(now)
            elif name == "kvm_userspace_exit":
                user = True

    def kernel_start(self):
        """When the decompressed kernel runs: it is the first code in the upper half of the address space."""
        return next((begin for begin, _, rip in self.span if rip >= HIGH_HALF), None)

    def decompression(self):
        """Instructions of the guest alone between its entry to long mode and the decompressed kernel.

        A guest that was put into long mode by the device model starts with its decompressor."""
        until = self.kernel_start()
        if until is None:
            return 0
        since = max((t for t in self.efer if t < until), default=0)
        return sum(end - begin for begin, end, rip in self.span
                   if begin >= since and end <= until and rip < HIGH_HALF)

    def table(self, limit=40):
        total = sum(self.cost.values())
        lines = [f"guest {self.guest / 1e6:.1f} M, host for exits {total / 1e6:.1f} M, lost events {self.lost}"]
        for what, cost in self.cost.most_common(limit):
            n = self.count[what]
            lines.append(f"{cost / 1e6:9.2f} M {n:7} times {cost / n:9.0f} each {self.user[what]:7} user  {what}")
        return "\n".join(lines)
