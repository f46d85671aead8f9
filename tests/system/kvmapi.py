# SPDX-License-Identifier: GPL-2.0-only
"""The KVM API by hand: numbers, structs, a small guest and a line of the report, for api_here.py."""
import ctypes
import errno
import mmap
import os
import struct
import sys

from labkit import verdict

OURS = sys.argv[1] == "caisson"
PAGE = 4096
NONE, WRITE, READ = 0, 1, 2


def _io(number, direction=NONE, size=0):
    return direction << 30 | size << 16 | 0xAE << 8 | number


# system
GET_API_VERSION, CREATE_VM, CHECK_EXTENSION, MMAP_SIZE = _io(0), _io(1), _io(3), _io(4)
MSR_LIST = _io(2, READ | WRITE, 4)
FEATURE_LIST = _io(0x0A, READ | WRITE, 4)
SUPPORTED_CPUID = _io(5, READ | WRITE, 8)
# VM
CREATE_VCPU, SET_TSS = _io(0x41), _io(0x47)
SET_REGION = _io(0x46, WRITE, 32)
GET_DIRTY = _io(0x42, WRITE, 16)
CLEAR_DIRTY = _io(0xC0, READ | WRITE, 24)
SET_IDENTITY = _io(0x48, WRITE, 8)
IRQ_LINE_STATUS = _io(0x67, READ | WRITE, 8)
SET_ROUTING = _io(0x6A, WRITE, 8)
IRQFD = _io(0x76, WRITE, 32)
IOEVENTFD = _io(0x79, WRITE, 64)
SET_CLOCK, GET_CLOCK = _io(0x7B, WRITE, 48), _io(0x7C, READ, 48)
SIGNAL_MSI = _io(0xA5, WRITE, 32)
ENABLE_CAP = _io(0xA3, WRITE, 104)
MSR_FILTER = _io(0xC6, WRITE, 392)
XEN_CONFIG = _io(0x7A, WRITE, 56)
CREATE_IRQCHIP = _io(0x60)
# vCPU
RUN, NMI = _io(0x80), _io(0x9A)
GET_REGS, SET_REGS = _io(0x81, READ, 144), _io(0x82, WRITE, 144)
GET_SREGS, SET_SREGS = _io(0x83, READ, 312), _io(0x84, WRITE, 312)
TRANSLATE = _io(0x85, READ | WRITE, 24)
INTERRUPT = _io(0x86, WRITE, 4)
GET_MSRS, SET_MSRS = _io(0x88, READ | WRITE, 8), _io(0x89, WRITE, 8)
SET_SIGNAL_MASK = _io(0x8B, WRITE, 4)
GET_FPU, SET_FPU = _io(0x8C, READ, 416), _io(0x8D, WRITE, 416)
GET_LAPIC, SET_LAPIC = _io(0x8E, READ, 1024), _io(0x8F, WRITE, 1024)
SET_CPUID2, GET_CPUID2 = _io(0x90, WRITE, 8), _io(0x91, READ | WRITE, 8)
GET_MP, SET_MP = _io(0x98, READ, 4), _io(0x99, WRITE, 4)
SET_DEBUG = _io(0x9B, WRITE, 72)
GET_EVENTS, SET_EVENTS = _io(0x9F, READ, 64), _io(0xA0, WRITE, 64)
GET_DEBUGREGS, SET_DEBUGREGS = _io(0xA1, READ, 128), _io(0xA2, WRITE, 128)
SET_KHZ, GET_KHZ = _io(0xA2), _io(0xA3)
GET_XSAVE, SET_XSAVE = _io(0xA4, READ, 4096), _io(0xA5, WRITE, 4096)
GET_XCRS, SET_XCRS = _io(0xA6, READ, 392), _io(0xA7, WRITE, 392)
CLOCK_PAUSED = _io(0xAD)
SET_ATTR, GET_ATTR, HAS_ATTR = (_io(n, WRITE, 24) for n in (0xE1, 0xE2, 0xE3))
SET_VAPIC = _io(0x93, WRITE, 8)
UNKNOWN = _io(0xFE, WRITE, 8)

