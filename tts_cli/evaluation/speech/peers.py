"""Peers: other speech synthesisers, run as commands on the same texts for comparison.

A peer is a command. It gets a file of texts, one per line, and `--output DIR`. It writes DIR/0001.wav, DIR/0002.wav and so on,
and DIR/peer.json with `name`, `sample_rate`, `cpu_s_per_audio_s` and optionally `cpu_s`, the CPU seconds of each text.
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
"""Speaker name of a peer's prompts. It is no speaker of the corpora, so there are no recordings and no identity."""


def peer_system(command: str, prompts: Sequence[Prompt]) -> System:
    """Run a peer on the texts of `prompts`, each text once, and return the system with its audio in memory.

    Args:
        command: command line of the peer, split as a shell does.
        prompts: prompts with the texts; their speakers are ignored.

    Raises:
        InputError: if the command cannot be run, fails, or leaves out a file.
        AudioError: if a file it wrote is no audio.
    """
    kinds = {prompt.text: prompt.kind for prompt in prompts}
    with TemporaryDirectory() as folder:
        description = _run(command, [" ".join(text.split()) for text in kinds], Path(folder))
        spoken = dict(zip(kinds, _read(command, description, Path(folder), len(kinds)), strict=True))
    name = str(description.get("name", command))
    return System(name, lambda prompt, _: spoken[prompt.text], tuple(Prompt(text, SPEAKER, kinds[text]) for text in kinds))


def _run(command: str, texts: Sequence[str], folder: Path) -> dict[str, Any]:
    """Run the command on `texts` with the output folder `folder`, and return the contents of its `peer.json`."""
    listed = folder / "texts.txt"
    listed.write_text("".join(f"{text}\n" for text in texts), encoding="utf-8")
    try:
        arguments = [*shlex.split(command), str(listed), "--output", str(folder)]
        # The command that the user named.
        done = subprocess.run(arguments, capture_output=True, text=True, check=False)  # noqa: S603
    except (OSError, ValueError) as error:
        hint = "give a command that the shell finds, or the path of a program"
        raise InputError(f"the peer '{command}' cannot be run: {error}", hint) from error
    if done.returncode:
        last = (done.stderr.strip() or done.stdout.strip() or "the command wrote no message").splitlines()[-1]
        raise InputError(f"the peer '{command}' failed with exit code {done.returncode}", hint=last)
    try:
        description = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        hint = "let it write a JSON object to peer.json in the folder that --output names"
        raise InputError(f"the peer '{command}' wrote no peer.json that can be read: {error}", hint) from error
    return description if isinstance(description, dict) else {}


def _read(command: str, description: dict[str, Any], folder: Path, count: int) -> list[SystemOutput]:
    """Read the utterances. CPU times are those of `cpu_s`, or else estimated from `cpu_s_per_audio_s`."""
    files = [folder / f"{number:04}.wav" for number in range(1, count + 1)]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        message = f"the peer '{command}' left out {missing[0]}: {len(missing)} of {count} texts were not spoken"
        raise InputError(message, hint="let it write 0001.wav and so on, one file for each line of the texts")
    utterances = [SystemOutput(*read_native(file)) for file in files]
    shares = float(description.get("cpu_s_per_audio_s", "nan"))
    seconds = [float(each) for each in description.get("cpu_s", [shares * one.audio_s for one in utterances])]
    return [one._replace(cpu_s=cpu_s) for one, cpu_s in zip(utterances, seconds, strict=True)]
