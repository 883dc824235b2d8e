"""Building of a listening test: the folder with sounds, pages and words, written whole or not at all."""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tts_cli.addon.library import replacing
from tts_cli.audio.files import WavFile
from tts_cli.audio.mel import Floats
from tts_cli.errors import ConfigError, OutputError
from tts_cli.files import atomic_write, unwritable
from tts_cli.listening.config import ListeningConfig, read_listening_config
from tts_cli.listening.describing import copy_licences, notes_of, readme
from tts_cli.listening.design import (
    PAGE_FILE,
    STIMULI_FOLDER,
    TEST_FILE,
    Condition,
    ListeningTest,
    Page,
    Screening,
    blind,
)
from tts_cli.listening.items import ChosenItems, choose_items
from tts_cli.listening.pages import draft_pages, finished
from tts_cli.listening.sounding import TestSounds, make_sounds
from tts_cli.listening.speaking import default_speaker
from tts_cli.listening.stimuli import LONGEST_S
from tts_cli.listening.webmushra import write_webmushra

PAGE_FOLDER = Path(__file__).parent / "page"
"""Files of the listeners' page; every test gets a copy."""
README_FILE = "README.txt"
_ANSWERS = "results*"
"""Files in a test's folder that hold answers."""


@dataclass(frozen=True)
class BuiltTest:
    """Listening test that was written, and one line about it."""

    test: ListeningTest
    summary: str


def build_test(
    config: Path, output: Path, corpora: Path | None, overrides: Sequence[str] = (), replace: bool = False
) -> BuiltTest:
    """Build the listening test of a configuration, whole or not at all.

    Args:
        config: YAML file of the configuration.
        output: Folder to write.
        corpora: Folder with `splits.csv` and a folder for each corpus; None: that of the configuration.
        overrides: Changes of single values of the configuration, `KEY=VALUE` each.
        replace: Replace a test in `output` that nobody has answered.

    Raises:
        TtsError: The configuration is wrong, a recording is missing, or a system cannot speak an item.
        OutputError: `output` exists, or cannot be written.
    """
    read = read_listening_config(config, overrides)
    refuse_existing(output, replace)
    with TemporaryDirectory() as scratch:
        speaker = "" if read.items.is_recorded or read.items.speakers else default_speaker(read.systems, str(config))
        items = choose_items(read, corpora, Path(scratch), str(config), speaker)
        made = make_sounds(read, items, str(config))
    pages = _Pages(read, items, made)
    test = _test_of(read, items, made, pages)
    command = shlex.join(["tts", "listening-test", "build", config.name, *(word for one in overrides for word in ("--set", one))])
    with _writing(output, replace) as folder:
        licences = copy_licences((*items.test, *items.training), read, corpora or read.corpora, folder)
        _write(folder, test, pages)
        (folder / README_FILE).write_text(readme(test, read, licences, command), encoding="utf-8")
    return BuiltTest(test, _summary(test, len(pages.sounds), made))


