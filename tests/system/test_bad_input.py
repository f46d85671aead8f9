#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""What people do wrong is answered with one sentence on one line, which names the culprit, and with
the right exit status; nothing is changed, left over or left running. Most of it never comes to a
hypervisor, and runs here; the rest is bad_input_here.py, in the lab."""
import os
import shutil
import struct
import subprocess

from labkit import TOP, Lab, Scratch, finish, verdict

USAGE, HOST = 1, 2
LIMIT = 600
NOBODY = 65534
GUEST = "build/guests/durability/bios-256k.bin"

CONFIGS = {
    "quote.cfg": ("name = \"web\nmemory = 64\n", ["quote.cfg:1:"]),
    "syntax.cfg": ("name = \"web\"\nmemory 64\n", ["syntax.cfg:2:"]),
    "list.cfg": ("disk = [ 'a.img,raw,hda', \n", ["list.cfg"]),
    "memory.cfg": ("memory = \"many\"\n", ["memory.cfg:1: memory:", "many"]),
    "vdev.cfg": ("disk = [ 'a.img,raw,xvda,rw' ]\n", ["vdev.cfg:1: disk:", "xvda"]),
    "format.cfg": ("\ndisk = [ 'a.img,qcow2,hda,rw' ]\n", ["format.cfg:2: disk:", "qcow2"]),
    "target.cfg": ("disk = [ 'vdev=hda' ]\n", ["target.cfg:1: disk:", "target=FILE"]),
    "reboot.cfg": ("on_reboot = \"shrug\"\n", ["reboot.cfg:1: on_reboot:", "shrug"]),
    "image.cfg": ("disk = [ 'format=raw, vdev=hda, target=/nonexistent/a.img' ]\n",
                  ["/nonexistent/a.img"]),
}


def iso(path, sectors, present):
    """What looks like a CD image of so many sectors, of which some are present."""
    descriptor = bytearray(2048)
    descriptor[:7] = b"\1CD001\1"
    struct.pack_into("<I", descriptor, 80, sectors)
    with open(path, "wb") as f:
        f.seek(32768)
        f.write(descriptor)
        f.truncate(present * 2048)


def make_files(folder):
    """The culprits. All are in one folder, so that a change to any of them shows."""
    def path(name):
        return os.path.join(folder, name)

    for name, size in (("good.img", 1 << 20), ("empty.img", 0), ("short.img", 100),
                       ("unreadable.img", 1 << 20), ("protected.img", 1 << 20)):
        with open(path(name), "wb") as f:
            f.truncate(size)
    os.chmod(path("unreadable.img"), 0)
    os.chmod(path("protected.img"), 0o444)
    os.mkdir(path("folder"))
    os.mkfifo(path("pipe"))
    os.symlink("loop", path("loop"))
    with open(path("disk.qcow2"), "wb") as f:
        f.write(b"QFI\xfb" + bytes(4096))
    with open(path("cd.iso.xz"), "wb") as f:
        f.write(b"\xfd7zXZ\0" + bytes(4096))
    iso(path("cut.iso"), 100000, 3000)
    with open(path("open.password"), "wb") as f:
        f.write(b"secret\n")
    os.chmod(path("open.password"), 0o644)
    for name, (text, _) in CONFIGS.items():
        with open(path(name), "w", encoding="utf-8") as f:
            f.write(text)


def cases():
    """(name, status, arguments, words)"""
    run = [
        ("a missing image", USAGE, ["missing.img"], ["missing.img"]),
        ("a missing disk", USAGE, ["--disk", "missing.img"], ["missing.img", "truncate"]),
        ("a missing disk that is read-only", USAGE, ["--disk", "no/a.img,ro"], ["no/a.img"]),
        ("a missing CD", USAGE, ["--cdrom", "missing.iso"], ["missing.iso"]),
        ("a missing kernel", USAGE, ["--kernel", "vmlinux"], ["vmlinux"]),
        ("an empty image", USAGE, ["empty.img"], ["empty.img", "empty"]),
        ("an empty disk", USAGE, ["--disk", "empty.img"], ["empty.img", "empty"]),
        ("an empty CD", USAGE, ["--cdrom", "empty.img"], ["empty.img", "empty"]),
        ("less than a sector", USAGE, ["--disk", "short.img"], ["short.img", "512"]),
        ("a CD that is cut short", USAGE, ["cut.iso"], ["cut.iso", "cut short", "195 MiB"]),
        ("a CD that is cut short, by option", USAGE, ["--cdrom", "cut.iso"], ["cut short"]),
        ("a folder", USAGE, ["folder"], ["folder"]),
        ("a folder as disk", USAGE, ["--disk", "folder"], ["folder", "directory"]),
        ("a folder as CD", USAGE, ["--cdrom", "folder"], ["folder", "directory"]),
        ("a pipe as disk", USAGE, ["--disk", "pipe"], ["pipe", "neither"]),
        ("a link to itself", USAGE, ["--disk", "loop"], ["loop"]),
        ("a device that is no disk", USAGE, ["--disk", "/dev/null"], ["/dev/null", "neither"]),
        ("another format", USAGE, ["--disk", "disk.qcow2"], ["qcow2", "qemu-img convert"]),
        ("a compressed image", USAGE, ["cd.iso.xz"], ["xz", "unpack"]),
        ("one image twice", USAGE, ["--disk", "good.img", "--disk", "./good.img"], ["twice"]),
        ("one image twice, once to read", USAGE, ["--disk", "good.img", "--cdrom", "good.img"],
         ["twice"]),
        ("an unknown option", USAGE, ["--frobnicate"], ["--frobnicate", "--help"]),
        ("an unknown option of a disk", USAGE, ["--disk", "good.img,fast"], ["'fast'"]),
        ("a value too few", USAGE, ["good.img", "--memory"], ["--memory"]),
        ("a value too many", USAGE, ["good.img", "--verbose=yes"], ["--verbose"]),
        ("an argument too many", USAGE, ["good.img", "empty.img"], ["empty.img"]),
        ("memory that is no size", USAGE, ["good.img", "--memory", "lots"], ["lots", "512M"]),
        ("memory of no size", USAGE, ["good.img", "--memory", "0"], ["--memory"]),
        ("more memory than the host has", HOST, ["good.img", "--memory", "1000G"],
         ["1024000 MiB", "--memory"]),
        ("no processor", USAGE, ["good.img", "--cpus", "0"], ["--cpus"]),
        ("a name that is no name", USAGE, ["good.img", "--name", "../x"], ["../x"]),
        ("a VNC address that is none", USAGE, ["good.img", "--vnc", "here"], ["here"]),
        ("VNC for everybody", USAGE, ["good.img", "--vnc", "0.0.0.0:0"],
         ["0.0.0.0:0", "--vnc-password-file"]),
        ("VNC for everybody, by IPv6", USAGE, ["good.img", "--vnc", "[::]:0"],
         ["[::]:0", "--vnc-password-file"]),
        ("a password that others can read", USAGE,
         ["good.img", "--vnc-password-file", "open.password"], ["open.password", "chmod 600"]),
        ("a password that is none", USAGE, ["good.img", "--vnc-password-file", "empty.img"],
         ["empty.img"]),
        ("a password that is not there", USAGE, ["good.img", "--vnc-password-file", "no/pw"],
         ["no/pw"]),
        ("stdio twice", USAGE, ["good.img", "--serial", "stdio", "--debugcon", "stdio"],
         ["stdio"]),
        ("an accelerator that is none", USAGE, ["good.img", "--accel", "magic"], ["magic"]),
        ("an accelerator that is not there", HOST,
         ["good.img", "--vnc", "none", "--accel", "/nonexistent"], ["/nonexistent"]),
        ("an accelerator that is another device", HOST,
         ["good.img", "--vnc", "none", "--accel", "/dev/null"], ["/dev/null"]),
        ("a serial port into nowhere", HOST,
         ["good.img", "--accel", "/dev/null", "--serial", "file:no/log"], ["no/log"]),
    ]
    for name, status, arguments, words in run:
        yield name, status, ["run", *arguments], words
    for name, (_, words) in CONFIGS.items():
        yield f"configuration: {name}", USAGE, ["run", name], words
    yield "an unknown verb", USAGE, ["frob"], ["frob", "help"]
    yield "a verb without its argument", USAGE, ["stop"], ["stop"]
    yield "a verb for nobody", USAGE, ["stop", "nobody"], ["nobody", "caisson list"]
    yield "a verb for no name", USAGE, ["kill", "../x"], ["../x"]
    yield "a picture for nobody", USAGE, ["screenshot", "nobody", "new.png"], ["nobody"]


def state(folder):
    """All that is in a folder, and when it was changed."""
    return {name: (os.lstat(os.path.join(folder, name)).st_mtime_ns,
                   os.lstat(os.path.join(folder, name)).st_size) for name in os.listdir(folder)}


def check(name, status, arguments, words, folder, **how):
    env = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": os.path.join(folder, "..", "run")}
    env.update(how.pop("env", {}))
    before = state(folder)
    done = subprocess.run([how.pop("program", os.path.join(TOP, "build/caisson")), *arguments],
                          cwd=folder, env=env, stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=60, check=False, **how)
    run_dir = os.path.join(env["XDG_RUNTIME_DIR"], "caisson")
    problems = []
    if done.returncode != status:
        problems.append(f"status {done.returncode}, not {status}")
    if done.stdout or done.stderr.count("\n") != 1 or not done.stderr.startswith("caisson: "):
        problems.append("not one line on stderr alone")
    problems += [f"does not say '{word}'" for word in words if word not in done.stderr]
    if state(folder) != before:
        problems.append("a file is changed")
    if os.path.isdir(run_dir) and os.listdir(run_dir):
        problems.append(f"left in the run directory: {os.listdir(run_dir)}")
    verdict(name, not problems, f"{'; '.join(problems)}: {done.stdout + done.stderr!r}")


def without_rights(folder):
    """Root may read everything, so somebody else has to try."""
    how = {}
    if not os.geteuid():
        how = {"user": NOBODY, "group": NOBODY, "extra_groups": []}
    how["program"] = shutil.copy(os.path.join(TOP, "build/caisson"), os.path.dirname(folder))
    rows = [
        ("an unreadable image", ["unreadable.img"], ["unreadable.img"]),
        ("an unreadable disk", ["--disk", "unreadable.img,ro"], ["unreadable.img", "readable"]),
        ("a disk that cannot be written", ["--disk", "protected.img"],
         ["protected.img", "read-only"]),
    ]
    for name, arguments, words in rows:
        check(name, USAGE, ["run", *arguments], words, folder, **how)


def run_directories(folder):
    """Those that cannot be used. A guest gets as far as taking its name."""
    run = ["run", "good.img", "--vnc", "none", "--accel", "/dev/null"]
    check("no place for a run directory", HOST, run, ["XDG_RUNTIME_DIR"], folder,
          env={"XDG_RUNTIME_DIR": "/nonexistent"})
    long = os.path.join(os.path.dirname(folder), "x" * 100)
    os.mkdir(long)
    check("a run directory with too long a name", HOST, run, ["too long"], folder,
          env={"XDG_RUNTIME_DIR": long})


def here():
    with Scratch() as scratch:
        os.chmod(scratch, 0o755)
        folder = os.path.join(scratch, "files")
        os.mkdir(folder)
        os.mkdir(os.path.join(scratch, "run"), 0o777)
        make_files(folder)
        for case in cases():
            check(*case, folder)
        without_rights(folder)
        run_directories(folder)


def in_the_lab():
    env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")}
    subprocess.run(["make", "-C", TOP, GUEST], check=True, stdout=subprocess.DEVNULL, env=env)
    with Scratch() as out:
        program = os.path.join(TOP, "tests/system/bad_input_here.py")
        with Lab(["--smp", "2"], ["python3", "-u", program], os.path.join(out, "log"),
                 LIMIT) as lab:
            status = lab.wait()
            print(lab.text(), flush=True)
            verdict("the cases in the lab come to their end",
                    status in (0, 1) and "nothing is left running" in lab.text(),
                    f"status {status}")


def main():
    here()
    in_the_lab()
    finish()


if __name__ == "__main__":
    main()
