# SPDX-License-Identifier: GPL-2.0-only
"""The emulators: one function for each, from what was asked to a command line.

    machine.asked         the options of tools/lab
    machine.kernel        a common.Kernel
    machine.archives      the initramfs, cpio archives one behind the other
    machine.command_line  of the kernel
    machine.ports         {"control", "stdout", "stderr", "log": a descriptor}
"""

import os
import tempfile
from pathlib import Path
from types import SimpleNamespace

from . import hostkernel
from .common import find_file, find_program
from .images import make_iso

BOCHS_SHARE = Path("/usr/share/bochs")


def memory_file(*parts):
    """A file without a name, so that nothing is left on the disk even if the lab is killed."""
    descriptor = os.memfd_create("lab")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        for part in parts:
            file.write(part)
    return descriptor


def by_number(descriptor):
    return f"/proc/self/fd/{descriptor}"


def start(argv, descriptors, **environment):
    return SimpleNamespace(argv=argv, descriptors=descriptors, environment={**os.environ, **environment})


def qemu_amd(machine):
    """QEMU's own translator with an AMD processor: AMD-V with nested paging, no next-RIP save."""
    asked, ports = machine.asked, machine.ports
    initrd = memory_file(*machine.archives)
    program = find_program("qemu-system-x86_64", "qemu-system-x86")
    argv = [
        program, "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot",
        "-machine", "pc", "-accel", "tcg,thread=single", "-cpu", "EPYC,+svm,+npt,check=off",
        "-smp", str(asked.smp), "-m", f"{asked.memory}M",
        "-kernel", str(hostkernel.boot_image(machine.kernel)), "-initrd", by_number(initrd),
        "-append", machine.command_line,
        "-chardev", f"file,id=log,path={by_number(ports['log'])}", "-serial", "chardev:log",
        "-device", "virtio-serial-pci",
    ]
    for number, name in enumerate(("control", "stdout", "stderr"), 1):
        argv += ["-chardev", f"socket,id={name},fd={ports[name]}",
                 "-device", f"virtserialport,nr={number},chardev={name},name=lab.{name}"]

    share = "local,id={0},path={1},security_model=none,multidevs=remap{2}"
    argv += ["-fsdev", share.format("root", "/", ",readonly=on"), "-device", "virtio-9p-pci,fsdev=root,mount_tag=root"]
    if asked.out:
        path = str(asked.out).replace(",", ",,")
        argv += ["-fsdev", share.format("out", path, ""), "-device", "virtio-9p-pci,fsdev=out,mount_tag=out"]

    if asked.network:
        forwards = "".join(f",hostfwd=tcp:127.0.0.1:{pair.outside}-:{pair.relay}" for pair in asked.forward)
        argv += ["-nic", f"user,model=virtio-net-pci,ipv6=off{forwards}"]
    if asked.icount:
        # Time is the number of executed instructions; the clock of the emulated host follows that, too.
        argv += ["-icount", "shift=0,sleep=off", "-rtc", "base=utc,clock=vm"]
    return start(argv, [initrd, *ports.values()])


# 20 M instructions a second: what waits for time (the BIOS, calibrations) costs the least. Idle time is skipped.
# An error is something that the guest did, a refused VM entry among them, and each EPT violation.
BOCHSRC = """\
display_library: sdl2
cpu: model={model}, count={cpus}, ips=20000000, reset_on_triple_fault=0{msrs}
memory: guest={memory}, host={memory}
romimage: file={share}/BIOS-bochs-latest
vgaromimage: file={share}/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={cd}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev={log}
pci: enabled=1, chipset=i440fx, slot1=e1000
e1000: enabled=1, mac=52:54:00:12:34:56, ethmod=slirp, script={slirp}
sound: driver=dummy
clock: sync=none
log: /dev/stdout
panic: action=fatal
error: action={error}
info: action=ignore
"""
# These have fast short REP MOVSB, but say in IA32_MISC_ENABLE (which Bochs does not know) that strings are not fast:
# Linux believes both, and its memmove() goes wrong. Bit 0 set, that is, nothing ignored.
FAST_STRINGS_MODELS = ("corei7_icelake_u", "tigerlake")
FAST_STRINGS = b"1a0 0 00000000 00000001 00000000 00000000 00000000 00000000\n"
ISOLINUX_CFG = "DEFAULT linux\nPROMPT 0\nLABEL linux\n  KERNEL /linux\n  APPEND initrd=/initrd {}\n"


def boot_cd(kernel, archives, command_line):
    """A CD that starts the kernel, in a file without a name."""
    with tempfile.TemporaryDirectory(prefix="caisson-lab-") as folder:
        scratch = Path(folder)
        (scratch / "initrd").write_bytes(b"".join(archives))
        make_iso(scratch / "iso", scratch, "LAB", ISOLINUX_CFG.format(command_line),
                 {"/linux": kernel.image, "/initrd": scratch / "initrd"})
        return memory_file((scratch / "iso").read_bytes())


def bochs_intel(machine):
    """Bochs with an Intel processor: VT-x with EPT, as the model has it. Its time is the number of instructions."""
    asked = machine.asked
    cd = boot_cd(machine.kernel, machine.archives, machine.command_line + (" idle=halt" if asked.smp > 1 else ""))
    forwards = "".join(f"hostfwd = tcp:127.0.0.1:{pair.outside}-:{pair.relay}\n" for pair in asked.forward)
    slirp = memory_file(f"# slirp config\n{forwards}".encode())
    find_file(BOCHS_SHARE / "BIOS-bochs-latest", "bochsbios")
    find_file(BOCHS_SHARE / "VGABIOS-lgpl-latest", "vgabios")
    msrs = memory_file(FAST_STRINGS)
    settings = memory_file(BOCHSRC.format(
        msrs=f", msrs={by_number(msrs)}" if asked.model in FAST_STRINGS_MODELS else "",
        model=asked.model, cpus=asked.smp, memory=asked.memory, share=BOCHS_SHARE, cd=by_number(cd),
        log=by_number(machine.ports["log"]), slirp=by_number(slirp),
        error="report" if "BOCHS_ERRORS" in os.environ else "ignore").encode())
    debugger = memory_file(b"c\n")
    # Not `bochs`: that is a wrapper, which a signal would end without the emulator.
    argv = [find_program("bochs-bin", "bochs"), "-q", "-f", by_number(settings), "-rc", by_number(debugger)]
    return start(argv, [cd, slirp, msrs, settings, debugger, machine.ports["log"]],
                 SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
