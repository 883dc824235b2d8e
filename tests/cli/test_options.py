"""Every option of every command arrives in its own field, and in no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
import typer
import yaml
from conftest import TINY, Outcome, Run
from evaluation_rows import EVALUATIONS
from listening_rows import LISTENING
from option_rows import (
    ADDONS,
    BENCH,
    CLIP,
    EMBEDDING,
    EXPORT,
    GROUPS,
    MAIN,
    PACK,
    PARSE,
    PREDICT,
    PREPARE,
    READ,
    ROOT,
    SAID,
    STACKS,
    STATUS,
    SYNTH,
    TRAINING,
    TRANSFER,
    UNPACK,
    Command,
    Row,
    prints_json,
)
from recording import Record, Recorder

from tts_cli.addon import library
from tts_cli.cli.main import app

COMMANDS: dict[str, Command] = {
    **MAIN,
    "synth": SYNTH,
    "read": READ,
    "transfer-prosody": TRANSFER,
    "parse": PARSE,
    "doctor": Command((), rows={"as_json": Row(("--json",), leaves=prints_json)}),
    "bench": BENCH,
    "prepare": PREPARE,
    "predict-mels": PREDICT,
    "status": STATUS,
    "pack": PACK,
    "unpack": UNPACK,
    "export-addon": EXPORT,
    **ADDONS,
    **STACKS,
    **TRAINING,
    **EVALUATIONS,
    **LISTENING,
}
DEFAULTS = {"synth": "tiny-prosody", "read": "tiny-prosody"}
INTERNAL = ("load.edit_stack", "load#2.edit_stack")
"""Prefixes of recorded values that carry a block's options; the block itself is recorded instead."""


def parameters() -> Iterator[tuple[str, str]]:
    """Yield every command with each of its options and arguments."""

    def of(name: str, command: Any) -> Iterator[tuple[str, str]]:
        for parameter in command.params:
            yield name, parameter.name
        for inner, sub in getattr(command, "commands", {}).items():
            yield from of(f"{name} {inner}".strip(), sub)

    return of("", typer.main.get_command(app))


PARAMETERS = list(parameters())


@pytest.fixture(autouse=True)
def _files(tts: Run, tmp_path: Path) -> None:  # noqa: ARG001
    """Make all files and folders that the rows name."""
    for folder in ("run", "other", "corpus", "corpora", "others", "recordings", "trees", "folder", "done"):
        (tmp_path / folder).mkdir()
    texts = {
        "said.txt": "Said in a file.",
        "document.txt": "First paragraph.\n\nSecond paragraph.\n",
        "parts.md": "# One[^1]\n\n# Two\n\n[^1]: Noted.\n",
        "header.txt": "Header.\n\n*** START OF THE PROJECT GUTENBERG EBOOK A ***\n\nFirst paragraph.\n",
        "pictures.html": '<p><img src="a.png" alt="A red mill"/></p><p>First paragraph.</p>',
        "words.txt": "bow  B AW1\n",
        "sentences.txt": "one|Hello.\none|Good day.\n",
        "others.txt": "one|Others.\none|More.\n",
        "systems.yaml": "mine: {addon: tiny-prosody}\n",
        "e.json": json.dumps(EMBEDDING),
        "done/0001.wav": "kept",
        "m.jsonl": json.dumps({"source": str(CLIP), "text": SAID, "speaker": "high", "strength": 0.3}) + "\n",
        "stack.json": json.dumps({"stack": json.loads((TINY / "tiny-acoustic/addon.json").read_text())["stack"]}),
    }
    for name, text in texts.items():
        Path(name).write_text(text)
    Path("p.json").write_text(json.dumps(kept_prosody()))
    soundfile.write("complete.wav", [0.0] * 100, 16000)
    for group in GROUPS:
        recipe = yaml.safe_load((ROOT / f"recipes/tiny-{group}.yaml").read_text())
        Path(f"{group}.yaml").write_text(yaml.safe_dump({**recipe, "name": "mine"}))


def kept_prosody() -> dict[str, Any]:
    """Return the contents of a --save-prosody file of one sentence."""
    sentence = {"text": "Kept", "tokens": ["^", "HH", "AY1", "."], "durations": [9, 8, 7, 6]}
    return {"frames_per_second": 80.0, "sentences": [sentence]}


def ran(run: Run, name: str, arguments: tuple[object, ...]) -> tuple[Outcome, Record]:
    """Run a command and return its outcome and the recorded calls."""
    command = COMMANDS[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(library, "DEFAULT_ADDON", DEFAULTS.get(name, "tiny-acoustic"))
        patch.setattr(library, "TRANSFER_ADDON", "tiny-copycat")
        patch.delenv("TTS_CORPORA", raising=False)
        recorder = Recorder(patch)
        for place in command.follows:
            recorder.follow(place)
        recorder.follow_block("selection:ProsodySelector")
        for place, result in command.replaces.items():
            recorder.replace(place, result)
        outcome = run(*name.split(), *arguments)
        return outcome, {key: value for key, value in recorder.record.items() if not key.startswith(INTERNAL)}


PLAIN: dict[tuple[str, tuple[object, ...]], Record] = {}
"""Recorded calls of each command line without the option."""


def plain(run: Run, name: str, row: Row) -> Record:
    if row.instead is not None:
        return {}
    key = (name, COMMANDS[name].given)
    if key not in PLAIN:
        outcome, PLAIN[key] = ran(run, *key)
        assert outcome.code == 0, outcome.err
    return PLAIN[key]


def test_every_option_has_a_row_and_every_row_an_option() -> None:
    written = {(name, parameter) for name, command in COMMANDS.items() for parameter in command.rows}
    assert written == set(PARAMETERS)


@pytest.mark.parametrize(("name", "parameter"), PARAMETERS)
def test_an_option_lands_in_the_field_it_names(tts: Run, name: str, parameter: str) -> None:
    row = COMMANDS[name].rows[parameter]
    before = plain(tts, name, row)
    outcome, after = ran(tts, name, (*(COMMANDS[name].given if row.instead is None else row.instead), *row.given))
    assert outcome.code == row.code, outcome.err
    for place, value in row.lands.items():
        assert after.get(place, "nothing") == value, place
        assert before.get(place, "nothing") != value, f"{place} is {value!r} anyway"
    if row.instead is None:
        expected = {**before, **row.lands}
        changed = {key for key in expected.keys() | after.keys() if expected.get(key, "nothing") != after.get(key, "nothing")}
        assert not {key for key in changed if not key.startswith(row.also or ("\0",))}
    if row.leaves is not None:
        assert row.leaves(outcome, after)
    assert row.lands or row.leaves or row.code
