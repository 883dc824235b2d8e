"""Archive of this project and its packages for a packed training, for another machine's Python.

The other machine has torch, numpy, scipy, safetensors and TensorBoard already.
"""

from __future__ import annotations

import io
import platform
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import tts_cli
from tts_cli.errors import InputError

PACKAGES = (
    *("annotated-types", "cffi", "lightning-fabric", "lightning-utilities", "pydantic", "pydantic-core"),
    *("rich", "soundfile", "soxr", "typing-extensions", "typing-inspection"),
)
"""Packages in the archive. lightning-fabric is among them because the package `lightning` has it only under another name."""

NOT_NEEDED = (
    *("addons", "evaluation", "listening", "reading", "selection/homographs.npz"),
    *("text/cmudict.dict", "text/cmudict.LICENSE", "text/pronunciation.onnx", "text/en-"),
    *("text/homographs.weights", "text/homographs.LICENSE"),
)
"""Files of this project that no training reads."""

File = tuple[str, bytes]
"""Path below the import folder, and content."""


def running_python() -> str:
    """Return the version of the running Python, such as 3.12."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def packed_packages(python: str) -> bytes:
    """Return a .tar.xz archive of this project and of `PACKAGES`, in the versions installed here, for Linux.

    For the running Python version the packages are copied from this environment; for another one pip downloads their wheels.

    Args:
        python: Python version of the other machine, such as 3.12.

    Raises:
        InputError: A package is not installed, or pip cannot download it.
    """
    is_like_this = python == running_python() and sys.platform == "linux"
    files = [*_project_files(), *(_installed() if is_like_this else _downloaded(python))]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:xz", preset=9) as archive:
        # Files of one type side by side compress better.
        for name, content in sorted(files, key=lambda file: (Path(file[0]).suffix, file[0])):
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def _project_files() -> Iterator[File]:
    folder = Path(tts_cli.__file__).parent
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and "__pycache__" not in path.parts and not name.startswith(NOT_NEEDED):
            yield f"{folder.name}/{name}", path.read_bytes()


def _installed() -> Iterator[File]:
    for package in PACKAGES:
        for file in _distribution(package).files or ():
            path = Path(str(file.locate()))
            if ".." not in file.parts and "__pycache__" not in file.parts and path.is_file():
                yield file.as_posix(), path.read_bytes()


def _downloaded(python: str) -> Iterator[File]:
    with tempfile.TemporaryDirectory() as folder:
        for package in PACKAGES:
            _download(f"{package}=={_distribution(package).version}", python, Path(folder))
        for wheel in sorted(Path(folder).glob("*.whl")):
            with zipfile.ZipFile(wheel) as archive:
                yield from ((name, archive.read(name)) for name in archive.namelist() if not name.endswith("/"))


def _distribution(package: str) -> Distribution:
    try:
        return distribution(package)
    except PackageNotFoundError as error:
        raise InputError(
            f"the package {package} is not installed here", hint="pip install '.[train]' in a checkout of the project"
        ) from error


def _download(requirement: str, python: str, folder: Path) -> None:
    machine = {"arm64": "aarch64", "AMD64": "x86_64"}.get(platform.machine(), platform.machine())
    tags = [f"manylinux_2_{minor}_{machine}" for minor in (17, 24, 26, 27, 28, 31, 34)] + [f"manylinux2014_{machine}"]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python, "--dest", str(folder)]
    command += [*(f"--platform={tag}" for tag in tags), requirement]
    # The requirement comes from the metadata of an installed package, and no shell reads it.
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no shell reads the requirement
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        reason = errors[-1].removeprefix("ERROR: ") if errors else f"pip ended with {done.returncode}"
        message = f"no wheel of {requirement} for Python {python} on {machine}: {reason}"
        raise InputError(message, hint="pip needs a package index that has this version; or pack for the Python that runs here")
