"""Reading aloud: documents, their passages, and the silence between sentences."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tts_cli.reading.documents import Document, document_of, open_document

__all__ = ["Document", "document_of", "open_document"]


def __getattr__(name: str) -> object:
    """Import the reader of documents at its first use, so that the options of the commands load fast."""
    if name not in __all__:
        raise AttributeError(f"module 'tts_cli.reading' has no attribute '{name}'")
    return getattr(import_module("tts_cli.reading.documents"), name)
