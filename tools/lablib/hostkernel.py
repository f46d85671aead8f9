# SPDX-License-Identifier: GPL-2.0-only
"""The emulated host's kernel and initramfs, made from Debian's kernel package and cached under build/lab."""

import hashlib
import lzma
import os
import struct
import tempfile
from pathlib import Path

from .common import BUILD, find_busybox
from .cpio import Cpio

CACHE = BUILD / "lab"
HERE = Path(__file__).resolve().parent
STAGES = (HERE / "lab-init.sh", HERE / "lab-stage2.sh")
MODULES = ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "virtio_net")


def _cached(kind, key, release, make):
    """build/lab/KIND-RELEASE-HASH, made if it is not there; older ones of the same kernel go."""
    digest = hashlib.sha256(repr(key).encode()).hexdigest()[:16]
    path = CACHE / f"{kind}-{release}-{digest}"
    if not path.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        # Several labs may start at once: each writes its own file, the last rename wins.
        descriptor, temporary = tempfile.mkstemp(dir=CACHE, prefix=".new-")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(make())
                os.fchmod(file.fileno(), 0o644)
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise
        for other in CACHE.glob(f"{kind}-{release}-*"):
            if other != path:
                other.unlink(missing_ok=True)
    return path


def _identity(*paths):
    return [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in paths]


def _unpack(image):
    """The ELF file inside a bzImage, or None if this Python cannot unpack it."""
    data = image.read_bytes()
    offset, length = struct.unpack_from("<II", data, 0x248)    # payload_offset, payload_length
    start = ((data[0x1F1] or 4) + 1) * 512 + offset
    payload = data[start:start + length - 4]                   # the last 4 bytes are the unpacked size
    if not payload.startswith(b"\xfd7zXZ"):
        return None
    elf = lzma.LZMADecompressor().decompress(payload)
    return elf if elf.startswith(b"\x7fELF") else None


def boot_image(kernel):
    """What the emulator loads: the kernel without its wrapper, as a PVH start.

    The emulated processor takes about five seconds to unpack the kernel, this one takes one, once. A kernel packed
    with something that Python does not know is started as it is."""
    path = _cached("vmlinux", _identity(kernel.image), kernel.release, lambda: _unpack(kernel.image) or b"")
    return path if path.stat().st_size else kernel.image


def initramfs(kernel):
    busybox = find_busybox()
    modules = kernel.module_files(MODULES)

    def make():
        archive = Cpio()
        archive.device("dev/console", 5, 1)
        archive.file("bin/busybox", busybox.read_bytes(), 0o755)
        archive.file("init", STAGES[0].read_bytes(), 0o755)
        archive.file("lab/stage2", STAGES[1].read_bytes())
        archive.modules(modules)
        return archive.finish()

    sources = (busybox, *STAGES, HERE / "cpio.py", HERE / "hostkernel.py")
    return _cached("initramfs", _identity(*sources, *modules), kernel.release, make)
