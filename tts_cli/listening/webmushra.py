"""The same test for webMUSHRA (github.com/audiolabs/webMUSHRA): a configuration in YAML, and the stimuli in its layout.

Ids of pages and stimuli are those of `test.json`. A webMUSHRA page of type `mushra` needs a reference and hides a copy of it
among the conditions, so tests without a hidden reference become pages of type `likert_multi_stimulus`.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import yaml

from tts_cli.audio.files import WavFile
from tts_cli.audio.mel import Floats
from tts_cli.files import atomic_write
from tts_cli.listening.design import STIMULI_FOLDER, Kind, ListeningTest, Page
from tts_cli.listening.pages import REFERENCE, X
from tts_cli.listening.stimuli import LONGEST_S, of_equal_length

WEBMUSHRA_FOLDER = "webmushra"
_CONFIGS, _RESOURCES = "configs", "resources"
_BUFFER = 2048
_STEP = 10
"""Step of the scale from 0 to 100 on pages without a hidden reference."""
_QUALITIES = ("bad", "poor", "fair", "good", "excellent")


class _Name(str):
    """Id of a stimulus. It is always quoted: readers of YAML may take 1234567e12345678 for a number."""


class _Dumper(yaml.SafeDumper):
    """Writer of YAML that knows `_Name`."""


_Dumper.add_representer(_Name, lambda dumper, name: dumper.represent_scalar("tag:yaml.org,2002:str", str(name), style="'"))


def test_id(test: ListeningTest) -> str:
    """Return the name of the test in webMUSHRA, which is also that of the folder of its results."""
    return re.sub(r"[^a-z0-9]+", "-", test.title.lower()).strip("-")[:40].strip("-") or "listening-test"


def write_webmushra(test: ListeningTest, folder: Path, sounds: Mapping[str, Floats]) -> None:
    """Write configuration and stimuli to `folder`/webmushra, to be copied over a webMUSHRA.

    The stimuli of a page with a reference are made equally long, with silence at their ends, since webMUSHRA refuses others.

    Args:
        test: The test.
        folder: Folder of the test, with its stimuli.
        sounds: Stimuli (samples,) by id.
    """
    name = test_id(test)
    configs = folder / WEBMUSHRA_FOLDER / _CONFIGS
    resources = configs / _RESOURCES / name
    resources.mkdir(parents=True)
    lenient = _write_stimuli(test, folder / STIMULI_FOLDER, resources, sounds)
    with atomic_write(configs / f"{name}.yaml") as file:
        file.write(as_yaml(webmushra_config(test, lenient)))


def as_yaml(config: Mapping[str, Any]) -> str:
    """Return a configuration as YAML that the reader of webMUSHRA takes, which knows a part of YAML only.

    It reads no text over several lines, and no list that begins on the line of the list around it.
    """
    text = yaml.dump(config, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=math.inf)
    return str(text).replace("\n- - random\n", "\n-\n  - random\n")


def _write_stimuli(test: ListeningTest, stimuli: Path, resources: Path, sounds: Mapping[str, Floats]) -> set[str]:
    """Write the stimuli to `resources`; return the ids of pages with longer ones than webMUSHRA accepts without being told."""
    lenient = set[str]()
    for page in test.pages:
        equal = _equal_in_length(test, page)
        padded = dict(zip(equal, of_equal_length(sounds[one] for one in equal), strict=True))
        for name in [*(one.id for one in page.stimuli), *(one.id for one in page.references)]:
            wav = f"{name}.wav"
            _place(stimuli / wav, resources / wav, sounds[name], padded.get(name), test.sample_rate)
        if padded and len(padded[equal[0]]) > LONGEST_S * test.sample_rate:
            lenient.add(page.id)
    return lenient


def _equal_in_length(test: ListeningTest, page: Page) -> list[str]:
    """Return the names of the sounds of a page that webMUSHRA plays beside a reference; none without one."""
    references = [sound.id for sound in page.references if sound.label in (REFERENCE, X)]
    return [*references, *(one.id for one in page.stimuli)] if references and test.kind in ("mushra", "abx") else []


def _place(source: Path, target: Path, sound: Floats, padded: Floats | None, sample_rate: int) -> None:
    """Write `padded` to `target` if it differs from `sound`, which lies in `source`; else give the file a second name.

    A file system without hard links gets a copy.
    """
    if padded is not None and len(padded) != len(sound):
        with WavFile(target, sample_rate) as file:
            file.write(padded)
        return
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def webmushra_config(test: ListeningTest, lenient: Iterable[str] = ()) -> dict[str, Any]:
    """Return the configuration of webMUSHRA.

    Args:
        test: The test.
        lenient: Ids of pages with stimuli longer than webMUSHRA accepts.
    """
    name, lenient = test_id(test), set(lenient)
    first: list[Any] = []
    if test.instructions:
        first.append({"type": "generic", "id": "instructions", "name": test.title, "content": _paragraphs(test.instructions)})
    if test.consent:
        consent = {"name": "Consent", "mustConsent": True, "content": _paragraphs(test.consent)}
        first.append({"type": "consent", "id": "consent", **consent})
    page_of = _PAGES[test.kind] if _has_reference(test) or test.kind != "mushra" else _scale_page
    pages = {page.id: page_of(test, page, f"{_CONFIGS}/{_RESOURCES}/{name}") for page in test.pages}
    for page in lenient & pages.keys():
        pages[page]["strict"] = False
    training = [pages[page.id] for page in test.pages if page.role == "training"]
    others = [pages[page.id] for page in test.pages if page.role != "training"]
    asked = [{"type": "text", "label": "Name or number", "name": "listener"}]
    last = {"type": "finish", "name": "Thank you", "content": "The test is complete.", "questionnaire": asked}
    return {
        "testname": test.title,
        "testId": name,
        "bufferSize": _BUFFER,
        "stopOnErrors": True,
        "showButtonPreviousPage": True,
        "remoteService": "service/write.php",
        "pages": [*first, *training, ["random", *others], {**last, "showResults": False, "writeResults": True}],
    }


def _has_reference(test: ListeningTest) -> bool:
    return all(any(sound.label == REFERENCE for sound in page.references) for page in test.pages)


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{escape(part.strip())}</p>" for part in re.split(r"\n\s*\n", text) if part.strip())


def _page(test: ListeningTest, page: Page, kind: str, place: str) -> dict[str, Any]:
    """Return the keys that all pages share. Labelled sounds for which webMUSHRA has no button become players in the text."""
    players = [
        f'<p>{escape(sound.label)}: <audio controls src="{place}/{sound.id}.wav"></audio></p>'
        for sound in page.references
        if sound.label not in (REFERENCE, X)
    ]
    content = _paragraphs(page.question or test.question) + _paragraphs(page.text) + "".join(players)
    return {"type": kind, "id": page.id, "name": test.title, "content": content}


def _files(page: Page, place: str, left_out: Iterable[str] = ()) -> dict[str, str]:
    return {_Name(one.id): f"{place}/{one.id}.wav" for one in page.stimuli if one.condition not in set(left_out)}


def _mushra_page(test: ListeningTest, page: Page, place: str) -> dict[str, Any]:
    reference = next(sound.id for sound in page.references if sound.label == REFERENCE)
    hidden = [one.name for one in test.conditions if one.role == "reference"]
    return {
        **_page(test, page, "mushra", place),
        "showWaveform": True,
        "enableLooping": True,
        "reference": f"{place}/{reference}.wav",
        "createAnchor35": False,
        "createAnchor70": False,
        "stimuli": _files(page, place, hidden),
    }


def _scale_page(test: ListeningTest, page: Page, place: str) -> dict[str, Any]:
    response = [{"value": score, "label": str(score)} for score in range(0, 101, _STEP)]
    return _likert(test, page, "likert_multi_stimulus", place, response)


def _opinion_page(test: ListeningTest, page: Page, place: str) -> dict[str, Any]:
    response = [{"value": score, "label": f"{score} {word}"} for score, word in enumerate(_QUALITIES, 1)]
    return _likert(test, page, "likert_single_stimulus", place, response)


def _preference_page(test: ListeningTest, page: Page, place: str) -> dict[str, Any]:
    response = [{"value": 1, "label": "chosen"}, {"value": 0, "label": "not chosen"}]
    return _likert(test, page, "likert_multi_stimulus", place, response)


def _likert(test: ListeningTest, page: Page, kind: str, place: str, response: list[dict[str, Any]]) -> dict[str, Any]:
    rated = {"mustRate": True, "mustPlayback": "processUpdate", "stimuli": _files(page, place), "response": response}
    return {**_page(test, page, kind, place), **rated}


def _choice_page(test: ListeningTest, page: Page, place: str) -> dict[str, Any]:
    """Return a page of ABX. webMUSHRA shows the reference as X, and hides a copy of it beside the other sound."""
    said = page.expected.stimulus if page.expected else None
    answer = next(one for one in page.stimuli if one.id == said or one.condition == page.answer)
    other = next(one for one in page.stimuli if one is not answer)
    shared = _page(test, page, "paired_comparison", place)
    shared["content"] += _paragraphs(f"Here, X is called {REFERENCE}.")
    return {
        **shared,
        "showWaveform": True,
        "enableLooping": True,
        "reference": f"{place}/{answer.id}.wav",
        "stimuli": {_Name(other.id): f"{place}/{other.id}.wav"},
    }


_PAGES: Mapping[Kind, Callable[[ListeningTest, Page, str], dict[str, Any]]] = {
    "mushra": _mushra_page,
    "mos": _opinion_page,
    "ab": _preference_page,
    "abx": _choice_page,
}
