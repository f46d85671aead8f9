# SPDX-License-Identifier: GPL-2.0-only
"""Video memory tracking, which the KVM API does not have: every errno, what a guest's writes do, and
two vCPUs that write at random while somebody draws: for api_here.py."""
import errno
import mmap
import os
import random
import select
import struct
import threading

import kvmapi as k
from kvmapi import PAGE, Guest, Subject, call

E = errno
CAP = 0xCA1550
SET, GET = k._io(0xF0, k.WRITE, 32), k._io(0xF1, k.READ | k.WRITE, 32)
ACTIVE, IDLE = 0, 1
MEM_LOG = 1
MS = 10**6
LIMIT = 300     # seconds without an event that has to come: a hang
TURNS = 24


def tracking(fd, offset=0, length=PAGE, idle_ns=0, slot=0):
    return struct.pack("<IiQQQ", slot, fd, offset, length, idle_ns)


class Range:
    """A tracked range, as whoever draws sees it."""

    def __init__(self, vm, slot, event, first, pages):
        self.vm, self.slot, self.event, self.first, self.pages = vm, slot, event, first, pages
        self.bits = k.Ram(PAGE)

    def track(self, idle_ns):
        return call(self.vm, SET, tracking(self.event, self.first * PAGE, self.pages * PAGE,
                                           idle_ns, self.slot))

    def query(self):
        """(state, pages that were found, faults so far)"""
        self.bits[:64] = bytes(64)
        asked = bytearray(struct.pack("<IIQQQ", self.slot, 7, self.bits.address, 7, 7))
        result = call(self.vm, GET, asked)
        assert result == 0, k.name_of(result)
        _, state, _, count, faults = struct.unpack("<IIQQQ", asked)
        mask = int.from_bytes(self.bits[:64], "little")
        found = [page for page in range(mask.bit_length()) if mask >> page & 1]
        assert len(found) == count, f"{found} but {count}"
        return state, found, faults


def ready(*events, wait=0):
    return select.select(events, [], [], wait)[0]


def errors(dev):
    """The slot has 16 pages."""
    event, other = os.eventfd(0, os.EFD_NONBLOCK), os.open("/dev/null", os.O_RDWR)
    with Subject("vram: errors") as s:
        s.gives(1, dev, k.CHECK_EXTENSION, CAP)
        g = Guest(dev, slot_flags=MEM_LOG)
        s.gives(1, g.vm, k.CHECK_EXTENSION, CAP)
        plain = k.Ram(PAGE)
        s.gives(0, g.vm, k.SET_REGION, k.region(1, 1 << 20, PAGE, plain.address))
        get = lambda slot=0, to=plain.address: struct.pack("<IIQQQ", slot, 0, to, 0, 0)
        s.gives(-E.ENOENT, g.vm, GET, get(), "not tracked")
        for bad in (tracking(event, 1), tracking(event, 0, PAGE + 1), tracking(event, 0, 0),
                    tracking(event, 15 * PAGE, 2 * PAGE), tracking(event, 16 * PAGE),
                    tracking(event, PAGE, (1 << 64) - PAGE), tracking(event, slot=128),
                    tracking(other), tracking(-1, slot=1 << 31)):
            s.gives(-E.EINVAL, g.vm, SET, bad)
        s.gives(-E.EBADF, g.vm, SET, tracking(-2))
        s.gives(-E.EBADF, g.vm, SET, tracking(9999))
        s.gives(-E.ENOENT, g.vm, SET, tracking(event, slot=1), "no log")
        s.gives(-E.ENOENT, g.vm, SET, tracking(event, slot=2), "no slot")
        s.gives(-E.EFAULT, g.vm, SET, 8)
        s.gives(-E.ENOENT, g.vm, GET, get(), "refusals changed something")
        s.gives(0, g.vm, SET, tracking(-1, 1, 1), "it is not tracked as it is")
        s.gives(0, g.vm, SET, tracking(event, 15 * PAGE, PAGE))
        s.gives(0, g.vm, GET, get())
        s.gives(-E.EINVAL, g.vm, GET, get(128))
        s.gives(-E.ENOENT, g.vm, GET, get(1))
        s.gives(-E.EFAULT, g.vm, GET, 8)
        for change in (k.region(0, 2 << 20, g.SIZE, g.ram.address, MEM_LOG), "a move"), \
                      (k.region(0, 2 << 20, g.SIZE, g.ram.address), "no log"), \
                      (k.region(0, 0, 0, 0), "deletion"):
            s.gives(0, g.vm, SET, tracking(event))
            s.gives(0, g.vm, k.SET_REGION, change[0])
            s.gives(-E.ENOENT, g.vm, GET, get(), change[1])
            s.gives(0, g.vm, k.SET_REGION, k.region(0, 0, 0, 0)) if change[1] != "deletion" else 0
            s.gives(0, g.vm, k.SET_REGION, k.region(0, 0, g.SIZE, g.ram.address, MEM_LOG))
        for _ in range(300):    # eventfds that are closed, replaced, and never taken away
            gone = os.eventfd(0)
            s.gives(0, g.vm, SET, tracking(gone))
            os.close(gone)
        g.close()
    os.close(event)
    os.close(other)


