"""A process that runs cases one after another through the command line of `tts`, and judges what each left behind."""

from __future__ import annotations

import atexit
import contextlib
import faulthandler
import io
import json
import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import wave
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path
from types import ModuleType

from case import FILES, TINY, Case

CODES = (0, 1, 2, 130)
LONGEST_ERROR = 1000
"""Characters of an error line."""
LARGEST_FILE = 512 * 2**20
"""Bytes that a case may write to one file, so that a bomb does not fill the disk."""
LARGEST_WORK = 300 * 2**20
"""Bytes that a case may leave in its folder."""
MOST_MEMORY = 2**30
INTERNAL = "internal error: "
"""Begin of the message on an error that no command expects."""
LEFT_OVER = (".part", ".installing-")
NOISE = re.compile(r"^\S*\.py:\d+: \w*Warning|\[[EF]:onnxruntime|Exception ignored|Fatal Python error")
PLACE = re.compile(r'File "[^"]*?/(tts_cli/[^"]+)", line (\d+),? in (\S+)')


@dataclass
class Verdict:
    """The judgement of a case."""

    faults: list[str] = field(default_factory=list)
    place: str = ""
    """File, line and function in tts_cli, if a traceback shows them."""
    error: str = ""
    """Standard error of the command."""


def serve(connection: Connection, stacks: str) -> None:
    """Run every (folder, case) that comes through the connection, and send back None when it begins, then its verdict.

    Args:
        connection: The other end belongs to the watchdog, which ends this process when a case hangs.
        stacks: File for the stacks of all threads, written on SIGUSR1.
    """
    with Path(stacks).open("w") as file:
        faulthandler.register(signal.SIGUSR1, file=file, all_threads=True)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        main = _main()
        _run(main, _scratch(), Case(("synth", "Hello there.", "--output-raw")), ())
        while True:
            folder, case = connection.recv()
            for module in case.imports:
                import_module(module)
            connection.send(None)
            connection.send(_judged(main, Path(folder), case))


