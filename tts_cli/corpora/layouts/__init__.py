"""Layouts of recordings and transcripts on disk. A new layout is one new file here, with a `LAYOUT`."""

from tts_cli.corpora.layouts.clip import (
    AUDIO_SUFFIXES,
    KINDS,
    QUESTIONS,
    SPLITS,
    Clip,
    CorpusFolder,
    Reject,
    RejectKind,
    kind_named,
    position_of,
)
from tts_cli.corpora.layouts.source import LAYOUTS, detect_layout, read_source

__all__ = [
    "AUDIO_SUFFIXES",
    "KINDS",
    "LAYOUTS",
    "QUESTIONS",
    "SPLITS",
    "Clip",
    "CorpusFolder",
    "Reject",
    "RejectKind",
    "detect_layout",
    "kind_named",
    "position_of",
    "read_source",
]
