"""Train from the packed folder in which this file lies: `python train_here.py --minutes 9 --out DIR`."""

from __future__ import annotations

import argparse
import json
import os
import sys
import tarfile
import time
from pathlib import Path

STARTED = time.monotonic()
HERE = Path(__file__).resolve().parent


def find_packages(work: Path) -> Path:
    """Return the folder below `work` with the unpacked packages, and unpack them there if that is still to be done."""
    folder = work / "packages"
    if not folder.is_dir():
        temporary = work / f".packages.{os.getpid()}"
        with tarfile.open(HERE / "packages.tar.xz") as archive:
            archive.extractall(temporary, filter="data")
        temporary.replace(folder)
    return folder


def check_python() -> None:
    """End with a clear line when the packages are for another Python than the running one."""
    wanted = json.loads((HERE / "pack.json").read_text(encoding="utf-8"))["python"]
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if wanted != running:
        sys.exit(f"error: this is Python {running}; the packages here are for {wanted}\nhint: pack again with --python {running}")


def main() -> None:
    """Unpack what training imports, and train."""
    check_python()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--work", type=Path, default=HERE / "work")
    work = parser.parse_known_args()[0].work
    work.mkdir(parents=True, exist_ok=True)
    packages = find_packages(work)
    sys.path.insert(0, str(packages))
    # Worker processes find the packages by it.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(packages), os.environ.get("PYTHONPATH")]))
    from tts_cli.training.travel import run

    sys.exit(run(HERE, sys.argv[1:], STARTED))


if __name__ == "__main__":
    main()
