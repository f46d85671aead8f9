# SPDX-License-Identifier: GPL-2.0-only
"""What the lab and the image maker share: errors, paths, and what Debian's packages installed."""

import os
import re
import shutil
import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
BUILD = CHECKOUT / "build"


class ToolError(Exception):
    """One sentence for the user: what is wrong, whose fault it is, what to do next."""


def need_package(package, what):
    return ToolError(f"{what} is missing: install the Debian package {package}, or run `make deps`")


def find_program(name, package):
    # /usr/sbin is not on the PATH of an ordinary user, but mke2fs lives there.
    path = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if path is None:
        raise need_package(package, f"the program {name}")
    return path


def find_file(path, package):
    path = Path(path)
    if not path.is_file():
        raise need_package(package, f"the file {path}")
    return path


def find_busybox():
    """A busybox that runs without shared libraries: it is all there is in an initramfs."""
    path = find_file("/bin/busybox", "busybox-static")
    if b"/ld-linux" in path.read_bytes():
        raise ToolError(f"{path} is dynamically linked: install the Debian package busybox-static "
                        "in place of busybox, or run `make deps`")
    return path


class Kernel:
    """One Debian kernel, installed or unpacked below root: its boot image and its modules."""

    def __init__(self, release, root=Path("/")):
        self.release = release
        self.image = root / "boot" / f"vmlinuz-{release}"
        self.modules = root / "lib/modules" / release
        self._dep = None

    def _dependencies(self):
        """modules.dep as {name: [path, paths it needs...]}; names with '_' for '-' as the kernel has it."""
        if self._dep is None:
            self._dep = {}
            for line in find_file(self.modules / "modules.dep", "linux-image-amd64").read_text().splitlines():
                path, _, needs = line.partition(":")
                self._dep[self._name(path)] = [path, *needs.split()]
        return self._dep

    @staticmethod
    def _name(path):
        return os.path.basename(path).split(".ko")[0].replace("-", "_")

    def module_files(self, names):
        """The files of these modules and of all they need, in an order in which insmod takes them.

        A module that is built into this kernel is left out: modules.dep does not know it."""
        ordered = []
        for name in names:
            entry = self._dependencies().get(name.replace("-", "_"))
            if entry is None:
                continue
            # modules.dep lists the direct needs first, what those need after them.
            for path in reversed(entry):
                if self.modules / path not in ordered:
                    ordered.append(self.modules / path)
        return ordered


def find_kernel(series):
    """The newest installed Debian kernel of a series such as "6.1"."""
    pattern = re.compile(rf"vmlinuz-({re.escape(series)}\.\d+.*-amd64)$")
    found = []
    for path in Path("/boot").glob("vmlinuz-*"):
        match = pattern.match(path.name)
        if match and (Path("/lib/modules") / match[1] / "modules.dep").is_file():
            found.append(match[1])
    if not found:
        package = "linux-image-amd64" if series == "6.1" else f"linux-image-{series}.*-amd64 (bookworm-backports)"
        raise need_package(package, f"a Debian {series} kernel below /boot with its modules")
    return Kernel(max(found, key=lambda release: [int(n) for n in re.findall(r"\d+", release)]))


def find_small_kernel():
    """The kernel that tools/lablib/small-kernel builds, in minutes, when it is asked for first."""
    made = subprocess.run([str(CHECKOUT / "tools/lablib/small-kernel")], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, text=True, check=False)
    if made.returncode:
        raise ToolError("the small kernel cannot be built: see above")
    root = Path(made.stdout.strip())
    return Kernel((root / "build/include/config/kernel.release").read_text().strip(), root)
