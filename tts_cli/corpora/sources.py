"""Clips of all sources of a preparation, each with its split and the details that tables give."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from tts_cli.corpora.details import apply_details, read_details
from tts_cli.corpora.layouts import Clip, CorpusFolder, Reject, read_source
from tts_cli.corpora.layouts.source import refuse_named_speakers
from tts_cli.corpora.manifest import prepared_ids
from tts_cli.corpora.splits import (
    SharedText,
    Splits,
    apply_splits,
    read_splits,
    refuse_other_corpora,
    share_out,
    shared_texts,
    splits_of_texts,
)
from tts_cli.errors import CorpusError


def read_sources(sources: Sequence[Path], layout: str | None, speaker: str | None) -> list[CorpusFolder]:
    """Return the clips of all sources. Raises CorpusError if one cannot be used, or two have the same name.

    Args:
        sources: Folders of recordings with transcripts, or manifests.
        layout: Name of the layout of all sources; None detects that of each source.
        speaker: Name of the speaker of recordings without one; None for the name of their folder.
    """
    found = [read_source(source, layout, speaker) for source in sources]
    names = [name for source in found for name in _corpora_of(source)]
    if len(set(names)) < len(names):
        raise CorpusError(f"two sources are folders of the same name: {', '.join(sorted(names))}", hint="rename one of them")
    if speaker:
        refuse_named_speakers(speaker, found)
    return found


def refuse_loss(output: Path, found: Iterable[CorpusFolder]) -> None:
    """Raise CorpusError if the corpus in `output` has clips that the sources do not list."""
    listed = {(clip.corpus, clip.id) for source in found for clip in source.clips}
    rejected = {(corpus, reject.id) for source in found for corpus in _corpora_of(source) for reject in source.rejects}
    lost = Counter(corpus for corpus, name in prepared_ids(output) if (corpus, name) not in listed | rejected)
    if lost:
        named = ", ".join(f"{count} of '{corpus}'" for corpus, count in sorted(lost.items()))
        hint = "give the former sources too, choose another --output, or --replace the corpus"
        raise CorpusError(f"{output}: holds a corpus with clips that the sources lack: {named}", hint)


def _corpora_of(source: CorpusFolder) -> set[str]:
    """Return the names of the corpora of a source: a manifest may have several."""
    return {source.corpus, *(clip.corpus for clip in source.clips)}


class SplitSources(NamedTuple):
    """Clips of all sources with their splits."""

    clips: list[Clip]
    rejects: list[Reject]
    """Lines that cannot be used."""
    num_unseen: int
    """Number of clips of the split unseen, which are left out."""
    shared: list[SharedText]


def split_sources(found: Sequence[CorpusFolder], splits_file: Path | None, details: Iterable[Path] = ()) -> SplitSources:
    """Return the clips to prepare, with their details and splits. A split is that of the file, of the transcript, or of the text.

    The splits precede the details, and the details precede the transcripts.

    Raises:
        CorpusError: The splits or a table of details cannot be read, or fit no clip.
    """
    splits: Splits = read_splits(splits_file) if splits_file else {}
    if splits_file:
        refuse_other_corpora(found, splits)
    tables = [read_details(path) for path in details]
    detailed = iter(apply_details([clip for source in found for clip in source.clips], (t for t in tables if t.is_of_clips)))
    sources = [source._replace(clips=[next(detailed) for _ in source.clips]) for source in found]
    split = [apply_splits(source, splits) for source in sources]
    # A table of documents may name their speakers, which the splits may have told.
    clips = apply_details([clip for source, _ in split for clip in source.clips], (t for t in tables if not t.is_of_clips))
    rejects = [reject for source, _ in split for reject in source.rejects]
    shared = shared_texts(clips, splits)
    return SplitSources(share_out(clips, splits_of_texts(clips, splits)), rejects, sum(unseen for _, unseen in split), shared)
