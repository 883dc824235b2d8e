"""Rows of a manifest: objects of JSONL, or lines of CSV and TSV below a header, with the names of keys that the field uses."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import first_line, lines
from tts_cli.errors import CorpusError

NAMES: dict[str, tuple[str, ...]] = {
    "audio": ("audio", "audio_filepath", "audio_file", "audio_path", "path", "file", "file_name", "filename", "wav", "wav_path",
              "wav_filename"),
    "text": ("text", "sentence", "transcript", "transcription", "original_text", "text_original", "raw_text", "normalized_text",
             "text_normalized", "normalised_text"),
    "speaker": ("speaker", "speaker_name", "speaker_id", "spk", "spk_id", "client_id", "voice"),
    "id": ("id", "utt_id", "utterance_id", "utt", "uid", "clip_id"),
    "corpus": ("corpus",),
    "split": ("split", "subset", "set", "partition"),
    "kind": ("kind",),
    "document": ("document", "story", "chapter", "passage"),
    "position": ("position", "sentence_index"),
    "session": ("session", "recording_session"),
    "language": ("language", "lang", "lang_id", "language_id", "locale"),
    "phones": ("phones", "phonemes", "tokens"),
    "durations": ("durations", "phone_durations"),
    "start": ("start", "offset", "start_time", "start_s", "begin"),
    "end": ("end", "end_time", "end_s"),
    "duration": ("duration", "duration_s", "length"),
    "num_frames": ("num_frames",),
}  # fmt: skip
"""Names of each key, the most telling first. The original text comes before the normalised one: it is normalised again."""
TABLES = (".csv", ".tsv")
"""Suffixes of tables; other manifests are lines of JSON."""
_DELIMITERS = (",", "\t", "|", ";")


def read_rows(path: Path) -> Iterator[tuple[str, dict[str, Any] | Reject]]:
    """Yield place (file:line) and values of each row, by the keys of `NAMES`. A malformed row becomes a reject.

    Empty values, and keys of other names, are left out.

    Raises:
        CorpusError: The file is missing, or its header names no audio or no text.
    """
    for where, row in _table(path) if path.suffix.lower() in TABLES else _objects(path):
        if isinstance(row, Reject):
            yield where, row
        elif any("\ud800" <= char <= "\udfff" for value in row.values() for char in str(value)):
            yield where, Reject(where, "", "not UTF-8", "the line is not UTF-8 text")
        else:
            yield where, _known(row)


def header_of(path: Path) -> list[str]:
    """Return the keys of `NAMES` that the header of a table has, or the first object of JSON lines; empty if it is none."""
    line = first_line(path)
    if path.suffix.lower() in TABLES:
        return list(_known(dict.fromkeys(_split(line, _delimiter(line)), "x")))
    try:
        row = json.loads(line)
    except ValueError:
        return []
    return list(_known(row)) if isinstance(row, dict) else []


def _known(row: Mapping[str, Any]) -> dict[str, Any]:
    given = {str(name).strip().lower().replace("-", "_").replace(" ", "_"): value for name, value in row.items()}
    found = {}
    for key, names in NAMES.items():
        values = (given[name] for name in names if name in given)
        value = next((value for value in values if value is not None and value not in ("", [])), None)
        if value is not None:
            found[key] = value.strip() if isinstance(value, str) else value
    return found


def _objects(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | Reject]]:
    for where, line in lines(path):
        if isinstance(line, Reject):
            yield where, line
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = f"not JSON: {error}; expected one object a line"
            yield where, Reject(where, "", "wrong number of columns", reason)
            continue
        is_object = isinstance(row, dict)
        yield where, row if is_object else Reject(where, "", "wrong number of columns", "not a JSON object with keys and values")


def _table(path: Path) -> Iterator[tuple[str, Mapping[str, Any] | Reject]]:
    """Yield the lines of a table below its header. A value in quotes may hold the delimiter and the end of a line."""
    header_line = first_line(path)
    delimiter = _delimiter(header_line)
    header = _split(header_line, delimiter)
    missing = [key for key in ("audio", "text") if key not in header_of(path)]
    if missing:
        named = " and ".join(f"{key} ({', '.join(NAMES[key][:4])} ...)" for key in missing)
        raise CorpusError(
            f"{path}:1: the header has no column for {named}", hint="begin the file with a line such as audio,text,speaker"
        )
    for where, values in _cells(path, delimiter):
        if isinstance(values, Reject):
            yield where, values
        elif len(values) != len(header):
            reason = f"wrong number of columns: {len(values)}, expected {len(header)} as in the header"
            yield where, Reject(where, "", "wrong number of columns", reason)
        else:
            yield where, dict(zip(header, values, strict=True))


def _cells(path: Path, delimiter: str) -> Iterator[tuple[str, list[str] | Reject]]:
    """Yield place and values of each line after the first that is not blank."""
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        # A quotation mark that is not closed would take in the lines after it.
        reader = csv.reader(file, delimiter=delimiter, quoting=_quoting(delimiter), strict=True)
        start = 1
        while True:
            try:
                values = next(reader, None)
            except csv.Error as error:
                values, where = [], f"{path}:{start}"
                yield where, Reject(where, "", "wrong number of columns", _unquoted(str(error), start, reader.line_num))
            if values is None:
                return
            if start > 1 and values:
                yield f"{path}:{start}", [_bare(value) for value in values] if delimiter == "\t" else values
            start = reader.line_num + 1


def _unquoted(fault: str, start: int, end: int) -> str:
    """Return the reason why lines `start` to `end` are no row of a table."""
    lost = f"; lines {start} to {end} are left out" if end > start else ""
    return f"cannot be read as a table ({fault}){lost}: close every quotation mark, and double those inside a quoted value"


def _quoting(delimiter: str) -> Literal[0, 3]:
    # Tables with tabs or bars are seldom quoted; a text there may begin with a quotation mark of its own.
    return csv.QUOTE_MINIMAL if delimiter in ",;" else csv.QUOTE_NONE


def _bare(value: str) -> str:
    """Return a value without the quotation marks of a table that is quoted though it has tabs."""
    inner = value[1:-1]
    is_quoted = len(value) > 1 and value[0] == value[-1] == '"' and '""' in inner and '"' not in inner.replace('""', "")
    return inner.replace('""', '"') if is_quoted else value


def _delimiter(line: str) -> str:
    """Return the delimiter that makes the most keys of a header known."""
    return max(_DELIMITERS, key=lambda delimiter: len(_known(dict.fromkeys(_split(line, delimiter), "x"))))


def _split(line: str, delimiter: str) -> list[str]:
    try:
        return [name.strip() for name in next(csv.reader([line], delimiter=delimiter, quoting=_quoting(delimiter)), [])]
    except csv.Error:
        return []
