"""Train from the packed folder that holds this file: `python train_here.py --minutes 9 --out DIR`."""

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
    """Return the folder of the unpacked packages below `work`; unpack them if needed."""
    folder = work / "packages"
    if not folder.is_dir():
        temporary = work / f".packages.{os.getpid()}"
        with tarfile.open(HERE / "packages.tar.xz") as archive:
            archive.extractall(temporary, filter="data")
        temporary.replace(folder)
    return folder


def check_python() -> None:
    """Exit with an error message when the packages are for another Python version than the running one."""
    wanted = json.loads((HERE / "pack.json").read_text(encoding="utf-8"))["python"]
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    if wanted != running:
        sys.exit(
            f"error: this is Python {running}, but the packages of this pack are for Python {wanted}\n"
            f"hint: pack the training again with --python {running}"
        )


def main() -> None:
    """Unpack the packages of the training, and train."""
    check_python()
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--work", type=Path, default=HERE / "work")
    work = parser.parse_known_args()[0].work
    work.mkdir(parents=True, exist_ok=True)
    packages = find_packages(work)
    sys.path.insert(0, str(packages))
    # Worker processes import the packages through it.
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(packages), os.environ.get("PYTHONPATH")]))
    from tts_cli.training.travel import run

    sys.exit(run(HERE, sys.argv[1:], STARTED))


if __name__ == "__main__":
    main()
