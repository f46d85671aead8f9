# SPDX-License-Identifier: GPL-2.0-only
"""An initramfs archive ("newc" cpio), written without root rights and byte for byte repeatable."""

import lzma
import stat


class Cpio:
    def __init__(self):
        self._parts = []
        self._inode = 0
        self._folders = set()

    def _entry(self, name, mode, data=b"", rdev=(0, 0)):
        self._inode += 1
        raw = name.encode() + b"\0"
        fields = (self._inode, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(raw), 0)
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + raw
        self._parts.append(header + bytes(-len(header) % 4) + data + bytes(-len(data) % 4))

    def folder(self, name):
        """A folder and those above it; one that is there already is left alone."""
        name = name.strip("/")
        if name and name not in self._folders:
            self.folder(name.rpartition("/")[0])
            self._folders.add(name)
            self._entry(name, stat.S_IFDIR | 0o755)

    def file(self, name, data, mode=0o644):
        name = name.strip("/")
        self.folder(name.rpartition("/")[0])
        self._entry(name, stat.S_IFREG | mode, data)

    def device(self, name, major, minor):
        name = name.strip("/")
        self.folder(name.rpartition("/")[0])
        self._entry(name, stat.S_IFCHR | 0o600, rdev=(major, minor))

    def modules(self, paths):
        """Kernel modules below /modules, and /modules/order: one name per line, as insmod wants them."""
        order = []
        for path in paths:
            data = path.read_bytes()
            name = path.name
            if name.endswith(".xz"):    # newer Debian kernels; busybox has no decompressor for insmod
                data, name = lzma.decompress(data), name[:-3]
            self.file(f"modules/{name}", data)
            order.append(name + "\n")
        self.file("modules/order", "".join(order).encode())

    def finish(self):
        end = Cpio()
        end._entry("TRAILER!!!", 0)
        data = b"".join(self._parts + end._parts)
        return data + bytes(-len(data) % 512)    # the kernel finds a following archive at any 4-byte boundary
