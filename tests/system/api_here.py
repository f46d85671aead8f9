#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Call by call, what docs/abi.md says of the KVM API, with every errno that can be had on purpose;
test_api.py runs it in the lab, on /dev/caisson and, to check the checks, on KVM.

    api_here.py caisson|kvm      prints `PASS name` or `FAIL name: why` for each subject
    api_here.py beside MODULE    both modules on one machine; neither is loaded yet
"""
import errno
import os
import signal
import struct
import subprocess
import sys
import time

import api_vram
import kvmapi as k
from kvmapi import OURS, PAGE, Guest, Subject, call, name_of
from labkit import finish

E = errno
MEM_LOG, MEM_READONLY = 1, 2
MSI = 0xFEE00000


# --- the device ---


def system(dev):
    with Subject("api: system calls") as s:
        s.gives(12, dev, k.GET_API_VERSION)
        s.gives(-E.EINVAL, dev, k.GET_API_VERSION, 1)
        s.gives(-E.EINVAL, dev, k.CREATE_VM, 99)
        s.gives(-E.EINVAL, dev, k.UNKNOWN)
        s.gives(-E.EINVAL, dev, k.MMAP_SIZE, 1)
        size = call(dev, k.MMAP_SIZE)
        s.holds(size >= 2 * PAGE and size % PAGE == 0, f"mmap size {size}")
    with Subject("api: lists are refused when there is no room, and say how much it takes") as s:
        few = bytearray(struct.pack("<II", 1, 0) + bytes(40))
        s.gives(-E.E2BIG, dev, k.SUPPORTED_CPUID, few)
        many = bytearray(struct.pack("<II", 100, 0) + bytes(100 * 40))
        s.gives(0, dev, k.SUPPORTED_CPUID, many)
        n = struct.unpack_from("<I", many)[0]
        s.holds(10 < n <= 100, f"{n} CPUID entries")
        leaves = {struct.unpack_from("<I", many, 8 + 40 * i)[0] for i in range(n)}
        s.holds({0, 1, 7, 0xD, 0x40000000, 0x40000001, 0x80000001} <= leaves, sorted(leaves))
        count = bytearray(4)
        s.gives(-E.E2BIG, dev, k.MSR_LIST, count)
        n = struct.unpack("<I", count)[0]
        full = bytearray(count + bytes(4 * n))
        s.gives(0, dev, k.MSR_LIST, full)
        msrs = struct.unpack_from(f"<{n}I", full, 4)
        s.holds(0x10 in msrs and 0xC0000081 in msrs and len(set(msrs)) == n, "MSR list")
        s.gives(0, dev, k.FEATURE_LIST, bytearray(struct.pack("<I", 64) + bytes(256)))
        s.gives(-E.EFAULT, dev, k.MSR_LIST, 8)
    with Subject("api: capabilities") as s:
        for name, number in k.CAP.items():
            got = call(dev, k.CHECK_EXTENSION, number)
            absent = ("VAPIC", "COALESCED_MMIO", "MCE", "IRQFD_RESAMPLE", "X2APIC_API")
            if name not in ("TSC_CONTROL", "XEN_HVM") or (OURS and name == "XEN_HVM"):
                s.holds(got == 0 if OURS and name in absent else got > 0, f"{name} {got}")
        s.gives(0, dev, k.CHECK_EXTENSION, 100000)


# --- VMs ---


def memory(dev):
    ram = k.Ram(16 * PAGE)
    at = ram.address
    with Subject("api: KVM_SET_USER_MEMORY_REGION") as s:
        vm = call(dev, k.CREATE_VM)
        region = k.region
        for bad in (region(0, 0, PAGE + 1, at), region(0, 1, PAGE, at), region(0, 0, PAGE, at + 1),
                    region(0, 0, PAGE, at, 0x100), region(40000, 0, PAGE, at),
                    region(0, 0, 1 << 63, at), region(0, (1 << 64) - PAGE, 2 * PAGE, at),
                    region(0, 0, PAGE, 1 << 63), region(3, 0, 0, at)):
            s.gives(-E.EINVAL, vm, k.SET_REGION, bad)
        s.gives(-E.EFAULT, vm, k.SET_REGION, 8)
        s.gives(0, vm, k.SET_REGION, region(0, 0, 4 * PAGE, at))
        s.gives(-E.EEXIST, vm, k.SET_REGION, region(1, 3 * PAGE, PAGE, at))
        s.gives(-E.EINVAL, vm, k.SET_REGION, region(0, 0, 5 * PAGE, at), "a change of size")
        s.gives(-E.EINVAL, vm, k.SET_REGION, region(0, 0, 4 * PAGE, at, MEM_READONLY))
        s.gives(-E.EINVAL, vm, k.SET_REGION, region(0, 0, 4 * PAGE, at + PAGE))
        s.gives(0, vm, k.SET_REGION, region(0, 16 * PAGE, 4 * PAGE, at), "a move")
        s.gives(0, vm, k.SET_REGION, region(1, 3 * PAGE, PAGE, at))
        s.gives(0, vm, k.SET_REGION, region(0, 0, 0, 0), "deletion")
        s.gives(0, vm, k.SET_REGION, region(0, 0x100000, 8 * PAGE, at, MEM_READONLY))
    with Subject("api: KVM_GET_DIRTY_LOG and KVM_CLEAR_DIRTY_LOG") as s:
        bits = k.Ram(PAGE)
        get = lambda slot, to=bits.address: struct.pack("<IIQ", slot, 0, to)
        clear = lambda slot, first, n: struct.pack("<IIQQ", slot, n, first, bits.address)
        s.gives(-E.ENOENT, vm, k.GET_DIRTY, get(1), "a slot without log")
        s.gives(-E.ENOENT, vm, k.GET_DIRTY, get(7), "no slot")
        s.gives(-E.EINVAL, vm, k.GET_DIRTY, get(40000))
        s.gives(0, vm, k.SET_REGION, region(1, 3 * PAGE, PAGE, at, MEM_LOG))
        s.gives(0, vm, k.GET_DIRTY, get(1))
        s.gives(-E.EFAULT, vm, k.GET_DIRTY, get(1, 8))
        s.gives(-E.EINVAL, vm, k.CLEAR_DIRTY, clear(1, 1, 0))
        s.gives(-E.EINVAL, vm, k.CLEAR_DIRTY, clear(1, 0, 2))
        s.gives(-E.EINVAL, vm, k.CLEAR_DIRTY, clear(1, 64, 0))
        s.gives(-E.EINVAL, vm, k.CLEAR_DIRTY, clear(40000, 0, 1))
        s.gives(-E.ENOENT, vm, k.CLEAR_DIRTY, clear(0, 0, 1))
        s.gives(0, vm, k.CLEAR_DIRTY, clear(1, 0, 1))
        os.close(vm)


def configuration(dev):
    cap = k.CAP
    with Subject("api: KVM_ENABLE_CAP, order of set-up") as s:
        vm = call(dev, k.CREATE_VM)
        s.gives(-E.ENOTTY, vm, k.UNKNOWN)
        s.gives(1, vm, k.CHECK_EXTENSION, cap["SPLIT_IRQCHIP"])
        if OURS:
            s.gives(-E.EINVAL, vm, k.CREATE_VCPU, 0, "no local APIC yet")
            s.gives(-E.ENOTTY, vm, k.CREATE_IRQCHIP)
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing())
        s.gives(-E.EINVAL, vm, k.ENABLE_CAP, k.enable_cap(cap["SPLIT_IRQCHIP"], 24, flags=1))
        s.gives(-E.EINVAL, vm, k.ENABLE_CAP, k.enable_cap(cap["SPLIT_IRQCHIP"], 5000))
        s.gives(-E.EINVAL, vm, k.ENABLE_CAP, k.enable_cap(60000))
        s.gives(-E.EINVAL, vm, k.ENABLE_CAP, k.enable_cap(cap["MANUAL_DIRTY_LOG_PROTECT2"], 0x80))
        s.gives(0, vm, k.ENABLE_CAP, k.enable_cap(cap["MANUAL_DIRTY_LOG_PROTECT2"], 1))
        s.gives(0, vm, k.ENABLE_CAP, k.enable_cap(cap["SPLIT_IRQCHIP"], 24))
        s.gives(-E.EEXIST, vm, k.ENABLE_CAP, k.enable_cap(cap["SPLIT_IRQCHIP"], 24))
        s.gives(0, vm, k.SET_IDENTITY, struct.pack("<Q", 0xFEFFC000))
        s.gives(0, vm, k.SET_TSS, 0xFEFFD000)
        s.gives(-E.EINVAL, vm, k.SET_TSS, 0xFFFFF000)
        s.gives(-E.EINVAL, vm, k.CREATE_VCPU, 100000)
        fd = call(vm, k.CREATE_VCPU, 1)
        s.holds(fd >= 0, name_of(fd))
        s.gives(-E.EEXIST, vm, k.CREATE_VCPU, 1)
        s.gives(-E.EINVAL, vm, k.SET_IDENTITY, struct.pack("<Q", 0xFEFFC000))
    with Subject("api: clock, MSR filter, Xen") as s:
        clock = bytearray(48)
        s.gives(0, vm, k.GET_CLOCK, clock)
        first = struct.unpack_from("<Q", clock)[0]
        s.gives(0, vm, k.SET_CLOCK, struct.pack("<QII32x", first + 10**12, 0, 0))
        s.gives(0, vm, k.GET_CLOCK, clock)
        later = struct.unpack_from("<Q", clock)[0] - first
        s.holds(10**12 <= later < 2 * 10**12, f"{later} ns later")
        s.gives(-E.EINVAL, vm, k.SET_CLOCK, struct.pack("<QII32x", 0, 0x1000, 0))
        bits = k.Ram(PAGE)
        s.gives(0, vm, k.MSR_FILTER, k.msr_filter(0, (3, 64, 0x10, bits.address)))
        s.gives(-E.EINVAL, vm, k.MSR_FILTER, k.msr_filter(2))
        s.gives(-E.EINVAL, vm, k.MSR_FILTER, k.msr_filter(1), "nothing is allowed")
        s.gives(-E.EINVAL, vm, k.MSR_FILTER, k.msr_filter(0, (8, 64, 0x10, bits.address)))
        s.gives(-E.EINVAL, vm, k.MSR_FILTER, k.msr_filter(0, (3, 100000, 0, bits.address)))
        s.gives(-E.EFAULT, vm, k.MSR_FILTER, k.msr_filter(0, (3, 64, 0x10, 8)))
        s.gives(0, vm, k.MSR_FILTER, k.msr_filter(0))
        if OURS:    # Debian's KVM is built without it
            s.gives(-E.EINVAL, vm, k.XEN_CONFIG, struct.pack("<II48x", 0x100, 0))
            s.gives(0, vm, k.XEN_CONFIG, struct.pack("<II48x", 2, 0x40000000))
        os.close(fd)
        os.close(vm)


def interrupts(dev):
    g = Guest(dev)
    vm = g.vm
    event, other = os.eventfd(0, os.EFD_NONBLOCK), os.open("/dev/null", os.O_RDWR)
    with Subject("api: KVM_SET_GSI_ROUTING, KVM_SIGNAL_MSI, KVM_IRQ_LINE_STATUS") as s:
        one = (5, 2, MSI, 0x40)
        s.gives(0, vm, k.SET_ROUTING, k.routing(one, (6, 2, MSI, 0x8041)))
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing(one, flags=1))
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing(count=5000))
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing((5000, 2, MSI, 0x40)))
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing((5, 1, 0, 0)), "an irqchip in the kernel")
        s.gives(-E.EINVAL, vm, k.SET_ROUTING, k.routing(one, one))
        s.gives(-E.EINVAL, vm, k.SIGNAL_MSI, struct.pack("<IIIII12x", MSI, 0, 0x40, 8, 0))
        line = bytearray(struct.pack("<II", 200, 1))
        s.gives(0, vm, k.IRQ_LINE_STATUS, line)
        s.holds(struct.unpack_from("<i", line)[0] == -1, "an input without a route was taken")
    with Subject("api: KVM_IRQFD") as s:
        s.gives(-E.EINVAL, vm, k.IRQFD, k.irqfd(event, 5, 0x80))
        s.gives(-E.EBADF, vm, k.IRQFD, k.irqfd(-1, 5))
        s.gives(-E.EINVAL, vm, k.IRQFD, k.irqfd(other, 5))
        if OURS:    # the kernel that has KVM's check is newer
            s.gives(-E.EINVAL, vm, k.IRQFD, k.irqfd(event, 50000))
        s.gives(0, vm, k.IRQFD, k.irqfd(event, 5))
        s.gives(-E.EBUSY, vm, k.IRQFD, k.irqfd(event, 5))
        s.gives(0, vm, k.IRQFD, k.irqfd(event, 5, 1), "deassign")
        s.gives(0, vm, k.IRQFD, k.irqfd(event, 5, 1), "deassign what is not there")
        for _ in range(20):     # closed without being deassigned
            gone = os.eventfd(0)
            s.gives(0, vm, k.IRQFD, k.irqfd(gone, 5))
            os.close(gone)
    with Subject("api: KVM_IOEVENTFD") as s:
        match, pio, off = 1, 2, 4
        for bad in (k.ioeventfd(0x100, 3, event), k.ioeventfd(0x100, 16, event),
                    k.ioeventfd((1 << 64) - 1, 4, event), k.ioeventfd(0x100, 4, event, 0, 0x100),
                    k.ioeventfd(0x100, 0, event, 1, match), k.ioeventfd(0x100, 4, other)):
            s.gives(-E.EINVAL, vm, k.IOEVENTFD, bad)
        s.gives(-E.EBADF, vm, k.IOEVENTFD, k.ioeventfd(0x100, 4, -1))
        s.gives(0, vm, k.IOEVENTFD, k.ioeventfd(0x100, 1, event, 7, match | pio))
        s.gives(-E.EEXIST, vm, k.IOEVENTFD, k.ioeventfd(0x100, 1, event, 7, match | pio))
        s.gives(-E.ENOENT, vm, k.IOEVENTFD, k.ioeventfd(0x100, 1, event, 8, match | pio | off))
        s.gives(0, vm, k.IOEVENTFD, k.ioeventfd(0x100, 1, event, 7, match | pio | off))
        s.gives(-E.ENOENT, vm, k.IOEVENTFD, k.ioeventfd(0x100, 1, event, 7, match | pio | off))
    os.close(event)
    os.close(other)
    g.close()


# --- vCPUs ---

STATE = {"REGS": (k.GET_REGS, k.SET_REGS, 144), "SREGS": (k.GET_SREGS, k.SET_SREGS, 312),
         "FPU": (k.GET_FPU, k.SET_FPU, 416), "XSAVE": (k.GET_XSAVE, k.SET_XSAVE, 4096),
         "XCRS": (k.GET_XCRS, k.SET_XCRS, 392), "LAPIC": (k.GET_LAPIC, k.SET_LAPIC, 1024),
         "DEBUGREGS": (k.GET_DEBUGREGS, k.SET_DEBUGREGS, 128),
         "EVENTS": (k.GET_EVENTS, k.SET_EVENTS, 64), "MP": (k.GET_MP, k.SET_MP, 4)}


def state(dev):
    g = Guest(dev)
    with Subject("api: each state is read, set and read again unchanged") as s:
        for name, (get, put, size) in STATE.items():
            before, after = bytearray(size), bytearray(size)
            s.gives(0, g.fd, get, before, name)
            s.gives(0, g.fd, put, bytes(before), name)
            s.gives(0, g.fd, get, after, name)
            s.holds(before == after, f"{name} changed")
            s.gives(-E.EFAULT, g.fd, get, 8, name)
            s.gives(-E.EFAULT, g.fd, put, 8, name)
    with Subject("api: values that are set are there") as s:
        regs = bytes(range(1, 129)) + struct.pack("<QQ", 0x1234, 2 | 1 << 9)
        back = bytearray(144)
        s.gives(0, g.fd, k.SET_REGS, regs)
        s.gives(0, g.fd, k.GET_REGS, back)
        s.holds(back == regs, "REGS")
        fpu = bytearray(416)
        fpu[0:10], fpu[128:130], fpu[152:168] = b"\1" * 10, b"\x7f\3", b"\2" * 16
        s.gives(0, g.fd, k.SET_FPU, bytes(fpu))
        xsave = bytearray(4096)
        s.gives(0, g.fd, k.GET_XSAVE, xsave)
        if OURS:    # KVM does not mark them as in use
            s.holds(xsave[32:42] == b"\1" * 10 and xsave[160:176] == b"\2" * 16, "FPU in XSAVE")
    with Subject("api: state that cannot be is refused") as s:
        s.gives(-E.EINVAL, g.fd, k.SET_DEBUGREGS, struct.pack("<7Q72x", *range(4), 0, 0, 1))
        s.gives(-E.EINVAL, g.fd, k.SET_DEBUGREGS, struct.pack("<7Q72x", *range(4), 0, 1 << 32, 0))
        s.gives(-E.EINVAL, g.fd, k.SET_XCRS, struct.pack("<II384x", 100, 0))
        s.gives(-E.EINVAL, g.fd, k.SET_XCRS, struct.pack("<IIIIQ", 1, 0, 0, 0, 4).ljust(392, b"\0"))
        events = bytearray(64)
        s.gives(0, g.fd, k.GET_EVENTS, events)
        wrong = bytearray(events)
        wrong[20:24] = struct.pack("<I", 1 << 20)
        s.gives(-E.EINVAL, g.fd, k.SET_EVENTS, bytes(wrong))
        wrong = bytearray(events)
        wrong[0:2] = b"\1\x30"      # an exception 48
        s.gives(-E.EINVAL, g.fd, k.SET_EVENTS, bytes(wrong))
        s.gives(-E.EINVAL, g.fd, k.SET_MP, struct.pack("<I", 99))
        sregs = bytearray(312)
        s.gives(0, g.fd, k.GET_SREGS, sregs)
        wrong = bytearray(sregs)
        struct.pack_into("<Q", wrong, 224, 1 << 31)     # CR0: paging without protection
        s.gives(-E.EINVAL, g.fd, k.SET_SREGS, bytes(wrong))
        wrong = bytearray(sregs)
        struct.pack_into("<Q", wrong, 248, 1 << 63)     # CR4
        s.gives(-E.EINVAL, g.fd, k.SET_SREGS, bytes(wrong))
    g.close()


def small(dev):
    g = Guest(dev)
    with Subject("api: CPUID, MSRs, TSC") as s:
        s.gives(-E.E2BIG, g.fd, k.SET_CPUID2, struct.pack("<II", 1000, 0))
        table = bytearray(struct.pack("<II", 100, 0) + bytes(100 * 40))
        s.gives(0, dev, k.SUPPORTED_CPUID, table)
        s.gives(0, g.fd, k.SET_CPUID2, bytes(table))
        back = bytearray(struct.pack("<II", 100, 0) + bytes(100 * 40))
        s.gives(0, g.fd, k.GET_CPUID2, back)
        if OURS:    # documented, but KVM leaves the caller's number
            s.holds(back[:4] == table[:4], "another number of CPUID entries")
        s.gives(-E.E2BIG, g.fd, k.GET_CPUID2, bytearray(struct.pack("<II40x", 1, 0)))
        msrs = lambda *m: bytearray(struct.pack("<II", len(m), 0) +
                                    b"".join(struct.pack("<IIQ", i, 0, v) for i, v in m))
        s.gives(1, g.fd, k.SET_MSRS, bytes(msrs((0xC0000081, 5 << 32))))
        got = msrs((0xC0000081, 0), (0x123456, 0), (0xC0000082, 0))
        s.gives(1, g.fd, k.GET_MSRS, got, "up to the one that is not there")
        s.holds(struct.unpack_from("<Q", got, 16)[0] == 5 << 32, "STAR")
        s.gives(0, g.fd, k.SET_MSRS, bytes(msrs((0xC0000082, 1 << 62))), "not canonical")
        s.gives(-E.E2BIG, g.fd, k.GET_MSRS, bytearray(struct.pack("<II", 256, 0)))
        khz = call(g.fd, k.GET_KHZ)
        s.holds(khz > 1000, f"{khz} kHz")
        s.gives(0, g.fd, k.SET_KHZ, khz)
        s.gives(-E.EINVAL, g.fd, k.CLOCK_PAUSED, 0, "a guest without a clock")
        value = k.Ram(PAGE)
        attr = lambda group, number: struct.pack("<IIQQ", 0, group, number, value.address)
        s.gives(0, g.fd, k.HAS_ATTR, attr(0, 0))
        s.gives(-E.ENXIO, g.fd, k.HAS_ATTR, attr(0, 1))
        s.gives(-E.ENXIO, g.fd, k.GET_ATTR, attr(9, 0))
        value[0:8] = struct.pack("<Q", 12345)
        s.gives(0, g.fd, k.SET_ATTR, attr(0, 0))
        value[0:8] = bytes(8)
        s.gives(0, g.fd, k.GET_ATTR, attr(0, 0))
        s.holds(struct.unpack_from("<Q", value)[0] == 12345, "TSC offset")
    with Subject("api: the rest of a vCPU's calls") as s:
        s.gives(-E.EINVAL, g.fd, k.RUN, 1)
        s.gives(-E.EINVAL, g.fd, k.UNKNOWN)
        s.gives(-E.EINVAL, g.fd, k.INTERRUPT, struct.pack("<I", 256))
        s.gives(0, g.fd, k.INTERRUPT, struct.pack("<I", 0x20))
        s.gives(-E.EEXIST, g.fd, k.INTERRUPT, struct.pack("<I", 0x21))
        s.gives(0, g.fd, k.NMI)
        s.gives(-E.EINVAL, g.fd, k.SET_SIGNAL_MASK, struct.pack("<IQ", 4, 0))
        s.gives(0, g.fd, k.SET_SIGNAL_MASK, struct.pack("<IQ", 8, 0))
        s.gives(0, g.fd, k.SET_SIGNAL_MASK, 0)
        s.gives((-E.EINVAL, 0), g.fd, k.SET_DEBUG, struct.pack("<II64x", 1 << 15, 0))
        s.gives(0, g.fd, k.SET_DEBUG, bytes(72))
        s.gives(0, g.fd, k.SET_VAPIC, bytes(8))
        where = bytearray(struct.pack("<Q16x", 0x1234))
        s.gives(0, g.fd, k.TRANSLATE, where)
        s.holds(struct.unpack_from("<QB", where, 8) == (0x1234, 1), "real mode is not identical")
    with Subject("api: another process may not use it") as s:
        child = os.fork()
        if not child:
            same = call(g.fd, k.GET_MP, bytearray(4)) == call(g.vm, k.GET_CLOCK, bytearray(48))
            os._exit(0 if same and call(g.fd, k.RUN) == -E.EIO else 1)
        s.holds(os.waitpid(child, 0)[1] == 0, "not -EIO")
    if OURS:
        with Subject("api: the module stays while a guest lives") as s:
            done = subprocess.run(["rmmod", "caisson"], capture_output=True, check=False)
            s.holds(done.returncode != 0 and os.path.exists("/dev/caisson"), "it was unloaded")
    g.close()


# --- running ---


def runs(dev):
    with Subject("run: ports, memory that is not there, read-only memory") as s:
        code = bytes.fromhex(
            "b041e610"          # mov al,41h; out 10h,al
            "e511"              # in ax,11h
            "a30080"            # mov [8000h],ax
            "bb00f08edb"        # mov bx,f000h; mov ds,bx
            "c60605005a"        # mov byte [5],5ah
            "a00700"            # mov al,[7]
            "e612"              # out 12h,al
            "be0090bf0a00"      # mov si,9000h; mov di,10
            "31db8edb"          # xor bx,bx; mov ds,bx
            "ba1300b90400fcf36e"  # mov dx,13h; mov cx,4; cld; rep outsb
            "f4")               # hlt
        g = Guest(dev, code)
        g.ram[0x9000:0x9004] = b"word"
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io == (True, 1, 0x10, 1, b"A"), g.describe())
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io[:4] == (False, 2, 0x11, 1), g.describe())
        offset = g.field("<Q", 40)[0]
        g.run[offset:offset + 2] = b"\x34\x12"
        s.gives(0, g.fd, k.RUN)
        s.holds(g.ram[0x8000:0x8002] == b"\x34\x12", "the input is not in memory")
        s.holds(g.reason == k.EXIT_MMIO and g.mmio == (0xF0005, b"\x5a", True), g.describe())
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_MMIO and g.mmio[::2] == (0xF0007, False), g.describe())
        g.run[40:41] = b"\x77"
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io == (True, 1, 0x12, 1, b"\x77"), g.describe())
        said = b""
        while len(said) < 4 and g.go() == 0 and g.reason == k.EXIT_IO:
            said += g.io[4]
        s.holds(said == b"word", said)
        g.close()
        g = Guest(dev, bytes.fromhex("c6060070cce610"), MEM_READONLY)
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_MMIO and g.mmio == (0x7000, b"\xcc", True), g.describe())
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.ram[0x7000] == 0, g.describe())
        g.close()
    with Subject("run: immediate_exit, signals, a stop of what does not stop") as s:
        g = Guest(dev, bytes.fromhex("ebfe"))
        g.run[1] = 1
        s.gives(-E.EINTR, g.fd, k.RUN)
        s.holds(g.reason == 0, g.describe())    # KVM leaves the last run's
        g.run[1] = 0
        signal.signal(signal.SIGALRM, lambda *_: None)
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        s.gives(-E.EINTR, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_INTR, g.describe())
        g.close()
        child = os.fork()
        if not child:
            Guest(dev, bytes.fromhex("ebfe")).go()
            os._exit(0)
        time.sleep(0.3)
        os.kill(child, signal.SIGKILL)
        s.holds(os.waitpid(child, 0)[1] == signal.SIGKILL, "the child did not die of it")
    with Subject("run: MSRs by the user") as s:
        # mov $0x474f4f00, %ecx; rdmsr; out; wrmsr; out
        g = Guest(dev, bytes.fromhex("66b9004f4f470f32e6100f30e611"))
        s.gives(0, g.vm, k.ENABLE_CAP, k.enable_cap(k.CAP["X86_USER_SPACE_MSR"], 2))
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_RDMSR and g.field("<I", 44)[0] == 0x474F4F00, g.describe())
        struct.pack_into("<Q", g.run, 48, 0x5500000077)
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io[4] == b"\x77", g.describe())
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_WRMSR and g.field("<Q", 48)[0] == 0x5500000077, g.describe())
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io[2] == 0x11, g.describe())
        g.close()
    with Subject("run: a triple fault, single steps") as s:
        g = Guest(dev, bytes.fromhex("0f011e006000cd03"))   # lidt [6000h]; int 3
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_SHUTDOWN, g.describe())
        g.close()
        g = Guest(dev, bytes.fromhex("909090e610"))
        s.gives(0, g.fd, k.SET_DEBUG, struct.pack("<II64x", 3, 0))
        for pc in (0x1001, 0x1002):
            s.gives(0, g.fd, k.RUN)
            s.holds(g.reason == k.EXIT_DEBUG and g.field("<Q", 40)[0] == pc,
                    f"{g.describe()} at {g.field('<Q', 40)[0]:#x}, not {pc:#x}")
        g.close()


HANDLER = bytes.fromhex("e620cf")     # out 20h,al; iret


def runs_interrupts(dev):
    with Subject("run: messages, eventfds, the 8259A's interrupts, NMI wake a halted vCPU") as s:
        g = Guest(dev, bytes.fromhex("fbf4ebfd"))   # sti; hlt; jmp to hlt
        g.ram[0x2000:0x2003] = HANDLER
        for vector in (2, 0x20, 0x40, 0x41):
            struct.pack_into("<HH", g.ram, 4 * vector, 0x2000, 0)
        lapic = bytearray(1024)
        s.gives(0, g.fd, k.GET_LAPIC, lapic)
        struct.pack_into("<I", lapic, 0xF0, 0x1FF)          # enabled
        struct.pack_into("<I", lapic, 0x350, 0x700)         # LINT0: from the 8259A
        s.gives(0, g.fd, k.SET_LAPIC, bytes(lapic))
        event = os.eventfd(0, os.EFD_NONBLOCK)
        s.gives(0, g.vm, k.SET_ROUTING, k.routing((5, 2, MSI, 0x40)))
        s.gives(0, g.vm, k.IRQFD, k.irqfd(event, 5))

        def taken(what):
            s.gives(0, g.fd, k.RUN, what=what)
            s.holds(g.reason == k.EXIT_IO and g.io[2] == 0x20, f"{what}: {g.describe()}")

        s.gives(1, g.vm, k.SIGNAL_MSI, struct.pack("<IIIII12x", MSI, 0, 0x41, 0, 0))
        taken("KVM_SIGNAL_MSI")
        s.gives(0, g.fd, k.SET_LAPIC, bytes(lapic))         # as if EOI had come
        os.eventfd_write(event, 1)
        taken("irqfd")
        s.holds(not readable(event), "the eventfd was not read")
        s.gives(0, g.fd, k.SET_LAPIC, bytes(lapic))
        s.gives(0, g.fd, k.INTERRUPT, struct.pack("<I", 0x20))
        taken("KVM_INTERRUPT")
        s.gives(0, g.fd, k.NMI)
        taken("KVM_NMI")
        os.close(event)
        g.close()
    with Subject("run: interrupt window, eventfd by a port") as s:
        g = Guest(dev, bytes.fromhex("e610fb9090b007e63031c0e611"))
        # out 10h; sti; nop; nop; mov al,7; out 30h,al; xor ax,ax; out 11h
        event = os.eventfd(0, os.EFD_NONBLOCK)
        s.gives(0, g.vm, k.IOEVENTFD, k.ioeventfd(0x30, 1, event, 7, 1 | 2))
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.run[12] == 0 and g.run[13] == 0, "IF is 0")
        g.run[0] = 1
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_WINDOW and g.run[12] == 1 and g.run[13] == 1,
                f"{g.describe()} ready {g.run[12]} IF {g.run[13]}")
        g.run[0] = 0
        s.gives(0, g.fd, k.RUN)
        s.holds(g.reason == k.EXIT_IO and g.io[2] == 0x11, g.describe())
        s.holds(readable(event) and os.eventfd_read(event) == 1, "the eventfd was not signalled")
        os.close(event)
        g.close()


def readable(event):
    import select
    return bool(select.select([event], [], [], 0)[0])


def runs_memory(dev):
    """mov al,[7000h]; out 10h,al; mov [8000h],al; jmp back"""
    loop = bytes.fromhex("a00070e610a20080ebf6")
    with Subject("run: dirty log") as s:
        g = Guest(dev, loop, MEM_LOG)
        bits = k.Ram(PAGE)
        log = struct.pack("<IIQ", 0, 0, bits.address)
        s.gives(0, g.fd, k.RUN)
        s.gives(0, g.vm, k.GET_DIRTY, log)
        s.gives(0, g.fd, k.RUN)
        s.gives(0, g.vm, k.GET_DIRTY, log)
        s.holds(bits[0:8] == struct.pack("<Q", 1 << 8), f"{bits[0:8].hex()}")
        s.gives(0, g.vm, k.GET_DIRTY, log)
        s.holds(bits[0:8] == bytes(8), f"{bits[0:8].hex()} though nothing ran")
        s.gives(0, g.fd, k.RUN)
        s.gives(0, g.vm, k.ENABLE_CAP, k.enable_cap(k.CAP["MANUAL_DIRTY_LOG_PROTECT2"], 1))
        for _ in range(2):
            s.gives(0, g.vm, k.GET_DIRTY, log)
            s.holds(bits[0:8] == struct.pack("<Q", 1 << 8), f"{bits[0:8].hex()}")
        s.gives(0, g.vm, k.CLEAR_DIRTY, struct.pack("<IIQQ", 0, 16, 0, bits.address))
        s.gives(0, g.vm, k.GET_DIRTY, log)
        s.holds(bits[0:8] == bytes(8), f"{bits[0:8].hex()} after it was cleared")
        g.close()
    with Subject("run: the process takes its pages away") as s:
        g = Guest(dev, loop)
        g.ram[0x7000] = 0x55
        s.gives(0, g.fd, k.RUN)
        s.holds(g.io[4] == b"\x55", g.describe())
        g.ram.madvise(4, 0x7000, PAGE)  # MADV_DONTNEED
        s.gives(0, g.fd, k.RUN)
        s.holds(g.io[4] == b"\0", f"{g.describe()}: a page that was given back is still there")
        child = os.fork()               # now all of it is shared, copy on write
        if not child:
            os.kill(os.getpid(), signal.SIGSTOP)
            os._exit(0 if g.ram[0x7000] == 0 else 1)
        os.waitpid(child, os.WUNTRACED)
        g.ram[0x7000] = 0x66
        s.gives(0, g.fd, k.RUN)
        s.holds(g.io[4] == b"\x66", f"{g.describe()}: the guest reads the child's page")
        os.kill(child, signal.SIGCONT)
        s.holds(os.waitpid(child, 0)[1] == 0, "the child sees what the guest's owner wrote")
        s.gives(0, g.vm, k.SET_REGION, k.region(0, 0, 0, 0))
        s.gives(0, g.vm, k.SET_REGION, k.region(0, 0, g.SIZE, 1 << 40))     # nothing is there
        s.gives(-E.EFAULT, g.fd, k.RUN)
        g.close()


def insert(module):
    done = subprocess.run(["insmod", module], capture_output=True, text=True, check=False)
    return done.returncode == 0, done.stderr


def beside(module):
    """KVM turns virtualization on with its first VM (6.1) or at load (6.12); one has it at a time."""
    subprocess.run(["modprobe", "kvm-amd"], check=True)
    with Subject("beside KVM: whoever comes second is refused") as s:
        kvm = os.open("/dev/kvm", os.O_RDWR)
        ok, _ = insert(module)
        s.holds(ok, "not loaded beside KVM that has no guest")
        s.gives(-E.EBUSY, kvm, k.CREATE_VM, 0, "KVM's guest beside us")
        subprocess.run(["rmmod", "caisson"], check=True)
        vm = call(kvm, k.CREATE_VM)
        s.holds(vm >= 0, name_of(vm))
        ok, why = insert(module)
        s.holds(not ok and "busy" in why, f"loaded beside a guest of KVM's {why}")
        log = subprocess.run(["dmesg"], capture_output=True, text=True, check=True).stdout
        s.holds('type "modprobe -r kvm_amd"' in log, "no word of what to do")
    finish()


def main():
    if sys.argv[1] == "beside":
        beside(sys.argv[2])
    dev = os.open(f"/dev/{sys.argv[1]}", os.O_RDWR | os.O_CLOEXEC)
    for part in (system, memory, configuration, interrupts, state, small, runs, runs_interrupts,
                 runs_memory):
        part(dev)
    if OURS:
        api_vram.all_of(dev)
    os.close(dev)
    finish()


if __name__ == "__main__":
    main()
