# SPDX-License-Identifier: ISC
"""A headless Chromium, driven through its remote debugging pipe: a page opened, asked, clicked and typed into.

Everything that the page's console complains of, an exception that nobody caught and what the Content-Security-Policy
refused are kept in .complaints.
"""
import base64
import json
import os
import select
import shutil
import time

from lib import TMP, PATIENCE, Failure, Skip, at_end, check, spawn

SMALL = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--no-zygote",
         "--disable-extensions", "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--remote-debugging-pipe")


class Chromium:
    def __init__(self, width=1280, height=900):
        program = shutil.which("chromium")
        if not program:
            raise Skip("no chromium")
        home = TMP / "chromium"
        home.mkdir(exist_ok=True)
        to_child, self.to = os.pipe()
        self.answers, from_child = os.pipe()

        self.messages = open(TMP / "chromium.err", "ab")
        env = {"PATH": os.environ["PATH"], "HOME": str(home), "LC_ALL": "C.UTF-8", "XDG_RUNTIME_DIR": str(home)}
        moved = ["/bin/bash", "-c", f'exec 3<&{to_child} 4>&{from_child}; exec "$@"', "chromium"]  # where it looks for them
        self.child = spawn([*moved, program, *SMALL, f"--user-data-dir={home}", f"--window-size={width},{height}", "about:blank"], env=env,
                           stdout=self.messages, stderr=self.messages, pass_fds=(to_child, from_child))
        os.close(to_child)
        os.close(from_child)
        self.data, self.number, self.complaints, self.seen = b"", 0, [], []
        at_end(self.close)
        pages = self.call("Target.getTargets")["targetInfos"]
        page = next(t["targetId"] for t in pages if t["type"] == "page")
        self.session = None
        self.session = self.call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")

    session = None

    def close(self):
        if self.child.poll() is None:
            try:
                self.session = None
                self.call("Browser.close")
                self.child.wait(20)
            except Exception:  # it is killed with the other children
                pass

    def _message(self, end, what):
        while b"\0" not in self.data:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.answers], [], [], left)[0]:
                raise Failure(f"waited for Chromium: {what}")
            more = os.read(self.answers, 1 << 16)
            check(more, f"Chromium went away: {what}\n{(TMP / 'chromium.err').read_text(errors='replace')[-2000:]}")
            self.data += more
        text, _, self.data = self.data.partition(b"\0")
        return json.loads(text)

    def _note(self, message):
        method, more = message.get("method"), message.get("params", {})
        if method == "Runtime.exceptionThrown":
            self.complaints.append(json.dumps(more["exceptionDetails"])[:2000])
        elif method == "Runtime.consoleAPICalled" and more["type"] in ("error", "warning", "assert"):
            self.complaints.append(" ".join(str(a.get("value", a.get("description"))) for a in more["args"]))
        elif method == "Log.entryAdded" and more["entry"]["level"] in ("error", "warning"):
            self.complaints.append(more["entry"]["text"])
        elif method == "Network.requestWillBeSent":
            self.seen.append(more["request"]["url"])
        elif method == "Page.javascriptDialogOpening":
            self.complaints.append("a dialog: " + more["message"])

    def call(self, method, **params):
        self.number += 1
        number = self.number
        message = {"id": number, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + 60 * PATIENCE
        while True:
            got = self._message(end, method)
            if got.get("id") == number:
                if "error" in got:
                    raise Failure(f"{method}: {got['error']}")
                return got["result"]
            self._note(got)

    def ask(self, script):
        """What an expression, or the promise that it is, comes to."""
        got = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise Failure(f"{script}: {json.dumps(got['exceptionDetails'])[:1000]}")
        return got["result"].get("value")

    def open(self, url):
        self.call("Page.navigate", url=str(url))
        self.until("document.readyState === 'complete' && location.href !== 'about:blank'", f"{url} to be loaded")

    def until(self, script, what, deadline_s=30):
        """Asks on every frame of the page until it is so."""
        ok = self.ask(f"""new Promise(done => {{
            const end = Date.now() + {deadline_s * PATIENCE * 1000};
            const look = () => {{
                let so = false;
                try {{ so = ({script}); }} catch (wrong) {{ so = false; }}
                if (so) done(true); else if (Date.now() > end) done(false); else setTimeout(look, 10);
            }};
            look();
        }})""")
        if not ok:
            raise Failure(f"waited {deadline_s * PATIENCE:g} s for {what}; complaints: {self.complaints}")

    def size(self, width, height, dark=False, phone=False):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=phone)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def type(self, selector, text):
        """Keys into an element, one after the other."""
        self.ask(f"(e => {{ e.focus(); if (e.select) e.select(); }})(document.querySelector({json.dumps(selector)}))")
        self.call("Input.insertText", text=text)

    def key(self, name):
        codes = {"Enter": 13, "ArrowRight": 39, "ArrowUp": 38, "Tab": 9}
        for kind in ("keyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=name, code=name, windowsVirtualKeyCode=codes[name],
                      **({"text": "\r"} if name == "Enter" and kind == "keyDown" else {}))

    def picture(self, path, whole=True):
        got = self.call("Page.captureScreenshot", captureBeyondViewport=whole, format="png",
                        **({"clip": {"x": 0, "y": 0, "width": self.ask("document.documentElement.clientWidth"),
                                     "height": min(self.ask("document.documentElement.scrollHeight"), 12000), "scale": 1}} if whole else {}))
        with open(path, "wb") as f:
            f.write(base64.b64decode(got["data"]))
