"""Peers: other speech synthesisers, run as commands on the same texts for comparison.

A peer is a command. It gets a file of texts, one per line, and `--output DIR`. It writes DIR/0001.wav, DIR/0002.wav and so on,
and DIR/peer.json with `name`, `sample_rate`, `cpu_s_per_audio_s` and optionally `cpu_s`, the CPU seconds of each text.

The audio is kept in `engine.cache_folder()`, by the command, the files that it names, and the texts: the next run with the same
ones does not run the command again.
"""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tts_cli.audio.files import read_native
from tts_cli.corpora.journal import fingerprint, key_of
from tts_cli.errors import InputError
from tts_cli.evaluation.engine import cache_folder
from tts_cli.evaluation.prompts import Prompt
from tts_cli.evaluation.systems import System, SystemOutput
from tts_cli.files import unwritable

SPEAKER = "own voice"
"""Speaker name of a peer's prompts. It is no speaker of the corpora, so there are no recordings and no identity."""
_TEXTS = "texts.json"
"""File of the texts in the order of the audio files; it marks the folder as complete."""


def peer_system(command: str, prompts: Sequence[Prompt], name: str = "") -> System:
    """Run a peer on the texts of `prompts`, each text once, unless its audio is kept, and return the system.

    Args:
        command: command line of the peer, split as a shell does.
        prompts: prompts with the texts; their speakers are ignored.
        name: name of the system; empty: that in `peer.json`.

    Raises:
        InputError: if the command cannot be run, fails, or leaves out a file.
        AudioError: if a file it wrote is no audio.
        OutputError: if its audio cannot be kept.
    """
    named = {prompt.text: prompt for prompt in prompts}
    speech = PeerSpeech(_spoken(command, tuple(named)))
    told = str(_description(speech.folder).get("name", command))
    own = tuple(Prompt(text, SPEAKER, one.kind, name=one.id) for text, one in named.items())
    return System(name or told, speech, own, identity=speech.identity)


@dataclass(frozen=True)
class PeerSpeech:
    """Function that plays the kept audio of a peer. It can be pickled."""

    folder: Path

    def __call__(self, prompt: Prompt, _seed: int) -> SystemOutput:
        texts, seconds = _index(self.folder)
        place = texts[prompt.text]
        return SystemOutput(*read_native(_file(self.folder, place)))._replace(cpu_s=seconds[place])

    def identity(self, _: Prompt) -> str:
        """Return the name of the folder: a hash of command and texts."""
        return self.folder.name


def _spoken(command: str, texts: tuple[str, ...]) -> Path:
    """Return the folder with the audio of `texts`; the command runs if there is none."""
    kept = cache_folder() / "peers" / key_of(command, _prints(command), texts)
    if not (kept / _TEXTS).is_file():
        try:
            kept.parent.mkdir(parents=True, exist_ok=True)
            with TemporaryDirectory(dir=kept.parent) as scratch:
                folder = Path(scratch) / kept.name
                folder.mkdir()
                _speak(command, texts, folder)
                shutil.rmtree(kept, ignore_errors=True)
                folder.rename(kept)
        except OSError as error:
            raise unwritable(kept, error) from error
    return kept


def _prints(command: str) -> list[str]:
    """Return the hashes of the files that a command names, such as a script or weights."""
    try:
        words = shlex.split(command)
    except ValueError:
        return []
    return [fingerprint(Path(word)) for word in words if Path(word).is_file()]


def _speak(command: str, texts: Sequence[str], folder: Path) -> None:
    """Run the command into `folder`, check its files, and write the texts with the CPU seconds of each.

    CPU times are those of `cpu_s`, or else estimated from `cpu_s_per_audio_s`.
    """
    description = _run(command, [" ".join(text.split()) for text in texts], folder)
    files = [_file(folder, place) for place in range(len(texts))]
    missing = [file.name for file in files if not file.is_file()]
    if missing:
        message = f"the peer '{command}' left out {missing[0]}: {len(missing)} of {len(texts)} texts were not spoken"
        raise InputError(message, hint="let it write 0001.wav and so on, one file for each line of the texts")
    lengths = [SystemOutput(*read_native(file)).audio_s for file in files]
    share = float(description.get("cpu_s_per_audio_s", "nan"))
    seconds = [float(each) for each in description.get("cpu_s", [share * audio_s for audio_s in lengths])]
    if len(seconds) != len(texts):
        message = f"the peer '{command}' names {len(seconds)} CPU times in peer.json, but there are {len(texts)} texts"
        raise InputError(message, hint="let it write one number for each text into cpu_s, or leave cpu_s out")
    index = dict(zip(texts, seconds, strict=True))
    (folder / _TEXTS).write_text(json.dumps(index, ensure_ascii=False), encoding="utf-8")


def _file(folder: Path, place: int) -> Path:
    return folder / f"{place + 1:04}.wav"


@lru_cache(maxsize=8)
def _index(folder: Path) -> tuple[dict[str, int], list[float]]:
    """Return the place of each text, and the CPU seconds by place."""
    seconds: dict[str, float] = json.loads((folder / _TEXTS).read_text(encoding="utf-8"))
    return {text: place for place, text in enumerate(seconds)}, list(seconds.values())


def _description(folder: Path) -> dict[str, Any]:
    description = json.loads((folder / "peer.json").read_text(encoding="utf-8"))
    return description if isinstance(description, dict) else {}


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
        return _description(folder)
    except (OSError, ValueError) as error:
        hint = "let it write a JSON object to peer.json in the folder that --output names"
        raise InputError(f"the peer '{command}' wrote no peer.json that can be read: {error}", hint) from error
