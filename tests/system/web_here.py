#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs a guest that browsers see, and what test_web.py asks for about it, on the machine that this
runs on. Each connection to the port brings one line of JSON and gets one back:

    ["caisson", "screenshot", "--text", "screen"]    {"status": 0, "out": "...", "err": ""}
    ["picture"]                                      {"png": "..."}, as base64
    ["rest"]                                         {"threads": [["web", true], ...]}

    web_here.py DISK WEB-PORT PORT
"""
import base64
import glob
import json
import socketserver
import subprocess
import sys

NAME = "screen"
LIMIT = 200  # a watchdog
# System calls that wait, which of their arguments is the time, and its value for "no limit".
WAITS = {7: (3, 0xffffffff), 232: (4, 0xffffffff), 271: (3, 0), 441: (4, 0)}


def run(*words):
    done = subprocess.run(["caisson", *words], capture_output=True, text=True, timeout=LIMIT)
    return {"status": done.returncode, "out": done.stdout, "err": done.stderr}


def picture():
    answer = run("screenshot", NAME, "/tmp/screen.png")
    if answer["status"]:
        return answer
    with open("/tmp/screen.png", "rb") as f:
        return {"png": base64.b64encode(f.read()).decode()}


def sleeps_for_ever(task):
    """Whether a thread waits for descriptors, and for no time."""
    with open(f"{task}/syscall", encoding="ascii") as f:
        words = f.read().split()
    where, forever = WAITS.get(int(words[0]) if words[0].isdigit() else None, (0, None))
    return forever is not None and int(words[where], 0) & 0xffffffff == forever


def rest(pid):
    threads = []
    for task in glob.glob(f"/proc/{pid}/task/*"):
        with open(f"{task}/comm", encoding="ascii") as f:
            name = f.read().strip()
        if name.startswith(("web", "vnc")):
            threads.append([name, sleeps_for_ever(task)])
    return {"threads": sorted(threads)}


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        words = json.loads(self.rfile.readline())
        try:
            answer = self.answer(words)
        except (OSError, subprocess.TimeoutExpired) as e:  # a thread has ended meanwhile
            answer = {"status": -1, "out": "", "err": str(e)}
        self.wfile.write(json.dumps(answer).encode() + b"\n")

    def answer(self, words):
        if words == ["picture"]:
            return picture()
        if words == ["rest"]:
            return rest(self.server.guest.pid)
        return run(*words[1:])


def main():
    disk, web, port = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    socketserver.TCPServer.allow_reuse_address = True
    with socketserver.TCPServer(("127.0.0.1", port), Handler) as server:
        server.guest = subprocess.Popen(
            ["caisson", "run", disk, "--name", NAME, "--memory", "64M", "--vnc", "none",
             "--discard-changes", "--web", f"127.0.0.1:{web}"], stdin=subprocess.DEVNULL)
        server.timeout = 1
        while server.guest.poll() is None:
            server.handle_request()
    sys.exit(server.guest.returncode)


if __name__ == "__main__":
    main()
