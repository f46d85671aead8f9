# SPDX-License-Identifier: GPL-2.0-only
"""How each guest image is made, from files of Debian's packages, without root rights or loop devices."""

import gzip
import struct
import subprocess
from pathlib import Path

from . import i386
from .common import ToolError, find_busybox, find_file, find_kernel, find_program, find_small_kernel
from .cpio import Cpio

HERE = Path(__file__).resolve().parent
ISOLINUX = Path("/usr/lib/ISOLINUX/isolinux.bin")
SYSLINUX = Path("/usr/lib/syslinux/modules/bios")
INSTALLER = Path("/usr/lib/debian-installer/images/12/amd64/gtk/debian-installer/amd64")
GRUB = Path("/usr/lib/grub/i386-pc")
CONSOLES = "console=tty0 console=ttyS0,115200"
# What a PC may offer as disk, CD, network, keyboard and pointer, emulated or paravirtual. crc32c_generic: ext4 asks for
# it by the name of an algorithm, which modules.dep does not show.
GUEST_MODULES = (
    "ata_piix", "ata_generic", "ahci", "sd_mod", "sr_mod", "crc32c_generic", "ext4", "isofs",
    "xen-blkfront", "xen-netfront", "virtio_pci", "virtio_blk", "virtio_net", "e1000",
    "psmouse", "ehci-pci", "uhci-hcd", "xhci-pci", "usbhid", "hid-generic", "evdev")
GRUB_MODULES = ("biosdisk", "part_msdos", "ext2", "normal", "configfile", "linux", "serial", "terminal", "test", "echo",
                "ls", "cat", "reboot", "halt")
LINUX_MODES = ("shell", "selftest", "resets")      # of guest-init.sh
SECTOR = 512
PARTITION_START = 2048          # sectors; the gap before it holds GRUB
PARTITION_SIZE = 64 << 20


class Image:
    """One image to make: `inputs` decides whether it is up to date, `make(target, scratch)` makes it."""

    suffix = ".iso"
    options = ()                # which of --append, --default, --kernel, --arch it takes

    def __init__(self, append="", default="shell", kernel="6.1", arch="amd64"):
        self.append = append
        self.default = default
        self.kernel = kernel
        self.arch = arch

    def inputs(self):
        raise NotImplementedError

    def make(self, target, scratch):
        raise NotImplementedError


def run(*argv):
    result = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if result.returncode:
        last = result.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise ToolError(f"{argv[0]} failed with status {result.returncode}: {last[0]}")


def isolinux_inputs():
    return [find_file(ISOLINUX, "isolinux"), find_file(SYSLINUX / "ldlinux.c32", "syslinux-common")]


def make_iso(target, scratch, label, config, files):
    """A CD that BIOSes boot (El Torito, no emulation). `files`: {path on the CD: file}"""
    (scratch / "isolinux.cfg").write_text(config)
    loader, module = isolinux_inputs()
    files = {"/isolinux/isolinux.bin": loader, "/isolinux/ldlinux.c32": module,
             "/isolinux/isolinux.cfg": scratch / "isolinux.cfg", **files}
    run(find_program("xorriso", "xorriso"), "-as", "mkisofs", "-quiet", "-o", target, "-V", label, "-J", "-r",
        "-b", "isolinux/isolinux.bin", "-c", "isolinux/boot.cat", "-no-emul-boot", "-boot-load-size", "4",
        "-boot-info-table", "-graft-points", *(f"{name}={path}" for name, path in files.items()))


class Installer(Image):
    """Debian's graphical installer, as a CD; boots at once"""

    options = ("append",)

    def inputs(self):
        package = "debian-installer-12-netboot-amd64"
        files = [find_file(INSTALLER / name, package) for name in ("linux", "initrd.gz")]
        return [*isolinux_inputs(), *files]

    def make(self, target, scratch):
        config = (f"DEFAULT install\nPROMPT 0\nTIMEOUT 0\n"
                  f"LABEL install\n  KERNEL /linux\n  APPEND vga=788 initrd=/initrd.gz {self.append} --- quiet\n")
        make_iso(target, scratch, "CAISSON_INSTALLER", config,
                 {"/linux": INSTALLER / "linux", "/initrd.gz": INSTALLER / "initrd.gz"})


