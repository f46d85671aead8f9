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
# {place in the initramfs: file}, but for /lab/way and the modules that it needs.
SCRIPTS = {"init": "lab-init.sh", "lab/stage1": "lab-stage1.sh", "lab/stage2": "lab-stage2.sh"}
VIRTIO = ("lab-virtio.sh", ("virtio_pci", "virtio_console", "9pnet_virtio", "9p", "overlay", "virtio_net"))
TCP = ("lab-tcp.sh", ("e1000", "9pnet_fd", "9p", "overlay"))


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


def initramfs(kernel, way):
    """The archive as bytes; way: VIRTIO or TCP."""
    busybox = find_busybox()
    modules = kernel.module_files(way[1])
    scripts = {place: HERE / name for place, name in {**SCRIPTS, "lab/way": way[0]}.items()}

    def make():
        archive = Cpio()
        archive.device("dev/console", 5, 1)
        archive.file("bin/busybox", busybox.read_bytes(), 0o755)
        for place, script in scripts.items():
            archive.file(place, script.read_bytes(), 0o755)
        archive.modules(modules)
        return archive.finish()

    sources = (busybox, *scripts.values(), HERE / "cpio.py", HERE / "hostkernel.py")
    kind = "initramfs" + way[0].removeprefix("lab").removesuffix(".sh")
    return _cached(kind, _identity(*sources, *modules), kernel.release, make).read_bytes()
