# SPDX-License-Identifier: GPL-2.0-only
"""The emulators: one function for each, from what was asked to a command line."""

from .common import ToolError, find_program


def qemu_amd(asked, image, initrd_fd, ports, command_line):
    """QEMU's own translator with an AMD processor: AMD-V with nested paging, no next-RIP save."""
    program = find_program("qemu-system-x86_64", "qemu-system-x86")
    argv = [
        program, "-nodefaults", "-no-user-config", "-display", "none", "-monitor", "none", "-no-reboot",
        "-machine", "pc", "-accel", "tcg,thread=single", "-cpu", "EPYC,+svm,+npt,check=off",
        "-smp", str(asked.smp), "-m", f"{asked.memory}M",
        "-kernel", str(image), "-initrd", f"/proc/self/fd/{initrd_fd}",
        "-append", f"console=ttyS0 no_timer_check {command_line}",
        "-chardev", f"socket,id=log,fd={ports['log']}", "-serial", "chardev:log",
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
    return argv


def bochs_intel(asked, image, initrd_fd, ports, command_line):
    raise ToolError("--cpu intel is not supported yet in this version: use --cpu amd")


EMULATORS = {"amd": qemu_amd, "intel": bochs_intel}
