"""The Dockerfile: no finding of hadolint, and nothing is copied that isn't there."""
import fnmatch
import re
import subprocess

from common import DEPLOY, ROOT, need, tool

file = DEPLOY / "Dockerfile"
hadolint = tool("hadolint", "scripts/bootstrap.sh clients")
found = subprocess.run([hadolint, "--no-color", str(file)], capture_output=True, text=True)
need(found.returncode == 0 and not found.stdout.strip(), f"hadolint:\n{found.stdout}{found.stderr}")
bad = subprocess.run([hadolint, "-"], input="FROM debian\nRUN apt-get install curl\n", capture_output=True, text=True)
need(bad.returncode != 0, "hadolint finds nothing wrong in a bad file either")

text = file.read_text()
need(re.search(r"^USER 65532:65532$", text, re.M), "the last stage must not run as root")
need(re.search(r"^HEALTHCHECK ", text, re.M) and "EXPOSE 5001" in text, "HEALTHCHECK and EXPOSE 5001 are missing")

# What the build is handed: of what .dockerignore lets through all must exist, and of what the build reads all must
# be let through.
allowed = [line[1:] for line in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
for path in allowed:
    need((ROOT / path).exists(), f"Dockerfile.dockerignore lets {path} through, which isn't there")
for line in (ROOT / "CMakeLists.txt").read_text().splitlines():
    folder = re.match(r"\s*add_subdirectory\((\w+)\)", line)
    if folder and folder[1] not in ("tests", "bench", "fuzz"):
        need(folder[1] in allowed, f"CMakeLists.txt builds {folder[1]}/, which Dockerfile.dockerignore holds back")
for line in (ROOT / "cmake/install.cmake").read_text().splitlines():
    for name in re.findall(r"\b(LICENSE|[A-Z]+\.md)\b", line):
        need(any(fnmatch.fnmatch(name, one) for one in allowed), f"cmake installs {name}, which is held back")
print("dockerfile: no finding")
