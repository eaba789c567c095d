"""The systemd unit: `systemd-analyze verify` says nothing, and the exposure is at most 2.5 of 10 (printed)."""
import os
import re
import subprocess
import tempfile

from common import DEPLOY, PROGRAM, need, tool

MOST = 2.5

analyze = tool("systemd-analyze", "Debian's systemd")
unit = (DEPLOY / "systemd/roberta.service").read_text()
need("ExecStart=/usr/local/bin/roberta serve" in unit, "ExecStart is not that of `make install`")
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "roberta.service")

    def verify(text):
        """What it finds in the unit, whose program is the one that was built here."""
        with open(path, "w", encoding="utf-8") as out:
            out.write(text.replace("/usr/local/bin/roberta", str(PROGRAM)))
        done = subprocess.run([analyze, "verify", "--man=no", path], capture_output=True, text=True)
        lines = [line for line in (done.stdout + done.stderr).splitlines() if "roberta.service" in line]
        return done.returncode, lines

    code, lines = verify(unit)
    need(code == 0 and not lines, "systemd-analyze verify:\n" + "\n".join(lines))
    need(verify(unit.replace("WatchdogSec=30", "WatchdogSecond=30"))[1], "verify finds no unknown setting")
    need(verify(unit.replace("roberta serve", "absent serve"))[0] != 0, "verify finds no absent program")

    verify(unit)
    rated = subprocess.run([analyze, "security", "--offline=true", "--no-pager", path], capture_output=True, text=True)
    score = re.search(r"Overall exposure level for roberta.service: ([\d.]+)", rated.stdout)
    need(score, f"systemd-analyze security:\n{rated.stdout}{rated.stderr}")
    need(float(score[1]) <= MOST, f"exposure {score[1]}, more than {MOST}:\n{rated.stdout}")


def seconds(name):
    return float(re.search(rf"^{name}=([\d.]+)$", unit, re.M)[1])


# The program's own drain (30 s) must fit.
need(seconds("TimeoutStopSec") > 30, "TimeoutStopSec cuts the drain off")
for line in ("Type=notify", "DynamicUser=yes", "ProtectSystem=strict", "NoNewPrivileges=yes", "EnvironmentFile=/etc/roberta/serve.env"):
    need(f"\n{line}\n" in unit, f"{line} is missing")
print(f"systemd: verified, exposure {score[1]} of 10")
