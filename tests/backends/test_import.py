"""Importing a backend: absence, damage and interruption are told apart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest

from tts_cli import backends
from tts_cli.addon.config import read_addon_config
from tts_cli.backends import is_installed, open_network
from tts_cli.errors import ConfigError
from tts_cli.ports import NetworkSettings

TINY = Path(__file__).parents[1] / "addons" / "tiny-vocoder"
ROOT = Path(__file__).parents[2]
NAMES = tuple(backends.BACKENDS)


def raising(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(backends, "import_module", fail)


def chained(*errors: BaseException, by_cause: bool = True) -> BaseException:
    """Return the first error; each is caused by the one after it."""
    for error, cause in pairwise(errors):
        if by_cause:
            error.__cause__ = cause
        else:
            error.__context__ = cause
    return errors[0]


def opened(backend: str) -> object:
    spec = read_addon_config(TINY).networks["vocoder"]
    return open_network(TINY / "networks/vocoder.onnx", spec, NetworkSettings(backend=backend))


@pytest.mark.parametrize("by_cause", [True, False])
@pytest.mark.parametrize("interruption", [KeyboardInterrupt(), SystemExit(143)])
@pytest.mark.parametrize("backend", NAMES)
def test_an_interruption_in_the_chain_of_errors_is_raised(
    backend: str, interruption: BaseException, by_cause: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for use in (opened, is_installed):
        errors = (ImportError("initialization failed"), RuntimeError("numpy"), type(interruption)(*interruption.args))
        raising(monkeypatch, chained(*errors, by_cause=by_cause))
        with pytest.raises(type(interruption)) as caught:
            use(backend)
        assert caught.value.args == interruption.args


@pytest.mark.parametrize("backend", NAMES)
def test_absence_and_damage_are_told_apart(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    raising(monkeypatch, ModuleNotFoundError(f"No module named '{backend}'", name=backend))
    with pytest.raises(ConfigError, match=f"the backend '{backend}' is not installed"):
        opened(backend)
    assert not is_installed(backend)
    for damage in (ImportError("libgomp.so.1: cannot open"), ModuleNotFoundError("No module named 'numpy'", name="numpy")):
        raising(monkeypatch, damage)
        with pytest.raises(ConfigError, match=rf"the backend '{backend}' cannot be imported: {damage}") as caught:
            opened(backend)
        assert caught.value.hint == f"pip install --force-reinstall {backend}"
        assert not is_installed(backend)


FAKE = """
import os, signal
try:
    os.kill(os.getpid(), signal.{signal})
    import math
    for _ in range(10**6):
        math.sqrt(2)
except BaseException as error:
    raise ImportError("initialization failed") from error
"""


@pytest.mark.parametrize(("signal", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_while_a_backend_is_imported_ends_the_command(signal: str, code: int, tmp_path: Path) -> None:
    shutil.copytree(TINY, tmp_path / "tiny-vocoder")
    (tmp_path / "onnxruntime.py").write_text(FAKE.format(signal=signal))
    program = f"import sys; sys.path[:0] = [{str(tmp_path)!r}, {str(ROOT)!r}]; sys.argv = ['tts', 'addons', 'check', "
    program += f"{str(tmp_path / 'tiny-vocoder')!r}]; from tts_cli.cli import run; run()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert "installed" not in done.stderr
