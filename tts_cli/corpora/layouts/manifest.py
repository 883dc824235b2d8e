"""Layout of manifests: JSONL, CSV or TSV with audio and text, such as those of NeMo and the `manifest.jsonl` of `tts prepare`."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from tts_cli.audio.mel import MelConfig
from tts_cli.config.plain_yaml import shortened
from tts_cli.corpora.layouts.clip import Reject, kind_named, position_of
from tts_cli.corpora.layouts.layout import AUDIO_FOLDERS, Layout, Listed, language_fault, split_in, split_named, stem
from tts_cli.corpora.layouts.rows import NAMES, TABLES, header_of, read_rows

_SUFFIXES = (".jsonl", ".json", *TABLES)
_WHOLE = [f"manifest{suffix}" for suffix in _SUFFIXES]
_OTHERS = (
    "metadata.jsonl",
    "metadata.csv",
    "metadata.tsv",
    "*manifest*.jsonl",
    "*manifest*.json",
    "*manifest*.csv",
    "*manifest*.tsv",
)
_NAMING = ("id", "corpus", "speaker", "split", "kind", "language")
"""Keys with a name as value, or a number."""
_MOST_SECONDS = 1e6
"""More seconds than any recording has."""


def manifests_in(source: Path) -> list[Path]:
    """Return the manifests of a source: itself if it is a file; else the file `manifest`, or all with this word in the name."""
    if source.is_file():
        return [source] if source.suffix.lower() in _SUFFIXES else []
    whole = [source / name for name in _WHOLE if (source / name).is_file()]
    others = sorted({path for pattern in _OTHERS for path in source.glob(pattern)})
    return whole[:1] or [path for path in others if {"audio", "text"} <= set(header_of(path))]


def _fits(source: Path) -> bool:
    return bool(manifests_in(source))


def _read(source: Path) -> Iterator[Listed | Reject]:
    for path in manifests_in(source):
        split, frame_s = split_in(path.stem), _frame_s(path.parent)
        for where, row in read_rows(path):
            yield row if isinstance(row, Reject) else _listed(where, row, path.parent, split, frame_s)


def _frame_s(folder: Path) -> float | None:
    """Return the length of a frame in seconds if `folder` is a prepared corpus, whose durations are frames."""
    path = folder / "corpus.json"
    try:
        return 1 / MelConfig.model_validate(json.loads(path.read_text("utf-8"))["mel"]).frame_rate if path.is_file() else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _listed(where: str, row: Mapping[str, Any], folder: Path, split: str, frame_s: float | None) -> Listed | Reject:
    audio = row.get("audio")
    name = str(audio.get("path") or "") if isinstance(audio, dict) else str(audio or "")
    unnamed = [key for key in _NAMING if not isinstance(row.get(key, ""), str | int | float)]
    own = "" if "id" in unnamed else stem(str(row.get("id", ""))) or _id_of(name, row, folder)
    if missing := [key for key, value in (("audio", name), ("text", row.get("text"))) if not value]:
        named = " and no ".join(f"{key} ({', '.join(NAMES[key][:4])} ...)" for key in missing)
        return Reject(where, own, "empty text" if "text" in missing and name else "missing audio", f"the line has no {named}")
    if fault := language_fault(str(row.get("language", "en"))):
        return Reject(where, own, "not English", fault)
    if unnamed:
        return Reject(where, own, "wrong value", f"'{unnamed[0]}' is '{shortened(row[unnamed[0]])}', not a name")
    if not isinstance(row["text"], str):
        return Reject(where, own, "wrong value", "the text is not a string")
    try:
        return Listed(
            where, own, row["text"], _folders(folder),
            recording=name.replace("\\", "/"),
            speaker=str(row.get("speaker", "")),
            split=_split(row, split),
            kind=kind_named(str(row.get("kind", ""))),
            document=str(row.get("document", "")),
            position=position_of(row.get("position")),
            session=str(row.get("session", "")),
            corpus=_corpus(row),
            **_times(row),
            **_phones(row, frame_s),
        )  # fmt: skip
    except ValueError as error:
        return Reject(where, own, "wrong value", str(error))


def _folders(folder: Path) -> tuple[Path, ...]:
    """Return the folders below which paths may start: that of the manifest, those of recordings in it, and the one above it."""
    return (folder, *(folder / name for name in (*AUDIO_FOLDERS, "clips")), folder.resolve().parent)


def _id_of(name: str, row: Mapping[str, Any], folder: Path) -> str:
    """Return an id from the path of the recording, and its start in milliseconds if it is a part."""
    bare = stem(name)
    whole = PurePosixPath(bare)
    if whole.is_absolute():
        base = PurePosixPath(folder.resolve().as_posix())
        whole = whole.relative_to(base) if whole.is_relative_to(base) else PurePosixPath(whole.name)
    parts = [part for part in whole.parts if part != ".."]
    if len(parts) > 1 and parts[0] in (*AUDIO_FOLDERS, "clips"):
        parts = parts[1:]
    try:
        start = _number(row, "start")
    except ValueError:
        start = None
    return "/".join(parts) + (f"-{round(1000 * start):07d}" if start is not None and ("end" in row or "duration" in row) else "")


def _number(row: Mapping[str, Any], key: str) -> float | None:
    if key not in row:
        return None
    try:
        value = float(row[key])
    except (TypeError, ValueError, OverflowError):
        value = math.nan
    if not 0 <= value < _MOST_SECONDS:
        raise ValueError(f"'{key}' is '{shortened(row[key])}', not a number of seconds")
    return value


def _times(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return start and end of the clip. A duration without a start or an end is that of the whole recording."""
    start, end, length = (_number(row, key) for key in ("start", "end", "duration"))
    if start is None and end is None:
        return {}
    if end is None and length is not None:
        end = (start or 0.0) + length
    if end is not None and end <= (start or 0.0):
        raise ValueError(f"the clip ends at {end:g} s, not after its start at {start or 0:g} s")
    return {"start_s": start or 0.0, "end_s": end}