def one_guest(dev):
    """mov [8000h],al; out 10h,al; jmp back"""
    event = os.eventfd(0, os.EFD_NONBLOCK)
    with Subject("vram: active, idle, and back with the first write") as s:
        g = Guest(dev, bytes.fromhex("a20080e610ebf9"), MEM_LOG)
        vram = Range(g.vm, 0, event, 7, 4)
        s.holds(vram.track(0) == 0, "not tracked")
        s.gives(0, g.fd, k.RUN)
        s.holds(vram.query() == (ACTIVE, [1], 0), "the first write is not found")
        for faults in range(1, 4):
            s.holds(vram.query() == (IDLE, [], faults - 1), "it does not go idle")
            s.holds(vram.query() == (IDLE, [], faults - 1), "it does not stay idle")
            s.holds(not ready(event), "an event, and nobody has written")
            s.gives(0, g.fd, k.RUN)
            s.holds(ready(event) and os.eventfd_read(event) == 1, "no event")
            s.holds(vram.query() == (ACTIVE, [1], faults), "the write is not found")
        s.holds(vram.track(10**18) == 0, "not tracked anew")
        s.holds([vram.query() for _ in range(5)] == [(ACTIVE, [], 0)] * 5, "idle too soon")
        s.gives(0, g.fd, k.RUN)
        log = k.Ram(PAGE)
        s.gives(0, g.vm, k.GET_DIRTY, struct.pack("<IIQ", 0, 0, log.address))
        s.holds(log[:8] == struct.pack("<Q", 1 << 8), "the dirty log does not have it")
        s.holds(vram.query() == (ACTIVE, [], 0), "found though the dirty log had it")
        vram.bits[:8] = b"\xf0" + bytes(7)
        s.gives(0, g.fd, k.RUN)
        s.gives(0, g.vm, GET, struct.pack("<IIQQQ", 0, 0, vram.bits.address, 0, 0))
        s.holds(vram.bits[0] == 0xF2, "bits that were set are gone")
        g.close()
    os.close(event)


# Writes EBX at DI of as many pages as it is told, by port 10h; which, EBX says, a random number.
WRITER = bytes.fromhex(
    "66e510"            # in eax,10h
    "89c1"              # mov cx,ax
    "6669db6d4ec641"    # imul ebx,ebx,1103515245
    "6681c339300000"    # add ebx,12345
    "6689d8"            # mov eax,ebx
    "66c1e810"          # shr eax,16
    "25" "7f00"         # and ax,7fh
    "c1e008"            # shl ax,8
    "050020"            # add ax,2000h
    "8ec0"              # mov es,ax
    "2666891d"          # mov es:[di],ebx
    "e2da"              # loop
    "ebd3")             # jmp to the start


