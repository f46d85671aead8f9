#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A guest in the lab, seen and used by Chromium out here: the picture, keys, mouse, another screen
size, who gets in, and that everything rests when nothing happens."""
import base64
import json
import os
import re
import socket
import subprocess
import sys
import time

from chromium import Browser, BrowserError, Page
from labkit import HERE, Lab, Scratch, finish, free_port, verdict, wait_until
from picture import read_png

LIMIT = 900
START_LIMIT, ANSWER_LIMIT = 400, 300  # watchdogs, not expectations
CANVAS = "document.querySelector('#noVNC_container canvas')"
CONNECTED = "document.documentElement.classList.contains('noVNC_connected')"
ALONE = "document.documentElement.className == ''"  # neither connected nor on the way there or back


class Trouble(Exception):
    pass


def make_disk(folder):
    path = os.path.join(folder, "screen.img")
    subprocess.run(["gcc", "-m32", "-nostdlib", "-static", "-Wl,--oformat=binary,-Ttext=0x7c00",
                    "-Wl,--build-id=none", "-o", path, os.path.join(HERE, "screen.S")], check=True)
    with open(path, "r+b") as f:
        f.truncate(1 << 20)
    return path


class Guest:
    """What web_here.py runs in the lab."""

    def __init__(self, port, folder):
        self.port = port
        self.folder = folder

    def ask(self, *words):
        with socket.create_connection(("127.0.0.1", self.port), ANSWER_LIMIT) as sock:
            sock.settimeout(ANSWER_LIMIT)
            sock.sendall(json.dumps(words).encode() + b"\n")
            answer = b""
            while not answer.endswith(b"\n"):
                data = sock.recv(1 << 16)
                if not data:
                    raise OSError("nobody answers")
                answer += data
        return json.loads(answer)

    def caisson(self, *words):
        answer = self.ask("caisson", *words)
        if answer["status"]:
            raise Trouble(f"{' '.join(words)}: {answer['err'].strip()}")
        return answer["out"]

    def is_ready(self):
        try:
            return "the screen is ready" in self.ask("caisson", "screenshot", "screen",
                                                     "--text")["out"]
        except OSError:
            return False

    def url(self):
        return self.caisson("web", "screen").strip()

    def picture(self):
        path = os.path.join(self.folder, "screen.png")
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.ask("picture")["png"]))
        return read_png(path)


def until(what, condition):
    """What it gives, when that is true."""
    end = time.monotonic() + ANSWER_LIMIT
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Trouble(f"{what} did not come about")
        time.sleep(0.3)


def canvas(page, folder):
    """The guest's screen, as the page has it, in the guest's own dots."""
    data = page.value(f"{CANVAS}.toDataURL('image/png')")
    path = os.path.join(folder, "canvas.png")
    with open(path, "wb") as f:
        f.write(base64.b64decode(data.split(",", 1)[1]))
    return read_png(path)


def same_picture(page, guest):
    """Until both are the same and show something."""
    def same():
        want = guest.picture()
        return not want.is_uniform() and canvas(page, guest.folder).matches(want)
    until("the same picture in the browser", same)


def seen(guest, what):
    """On the text screen."""
    return until(f"'{what}' on the screen", lambda: re.search(
        what, guest.caisson("screenshot", "screen", "--text"), re.M))


# --- the tests, in this order ---------------------------------------------------------------------

def test_connects(page, guest):
    """a URL leads to the guest's screen"""
    page.go(guest.url())
    page.wait(CONNECTED)
    page.wait("document.title.startsWith('screen')")
    if page.value("location.href.includes('token')") or page.value("document.cookie"):
        raise Trouble("the page can read what lets it in")


def test_picture(page, guest):
    """the browser shows what the guest shows"""
    same_picture(page, guest)


def test_types(page, guest):
    """typed text reaches the guest"""
    page.key("Enter")
    for n, key in enumerate("hi 42", 1):
        page.key(key)  # one after the other: a PC's keyboard holds back little for a slow guest
        if key != " ":
            seen(guest, f"^{'hi 42'[:n]}$")
    page.key("Enter")
    same_picture(page, guest)


def test_mouse(page, guest):
    """the mouse moves and clicks"""
    page.mouse("mouseMoved", 500, 400)
    page.mouse("mouseMoved", 900, 400)
    seen(guest, r"\+")
    page.mouse("mouseMoved", 300, 400)
    seen(guest, "-")
    page.click(300, 400)
    seen(guest, "L")


def test_resize(page, guest):
    """another screen size, and back"""
    page.key("F2")
    page.wait(f"{CANVAS}.width == 640 && {CANVAS}.height == 480")
    same_picture(page, guest)
    page.key("F1")
    page.wait(f"{CANVAS}.width == 720 && {CANVAS}.height == 400")
    same_picture(page, guest)


def test_settings(page, guest):
    """the viewer's own button connects again"""
    page.value("document.querySelector('#noVNC_disconnect_button').click()")
    page.wait(ALONE)
    page.value("document.querySelector('#noVNC_connect_button').click()")
    page.wait(CONNECTED)
    page.go(page.value("location.href"))  # and so does the page, loaded again
    page.wait(CONNECTED)


def test_token(page, guest):
    """a URL works once, and another brings another browser in"""
    url = guest.url()
    other = Page.private(page.browser)
    other.go(url)
    other.wait(CONNECTED)
    third = Page.private(page.browser)
    third.go(url)
    third.wait("document.body.innerText.includes(\"'caisson web screen'\")")
    third.go(url.split("?")[0] + "vnc.html")
    third.wait("document.body.innerText.includes(\"'caisson web screen'\")")
    page.key("Enter")
    other.key("b")
    other.key("Enter")
    seen(guest, "^b$")
    same_picture(page, guest)
    same_picture(other, guest)
    other.close()
    third.close()


def test_rest(page, guest):
    """nothing moves, and no thread of the screen's waits for a time"""
    want = [["vnc", True], ["vnc viewer", True], ["web", True]]
    until("rest", lambda: guest.ask("rest").get("threads") == want)
    if not page.value(CONNECTED):
        raise Trouble("the browser is no longer connected")


def test_end(page, guest):
    """the end of the guest is seen"""
    guest.caisson("kill", "screen")
    page.wait(ALONE)


TESTS = [test_connects, test_picture, test_types, test_mouse, test_resize, test_settings,
         test_token, test_rest, test_end]


def run_tests(guest, log):
    with Browser(log) as browser:
        page = Page(browser)
        for test in TESTS:
            why = ""
            try:
                test(page, guest)
            except (Trouble, BrowserError, OSError, KeyError) as e:
                why = str(e) or repr(e)
            verdict(test.__doc__, not why, why)


def main():
    web, port = free_port(), free_port()
    with Scratch() as folder:
        command = ["sh", "-c", 'cp /add/screen.img /tmp && exec python3 -u "$@"', "-",
                   os.path.join(HERE, "web_here.py"), "/tmp/screen.img", str(web), str(port)]
        with Lab(["--memory", "1G", "--add", make_disk(folder), "--forward", str(web),
                  "--forward", str(port)], command, os.path.join(folder, "lab.log"), LIMIT) as lab:
            guest = Guest(port, folder)
            ready = wait_until(guest.is_ready, lab, START_LIMIT)
            if verdict("the guest starts", ready, lab.text()[-2000:]):
                run_tests(guest, os.path.join(folder, "chromium.log"))
                status = lab.wait()
                verdict("it ends as told", status == 0, f"status {status}:\n{lab.text()[-2000:]}")
    finish()


if __name__ == "__main__":
    main()