CAP = {"IRQCHIP": 0, "HLT": 1, "USER_MEMORY": 3, "SET_TSS_ADDR": 4, "VAPIC": 6, "EXT_CPUID": 7,
       "NR_VCPUS": 9, "NR_MEMSLOTS": 10, "NOP_IO_DELAY": 12, "MP_STATE": 14, "COALESCED_MMIO": 15,
       "SYNC_MMU": 16, "DESTROY_MEMORY_REGION_WORKS": 21, "USER_NMI": 22, "SET_GUEST_DEBUG": 23,
       "IRQ_ROUTING": 25, "IRQ_INJECT_STATUS": 26, "JOIN_MEMORY_REGIONS_WORKS": 30, "MCE": 31,
       "IRQFD": 32, "SET_IDENTITY_MAP_ADDR": 37, "XEN_HVM": 38, "ADJUST_CLOCK": 39,
       "INTERNAL_ERROR_DATA": 40, "VCPU_EVENTS": 41, "DEBUGREGS": 50, "XSAVE": 55, "XCRS": 56,
       "TSC_CONTROL": 60, "GET_TSC_KHZ": 61, "MAX_VCPUS": 66, "TSC_DEADLINE_TIMER": 72,
       "KVMCLOCK_CTRL": 76, "SIGNAL_MSI": 77, "READONLY_MEM": 81, "IRQFD_RESAMPLE": 82,
       "ENABLE_CAP_VM": 98, "CHECK_EXTENSION_VM": 105, "SPLIT_IRQCHIP": 121,
       "IOEVENTFD": 36, "IOEVENTFD_ANY_LENGTH": 122, "VCPU_ATTRIBUTES": 127, "MAX_VCPU_ID": 128,
       "X2APIC_API": 129, "IMMEDIATE_EXIT": 136, "GET_MSR_FEATURES": 153,
       "MANUAL_DIRTY_LOG_PROTECT2": 168, "X86_USER_SPACE_MSR": 188, "X86_MSR_FILTER": 189}

EXIT_IO, EXIT_DEBUG, EXIT_MMIO, EXIT_WINDOW, EXIT_SHUTDOWN, EXIT_INTR = 2, 4, 6, 7, 8, 10
EXIT_RDMSR, EXIT_WRMSR = 29, 30
EXIT_NAMES = {0: "UNKNOWN", 2: "IO", 4: "DEBUG", 5: "HLT", 6: "MMIO", 7: "IRQ_WINDOW_OPEN",
              8: "SHUTDOWN", 9: "FAIL_ENTRY", 10: "INTR", 17: "INTERNAL_ERROR", 29: "RDMSR",
              30: "WRMSR"}


_libc = ctypes.CDLL(None, use_errno=True)


def call(fd, number, arg=0):
    """The ioctl's result, or -errno; a bytearray is filled in, bytes are not."""
    if isinstance(arg, bytes):
        arg = bytearray(arg)
    if isinstance(arg, bytearray):
        arg = ctypes.byref((ctypes.c_char * len(arg)).from_buffer(arg))
    else:
        arg = ctypes.c_ulong(arg)
    result = _libc.ioctl(fd, ctypes.c_ulong(number), arg)
    return result if result >= 0 else -ctypes.get_errno()


def name_of(result):
    return f"-{errno.errorcode.get(-result, -result)}" if result < 0 else str(result)


class Ram(mmap.mmap):
    """Anonymous memory, with its address."""

    def __new__(cls, size):
        return super().__new__(cls, -1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)

    @property
    def address(self):
        return ctypes.addressof(ctypes.c_char.from_buffer(self))


def region(slot, gpa, size, address, flags=0):
    return struct.pack("<IIQQQ", slot, flags, gpa, size, address)


def enable_cap(cap, arg=0, flags=0):
    return struct.pack("<II4Q64x", cap, flags, arg, 0, 0, 0)


def routing(*entries, flags=0, count=None):
    """Entries are (gsi, type, address, data)."""
    body = b"".join(struct.pack("<IIIIIII20x", gsi, kind, 0, 0, address, 0, data)
                    for gsi, kind, address, data in entries)
    return struct.pack("<II", len(entries) if count is None else count, flags) + body