class Memtest(Image):
    """Memtest86+, as a CD"""

    program = Path("/boot/memtest86+x64.bin")
    options = ("append",)

    def inputs(self):
        return [*isolinux_inputs(), find_file(self.program, "memtest86+")]

    def make(self, target, scratch):
        # The name has no .bin on the CD: ISOLINUX would take that for a boot sector.
        config = f"DEFAULT memtest\nPROMPT 0\nTIMEOUT 0\nLABEL memtest\n  LINUX /memtest\n  APPEND {self.append}\n"
        make_iso(target, scratch, "CAISSON_MEMTEST", config, {"/memtest": self.program})


class Grub(Image):
    """GRUB's rescue CD: a boot loader's menu and prompt, and nothing else"""

    source = Path("/usr/lib/grub-rescue/grub-rescue-cdrom.iso")

    def inputs(self):
        return [find_file(self.source, "grub-rescue-pc")]

    def make(self, target, scratch):
        target.write_bytes(self.source.read_bytes())


class Ipxe(Image):
    """iPXE, as Debian's CD"""

    source = Path("/usr/lib/ipxe/ipxe.iso")

    def inputs(self):
        return [find_file(self.source, "ipxe")]

    def make(self, target, scratch):
        target.write_bytes(self.source.read_bytes())


class LinuxImage(Image):
    """What the Linux images share: Debian's kernel and an initramfs of busybox and modules."""

    options = ("append", "default", "kernel", "arch")

    def __init__(self, **options):
        super().__init__(**options)
        amd64 = self.arch == "amd64"
        self.debian = self.find_kernel() if amd64 else i386.find_kernel(self.arch)
        self.busybox = find_busybox() if amd64 else i386.find_busybox()
        self.modules = self.debian.module_files(GUEST_MODULES)

    def find_kernel(self):
        return find_small_kernel() if self.kernel == "small" else find_kernel(self.kernel)

    def linux_inputs(self):
        return [self.debian.image, self.busybox, HERE / "guest-init.sh", *self.modules]

    def command_line(self, mode):
        return " ".join(filter(None, (CONSOLES, f"guest.run={mode}", self.append)))

    def initramfs(self, path):
        archive = Cpio()
        archive.device("dev/console", 5, 1)
        archive.file("bin/busybox", self.busybox.read_bytes(), 0o755)
        archive.file("init", (HERE / "guest-init.sh").read_bytes(), 0o755)
        archive.modules(self.modules)
        path.write_bytes(gzip.compress(archive.finish(), mtime=0))
        return path


class LinuxInitrd(LinuxImage):
    """The initramfs of the Linux images alone, to be started with a kernel of /boot"""

    suffix = ".gz"
    options = ("kernel", "arch")

    def inputs(self):
        return self.linux_inputs()

    def make(self, target, scratch):
        self.initramfs(target)


class LinuxCd(LinuxImage):
    """Debian's kernel and a small initramfs, as a CD: a shell, or a self-test"""

    def inputs(self):
        return [*isolinux_inputs(), *self.linux_inputs()]

    def make(self, target, scratch):
        labels = "".join(f"LABEL {mode}\n  KERNEL /vmlinuz\n  APPEND initrd=/initrd.gz {self.command_line(mode)}\n"
                         for mode in LINUX_MODES)
        config = f"SERIAL 0 115200\nDEFAULT {self.default}\nPROMPT 1\nTIMEOUT 10\n{labels}"
        make_iso(target, scratch, "CAISSON_LINUX", config,
                 {"/vmlinuz": self.debian.image, "/initrd.gz": self.initramfs(scratch / "initrd.gz")})


