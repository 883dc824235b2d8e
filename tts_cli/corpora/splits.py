"""Splits of a corpus, read from `splits.csv` (corpus, id, split and more), from a manifest, or chosen by a hash of each text."""

from __future__ import annotations

import csv
import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tts_cli.config import suggest
from tts_cli.corpora.layouts import KINDS, SPLITS, Clip, CorpusFolder, Reject, kind_named, position_of
from tts_cli.errors import CorpusError

_NEEDED = ["corpus", "id", "split"]
_OPTIONAL = ["speaker", "kind", "text", "document", "session"]
_VALIDATION_PERCENT = 5
"""Share of validation texts among those that no file assigns to a split."""
_BINDING = ("train", "validation", "test")
"""Splits that a text may not share; a text in several of them counts to the last. `unseen` is about speakers, not texts."""
_WH_WORDS = {"what", "when", "where", "which", "who", "whom", "whose", "why", "how"}
_CONJUNCTIONS = {"and", "but", "so", "then"}


@dataclass(frozen=True)
class SplitRow:
    """Row of `splits.csv`: the split of one clip, and more, each "" if the file does not give it."""

    speaker: str
    split: str
    kind: str
    text: str
    where: str
    """Place of the row, as file:line."""
    document: str = ""
    position: int | None = None
    """Place of the sentence in its document; None if the file does not give it."""
    session: str = ""

    def applied_to(self, clip: Clip) -> Clip:
        """Return the clip with the split of the row, and with all else that the row gives."""
        text = self.text.strip() or clip.text
        given = {name: value for name in ("speaker", "document", "session") if (value := getattr(self, name))}
        if self.position is not None:
            given["position"] = self.position
        return replace(clip, split=self.split, kind=self.kind or clip.kind or kind_of(text), text=text, **given)


@dataclass(frozen=True)
class SharedText:
    """Text that several splits have because a splits file or a transcript says so. A figure on it tells too much."""

    text: str
    """Text of the first clip that says it."""
    places: dict[str, str]
    """Place of the first clip in each of the splits, as file:line, by the name of the split."""


Splits = dict[tuple[str, str], SplitRow]
"""Rows of `splits.csv` by corpus and id."""


def read_splits(path: Path) -> Splits:
    """Read `splits.csv`: the columns corpus, id and split, and perhaps speaker, kind, text, document, session and position.

    Raises:
        CorpusError: The file or a column is missing, a row is duplicate, a split or kind is unknown, or a position is not a
            number; names the line.
    """
    if not path.is_file():
        raise CorpusError(f"{path}: no such file", hint="check the path of the splits")
    splits: Splits = {}
    with path.open("rb") as file:
        # A quotation mark that is not closed would take in the rows after it.
        reader = csv.DictReader(_decoded(path, file), strict=True)
        for row in _rows(path, reader):
            parsed = _parse_row(row, f"{path}:{reader.line_num}", len(reader.fieldnames or []))
            key = (row["corpus"] or "", unicodedata.normalize("NFC", row["id"] or ""))
            if key in splits:
                raise CorpusError(f"{parsed.where}: duplicate row, first seen at {splits[key].where}", hint="delete one of them")
            splits[key] = parsed
    return splits


def _decoded(path: Path, lines: Iterable[bytes]) -> Iterator[str]:
    """Yield the lines of a file as text. Raises CorpusError for a line that is not UTF-8."""
    for number, line in enumerate(lines, start=1):
        try:
            yield line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            hint = "save the file as UTF-8, for example as 'CSV UTF-8' in Excel"
            raise CorpusError(f"{path}:{number}: the line is not UTF-8 text", hint) from error


def _rows(path: Path, reader: csv.DictReader[str]) -> Iterator[dict[str, str | None]]:
    """Yield the rows of `splits.csv`. Raises CorpusError for a missing column, and for quotation marks that do not match."""
    start = 1
    try:
        if not set(_NEEDED) <= set(reader.fieldnames or []):
            hint = f"begin the file with the line {','.join(_NEEDED)}, or with more columns: {', '.join(_OPTIONAL)}, position"
            raise CorpusError(f"{path}:1: expected the columns {','.join(_NEEDED)}", hint)
        start = reader.line_num + 1
        for row in reader:
            yield dict(row)
            start = reader.line_num + 1
    except csv.Error as error:
        hint = "close every quotation mark, and double those inside a quoted value"
        raise CorpusError(f"{path}:{start}: cannot be read as a table: {error}", hint) from error


def _parse_row(row: dict[str, str | None], where: str, num_columns: int) -> SplitRow:
    if None in row.values() or None in row:
        hint = "put values that hold a comma in double quotes"
        raise CorpusError(f"{where}: wrong number of columns, expected {num_columns}", hint)
    if row["split"] not in SPLITS:
        raise CorpusError(f"{where}: unknown split '{row['split']}'", hint="valid: " + ", ".join(SPLITS))
    values = {name: row.get(name) or "" for name in _OPTIONAL}
    values["kind"] = known_kind(values["kind"], where)
    return SplitRow(split=row["split"], where=where, position=known_position(row.get("position"), where), **values)


def known_kind(name: str, where: str) -> str:
    """Return the kind of `KINDS` that a table calls `name`; "" for "". Raises CorpusError for another, at `where`."""
    kind = kind_named(name)
    if name and not kind:
        raise CorpusError(f"{where}: unknown kind '{name}'", hint=suggest(name, list(KINDS)))
    return kind