def _split(row: Mapping[str, Any], default: str) -> str:
    if "split" not in row:
        return default
    if not (split := split_named(str(row["split"]))):
        raise ValueError(f"unknown split '{shortened(row['split'])}', expected train, validation (dev), test or unseen")
    return split


def _corpus(row: Mapping[str, Any]) -> str:
    corpus = str(row.get("corpus", ""))
    if "/" in corpus or "\\" in corpus or corpus in (".", ".."):
        raise ValueError(f"'corpus' is '{shortened(corpus)}', not a plain name")
    return corpus


def _phones(row: Mapping[str, Any], frame_s: float | None) -> dict[str, Any]:
    """Return the phones, and the length of each in seconds if the row has durations. Those of a prepared corpus are frames."""
    if "phones" not in row or "durations" not in row:
        return {"phones": tuple(map(str, _list(row, "phones")))} if "phones" in row else {}
    phones, durations = _list(row, "phones"), _list(row, "durations")
    try:
        lengths = [float(value) for value in durations]
    except (TypeError, ValueError, OverflowError):
        raise ValueError(f"'durations' is '{shortened(row['durations'])}', not a list of numbers") from None
    if len(phones) != len(lengths):
        raise ValueError(f"{len(phones)} phones, but {len(lengths)} durations")
    if not all(0 <= length < math.inf for length in lengths):
        raise ValueError("'durations' has a negative number")
    unit_s = frame_s if frame_s and "num_frames" in row else 1.0
    return {"phones": tuple(map(str, phones)), "durations_s": tuple(length * unit_s for length in lengths)}


def _list(row: Mapping[str, Any], key: str) -> Sequence[Any]:
    value = row[key]
    return value if isinstance(value, list) else str(value).split()


LAYOUT = Layout("manifest", _fits, _read, order=10)
