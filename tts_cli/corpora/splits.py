"""Splits of a corpus, read from `splits.csv` (corpus,speaker,id,split,kind,text) or chosen by a hash of each text."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from tts_cli.corpora.layouts import Clip, CorpusFolder, Reject
from tts_cli.errors import CorpusError

SPLITS = ("train", "validation", "test", "unseen")
"""Names of the splits. Recordings of `unseen` are not prepared."""

_COLUMNS = ["corpus", "speaker", "id", "split", "kind", "text"]
_VALIDATION_PERCENT = 5
"""Share of validation texts without `splits.csv`."""
_WH_WORDS = {"what", "when", "where", "which", "who", "whom", "whose", "why", "how"}


@dataclass(frozen=True)
class SplitRow:
    """Row of `splits.csv`: speaker, split, kind and text of one clip, and the place of the row as file:line."""

    speaker: str
    split: str
    kind: str
    text: str
    where: str


Splits = dict[tuple[str, str], SplitRow]
"""Rows of `splits.csv` by corpus and id."""


def read_splits(path: Path) -> Splits:
    """Read `splits.csv`.

    Raises:
        CorpusError: The file or a column is missing, a row is duplicate, or a split is unknown; names the line.
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such file", hint="check the path of the splits")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if not set(_COLUMNS) <= set(reader.fieldnames or []):
            hint = f"begin the file with the line {','.join(_COLUMNS)}"
            raise CorpusError(f"{path}:1: expected the columns {','.join(_COLUMNS)}", hint)
        splits: Splits = {}
        for row in reader:
            key, parsed = (
                (row["corpus"], unicodedata.normalize("NFC", row["id"] or "")),
                _parse_row(row, f"{path}:{reader.line_num}"),
            )
            if key in splits:
                raise CorpusError(f"{parsed.where}: duplicate row, first seen at {splits[key].where}", hint="delete one of them")
            splits[key] = parsed
    return splits


def _parse_row(row: dict[str, str | None], where: str) -> SplitRow:
    values = {name: value or "" for name, value in row.items() if name in ("speaker", "split", "kind", "text")}
    if None in row.values() or None in row:
        hint = "put values that hold a comma in double quotes"
        raise CorpusError(f"{where}: wrong number of columns, expected {len(_COLUMNS)}", hint)
    if row["split"] not in SPLITS:
        raise CorpusError(f"{where}: unknown split '{row['split']}'", hint="valid: " + ", ".join(SPLITS))
    return SplitRow(**values, where=where)


def apply_splits(source: CorpusFolder, splits: Splits) -> tuple[CorpusFolder, int]:
    """Return `source` with the speakers, splits, kinds and texts of `splits`, and the number of its unseen clips.

    Unseen clips are left out. Clips without a row, and rows without a clip, become rejects.

    Raises:
        CorpusError: `splits` has no row of this corpus.
    """
    listed = {name: row for (corpus, name), row in splits.items() if corpus == source.corpus}
    if not listed:
        known = ", ".join(sorted({corpus for corpus, _ in splits}))
        raise CorpusError(
            f"the splits list nothing of the corpus '{source.corpus}'", hint=f"they list: {known}; rename the folder"
        )
    clips = [_with_row(clip, listed.get(clip.id)) for clip in source.clips]
    rejects = [*source.rejects, *_absent(source, listed), *(clip for clip in clips if isinstance(clip, Reject))]
    used = [clip for clip in clips if isinstance(clip, Clip) and clip.split != "unseen"]
    num_unseen = sum(isinstance(clip, Clip) for clip in clips) - len(used)
    return CorpusFolder(source.corpus, used, rejects), num_unseen


def _with_row(clip: Clip, row: SplitRow | None) -> Clip | Reject:
    if row is None:
        return Reject(clip.where, clip.id, "not in the splits, or only there", "the splits do not list it")
    return replace(clip, speaker=row.speaker, split=row.split, kind=row.kind, text=row.text.strip())


def _absent(source: CorpusFolder, listed: dict[str, SplitRow]) -> Iterator[Reject]:
    there = {clip.id for clip in source.clips} | {reject.id for reject in source.rejects}
    for name, row in listed.items():
        if name not in there and row.split != "unseen":
            reason = f"the splits list it, but '{source.corpus}' has no transcript of it"
            yield Reject(row.where, name, "not in the splits, or only there", reason)


def share_out(clips: Iterable[Clip]) -> list[Clip]:
    """Return `clips` with splits and kinds: about 5 % for validation, the rest for training.

    The split depends on the text alone, so that all recordings of a text are in the same split.
    """
    return [replace(clip, split=_split_of(clip.text), kind=_kind_of(clip.text)) for clip in clips]


def _split_of(text: str) -> str:
    digest = hashlib.sha256(" ".join(text.lower().split()).encode()).digest()
    return "validation" if int.from_bytes(digest[:4], "big") % 100 < _VALIDATION_PERCENT else "train"


def _kind_of(text: str) -> str:
    if not text.endswith("?"):
        return "statement"
    first = re.match(r"\w+", text.lower())
    return "wh" if first and first[0] in _WH_WORDS else "yes-no"