def known_position(value: str | None, where: str) -> int | None:
    """Return a position that a table gives; None for an empty one. Raises CorpusError for another than a number, at `where`."""
    try:
        return position_of(value)
    except ValueError as error:
        raise CorpusError(f"{where}: {error}", hint="number the sentences of each document") from None


def apply_splits(source: CorpusFolder, splits: Splits) -> tuple[CorpusFolder, int]:
    """Return `source` with the splits, speakers, kinds and texts of `splits`, and the number of its unseen clips.

    Unseen clips are left out. Clips without a row stay as they are. Rows without a clip become rejects.
    """
    clips = [row.applied_to(clip) if (row := splits.get((clip.corpus, clip.id))) else clip for clip in source.clips]
    used = [clip for clip in clips if clip.split != "unseen"]
    return CorpusFolder(source.corpus, used, [*source.rejects, *_absent(source, splits)]), len(clips) - len(used)


def refuse_other_corpora(found: Iterable[CorpusFolder], splits: Splits) -> None:
    """Raise CorpusError if `splits` has no row of any corpus in `found`."""
    there = {name for source in found for name in (source.corpus, *(clip.corpus for clip in source.clips))}
    listed = sorted({corpus for corpus, _ in splits})
    if there.isdisjoint(listed):
        named = " and ".join(f"'{name}'" for name in sorted(there))
        raise CorpusError(
            f"the splits list nothing of the corpus {named}", hint=f"they list: {', '.join(listed)}; rename the folder"
        )


def _absent(source: CorpusFolder, splits: Splits) -> Iterator[Reject]:
    there, rejected = {(clip.corpus, clip.id) for clip in source.clips}, {reject.id for reject in source.rejects}
    corpora = {source.corpus, *(clip.corpus for clip in source.clips)}
    for (corpus, name), row in splits.items():
        if corpus in corpora and (corpus, name) not in there and name not in rejected and row.split != "unseen":
            reason = f"the splits list it, but '{corpus}' has no transcript of it"
            yield Reject(row.where, name, "only in the splits", reason)


def splits_of_texts(clips: Iterable[Clip], splits: Splits) -> dict[str, str]:
    """Return the split of each text that a clip or a row of `splits` assigns, by the words of the text."""
    assigned = [(clip.text, clip.split) for clip in clips] + [(row.text, row.split) for row in splits.values()]
    bound: dict[str, str] = {}
    for text, split in assigned:
        words = _words(text)
        if words and split in _BINDING:
            bound[words] = max(split, bound.get(words, split), key=_BINDING.index)
    return bound


def shared_texts(clips: Iterable[Clip], splits: Splits) -> list[SharedText]:
    """Return the texts that clips of several splits say, as a file declares them, in the order of the clips.

    Args:
        clips: Clips; those without a split do not count.
        splits: Rows of `splits.csv` that were applied to them.
    """
    found = defaultdict[str, dict[str, tuple[str, str]]](dict)
    for clip in clips:
        row = splits.get((clip.corpus, clip.id))
        if (words := _words(clip.text)) and clip.split in _BINDING:
            found[words].setdefault(clip.split, (clip.text, row.where if row else clip.where))
    shared = (own for own in found.values() if len(own) > 1)
    return [SharedText(next(iter(own.values()))[0], {split: where for split, (_, where) in own.items()}) for own in shared]


def share_out(clips: Iterable[Clip], bound: Mapping[str, str] | None = None) -> list[Clip]:
    """Return `clips` with splits and kinds. Of the texts without a split, about 5 % are for validation, the rest for training.

    The words of a text decide alone, so that all recordings of a text are in the same split. Only if a few texts would all be for
    training, one of them is for validation, which every training needs.

    Args:
        clips: Clips; those with a split keep it.
        bound: Split of each text that is assigned already, see `splits_of_texts`.
    """
    clips = list(clips)
    spellings = defaultdict[str, set[str]](set)
    for clip in clips:
        spellings[_words(clip.text)].add(" ".join(clip.text.lower().split()))
    chosen = {words: (bound or {}).get(words) or _split_of(min(texts)) for words, texts in spellings.items()}
    free = {_words(clip.text) for clip in clips if not clip.split} - (bound or {}).keys()
    if len(free) > 1 and "validation" not in {*chosen.values(), *(clip.split for clip in clips)}:
        chosen[min(free, key=lambda words: _digest(min(spellings[words])))] = "validation"
    return [replace(clip, split=clip.split or chosen[_words(clip.text)], kind=clip.kind or kind_of(clip.text)) for clip in clips]


def _words(text: str) -> str:
    """Return the words of a text, without case, punctuation and diacritics."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", text) if not unicodedata.combining(char))
    return " ".join(re.findall(r"\w+", plain.replace("'", "").replace("’", "").lower()))


def _split_of(text: str) -> str:
    return "validation" if int.from_bytes(_digest(text)[:4], "big") % 100 < _VALIDATION_PERCENT else "train"


def _digest(text: str) -> bytes:
    return hashlib.sha256(text.encode()).digest()


def kind_of(text: str) -> str:
    """Return the kind of a sentence, one of `KINDS`, by its marks and its first words."""
    bare = text.strip().rstrip("\"'”’")
    if bare.endswith("!"):
        return "exclamation"
    if not bare.endswith("?"):
        return "dialogue" if re.search(r"^[\"“]|, [\"“]|[\"”]$", text.strip()) else "statement"
    words = re.findall(r"\w+", bare.lower())
    if next((word for word in words if word not in _CONJUNCTIONS), "") in _WH_WORDS:
        return "wh"
    return "or" if "or" in words else "yes-no"