def _scratch() -> Path:
    """Return a new folder, in which the first command runs, which imports what all others need."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _main() -> ModuleType:
    """Return the module of the command line, for which the tiny addons are the shipped ones."""
    os.environ["TTS_ADDONS"] = str(TINY)
    from tts_cli.addon import library
    from tts_cli.cli import main

    library.DEFAULT_ADDON, library.TRANSFER_ADDON = "tiny-acoustic", "tiny-copycat"
    library.SHIPPED = TINY
    return main


def _judged(main: ModuleType, folder: Path, case: Case) -> Verdict:
    work = folder / FILES
    os.environ["XDG_DATA_HOME"] = str(work / "data")
    os.chdir(work)
    _forget_peak()
    code, out, err = _run(main, folder, case, ())
    verdict = Verdict(list(_faults(code, out, err, work, case)), error=err)
    peak = _peak()
    if peak > MOST_MEMORY:
        verdict.faults.append(f"memory: {peak / 2**20:.0f} MB")
    if verdict.faults:
        _, _, told = _run(main, folder, case, ("--debug",))
        places = PLACE.findall(told)
        verdict.place = "{}:{} ({})".format(*places[-1]) if places else ""
    return verdict


def _run(main: ModuleType, folder: Path, case: Case, before: tuple[str, ...]) -> tuple[object, str, str]:
    """Return the exit code, or an exception's name, and both outputs, native libraries' included."""
    (folder / "stdin").write_bytes(case.stdin.encode("latin-1"))
    with _redirected(folder):
        try:
            code: object = main.main([*before, *case.arguments])
        except BaseException as error:  # a case may not raise anything at all
            code = f"raised {type(error).__name__}: {error}"
    out, err = ((folder / name).read_bytes().decode("utf-8", "replace") for name in ("stdout", "stderr"))
    return code, out, err


@contextlib.contextmanager
def _redirected(folder: Path) -> Iterator[None]:
    """Let the three standard streams be files in `folder`."""
    names = (("stdin", os.O_RDONLY), ("stdout", os.O_WRONLY), ("stderr", os.O_WRONLY))
    kept = [os.dup(number) for number in range(3)]
    streams = sys.stdin, sys.stdout, sys.stderr
    for number, (name, mode) in enumerate(names):
        opened = os.open(folder / name, mode | (0 if mode == os.O_RDONLY else os.O_CREAT | os.O_TRUNC), 0o644)
        os.dup2(opened, number)
        os.close(opened)
    sys.stdin = io.TextIOWrapper(io.FileIO(0, "rb", closefd=False), encoding="utf-8")
    sys.stdout, sys.stderr = (
        io.TextIOWrapper(io.BufferedWriter(io.FileIO(number, "wb", closefd=False)), encoding="utf-8", line_buffering=True)
        for number in (1, 2)
    )
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, descriptor in enumerate(kept):
            os.dup2(descriptor, number)
            os.close(descriptor)


def _faults(code: object, out: str, err: str, work: Path, case: Case) -> Iterator[str]:
    """Yield everything that may not be after a case."""
    if code not in CODES:
        yield f"exit code: {code}"
    lines = err.splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    hints = [line for line in lines if line.startswith("hint: ")]
    if "Traceback (most recent call last)" in err + out:
        yield "traceback"
    if INTERNAL in err:
        yield INTERNAL + err.partition(INTERNAL)[2].partition(":")[0][:80]
    if len(errors) > 1 or len(hints) > 1 or (code in (1, 2) and not errors):
        yield f"{len(errors)} error lines and {len(hints)} hints"
    if any(len(line) > LONGEST_ERROR for line in errors + hints):
        yield f"error line longer than {LONGEST_ERROR} characters: {max(errors + hints, key=len)[:60]}"
    if noise := next((line for line in lines if NOISE.search(line)), None):
        yield f"noise: {re.sub(r'[0-9]+', 'N', noise)[:120]}"
    if case.corpus and errors and not hints:
        yield "an error without a hint"
    yield from _left(code, work, case)


def _left(code: object, work: Path, case: Case) -> Iterator[str]:
    """Yield the faults of the files that are left."""
    files = [path for path in work.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in work.rglob("*"):
        if path.name.endswith(LEFT_OVER[0]) or path.name.startswith(LEFT_OVER[1]):
            yield f"left behind: {path.suffix or path.name}"
    if sum(path.stat().st_size for path in files) > LARGEST_WORK:
        yield "fills the disk"
    if strangers := {path.name for path in work.parent.iterdir()} - {FILES, "stdin", "stdout", "stderr", "case.json"}:
        yield f"wrote outside its folder: {sorted(strangers)}"
    if case.corpus:
        yield from _half_told(work / case.corpus)
    if case.output and (work / case.output).exists():
        if code != 0:
            yield "an output is left although the command failed"
        else:
            yield from _unreadable(work / case.output)


def _half_told(folder: Path) -> Iterator[str]:
    """Yield the faults of a prepared corpus: a reject without a line, or a part of the corpus alone."""
    report = folder / "report.json"
    rejects = json.loads(report.read_text(encoding="utf-8"))["rejects"] if report.is_file() else []
    for reject in rejects:
        if not re.search(r":[1-9][0-9]*$", reject["where"]) or not reject["reason"]:
            yield f"a reject without a line: {reject['kind']}"
            return
    if (folder / "corpus.json").exists() != (folder / "manifest.jsonl").exists():
        yield "half a corpus is left"


def _unreadable(path: Path) -> Iterator[str]:
    try:
        with wave.open(str(path)) as file:
            file.readframes(file.getnframes())
    except (wave.Error, EOFError) as error:
        yield f"the WAV cannot be read: {error}"


def _forget_peak() -> None:
    """Let the peak of the memory be that of now."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def _peak() -> int:
    """Return the most memory, in bytes, that this process held since `_forget_peak`."""
    status = Path("/proc/self/status")
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
