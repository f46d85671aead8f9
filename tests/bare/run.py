#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs the hypervisor without an operating system in an emulator, and shows its serial port.

    run.py MACHINE [WORD]...  qemu, or a processor model of Bochs; only cases with one of the words
                              in their name, and none with -WORD

Status 0 when the machine's last line is RESULT PASS. The emulators' own status says nothing.
"""
import os
import shutil
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
IMAGE = os.path.join(TOP, "build/bare/caisson.elf")
LIMIT = 60  # seconds of a run; ten are usual
SYSLINUX = "/usr/lib/syslinux/modules/bios"

QEMU = ["qemu-system-x86_64", "-accel", "tcg,thread=single", "-cpu", "EPYC,+svm,+npt", "-m", "256",
        "-display", "none", "-serial", "stdio", "-monitor", "none", "-net", "none", "-no-reboot",
        "-device", "isa-debug-exit,iobase=0xf4,iosize=4"]
ISOLINUX_CFG = "DEFAULT mboot.c32 caisson.elf\nPROMPT 0\n"
BOCHSRC = """\
display_library: sdl2
cpu: model={model}, count=1, ips=20000000, reset_on_triple_fault=0
memory: guest=128, host=128
romimage: file=/usr/share/bochs/BIOS-bochs-latest
vgaromimage: file=/usr/share/bochs/VGABIOS-lgpl-latest
ata0-master: type=cdrom, path={iso}, status=inserted
boot: cdrom
com1: enabled=1, mode=file, dev=serial.txt
clock: sync=none
log: bochs.log
panic: action=fatal
error: action={error}
info: action=ignore
plugin_ctrl: e1000=0
"""


# What the emulator itself does wrong or does not survive, as words of the cases that show it.
# QEMU 7.2: VMRUN loads no interrupt shadow, and DR7 without the breakpoints in it; an exception in the
# delivery of a page fault or of an injected event makes no double fault; INT3 is not intercepted;
# reserved bits of CR0 and CR8 do not fault.
# Bochs 2.7, AMD: a triple fault ends the emulator, and so does VMRUN into virtual 8086 mode;
# EXITINTINFO of INT n and INT3 is that of an earlier event; VMRUN does not load CR2;
# DR6 does not say why a #DB was that is intercepted.
# Bochs 2.7, Intel: with TF set, exits save a step as pending that has not been made (clearing the field
# by hand behind each exit, the cases pass).
BOCHS_INTEL = ["corei7_skylake_x", "corei7_icelake_u", "corei7_haswell_4770", "corei7_sandy_bridge_2600k"]
SKIP = {
    "qemu": ["shadow_set", "shadow_movss", "event_double", "debug_soft", "debug_hard",
             "reserved_native"],
    "ryzen": ["triple", "v86", "delivery_soft", "task_soft", "state_cr2", "state_debug",
              "io_string_fault"],
    **{model: ["event_step", "debug_step"] for model in BOCHS_INTEL},
}


# Processors that will not do, and a word of the sentence that says why.
REFUSED = {"core2_penryn_t9600": "EPT"}


def make_iso(iso, words):
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(IMAGE, folder + "/caisson.elf")
        shutil.copy("/usr/lib/ISOLINUX/isolinux.bin", folder)
        for module in ("ldlinux.c32", "mboot.c32", "libcom32.c32"):
            shutil.copy(os.path.join(SYSLINUX, module), folder)
        with open(folder + "/isolinux.cfg", "w", encoding="ascii") as cfg:
            cfg.write(ISOLINUX_CFG.replace("caisson.elf", f"caisson.elf {words}"))
        subprocess.run(["xorriso", "-as", "mkisofs", "-quiet", "-o", iso, "-b", "isolinux.bin",
                        "-c", "boot.cat", "-no-emul-boot", "-boot-load-size", "4",
                        "-boot-info-table", folder], check=True, stderr=open(folder + "/stderr.txt", "w", encoding="ascii"))


def end(proc):
    """A Bochs at its prompt outlives SIGTERM."""
    proc.terminate()
    try:
        proc.wait(2)
    except subprocess.TimeoutExpired:
        proc.kill()
        proc.wait()


def show_until_end(proc, path):
    """Shows what comes to the file; the last line, when the machine has ended or is overdue."""
    started = time.monotonic()
    text, shown = "", 0
    with open(path, encoding="ascii", errors="replace") as serial:
        while True:
            over = proc.poll() is not None
            text += serial.read()
            whole = text.rfind("\n") + 1
            sys.stdout.write(text[shown:whole])
            sys.stdout.flush()
            shown = whole
            if over or "\nRESULT " in text[:whole]:
                break
            if time.monotonic() - started > LIMIT:
                print(f"FAIL run: no end after {LIMIT} s; the last line was {text[shown:]!r}")
                break
            time.sleep(0.05)
    return text.rstrip("\n").rsplit("\n", 1)[-1]


def start_qemu(words, folder, serial):
    command = QEMU + ["-kernel", IMAGE, "-append", words] + os.environ.get("QEMU_ARGS", "").split()
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=serial,
                            stderr=open(folder + "/stderr.txt", "w", encoding="ascii"))


def start_bochs(model, words, folder):
    iso = os.path.join(folder, "caisson.iso")
    make_iso(iso, words)
    error = "report" if "BOCHS_ERRORS" in os.environ else "ignore"
    with open(folder + "/bochsrc", "w", encoding="ascii") as f:
        f.write(BOCHSRC.format(model=model, iso=iso, error=error))
    with open(folder + "/rc", "w", encoding="ascii") as f:
        f.write("c\n")
    env = dict(os.environ, SDL_VIDEODRIVER="dummy", SDL_AUDIODRIVER="dummy")
    return subprocess.Popen(["bochs-bin", "-q", "-f", "bochsrc", "-rc", "rc"], cwd=folder, env=env,
                            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                            stderr=open(folder + "/stderr.txt", "w", encoding="ascii"))


def run(machine, words):
    folder = tempfile.mkdtemp(prefix="caisson-bare-")
    path = os.path.join(folder, "serial.txt")
    with open(path, "w", encoding="ascii") as serial:
        proc = start_qemu(words, folder, serial) if machine == "qemu" else \
            start_bochs(machine, words, folder)
    try:
        last = show_until_end(proc, path)
    finally:
        end(proc)
        if "CAISSON_KEEP" in os.environ:
            shutil.copytree(folder, os.environ["CAISSON_KEEP"], dirs_exist_ok=True)
        shutil.rmtree(folder)
    return last == "RESULT PASS" or last.startswith("RESULT PASS ")


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        sys.exit(__doc__)
    machine = sys.argv[1]
    words = sys.argv[2:] + ["-" + word for word in SKIP.get(machine, [])]
    if machine in REFUSED:
        words = ["!" + REFUSED[machine]]
    return 0 if run(machine, " ".join(words)) else 1


if __name__ == "__main__":
    sys.exit(main())
