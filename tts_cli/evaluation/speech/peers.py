"""Peers: speech synthesisers of others, each run as a process of its own on the texts that our voices speak.

A peer is a command. It gets a file of texts, one a line, and `--output DIR`; it writes DIR/0001.wav and so on, and DIR/peer.json
with `name`, `sample_rate`, `cpu_s_per_audio_s` and, if it likes, `cpu_s`, the CPU seconds of each text.
"""

from __future__ import annotations

import json
import shlex
import subprocess
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tts_cli.audio.files import read_native
from tts_cli.errors import InputError
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import System, SystemOutput

SPEAKER = "own voice"
"""Speaker of a peer's prompts, who is none of ours: there is no recording and no identity to keep."""


def peer_system(command: str, prompts: Sequence[Prompt]) -> System:
    """Speak the texts of `prompts`, each once, by the peer `command`; its audio is kept in memory.

    Raises:
        InputError: for a command that cannot be run or fails, and for one that leaves out a file.
        AudioError: for a file that is no audio.
    """
    kinds = {prompt.text: prompt.kind for prompt in prompts}
    with TemporaryDirectory() as folder:
        told = _run(command, [" ".join(text.split()) for text in kinds], Path(folder))
        spoken = dict(zip(kinds, _read(command, told, Path(folder), len(kinds)), strict=True))
    name = str(told.get("name", command))
    return System(name, lambda prompt, _: spoken[prompt.text], tuple(Prompt(text, SPEAKER, kinds[text]) for text in kinds))


def _run(command: str, texts: Sequence[str], folder: Path) -> dict[str, Any]:
    """What `peer.json` says, after the command has spoken the `texts` into `folder`."""
    listed = folder / "texts.txt"
    listed.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    try:
        arguments = [*shlex.split(command), str(listed), "--output", str(folder)]
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    except (OSError, ValueError) as error:
        raise InputError(f"the peer '{command}' cannot be run: {error}") from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "it says nothing").splitlines()[-1]
        raise InputError(f"the peer '{command}' failed with exit code {done.returncode}", hint=last)
    try:
        told = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"the peer '{command}' wrote no peer.json that can be read: {error}") from error
    return told if isinstance(told, dict) else {}


def _read(command: str, told: dict[str, Any], folder: Path, count: int) -> list[SystemOutput]:
    """The utterances, with their CPU time, of each text if it was told, else as the peer's mean says."""
    files = [folder / f"{number:04}.wav" for number in range(1, count + 1)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        raise InputError(f"the peer '{command}' left out {missing[0]}: {len(missing)} of {count} texts were not spoken")
    utterances = [SystemOutput(*read_native(file)) for file in files]
    shares = float(told.get("cpu_s_per_audio_s", "nan"))
    seconds = [float(each) for each in told.get("cpu_s", [shares * one.audio_s for one in utterances])]
    return [one._replace(cpu_s=cpu_s) for one, cpu_s in zip(utterances, seconds, strict=True)]
