"""Tables that tell more about clips: document, position, session, kind and speaker, joined by id or by document."""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tts_cli.corpora.layouts import Clip
from tts_cli.corpora.layouts.rows import NAMES
from tts_cli.corpora.splits import known_kind, known_position
from tts_cli.errors import CorpusError

_JOINS = ("corpus", "id", "document", "speaker")
_TOLD = ("document", "position", "session", "kind", "speaker")
_EXAMPLE = "id,document,position, or with document,session"

Key = tuple[str, ...]
"""Values of the columns by which a table is joined."""


@dataclass(frozen=True)
class DetailTable:
    """Table of `--details`: each row tells about the clip of an id, or about all clips of a document."""

    path: Path
    by: tuple[str, ...]
    """Columns that it is joined by: `id` or `document`, and `corpus` or `speaker` where they tell rows apart."""
    rows: Mapping[Key, Mapping[str, Any]] = field(repr=False)
    """Details of each row, by the values of the columns `by`."""

    @property
    def is_of_clips(self) -> bool:
        """Return whether the table is joined by id, not by document."""
        return "id" in self.by

    def told(self, clip: Clip) -> Mapping[str, Any]:
        """Return what the table tells about a clip, by the names of its fields; empty without a row."""
        return self.rows.get(tuple(_plain(getattr(clip, name)) for name in self.by), {})


def read_details(path: Path) -> DetailTable:
    """Read a CSV file with a header: `id` or `document`, and any of document, position, session, kind and speaker.

    A table with `id` tells about single clips; another about all clips of a document, which an earlier table or the transcript
    names. `corpus` tells clips of the same id apart, and `speaker` documents that several speakers read. The other names of
    columns that manifests know are known here too, such as `story`; further columns are ignored.

    Raises:
        CorpusError: The file or a column is missing, a row is duplicate, or a kind or position is wrong; names the line.
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such file", hint="check the path of the details")
    with path.open(encoding="utf-8-sig", newline="", errors="replace") as file:
        reader = csv.DictReader(file)
        columns = _columns(reader.fieldnames or [])
        by = _joined_by(columns)
        if not by or set(columns) <= set(by):
            hint = f"begin the file with a line such as {_EXAMPLE}"
            raise CorpusError(f"{path}:1: expected the column id or document, and more of {', '.join(_TOLD)}", hint)
        rows: dict[Key, dict[str, Any]] = {}
        for row in reader:
            where = f"{path}:{reader.line_num}"
            if None in row or None in row.values():
                raise CorpusError(f"{where}: wrong number of columns", hint="put values that hold a comma in double quotes")
            values = {name: (row[column] or "").strip() for name, column in columns.items()}
            key = tuple(_plain(values[name]) for name in by)
            if key in rows:
                raise CorpusError(f"{where}: a second row of {' '.join(key)}", hint="delete one of them")
            rows[key] = _told(values, by, where)
    return DetailTable(path, by, rows)


def _columns(header: Iterable[str]) -> dict[str, str]:
    """Return the columns of a header by the name of the field that they give."""
    given = {name.strip().lower(): name for name in header}
    known = {key: next((given[name] for name in NAMES[key] if name in given), None) for key in {*_JOINS, *_TOLD}}
    return {key: column for key, column in known.items() if column is not None}


def _joined_by(columns: Mapping[str, str]) -> tuple[str, ...]:
    # The speaker of a table of ids is something that it tells; in a table of documents he tells two readings apart.
    names = ("corpus", "id") if "id" in columns else ("corpus", "speaker", "document") if "document" in columns else ()
    return tuple(name for name in names if name in columns)


def _told(values: Mapping[str, str], by: Sequence[str], where: str) -> dict[str, Any]:
    told: dict[str, Any] = {name: values[name] for name in _TOLD if name in values and name not in by}
    if "kind" in told:
        told["kind"] = known_kind(told["kind"], where)
    if "position" in told:
        told["position"] = known_position(told["position"], where)
    return {name: value for name, value in told.items() if value not in ("", None)}


def _plain(value: str) -> str:
    return unicodedata.normalize("NFC", value)


def apply_details(clips: Sequence[Clip], tables: Iterable[DetailTable]) -> list[Clip]:
    """Return `clips` with the details of `tables`.

    A detail that a table of ids gives replaces that of the transcript; a table of documents fills what is still missing.

    Raises:
        CorpusError: A table tells nothing about any clip, or one by id fits clips of several corpora and does not name theirs.
    """
    clips = list(clips)
    for table in tables:
        told = [table.told(clip) for clip in clips]
        if clips and not any(told):
            hint = "check the ids; a table of documents needs one of ids that names the document of each clip"
            raise CorpusError(f"{table.path}: no clip has {' and '.join(table.by)} of a row", hint)
        _refuse_doubt(table, [clip for clip, own in zip(clips, told, strict=True) if own])
        clips = [replace(clip, **_taken(clip, own, table.is_of_clips)) for clip, own in zip(clips, told, strict=True)]
    return clips


def _taken(clip: Clip, told: Mapping[str, Any], replaces: bool) -> dict[str, Any]:
    return {name: value for name, value in told.items() if replaces or getattr(clip, name) in ("", None)}


def _refuse_doubt(table: DetailTable, clips: Iterable[Clip]) -> None:
    if table.by != ("id",):
        return
    corpora: dict[str, str] = {}
    for clip in clips:
        other = corpora.setdefault(clip.id, clip.corpus)
        if other != clip.corpus:
            message = f"{table.path}: the id '{clip.id}' is one of '{other}' and of '{clip.corpus}'"
            raise CorpusError(message, hint="add a column corpus")
