"""Throw hostile inputs at every surface of the command line, and keep each one that it does not bear: `make fuzz`.

A case must end within 20 s of processor time and 1 GB with exit code 0, 1, 2 or 130, one error line at most and no file left
behind. It depends on seed, surface and number alone. A failing one is kept under fuzz-failures/ and runs again alone with
`make fuzz CASE=FOLDER`.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import Any

from case import DESCRIPTION, FILES, Case, random_of, read_case
from worker import MOST_MEMORY, PLACE, Verdict, serve

COUNTS = {
    "addons": 3000, "stacks": 1500, "texts": 1500, "audio": 500, "documents": 500, "corpora": 500, "recipes": 300,
    "installs": 100,
}  # fmt: skip
LONGEST_S = 20.0
"""Longest time of a case, in seconds of the processor: other work on the machine makes no hang."""
LONGEST_WAIT_S = 240.0
"""Longest time of a case by the clock, in seconds: a process that waits for ever uses no processor."""
FIRST_S = 120.0
"""Time in which a process must have imported everything."""
KEPT = Path("fuzz-failures")


class Worker:
    """A process that runs cases, and the watchdog beside it."""

    def __init__(self) -> None:
        self._process: Any = None
        self._stacks = Path(tempfile.mkstemp(prefix="stacks")[1])

    def judge(self, folder: Path, case: Case) -> Verdict:
        """Return the verdict on a case; a process that hangs, grows or dies is replaced."""
        if self._process is None or not self._process.is_alive():
            self._start()
        self._connection.send((str(folder), case))
        end, wait = _used(self._process.pid) + FIRST_S, time.monotonic() + LONGEST_WAIT_S
        while True:
            if self._connection.poll(0.05):
                try:
                    verdict: Verdict | None = self._connection.recv()
                except EOFError:
                    self._process.join(5)
                    return self._ended(f"killed the process: exit code {self._process.exitcode}")
                if verdict is not None:
                    return verdict
                end, wait = _used(self._process.pid) + LONGEST_S, time.monotonic() + LONGEST_WAIT_S
            if not self._process.is_alive():
                return self._ended(f"killed the process: exit code {self._process.exitcode}")
            if _resident(self._process.pid) > MOST_MEMORY:
                return self._ended(f"memory: more than {MOST_MEMORY / 2**20:.0f} MB")
            if _used(self._process.pid) > end or time.monotonic() > wait:
                return self._ended(f"hang: longer than {LONGEST_S:.0f} s")

    def close(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
        self._stacks.unlink(missing_ok=True)

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=serve, args=(theirs, str(self._stacks)), daemon=True)
        self._process.start()
        theirs.close()

    def _ended(self, fault: str) -> Verdict:
        """Kill the process, and return a verdict that says where it was."""
        if self._process.is_alive():
            os.kill(self._process.pid, signal.SIGUSR1)
            time.sleep(0.3)
        self._process.kill()
        self._process.join()
        self._process = None
        # The thread that waits for signals is always where it is.
        places = [place for place in PLACE.findall(self._stacks.read_text(errors="replace")) if place[2] != "_stop_at_signals"]
        place = "{}:{} ({})".format(*places[0]) if places else ""
        return Verdict([fault], place)


def _resident(pid: int) -> int:
    """Return the resident memory of a process, in bytes; 0 where the system does not tell."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def _used(pid: int) -> float:
    """Return the processor time of a process, in seconds; where the system does not tell, the time by the clock."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError):
        return time.monotonic()


class Fuzzer:
    """Workers in threads, and what they found."""

    def __init__(self, seed: int, num_workers: int) -> None:
        self._seed = seed
        self._workers: SimpleQueue[Worker] = SimpleQueue()
        self.workers = [Worker() for _ in range(num_workers)]
        for worker in self.workers:
            self._workers.put(worker)
        self.found: dict[tuple[str, str, str], list[Path]] = defaultdict(list)

    def surface(self, name: str, numbers: range) -> None:
        """Run the cases of a surface."""
        _make_ready(name)
        start, before = time.monotonic(), sum(map(len, self.found.values()))
        with ThreadPoolExecutor(len(self.workers)) as pool:
            list(pool.map(lambda number: self._case(name, number), numbers))
        failed = sum(map(len, self.found.values())) - before
        print(f"{name}: {len(numbers)} cases, {failed} faults, {time.monotonic() - start:.0f} s", flush=True)

    def _case(self, surface: str, number: int) -> None:
        with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as kept:
            folder = Path(kept)
            (folder / FILES).mkdir()
            made = import_module(f"surfaces.{surface}").make(random_of(self._seed, surface, number), folder / FILES)
            verdict = self._judge(folder, made)
            if verdict.faults:
                self._keep(surface, number, made, verdict)

    def _judge(self, folder: Path, case: Case) -> Verdict:
        worker = self._workers.get()
        try:
            return worker.judge(folder, case)
        finally:
            self._workers.put(worker)

    def _keep(self, surface: str, number: int, case: Case, verdict: Verdict) -> None:
        """Keep the case as it was before it ran."""
        folder = KEPT / f"{surface}-{self._seed}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        (folder / FILES).mkdir(parents=True)
        import_module(f"surfaces.{surface}").make(random_of(self._seed, surface, number), folder / FILES)
        case.write(folder / DESCRIPTION)
        (folder / "verdict.txt").write_text("\n".join([*verdict.faults, verdict.place, "", verdict.error[-5000:]]), "utf-8")
        for fault in verdict.faults:
            self.found[surface, fault, verdict.place].append(folder)

    def again(self, kept: Path) -> Verdict:
        """Run a kept case once more, in a copy of its files."""
        _make_ready(kept.name.split("-")[0])
        with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
            shutil.copytree(kept / FILES, Path(folder, FILES), symlinks=True)
            return self._judge(Path(folder), read_case(kept / DESCRIPTION))

    def close(self) -> None:
        """End the processes."""
        for worker in self.workers:
            worker.close()


def _make_ready(surface: str) -> None:
    """Make what all cases of a surface share."""
    getattr(import_module(f"surfaces.{surface}"), "ready", lambda: None)()


def _print_found(found: dict[tuple[str, str, str], list[Path]]) -> None:
    for (surface, fault, place), folders in sorted(found.items(), key=lambda item: (item[0][0], -len(item[1]))):
        print(f"{surface}: {fault} | {place or 'no place'} | {len(folders)} times; make fuzz CASE={folders[0]}")


def main() -> int:
    """Return 1 if anything was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--surface", choices=[*COUNTS, ""], default="", help="by default all")
    parser.add_argument("--count", default="", help="cases of each surface; by default " + str(COUNTS))
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--seed", default="0", help="'random' chooses one")
    parser.add_argument("--workers", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--case", default="", help="folder of a kept case, to run that alone")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed == "random" else int(options.seed)
    fuzzer = Fuzzer(seed, options.workers)
    try:
        if options.case:
            verdict = fuzzer.again(Path(options.case))
            print(verdict.error, *(verdict.faults or ["no fault"]), verdict.place, sep="\n")
            return int(bool(verdict.faults))
        print(f"seed {seed}", flush=True)
        for surface in [options.surface] if options.surface else COUNTS:
            count = int(options.count or COUNTS[surface])
            fuzzer.surface(surface, range(options.first, options.first + count))
    finally:
        fuzzer.close()
    _print_found(fuzzer.found)
    return int(bool(fuzzer.found))


if __name__ == "__main__":
    sys.exit(main())
