"""Start-up cost, counted in imports because their number is the same on every machine; and commands in own processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from conftest import TINY

HEAVY = ("numpy", "onnxruntime", "pydantic", "yaml", "rich", "soundfile", "soxr", "num2words", "pocketsphinx", "torch")
RUN = [sys.executable, "-c", "from tts_cli.cli import run; run()"]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    return {**os.environ, "TTS_ADDONS": str(TINY), "PYTHONPATH": str(TINY.parents[1]), "XDG_DATA_HOME": str(tmp_path)}


def python(code: str, environment: dict[str, str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], env=environment, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("start", ["import tts_cli", "from tts_cli.cli.main import main; main(['--help'])"])
def test_starting_imports_nothing_heavy(start: str, environment: dict[str, str], tmp_path: Path) -> None:
    done = python(
        f"{start}\nimport sys; print('heavy:', [name for name in {HEAVY} if name in sys.modules])", environment, tmp_path
    )
    assert done.stdout.endswith("heavy: []\n"), done.stdout + done.stderr


def test_speaking_needs_no_torch(environment: dict[str, str], tmp_path: Path) -> None:
    blocked = "import sys; sys.modules.update(dict.fromkeys(['torch', 'torchaudio', 'librosa', 'numba']))"
    commands = "['synth', 'Hello', '--addon', 'tiny-acoustic'], ['addons', 'check', 'tiny-acoustic'], ['doctor']"
    code = f"{blocked}\nfrom tts_cli.cli.main import main\nprint([main(command) for command in ({commands})])"
    done = python(code, environment, tmp_path)
    assert done.stdout.startswith("hello.wav\n") and done.stdout.endswith("[0, 0, 0]\n"), done.stdout + done.stderr


def test_training_without_its_packages_says_how_to_install_them(environment: dict[str, str], tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['torch'] = None\nfrom tts_cli.cli.main import main\nprint(main(['train', 'acoustic', 'x.yaml']))"
    )
    done = python(code, environment, tmp_path)
    assert done.stdout == "2\n"
    assert "'torch', which is not installed" in done.stderr and "pip install '.[train]' in a checkout" in done.stderr


def test_preparing_without_its_packages_is_refused_before_work_begins(environment: dict[str, str], tmp_path: Path) -> None:
    blocked = "import sys; sys.modules['swift_f0'] = None"
    code = f"{blocked}\nfrom tts_cli.cli.main import main\nprint(main(['prepare', 'no-such-folder', '-o', 'out']))"
    done = python(code, environment, tmp_path)
    assert done.stdout == "2\n" and not (tmp_path / "out").exists()
    assert "packages that are not installed: swift-f0" in done.stderr and "pip install '.[train]' in a checkout" in done.stderr


def test_a_long_text_streams_and_the_reader_may_leave(environment: dict[str, str], tmp_path: Path) -> None:
    sentence = "The boats came in before eight, and nobody spoke of the storm. "
    (tmp_path / "long.txt").write_text(sentence * (100_000 // len(sentence) + 1))
    command = [*RUN, "synth", "-i", "long.txt", "--addon", "tiny-acoustic", "--output-raw"]
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert len(process.stdout.read(100_000)) == 100_000
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_leaves_no_file(sent: signal.Signals, code: int, environment: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "text").write_text("Nobody spoke of the storm. " * 4000)
    command = [*RUN, "synth", "-i", "text", "--addon", "tiny-acoustic", "-o", "x.wav"]
    # A shell that starts the tests in the background has them ignore SIGINT, and children inherit that.
    heed = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(command, env=environment, cwd=tmp_path, stderr=subprocess.PIPE, preexec_fn=heed) as process:
        for _ in range(600):
            if any(path.stat().st_size > 44 for path in tmp_path.glob(".x.wav.*")):
                break
            time.sleep(0.1)
        process.send_signal(sent)
        assert process.wait(timeout=60) == code
        assert process.stderr is not None and b"Traceback" not in process.stderr.read()
    assert [path.name for path in tmp_path.iterdir()] == ["text"]


def test_interrupted_while_importing(environment: dict[str, str], tmp_path: Path) -> None:
    """An interruption during any import ends in one line."""
    code = (
        "import sys\n"
        "class Interrupting:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'typer':\n"
        "            raise KeyboardInterrupt\n"
        "sys.meta_path.insert(0, Interrupting())\n"
        "from tts_cli.cli import run; run()"
    )
    done = python(code, environment, tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "interrupted\n")