class Writer:
    """A vCPU that runs WRITER."""

    def __init__(self, guest, fd, run, number):
        self.fd, self.run, self.random = fd, run, random.Random(number)
        sregs, regs = bytearray(312), bytearray(144)
        assert call(fd, k.SET_MP, struct.pack("<I", 0)) == 0
        assert call(fd, k.GET_SREGS, sregs) == 0
        sregs[0:14] = struct.pack("<QIH", 0, 0xFFFF, 0)     # CS
        assert call(fd, k.SET_SREGS, bytes(sregs)) == 0
        struct.pack_into("<Q", regs, 8, number + 1)         # RBX
        struct.pack_into("<Q", regs, 40, number * 0xFF8)    # RDI
        struct.pack_into("<QQ", regs, 128, guest.CODE, 2)
        assert call(fd, k.SET_REGS, bytes(regs)) == 0
        assert call(fd, k.RUN) == 0                         # to its first IN

    def bursts(self, count, done):
        for _ in range(count):
            offset = struct.unpack_from("<Q", self.run, 40)[0]
            struct.pack_into("<I", self.run, offset, self.random.choice((1, 1, 3, 30, 300)))
            result = call(self.fd, k.RUN)
            if result or struct.unpack_from("<I", self.run, 8)[0] != k.EXIT_IO:
                raise RuntimeError(f"KVM_RUN: {k.name_of(result)}")
            if self.random.random() < 0.5:
                select.select([], [], [], self.random.random() / 100)
        os.eventfd_write(done, 1)


def draw(s, vram, ram, shadow, done):
    """Until both writers have told done and it rests: copies what is found. Events that came."""
    events, writers, state = 0, 2, ACTIVE
    while True:
        state, found, faults = vram.query()
        for page in found:
            at = (vram.first + page) * PAGE
            shadow[at:at + PAGE] = ram[at:at + PAGE]
        if state != IDLE:
            continue
        while not ready(vram.event):
            if not writers:
                s.holds(events == faults, f"{events} events, {faults} faults")
                return events
            s.holds(ready(vram.event, done, wait=LIMIT), "nobody comes any more")
            if ready(done):
                writers -= os.eventfd_read(done)
        events += os.eventfd_read(vram.event)


def at_random(dev):
    pages, at = 128, 0x20000
    event, done = os.eventfd(0, os.EFD_NONBLOCK), os.eventfd(0, os.EFD_NONBLOCK)
    with Subject("vram: what two vCPUs write at random is drawn, all of it") as s:
        g = Guest(dev, WRITER)
        ram, shadow = k.Ram(pages * PAGE), bytearray(pages * PAGE)
        s.gives(0, g.vm, k.SET_REGION, k.region(1, at, pages * PAGE, ram.address, MEM_LOG))
        second = call(g.vm, k.CREATE_VCPU, 1)
        run = mmap.mmap(second, call(dev, k.MMAP_SIZE))
        writers = [Writer(g, g.fd, g.run, 0), Writer(g, second, run, 1)]
        vram = Range(g.vm, 1, event, 5, 120)
        events = 0
        for turn in range(TURNS):
            s.holds(vram.track((0, 0, MS)[turn % 3]) == 0, "not tracked")
            while vram.query()[0] != IDLE:      # so that each turn begins with a first write
                pass
            threads = [threading.Thread(target=w.bursts, args=(20, done), daemon=True)
                       for w in writers]
            for t in threads:
                t.start()
            events += draw(s, vram, ram, shadow, done)
            for t in threads:
                t.join()
            start, end = vram.first * PAGE, (vram.first + vram.pages) * PAGE
            wrong = [i // PAGE for i in range(start, end, PAGE)
                     if ram[i:i + PAGE] != shadow[i:i + PAGE]]
            s.holds(not wrong, f"turn {turn}: pages {wrong} were not drawn")
        s.holds(events >= TURNS, f"it was woken {events} times only")
        s.holds(any(shadow), "nothing was drawn")
        run.close()
        os.close(second)
        g.close()
    os.close(event)
    os.close(done)


def all_of(dev):
    errors(dev)
    one_guest(dev)
    at_random(dev)
