# SPDX-License-Identifier: GPL-2.0-only
"""One run of the emulated host: starts it, carries output, signals and the exit status, and leaves nothing behind."""

import ctypes
import os
import selectors
import signal
import socket
import subprocess
import time

from .common import BUILD

LOGS = BUILD / "lab" / "log"
LOGS_KEPT = 20
LOG_LIMIT = 4 << 20             # bytes of kernel log kept in memory: its end matters
GRACE = 5                       # seconds that the command has to end after a signal
DRAIN_LIMIT = 60                # seconds without any news after the command's end
HEARTBEAT = 2                   # seconds; see _beat()
STATUS_HOST = 125
STATUS_TIMEOUT = 124
TROUBLE = (b"WARNING: CPU:", b"BUG: ", b"Oops: ", b"general protection fault", b"rcu_sched self-detected")


class Over(Exception):
    """The end of the session."""

    def __init__(self, status, sentence=None):
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence


def die_with_parent(parent):
    """In the child: be killed when the lab is, however that happens."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None, use_errno=True).prctl(pr_set_pdeathsig, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def write_all(descriptor, data):
    while data:
        try:
            data = data[os.write(descriptor, data):]
        except BrokenPipeError:
            raise Over(128 + signal.SIGPIPE) from None
        except BlockingIOError:     # somebody made our terminal or pipe non-blocking
            time.sleep(0.01)


class Output:
    """A stream of the command, passed on at once up to the end mark."""

    def __init__(self, descriptor, mark):
        self.descriptor = descriptor
        self.mark = mark
        self.held = b""         # what may be the beginning of the mark
        self.ended = False

    def feed(self, data):
        data = self.held + data
        at = data.find(self.mark)
        if at >= 0:
            data, self.held, self.ended = data[:at], b"", True
        else:
            # The mark begins with its only NUL.
            at = data.rfind(b"\0", -len(self.mark))
            if at < 0 or not self.mark.startswith(data[at:]):
                at = len(data)
            data, self.held = data[:at], data[at:]
        write_all(self.descriptor, data)

    def flush(self):
        write_all(self.descriptor, self.held)
        self.held = b""


class Session:
    def __init__(self, mark, boot_limit, timeout=None, verbose=False, progress=False, heartbeat=False):
        self.boot_limit = boot_limit
        self.timeout = timeout
        self.verbose = verbose
        self.progress = progress
        self.begin = time.monotonic()
        self.beat_at = self.begin if heartbeat else float("inf")
        self.log = bytearray()
        self.log_path = LOGS / f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
        self.kernel_runs = False
        self.started = False
        self.status = None      # the command's, once it has ended
        self.finished = False   # and nothing is left to do in the emulated host
        self.signalled = None
        self.limit_at = float("inf")
        self.outputs = {"stdout": Output(1, mark), "stderr": Output(2, mark)}
        self.control_text = b""
        self.process = None
        self.sources = {}
        self.far_ends = {}
        for name in ("control", "stdout", "stderr"):
            self.sources[name], self.far_ends[name] = socket.socketpair()
        # A pipe, as emulators that know files only open it by its number.
        self.sources["log"], self.far_ends["log"] = (open(end, mode, buffering=0)
                                                     for end, mode in zip(os.pipe(), ("rb", "wb")))

    def ports(self):
        return {name: end.fileno() for name, end in self.far_ends.items()}

    def _stage(self, what):
        if self.progress:
            write_all(2, f"[{time.monotonic() - self.begin:5.1f} s] {what}\n".encode())

    def run(self, start, gate, what):
        """Runs the emulator to the end of the session; returns (status, sentence or None)."""
        wakeup, wakeup_end = os.pipe()
        os.set_blocking(wakeup_end, False)
        signal.set_wakeup_fd(wakeup_end)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, lambda *_: None)
        parent = os.getpid()
        self._stage(f"power on: an emulated PC with {what}")
        try:
            # Its own session: a Ctrl-C at the terminal reaches the lab, which decides.
            self.process = subprocess.Popen(
                start.argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0,
                pass_fds=start.descriptors, env=start.environment, start_new_session=True,
                preexec_fn=lambda: die_with_parent(parent))
            for end in self.far_ends.values():
                end.close()
            if gate:
                gate.open()
            self._loop(wakeup)
        except Over as over:
            return over.status, over.sentence
        finally:
            self._stop()

    def _loop(self, wakeup):
        selector = selectors.DefaultSelector()
        for name, end in self.sources.items():
            selector.register(end, selectors.EVENT_READ, name)
        selector.register(self.process.stdout, selectors.EVENT_READ, "emulator")
        selector.register(os.pidfd_open(self.process.pid), selectors.EVENT_READ, "death")
        selector.register(wakeup, selectors.EVENT_READ, "signal")
        begin = time.monotonic()
        timeout_at = begin + self.timeout if self.timeout else float("inf")
        self.limit_at = begin + self.boot_limit
        while True:
            self._beat()
            wait = min(timeout_at, self.limit_at, self.beat_at) - time.monotonic()
            events = selector.select(max(0, wait) if wait != float("inf") else None)
            names = [key.data for key, _ in events]
            for key, _ in events:
                if key.data == "signal":
                    for number in os.read(wakeup, 16):
                        self._signal(number)
                elif key.data != "death" and not self._read(key.data, key.fileobj):
                    selector.unregister(key.fileobj)
            if self.status is not None and self.finished and all(o.ended for o in self.outputs.values()):
                raise Over(128 + self.signalled if self.signalled else self.status)
            # Whatever the emulator still had to say is read before its death is.
            if names == ["death"]:
                self._died()
            now = time.monotonic()
            if now >= timeout_at:
                what = "ended" if self.started else "even started"
                raise Over(STATUS_TIMEOUT, f"the command had not {what} after {self.timeout:g} seconds (--timeout)")
            if now >= self.limit_at:
                self._too_slow()

    def _beat(self):
        """
        Signal 0, which does nothing, now and then: an interrupt for the emulated host. Its emulated local APIC was
        seen to lose the one timer interrupt that an idle kernel waits for; it then slept until the next of any kind.
        """
        if time.monotonic() < self.beat_at:
            return
        self.beat_at = time.monotonic() + HEARTBEAT
        if self.started and self.status is None:
            self.sources["control"].sendall(b"0\n")

    def _read(self, name, source):
        """Takes what one source has; false at its end."""
        try:
            data = os.read(source.fileno(), 1 << 16)
        except ConnectionResetError:
            data = b""
        if not data:
            return False
        if self.status is not None:
            self.limit_at = time.monotonic() + DRAIN_LIMIT
        if name in self.outputs:
            self.outputs[name].feed(data)
        elif name == "control":
            self._control(data)
        else:
            if name == "log" and not self.kernel_runs:
                self.kernel_runs = True
                self._stage("its kernel is running")
            self._kernel_log(data)
        return True

    def _kernel_log(self, data):
        data = data.replace(b"\r", b"")
        self.log += data
        del self.log[:-LOG_LIMIT]
        if self.verbose:
            write_all(2, data)

    def _control(self, data):
        *lines, self.control_text = (self.control_text + data).split(b"\n")
        for line in lines:
            word, _, rest = line.decode(errors="replace").partition(" ")
            if word == "start":
                self.started = True
                self.limit_at = float("inf")
                self._stage("its hypervisor is loaded; the command starts")
            elif word == "exit":
                self.status = int(rest)
                self.limit_at = time.monotonic() + DRAIN_LIMIT
            elif word == "done":
                self.finished = True
            elif word == "fail":
                raise Over(STATUS_HOST, rest)

    def _signal(self, number):
        """Passes the first signal to the command, which may end in its own way; the second is the end."""
        if self.signalled or not self.started:
            raise Over(128 + number)
        self.signalled = number
        self.limit_at = time.monotonic() + GRACE
        self.sources["control"].sendall(signal.Signals(number).name[3:].encode() + b"\n")

    def _too_slow(self):
        if self.signalled:
            raise Over(128 + self.signalled)
        if self.status is not None:
            raise Over(STATUS_HOST, f"the command ended with status {self.status}, but the emulated host did not end")
        raise Over(STATUS_HOST, f"the emulated host had not started the command after {self.boot_limit} seconds")

    def _died(self):
        status = self.process.wait()
        for output in self.outputs.values():
            output.flush()
        if b"Kernel panic" in self.log:
            sentence = "the emulated host's kernel panicked"
        elif status == 0:
            sentence = "the emulated host went down before the command had ended"
        else:
            how = f"signal {-status}" if status < 0 else f"status {status}"
            sentence = f"the emulator ended with {how}"
        raise Over(STATUS_HOST, sentence)

    def _stop(self):
        if self.process and self.process.poll() is None:
            # Nothing of the emulator's is worth saving: results went out through 9p, and were synced.
            self.process.kill()
            self.process.wait()
        if self.process:
            # What the emulator or the kernel said at the very end belongs into the log.
            for source in (self.process.stdout, self.sources["log"]):
                os.set_blocking(source.fileno(), False)
                try:
                    while self._kernel_log_rest(source):
                        pass
                except (BlockingIOError, ConnectionResetError, Over):
                    pass

    def _kernel_log_rest(self, source):
        data = os.read(source.fileno(), 1 << 16)
        self._kernel_log(data)
        return data

    def trouble(self):
        """The first line of the kernel log that speaks of a kernel error, or comes from our module; or None."""
        for line in bytes(self.log).split(b"\n"):
            ours = b"] caisson: " in line and b"taint" not in line
            if ours or any(word in line for word in TROUBLE):
                return line.decode(errors="replace")
        return None

    def save_log(self):
        """Keeps the kernel log in a file, the last of many; returns its path, or None if that cannot be."""
        try:
            LOGS.mkdir(parents=True, exist_ok=True)
            self.log_path.write_bytes(self.log)
            for old in sorted(LOGS.glob("*.log"))[:-LOGS_KEPT]:
                old.unlink(missing_ok=True)
        except OSError:
            return None
        return self.log_path

    def last_lines(self, count=25):
        return bytes(self.log).decode(errors="replace").rstrip("\n").split("\n")[-count:]