def irqfd(fd, gsi, flags=0):
    return struct.pack("<IIII16x", fd & 0xFFFFFFFF, gsi, flags, 0)


def ioeventfd(address, size, fd, match=0, flags=0):
    return struct.pack("<QQIiI36x", match, address, size, fd, flags)


def msr_filter(flags, *ranges):
    """Ranges are (flags, count, base, address of the bitmap)."""
    body = b"".join(struct.pack("<IIIIQ", f, n, base, 0, at) for f, n, base, at in ranges)
    return struct.pack("<II", flags, 0) + body.ljust(16 * 24, b"\0")


class Guest:
    """A VM with one vCPU in real mode at 0:1000 of 64 KiB of memory."""

    SIZE = 1 << 16
    CODE = 0x1000

    def __init__(self, device, code=b"", slot_flags=0):
        self.vm = call(device, CREATE_VM)
        assert self.vm >= 0, name_of(self.vm)
        assert call(self.vm, ENABLE_CAP, enable_cap(CAP["SPLIT_IRQCHIP"], 24)) == 0
        self.ram = Ram(self.SIZE)
        self.ram[self.CODE:self.CODE + len(code)] = code
        assert call(self.vm, SET_REGION, region(0, 0, self.SIZE, self.ram.address, slot_flags)) == 0
        self.fd = call(self.vm, CREATE_VCPU, 0)
        assert self.fd >= 0, name_of(self.fd)
        self.run = mmap.mmap(self.fd, call(device, MMAP_SIZE))
        self.start()

    def close(self):
        self.run.close()
        os.close(self.fd)
        os.close(self.vm)

    def start(self, at=CODE):
        sregs = bytearray(312)
        assert call(self.fd, GET_SREGS, sregs) == 0
        sregs[0:14] = struct.pack("<QIH", 0, 0xFFFF, 0)     # CS
        assert call(self.fd, SET_SREGS, bytes(sregs)) == 0
        regs = bytearray(144)
        struct.pack_into("<QQ", regs, 128, at, 2)
        struct.pack_into("<Q", regs, 48, 0x8000)            # RSP
        assert call(self.fd, SET_REGS, bytes(regs)) == 0

    def go(self):
        return call(self.fd, RUN)

    def field(self, layout, offset):
        return struct.unpack_from(layout, self.run, offset)

    @property
    def reason(self):
        return self.field("<I", 8)[0]

    @property
    def io(self):
        """(is a write, size, port, count, data)"""
        out, size, port, count, offset = self.field("<BBHIQ", 32)
        return out == 1, size, port, count, bytes(self.run[offset:offset + size * count])

    @property
    def mmio(self):
        """(address, data, is a write)"""
        address, data, size, write = self.field("<Q8sIB", 32)
        return address, data[:size], bool(write)

    def describe(self):
        text = EXIT_NAMES.get(self.reason, str(self.reason))
        more = {EXIT_IO: "io", EXIT_MMIO: "mmio"}.get(self.reason)
        return f"{text} {getattr(self, more) if more else ''}"


class Subject:
    """Collects what is not as expected, for one line."""

    def __init__(self, name):
        self.name = name
        self.wrong = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, _):
        if error is not None and isinstance(error, Exception):
            self.wrong.append(f"{kind.__name__} {error} (line {error.__traceback__.tb_lineno})")
        verdict(self.name, not self.wrong, "; ".join(self.wrong))
        return isinstance(error, Exception)

    def gives(self, expected, fd, number, arg=0, what=""):
        """expected: a result, -errno, or a tuple (ours, KVM's) where the two differ on purpose."""
        if isinstance(expected, tuple):
            expected = expected[0 if OURS else 1]
        got = call(fd, number, arg)
        if got != expected:
            line = sys._getframe(1).f_lineno
            self.wrong.append(f"line {line} {what}: {name_of(got)}, not {name_of(expected)}")
        return got

    def holds(self, truth, why):
        if not truth:
            self.wrong.append(f"line {sys._getframe(1).f_lineno}: {why}")
