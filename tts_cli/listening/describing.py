"""Words about a built test: notes for its report, licences, and the README in its folder."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from tts_cli.addon.config import read_addon_config
from tts_cli.addon.library import find_addon
from tts_cli.errors import AddonError
from tts_cli.listening.config import ListeningConfig
from tts_cli.listening.design import ListeningTest
from tts_cli.listening.items import ListeningItem

LICENCE_FOLDER = "licences"
_LICENCE_FILES = ("LICENSE*", "LICENCE*", "COPYING*")


def notes_of(config: ListeningConfig, num_pages: int, num_long: int, longest_s: float) -> Iterator[str]:
    """Yield sentences on the design of a test for its report.

    Args:
        config: Configuration of the test.
        num_pages: Number of pages.
        num_long: Number of pages with stimuli longer than `longest_s`.
        longest_s: Longest stimulus that BS.1534-3 recommends, in seconds.
    """
    if config.kind == "mushra" and config.reference is None:
        yield (
            "MUSHRA-like, not BS.1534-3: the test has no hidden reference and no anchor, and its listeners are not screened by "
            "them."
        )
    if any(system.transfer for system in config.systems.values()):
        meaning = {"prosody": "the source stands as prosody reference", "identity": "another recording of the target as identity"}
        shown = "; ".join(meaning[name] for name in config.shown) or "no sound is shown beside the rated ones"
        yield f"There is no recording of the target voice with the prosody of the source: {shown}."
    if num_long:
        yield f"{num_long} of {num_pages} pages have stimuli longer than {longest_s:g} s, the longest that BS.1534-3 recommends."
    yield "The page draws the order of pages and of stimuli anew for each listener, from the seed and the listener's token."
    yield f"Planned for {config.listeners} listeners."


def copy_licences(items: Iterable[ListeningItem], config: ListeningConfig, corpora: Path | None, folder: Path) -> list[str]:
    """Copy the licence files of the corpora that a test plays to `folder`/licences, and return a sentence on each origin.

    Args:
        items: Items of the test.
        config: Configuration of the test.
        corpora: Folder of corpora; None: those of `items` are looked for above their recordings.
        folder: Folder of the test.
    """
    clips = [clip for item in items for clip in (item.prompt.recording, item.source, item.identity, item.target) if clip]
    sentences = []
    for corpus, audio in {clip.corpus: clip.audio for clip in clips}.items():
        home = corpora / corpus if corpora else next((one for one in audio.parents if one.name == corpus), audio.parent)
        files = sorted(file for pattern in _LICENCE_FILES for file in home.glob(pattern) if file.is_file())
        for file in files:
            (folder / LICENCE_FOLDER).mkdir(exist_ok=True)
            shutil.copyfile(file, folder / LICENCE_FOLDER / f"{corpus}-{file.name}")
        where = f"{LICENCE_FOLDER}/{corpus}-{files[0].name}" if files else "no licence file lies beside it; ask its owner"
        sentences.append(f"Recordings of the corpus {corpus}: {where}.")
    return sentences + [f"Speech of the voice {name}: {licence}." for name, licence in _of_voices(config)]


def _of_voices(config: ListeningConfig) -> Iterator[tuple[str, str]]:
    said = [config.attention_voice] if config.attention.count else []
    spoken = [name for system in config.systems.values() for name in (system.addon or system.transfer,) if name]
    for name in dict.fromkeys((*spoken, *said)):
        try:
            addon = read_addon_config(find_addon(name))
        except AddonError:
            continue
        yield addon.name, addon.licence or "no licence named"


def readme(test: ListeningTest, config: ListeningConfig, licences: Iterable[str], command: str) -> str:
    """Return the README of a test's folder: contents, commands and licences."""
    roles = {role: sum(page.role == role for page in test.pages) for role in ("training", "test", "attention")}
    parts = [
        f"{test.title}\n{'=' * min(len(test.title), 80)}",
        f"A listening test of kind {test.kind}: {roles['test']} test pages, {roles['training']} for training, "
        f"{roles['attention']} to check attention; planned for {config.listeners} listeners. Made by:\n\n    {command}",
        "Serve it on this machine, with one link a listener, and read the answers:\n\n"
        "    tts listening-test serve .\n    tts listening-test analyze .",
        "Without the server: copy the folder to any web server, but not test.json, README.txt and webmushra/. The page then\n"
        "offers each listener's answers as a file. test.json names the system behind every stimulus: keep it from listeners.",
        "webmushra/ holds the same test for webMUSHRA: copy its folder configs over that of webMUSHRA, and open\n"
        "webMUSHRA with ?config=NAME.yaml.",
        "Notes:\n\n" + "\n".join(f"- {note}" for note in test.notes),
        "Licences:\n\n" + "\n".join(f"- {sentence}" for sentence in licences),
    ]
    return "\n\n".join(parts) + "\n"