def refuse_existing(folder: Path, replace: bool) -> None:
    """Raise OutputError if `folder` holds answers, or something other than a test, or a test that may not be replaced."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if folder.is_dir() and any(folder.glob(_ANSWERS)):
        hint = "name another folder, or move this one away: no option replaces answers"
        raise OutputError(f"{folder}: holds answers of listeners", hint)
    if not (folder / TEST_FILE).is_file():
        raise OutputError(f"{folder}: exists and is no listening test", hint="name a folder that does not exist yet")
    if not replace:
        raise OutputError(f"{folder}: holds a listening test already", hint="name another folder, or replace it with --replace")


@contextmanager
def _writing(output: Path, replace: bool) -> Iterator[Path]:
    """Context with a new folder that takes the place of `output` at the end."""
    try:
        with replacing(output) as folder:
            yield folder
            # Somebody may have answered the former test meanwhile.
            refuse_existing(output, replace)
    except OSError as error:
        raise unwritable(output, error) from error


class _Pages:
    """Pages of a test and the sounds by the names that the pages give them."""

    def __init__(self, config: ListeningConfig, items: ChosenItems, made: TestSounds) -> None:
        self.sample_rate = made.sample_rate
        self.pages: list[Page] = []
        self.sounds: dict[str, Floats] = {}
        anchors = [anchor.name for anchor in made.anchors]
        for draft in draft_pages(config, anchors, items.test, items.training):
            page, keys = finished(config, draft)
            if doubled := self.sounds.keys() & keys.keys():
                raise ConfigError(f"the stimuli of {draft.id} have a name twice: {doubled.pop()}", hint="choose another seed")
            self.pages.append(page)
            self.sounds |= {name: made.sounds[key] for name, key in keys.items()}

    @property
    def num_long(self) -> int:
        """Number of pages with a stimulus longer than BS.1534-3 recommends."""
        longest = LONGEST_S * self.sample_rate
        return sum(any(len(self.sounds[one.id]) > longest for one in page.stimuli) for page in self.pages)


def _test_of(config: ListeningConfig, items: ChosenItems, made: TestSounds, pages: _Pages) -> ListeningTest:
    conditions = tuple(_conditions(config, made))
    return ListeningTest(
        kind=config.kind,
        title=config.title,
        question=config.words,
        instructions=config.instructions,
        consent=config.consent,
        language=config.language,
        seed=config.seed,
        sample_rate=made.sample_rate,
        conditions=conditions,
        pages=tuple(pages.pages),
        screening=_screening(config, conditions),
        notes=(*made.notes, *items.notes, *notes_of(config, len(pages.pages), pages.num_long, LONGEST_S)),
    )


def _conditions(config: ListeningConfig, made: TestSounds) -> Iterator[Condition]:
    """Yield the conditions: systems, then anchors. The recordings are the reference, in a test without a hidden one too."""
    recorded = next((name for name, system in config.systems.items() if system.is_recorded), None)
    reference = config.reference or recorded
    for name, system in config.systems.items():
        yield Condition(name=name, role="reference" if name == reference else "system", description=system.describe())
    for anchor in made.anchors:
        origin = f"low-pass of {config.reference} at {anchor.cutoff_hz / 1000:g} kHz, linear phase"
        yield Condition(name=anchor.name, role=anchor.role, description=origin)


def _screening(config: ListeningConfig, conditions: Iterable[Condition]) -> Screening:
    """Return the rules of the post-screening: those for which the test has stimuli, unless they are switched off."""
    wanted = config.screening
    has_anchor = any(one.role == "mid-anchor" for one in conditions)
    return Screening(
        hidden_reference=config.reference is not None and wanted.hidden_reference is not False,
        mid_anchor=has_anchor and wanted.mid_anchor is not False,
        attention=config.attention.count > 0 and wanted.attention is not False,
    )


def _write(folder: Path, test: ListeningTest, pages: _Pages) -> None:
    stimuli = folder / STIMULI_FOLDER
    stimuli.mkdir()
    # In the order of their opaque names: the times of the files tell nothing.
    for name, sound in sorted(pages.sounds.items()):
        with WavFile(stimuli / f"{name}.wav", pages.sample_rate) as file:
            file.write(sound)
    _write_json(folder / TEST_FILE, test.model_dump(mode="json"))
    _write_json(folder / PAGE_FILE, blind(test))
    write_webmushra(test, folder, pages.sounds)
    if PAGE_FOLDER.is_dir():
        ignored = shutil.ignore_patterns("__pycache__", "*.py", "*.pyc", ".*")
        shutil.copytree(PAGE_FOLDER, folder, dirs_exist_ok=True, ignore=ignored)


def _write_json(path: Path, value: Mapping[str, Any]) -> None:
    with atomic_write(path) as file:
        json.dump(value, file, ensure_ascii=False, indent=1)


def _summary(test: ListeningTest, num_sounds: int, made: TestSounds) -> str:
    pages = sum(page.role == "test" for page in test.pages)
    sounds = f"{num_sounds} sounds of {made.sample_rate} Hz at {made.loudness_lufs:.1f} LUFS"
    return f"{test.kind} test with {pages} test pages of {len(test.pages)}, {len(test.conditions)} conditions, {sounds}"
