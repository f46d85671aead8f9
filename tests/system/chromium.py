#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Debian's Chromium without a window, driven through its debugging pipe.

Browser() starts one; Page is a page in it, Page.private() one that shares no cookies with others.
Every wait ends after LIMIT seconds, which is a watchdog and no expectation.

Reference: Chrome DevTools Protocol, domains Target, Runtime, Page and Input.
"""
import base64
import json
import os
import select
import shutil
import subprocess
import tempfile
import time

LIMIT = 300
MODIFIERS = {"Shift": 8}
KEYS = {"Enter": ("Enter", 13), "F1": ("F1", 112), "F2": ("F2", 113)}


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self, log=None):
        self.folder = tempfile.mkdtemp(prefix="caisson-chromium-")
        from_us, to_browser = os.pipe()
        self.answers, from_browser = os.pipe()
        self.requests = to_browser
        options = ["--headless=new", "--remote-debugging-pipe", "--disable-gpu", "--no-first-run",
                   "--disable-background-networking", "--disable-dev-shm-usage", "--mute-audio",
                   "--window-size=1280,960", f"--user-data-dir={self.folder}"]
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it refuses to make one for root
        self.log = open(log or os.devnull, "wb")
        # the pipe's ends are descriptors 3 and 4 in there
        self.proc = subprocess.Popen(
            ["sh", "-c", f'exec chromium "$@" 3<&{from_us} 4>&{from_browser}', "-", *options],
            pass_fds=(from_us, from_browser), stdin=subprocess.DEVNULL, stdout=self.log,
            stderr=self.log, env={**os.environ, "HOME": self.folder})
        os.close(from_us)
        os.close(from_browser)
        self.number = 0
        self.rest = b""
        self.pages = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        os.close(self.requests)  # the end of the pipe ends it
        try:
            self.proc.wait(30)
        except subprocess.TimeoutExpired:
            self.proc.kill()
            self.proc.wait()
        os.close(self.answers)
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _receive(self, until):
        """The next message."""
        while b"\0" not in self.rest:
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise BrowserError(f"the browser said nothing for {LIMIT} s")
            data = os.read(self.answers, 1 << 20)
            if not data:
                raise BrowserError("the browser has ended")
            self.rest += data
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, session=None, **params):
        """What the browser answers; events are passed over."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.requests, data):]
        until = time.monotonic() + LIMIT
        while True:
            answer = self._receive(until)
            if answer.get("id") == self.number:
                break
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        return answer["result"]


class Page:
    def __init__(self, browser, context=None):
        self.browser = browser
        extra = {"browserContextId": context} if context else {}
        self.target = browser.call("Target.createTarget", url="about:blank", **extra)["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target,
                                    flatten=True)["sessionId"]

    @classmethod
    def private(cls, browser):
        return cls(browser, browser.call("Target.createBrowserContext")["browserContextId"])

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def go(self, url):
        error = self.call("Page.navigate", url=url).get("errorText")
        if error:
            raise BrowserError(f"{url}: {error}")

    def value(self, expression):
        """What it is in the page, promises kept."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True,
                           awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def wait(self, expression, limit=LIMIT):
        """Until it is true in the page, which may be another one by then."""
        until = time.monotonic() + limit
        while True:
            try:
                value = self.value(expression)
            except BrowserError as e:  # between two pages there is none
                value, why = None, e
            else:
                why = f"it is {value!r}"
            if value:
                return value
            if time.monotonic() > until:
                raise BrowserError(f"{expression} did not come about: {why}")
            time.sleep(0.2)

    def key(self, name):
        """A key by its name, or the character on it (a letter, a digit or a space)."""
        if name in KEYS:
            key, (code, number), text = name, KEYS[name], {}
        else:
            code = "Space" if name == " " else ("Digit" if name.isdigit() else "Key") + name.upper()
            key, number, text = name, ord(name.upper()), {"text": name}
        shift = MODIFIERS["Shift"] if name.isupper() and len(name) == 1 else 0
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=code, modifiers=shift,
                      windowsVirtualKeyCode=number, **(text if kind == "keyDown" else {}))

    def mouse(self, kind, x, y, **more):
        self.call("Input.dispatchMouseEvent", type=kind, x=x, y=y, **more)

    def click(self, x, y):
        for kind in ("mousePressed", "mouseReleased"):
            self.mouse(kind, x, y, button="left", clickCount=1,
                       buttons=int(kind == "mousePressed"))

    def png(self):
        """The page as it looks."""
        return base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"])
