"""Headless Chromium over its debugging pipe, using only Python: for the test of the page and its screenshots."""
import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import tempfile
import time


def chromium():
    """The program's path, or None."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


class Browser:
    """One page. `problems` collects its exceptions, logged errors and violations of its security policy."""

    def __init__(self, width=1000, height=800, scale=1, dark=False):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.problems, self.buffer, self.number, self.answers = [], b"", 0, {}
        child_reads, self.to_browser = os.pipe()
        self.from_browser, child_writes = os.pipe()

        def place_pipes():  # the browser reads from 3 and writes to 4
            ends = [fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (child_reads, child_writes)]
            for number, end in zip((3, 4), ends):
                os.dup2(end, number)
                os.close(end)

        self.process = subprocess.Popen(
            [chromium(), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
             "--disable-extensions", "--disable-background-networking", "--disable-component-update", f"--user-data-dir={self.profile.name}",
             "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, close_fds=False, preexec_fn=place_pipes)
        os.close(child_reads)
        os.close(child_writes)
        self.session = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=width < 600)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def ask(self, method, limit=60, **parameters):
        """The result of one command of the DevTools protocol."""
        self.number += 1
        number, message = self.number, {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + limit
        while number not in self.answers:
            self._read(until, method)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def _read(self, until, method):
        if not select.select([self.from_browser], [], [], max(0, until - time.monotonic()))[0]:
            raise TimeoutError(f"chromium doesn't answer {method}")
        data = os.read(self.from_browser, 1 << 20)
        if not data:
            raise RuntimeError(f"chromium ended with status {self.process.wait()}")
        *messages, self.buffer = (self.buffer + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message["method"] == "Runtime.exceptionThrown":
                details = message["params"]["exceptionDetails"]
                self.problems.append(details.get("exception", {}).get("description") or details["text"])
            elif message["method"] == "Log.entryAdded" and message["params"]["entry"]["level"] == "error":
                self.problems.append(message["params"]["entry"]["text"])

    def open(self, url):
        self.ask("Page.navigate", url="about:blank")  # a new #... alone would not reload the page
        self.ask("Page.navigate", url=url)

    def evaluate(self, expression):
        """The value of a JavaScript expression; promises are awaited."""
        found = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in found:
            details = found["exceptionDetails"]
            raise RuntimeError(f"{expression}: {details.get('exception', {}).get('description') or details['text']}")
        return found["result"].get("value")

    def wait(self, expression, seconds=30):
        """Until the expression is true; its value (of an element: True)."""
        expression = f"(found => found instanceof Node || found)({expression})"
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            value = self.evaluate(expression)
            if value:
                return value
            time.sleep(0.02)
        raise TimeoutError(f"never true in {seconds} s: {expression}; the page says: {self.evaluate('document.body.innerText')!r}; {self.problems}")

    def press(self, key, code=0, **more):
        for kind in ("rawKeyDown", "keyUp"):
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **more)

    def hover(self, selector):
        box = self.evaluate(f"(() => {{ const b = document.querySelector({selector!r}).getBoundingClientRect();"
                            " return [b.x + b.width / 2, b.y + b.height / 2]; })()")
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=box[0], y=box[1])

    def picture(self, path, height=None):
        """PNG of the window, or of `height` pixels from the top."""
        width = self.evaluate("innerWidth")
        clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}} if height else {}
        data = self.ask("Page.captureScreenshot", format="png", captureBeyondViewport=bool(height), **clip)["data"]
        with open(path, "wb") as out:
            out.write(base64.b64decode(data))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.session = None
            self.ask("Browser.close", limit=5)
            self.process.wait(10)
        except Exception:
            self.process.kill()
            self.process.wait()
        os.close(self.to_browser)
        os.close(self.from_browser)
        self.profile.cleanup()