class LinuxDisk(LinuxImage):
    """The same Linux as a hard disk: MBR, GRUB, one ext4 partition; a shell, or a self-test"""

    suffix = ".img"

    def inputs(self):
        names = ("boot.img", "diskboot.img", "kernel.img", "normal.mod")
        grub = [find_file(GRUB / name, "grub-pc-bin") for name in names]
        return [*self.linux_inputs(), *grub]

    def make(self, target, scratch):
        tree = scratch / "tree"
        (tree / "boot/grub").mkdir(parents=True)
        (tree / "boot/vmlinuz").write_bytes(self.debian.image.read_bytes())
        self.initramfs(tree / "boot/initrd.gz")
        (tree / "boot/grub/grub.cfg").write_text(self.grub_config())

        # Features that GRUB 2.06 cannot read are off, whatever this mke2fs likes by default.
        partition = scratch / "partition"
        run(find_program("mke2fs", "e2fsprogs"), "-q", "-t", "ext4", "-L", "caisson-guest",
            "-O", "^metadata_csum_seed,^orphan_file", "-E", "root_owner=0:0,lazy_itable_init=0", "-d", tree,
            partition, f"{PARTITION_SIZE >> 10}k")
        with open(target, "wb") as disk:
            disk.write(self.boot_sectors(scratch))
            self.copy_sparsely(partition, disk, PARTITION_START * SECTOR)
            disk.truncate(PARTITION_START * SECTOR + PARTITION_SIZE)

    def grub_config(self):
        entries = "".join(f"menuentry {mode} --id {mode} {{\n\tlinux /boot/vmlinuz {self.command_line(mode)}\n"
                          "\tinitrd /boot/initrd.gz\n}\n" for mode in LINUX_MODES)
        return ("if serial --unit=0 --speed=115200; then\n\tterminal_input console serial\n"
                f"\tterminal_output console serial\nfi\nset timeout=1\nset default={self.default}\n{entries}")

    @staticmethod
    def boot_sectors(scratch):
        """The MBR and GRUB behind it, as grub-bios-setup would place them.

        boot.img loads sector 1 and diskboot.img, the first sector of core.img, what follows from sector 2: so both say
        already, and nothing is to be patched as long as core.img begins at sector 1."""
        core = scratch / "core.img"
        # An empty device in the prefix is the drive that the BIOS booted from.
        run(find_program("grub-mkimage", "grub-common"), "-O", "i386-pc", "-d", GRUB, "-o", core,
            "-p", "(,msdos1)/boot/grub", *GRUB_MODULES)
        code = core.read_bytes()
        if len(code) > (PARTITION_START - 1) * SECTOR:
            raise ToolError(f"GRUB's core.img is {len(code)} bytes long, too long for the gap before the partition")
        mbr = bytearray((GRUB / "boot.img").read_bytes()[:SECTOR])
        no_chs = b"\xfe\xff\xff"
        entry = struct.pack("<B3sB3sII", 0x80, no_chs, 0x83, no_chs, PARTITION_START, PARTITION_SIZE // SECTOR)
        mbr[440:444] = b"CSSN"          # the disk's signature
        mbr[446:510] = entry.ljust(64, b"\0")
        mbr[510:512] = b"\x55\xaa"
        return bytes(mbr) + code

    @staticmethod
    def copy_sparsely(source, disk, offset):
        block = 1 << 16
        with open(source, "rb") as file:
            while data := file.read(block):
                if data.count(0) != len(data):
                    disk.seek(offset)
                    disk.write(data)
                offset += len(data)


BENCH_INIT = b"""#!/bin/busybox sh
# One byte to the data register of COM1 says that /init runs; then the guest has nothing to do.
/bin/busybox mount -t devtmpfs dev /dev
printf r | /bin/busybox dd of=/dev/port bs=1 seek=1016 conv=notrunc 2>/dev/null
exec /bin/busybox sleep 1000000
"""


class BenchDisk(LinuxDisk):
    """The disk that tools/bench measures with: no menu, no modules, no serial console, nothing to do"""

    options = ("kernel",)

    def __init__(self, **options):
        super().__init__(**options)
        self.modules = []

    def initramfs(self, path):
        archive = Cpio()
        archive.device("dev/console", 5, 1)
        archive.file("bin/busybox", self.busybox.read_bytes(), 0o755)
        archive.file("init", BENCH_INIT, 0o755)
        path.write_bytes(archive.finish())      # not compressed: nothing for the guest to unpack
        return path

    def grub_config(self):
        return "linux /boot/vmlinuz quiet\ninitrd /boot/initrd.gz\nboot\n"


class BenchInitrd(BenchDisk):
    """Its initramfs alone"""

    suffix = ".cpio"

    def inputs(self):
        return self.linux_inputs()

    def make(self, target, scratch):
        self.initramfs(target)


IMAGES = {"installer": Installer, "memtest": Memtest, "grub": Grub, "ipxe": Ipxe, "linux": LinuxDisk, "linux-cd": LinuxCd,
          "linux-initrd": LinuxInitrd, "linux-bench": BenchDisk, "linux-bench-initrd": BenchInitrd}
