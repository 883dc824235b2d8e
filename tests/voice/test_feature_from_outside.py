"""A feature that another package brings: a port of the request, a block that reads it, an option; nothing here names it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
TINY = ROOT / "tests" / "addons"

FEATURE = """
from tts_cli.blocks.features import Feature, control

FEATURE = Feature(
    "quietness",
    ports=(control("quietness", 0.0, 0.0, 1.0),),
    blocks={"Hush": "toy_feature.block:Hush"},
)
"""
BLOCK = '''
from tts_cli.blocks.features import optional
from tts_cli.blocks.streamable import Stream, StreamableBlock
from tts_cli.ports import PortSpec

AUDIO = PortSpec(name="audio", rate="sample")


class Hush(StreamableBlock):
    """Makes audio softer."""

    stream_inputs, outputs = (AUDIO,), (AUDIO,)
    inputs = (optional("quietness"),)

    def _open(self, scope, upstream):
        return HushStream(scope, upstream)


class HushStream(Stream):
    def _produce(self, n):
        chunk = self._read_upstream(n)
        quietness = self.values["quietness"].item() if "quietness" in self.values else 0.0
        return chunk and {"audio": (chunk["audio"] * (1 - quietness)).astype("float32")}
'''
OPTIONS = """
from dataclasses import dataclass
from typing import Annotated

import typer

from tts_cli.output.speech_options import SpeechOptions


@dataclass(frozen=True)
class QuietOptions(SpeechOptions):
    quietness: Annotated[float, typer.Option(metavar="X", help="1 is silence.")] = 0.0

    def controls(self):
        return {"quietness": self.quietness}

    def json_fields(self, sentence, voice):
        return {"quietness": self.quietness}
"""
ENTRY_POINTS = """
[tts_cli.features]
quietness = toy_feature:FEATURE

[tts_cli.options]
synth = toy_feature.options:QuietOptions
"""


@pytest.fixture(name="site", scope="module")
def _site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of installed packages with the feature in it."""
    site = tmp_path_factory.mktemp("site")
    package, info = site / "toy_feature", site / "toy_feature-0.1.dist-info"
    package.mkdir(), info.mkdir()
    (package / "__init__.py").write_text(FEATURE)
    (package / "block.py").write_text(BLOCK)
    (package / "options.py").write_text(OPTIONS)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: toy-feature\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    stack = [
        {
            "type": "StreamablePipeline",
            "sequence_block": {"type": "Encoders"},
            "streamable_block": {"type": "StreamableStack", "stack": [{"type": "Upsampler"}, {"type": "Decoder"}]},
        },
        {"type": "Addon", "name": "tiny-vocoder"},
        {"type": "Hush"},
    ]
    (site / "stack.json").write_text(json.dumps({"stack": stack}))
    return site


def tts(site: Path | None, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command where the package in `site` is installed, or where it is not."""
    paths = [str(ROOT), *([str(site)] if site else [])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "TTS_ADDONS": str(TINY)}
    code = "from tts_cli.cli import run; run()"
    return subprocess.run([sys.executable, "-P", "-c", code, *arguments], env=environment, capture_output=True, text=True)


def peak(file: Path) -> float:
    with wave.open(str(file)) as audio:
        return float(np.abs(np.frombuffer(audio.readframes(audio.getnframes()), "<i2")).max())


def test_its_option_reaches_its_block(site: Path, tmp_path: Path) -> None:
    speak = ("synth", "Hello there.", "--addon", "tiny-acoustic", "--stack", str(site / "stack.json"))
    for name, quietness in (("loud", "0"), ("soft", "0.75")):
        done = tts(site, *speak, "--quietness", quietness, "--json", "-o", str(tmp_path / f"{name}.wav"))
        assert done.returncode == 0, done.stderr
        assert json.loads(done.stdout)["sentences"][0]["quietness"] == float(quietness)
    assert peak(tmp_path / "soft.wav") == pytest.approx(0.25 * peak(tmp_path / "loud.wav"), abs=1)


def test_a_voice_without_its_block_refuses_its_control(site: Path, tmp_path: Path) -> None:
    speak = ("synth", "Hello.", "--addon", "tiny-acoustic", "-o", str(tmp_path / "a.wav"), "--quietness")
    done = tts(site, *speak, "0.5")
    assert (done.returncode, "has no control 'quietness'" in done.stderr) == (2, True)
    done = tts(site, *speak, "7")
    assert (done.returncode, "quietness is 7.0, outside 0.0 to 1.0" in done.stderr) == (2, True)


def test_without_the_package_there_is_none_of_it(site: Path) -> None:
    assert "--quietness" in tts(site, "synth", "--help").stdout
    assert "--quietness" not in tts(None, "synth", "--help").stdout
    refused = tts(None, "stack", "check", str(site / "stack.json"))
    assert refused.returncode == 2 and "unknown block type 'Hush'" in refused.stderr
