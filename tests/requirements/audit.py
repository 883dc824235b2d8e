"""Ask the service behind pip-audit for known weaknesses of the locked runtime packages: `make audit`.

Exit code 1 if there are any. Without pip-audit, or where its service does not answer, one line and exit code 0.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

LOCKED = Path(__file__).with_name("runtime.txt")
LONGEST_S = 120


def main() -> int:
    """Print the weaknesses, a line each; return 1 if there are any."""
    beside = Path(sys.executable).with_name("pip-audit")
    tool = str(beside) if beside.exists() else shutil.which("pip-audit")
    if tool is None:
        print("nothing audited: pip-audit is not installed (pip install pip-audit)")
        return 0
    options = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]
    command = [tool, "--requirement", str(LOCKED), *options]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST_S, check=False)
        packages = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        print("nothing audited: the service of pip-audit does not answer")
        return 0
    weak = [(package, weakness) for package in packages for weakness in package.get("vulns", [])]
    for package, weakness in weak:
        remedy = ", ".join(weakness["fix_versions"]) or "no version yet"
        print(f"{package['name']} {package['version']}: {weakness['id']}; mended in {remedy}")
    print(f"{len(packages)} packages, {len(weak)} known weaknesses")
    return int(bool(weak))


if __name__ == "__main__":
    sys.exit(main())
