"""Fixtures of the training tests: the toy model is a module named `toy`, here and in the processes that tests start."""

import multiprocessing
import os
import sys
from collections.abc import Iterator
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest

import tts_cli

FOLDER = Path(__file__).parent
sys.path.insert(0, str(FOLDER))
sys.path.append(str(FOLDER.parent / "corpora"))


@pytest.fixture(scope="session")
def search_path() -> str:
    """Return PYTHONPATH for processes that train the toy."""
    return os.pathsep.join([str(FOLDER), str(Path(tts_cli.__file__).parents[1])])


@pytest.fixture(scope="session")
def processes(search_path: str) -> Iterator[ForkServerContext]:
    """Yield a multiprocessing context: its processes have imported torch and the toy."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["toy"])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", search_path)
        yield context
