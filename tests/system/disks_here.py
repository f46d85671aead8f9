#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Disks as Debian's kernel sees them, on the hypervisor of the machine that this runs on: discard, a
protected disk, discarded changes, serial numbers, another disc. Arguments: kernel, initramfs."""
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

from labkit import finish, verdict

MIB = 1 << 20
PATIENCE = 240
SERIAL = re.compile(r"CS[0-9A-F]{16}")


class Shell:
    """The root shell on the guest's serial port."""

    def __init__(self, kernel, initrd, *options):
        self.text, self.count = "", 0
        self.proc = subprocess.Popen(
            ["caisson", "run", "--name", "disks", "--kernel", kernel, "--initrd", initrd,
             "--append", "guest.run=shell quiet", "--memory", "256M", "--vnc", "none", "--serial",
             "stdio", *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        threading.Thread(target=self.collect, daemon=True).start()
        self.wait_for("/ # ", 0)

    def collect(self):
        while more := os.read(self.proc.stdout.fileno(), 65536):
            self.text += more.decode("utf-8", errors="replace")

    def wait_for(self, words, since):
        end = time.monotonic() + PATIENCE
        while words not in self.text[since:]:
            if time.monotonic() > end or self.proc.poll() is not None:
                print(self.text[-4000:])
                verdict(f"the guest says '{words}'", False, "it does not; see above")
                self.end()
                finish()
            time.sleep(0.05)

    def do(self, command):
        """What a command prints. The marks are put together by the guest: its echo has none."""
        self.count += 1
        since = len(self.text)
        line = f"echo be''gin {self.count}; {command}; echo e''nd {self.count}\n"
        self.proc.stdin.write(line.encode())
        self.proc.stdin.flush()
        self.wait_for(f"end {self.count}", since)
        said = self.text[since:].replace("\r", "")
        return said.split(f"begin {self.count}\n", 1)[-1].split(f"end {self.count}")[0].strip()

    def end(self):
        self.proc.kill()
        self.proc.wait()


def filled(path, size, byte=b"\xa5"):
    with open(path, "wb") as f:
        f.write(byte * size)


def blocks(path):
    return os.stat(path).st_blocks * 512


def names(shell):
    """The kernel's names in the order of channel and drive: it hands them out as probes come back."""
    said = shell.do("for d in /sys/block/sd*; do echo $(readlink -f $d/device) ${d##*/}; done")
    rows = [line.split() for line in said.splitlines() if "/ata" in line]
    return [name for _, name in sorted((os.path.basename(path), name) for path, name in rows)]


def discard(shell, image, disk):
    queue = shell.do(f"cat /sys/block/{disk}/queue/discard_max_bytes")
    verdict("Linux finds that the disk can discard", queue.isdigit() and int(queue) > 0, queue)
    said = shell.do(f"blkdiscard -o 1048576 -l 33554432 /dev/{disk} && echo fi''ne")
    verdict("and the image gets smaller", "fine" in said and blocks(image) <= 34 * MIB,
            f"{said}, {blocks(image) // MIB} of 64 MiB are left")
    said = shell.do("echo 3 >/proc/sys/vm/drop_caches; "
                    f"for s in 0 1 32 33; do dd if=/dev/{disk} bs=1M skip=$s count=1 2>/dev/null | "
                    "tr -d '\\0' | wc -c; done")
    verdict("what was discarded reads as zeroes, its neighbours as before",
            said.split() == [str(MIB), "0", "0", str(MIB)], said)


def numbers(shell, disks):
    said = [shell.do(f"strings /sys/block/{disk}/device/vpd_pg80 | tail -1") for disk in disks]
    verdict("serial numbers are as given, or one for each drive",
            "MINE" in said[1] and SERIAL.search(said[0]) and SERIAL.search(said[2]) and
            said[0] != said[2], str(said))
    said = shell.do(f"cd /sys/block/{disks[0]}; cat size queue/rotational; cd /")
    verdict("size and kind of the disk", said.split() == [str(64 * MIB // 512), "0"], said)


def protected(shell, image, disk):
    began = time.monotonic()
    said = shell.do(f"dd if=/dev/zero of=/dev/{disk} bs=4k count=1 conv=fsync 2>&1")
    with open(image, "rb") as f:
        same = f.read() == b"\xa5" * MIB
    verdict("a write to a protected disk fails, and changes nothing",
            same and "error" in said.lower(), said)
    verdict("and fails at once", time.monotonic() - began < 30, f"{time.monotonic() - began} s")
    said = shell.do(f"dd if=/dev/{disk} bs=4k count=1 2>/dev/null | tr -d '\\245' | wc -c")
    verdict("a protected disk still reads", said.split()[-1:] == ["0"], said)


def another_disc(shell, folder):
    said = shell.do("dd if=/dev/sr0 bs=2k count=1 2>/dev/null | head -c 1")
    verdict("the first disc", said.endswith("1"), said)
    disc = os.path.join(folder, "two.iso")
    filled(disc, MIB, b"2")
    for arguments in (["eject"], ["insert", disc]):
        done = subprocess.run(["caisson", "cd", "disks", *arguments], capture_output=True, text=True,
                              check=False)
        if done.returncode:
            verdict("a disc is changed", False, done.stderr)
            return
    said = shell.do("dd if=/dev/sr0 bs=2k count=1 2>/dev/null | head -c 1")
    verdict("another disc is seen", said.endswith("2"), said)


def complaints(shell, disk):
    """The kernel's, but for those about the protected disk."""
    said = shell.do("dmesg | grep -iE 'ata[0-9.]+.*(error|fail|exception|timeout|lost)|I/O error'")
    bad = [line for line in said.splitlines()
           if disk not in line and "ata1.01" not in line and "dmesg" not in line]
    verdict("the kernel complains about nothing else", not bad, "; ".join(bad[:5]))


def kept(kernel, initrd, image):
    """With --discard-changes the guest sees what it writes, and the image does not."""
    with open(image, "rb") as f:
        before = f.read()
    shell = Shell(kernel, initrd, "--disk", image, "--discard-changes")
    said = shell.do("echo hello | dd of=/dev/sda bs=4k seek=5 conv=fsync 2>/dev/null; "
                    "blkdiscard -o 1048576 -l 1048576 /dev/sda; "
                    "echo 3 >/proc/sys/vm/drop_caches; dd if=/dev/sda bs=4k skip=5 count=1 2>/dev/null "
                    "| head -c 5")
    shell.end()
    with open(image, "rb") as f:
        same = f.read() == before
    verdict("--discard-changes: the guest finds what it wrote", said.endswith("hello"), said)
    verdict("--discard-changes: the image is as it was", same, "it is another")


def main():
    kernel, initrd = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        one, two, three, disc = (os.path.join(folder, name) for name in
                                 ("one", "two", "three", "one.iso"))
        filled(one, 64 * MIB)
        filled(two, MIB)
        filled(three, MIB)
        filled(disc, MIB, b"1")
        shell = Shell(kernel, initrd, "--disk", one, "--disk", two + ",ro,serial=MINE", "--disk",
                      three, "--cdrom", disc)
        disks = names(shell)
        if verdict("the disks are there", len(disks) == 3, str(disks)):
            numbers(shell, disks)
            discard(shell, one, disks[0])
            protected(shell, two, disks[1])
            another_disc(shell, folder)
            complaints(shell, disks[1])
        shell.end()
        kept(kernel, initrd, three)
    finish()


if __name__ == "__main__":
    main()
