# SPDX-License-Identifier: GPL-2.0-only
"""Debian's i386 packages, for 32-bit guests: fetched and unpacked below build/i386, installed nowhere.

apt-get works on lists of its own there, so that this machine's own apt never hears of another architecture."""

import os
import re
import shutil
import subprocess
import tempfile

from .common import BUILD, Kernel, ToolError, find_program

HOME = BUILD / "i386"
SETTINGS = """\
APT::Architectures {{ "amd64"; "i386"; }};
Dir::State "{0}/apt";
Dir::State::lists "{0}/apt/lists/";
Dir::State::status "{0}/apt/status";
Dir::Cache "{0}/apt/cache/";
APT::Sandbox::User "";
"""
FLAVOURS = ("686", "686-pae")


def run(*argv, folder=None):
    """The program's output; ToolError with its last line if it fails."""
    done = subprocess.run([str(word) for word in argv], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors="replace", check=False, cwd=folder,
                          env={**os.environ, "APT_CONFIG": str(HOME / "apt/apt.conf"), "LC_ALL": "C"})
    if done.returncode:
        last = done.stdout.strip().splitlines()[-1:] or ["it said nothing"]
        raise ToolError(f"{argv[0]} failed with status {done.returncode}: {last[0]}")
    return done.stdout


def prepare_apt():
    for name in ("lists/partial", "cache/archives/partial"):
        (HOME / "apt" / name).mkdir(parents=True, exist_ok=True)
    (HOME / "apt/status").touch()
    (HOME / "apt/apt.conf").write_text(SETTINGS.format(HOME))


def real_package(package):
    """What a package such as linux-image-686, which only names the newest kernel, depends on; itself otherwise."""
    try:
        said = run("apt-cache", "depends", f"{package}:i386")
    except ToolError:
        said = ""
    match = re.search(r"Depends: (linux-image-[\d.]+-\S+?)(?::i386)?$", said, re.M)
    return match[1] if match else package


def download(package, folder):
    """The package's file. A list that is missing or out of date is fetched again; one that cannot be had
    (a mirror in the middle of its update) matters only if the package is not in the others."""
    for last in (False, True):
        try:
            run("apt-get", "-q", "download", f"{real_package(package)}:i386", folder=folder)
            return next(folder.glob("*.deb"))
        except ToolError as error:
            if last:
                raise ToolError(f"cannot fetch Debian's i386 package {package} ({error}): 32-bit guests need "
                                "it once; connect to the network and try again") from error
        try:
            run("apt-get", "-q", "update")
        except ToolError:
            pass
    return None


def unpack(package, parts):
    """The folder with these parts of a package, fetched the first time."""
    target = HOME / package
    if target.is_dir():
        return target
    if not shutil.which("apt-get"):
        raise ToolError(f"apt-get is missing, and with it Debian's i386 package {package}: unpack that package "
                        f"into {target} (dpkg-deb -x)")
    prepare_apt()
    with tempfile.TemporaryDirectory(dir=HOME, prefix=".new-") as scratch:
        folder = HOME / scratch
        deb = download(package, folder)
        run(find_program("dpkg-deb", "dpkg"), "-x", deb, folder / "all")
        (folder / "kept").mkdir()
        for part in parts:
            place = folder / "kept" / part
            place.parent.mkdir(parents=True, exist_ok=True)
            os.replace(folder / "all" / part, place)
        os.replace(folder / "kept", target)
    return target


def find_kernel(flavour):
    """Debian's kernel "686" (32-bit page tables) or "686-pae", as the newest fetched."""
    root = unpack(f"linux-image-{flavour}", ("boot", "lib/modules"))
    images = sorted((root / "boot").glob("vmlinuz-*"))
    if not images:
        raise ToolError(f"{root} holds no kernel: remove that folder and try again")
    kernel = Kernel(images[-1].name.removeprefix("vmlinuz-"), root)
    if not (kernel.modules / "modules.dep").is_file():
        run(find_program("depmod", "kmod"), "-b", root, kernel.release)
    return kernel


def find_busybox():
    return unpack("busybox-static", ("bin/busybox",)) / "bin/busybox"
