"""Options of `tts synth` that say how the prosody of a sentence is selected, and the explanation of what was."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tts_cli.cli.speech import refuse_several
from tts_cli.cli.terminal import print_table
from tts_cli.errors import InputError
from tts_cli.selection.feature import SELECTED

if TYPE_CHECKING:
    from tts_cli.addon.opened import StackEdit
    from tts_cli.audio.mel import Floats
    from tts_cli.selection.inventory import Inventory
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import AudioChunk, Said, Voice

NUMPY, JSON = ".npy", ".json"
"""Files of embeddings by their suffix; all others are recordings."""


@dataclass(frozen=True)
class Selection:
    """What the user says about it; None leaves it to the voice."""

    strategy: str | None = None
    top_k: int | None = None
    inventory: str | None = None
    embedding: Path | None = None
    """A file with the embedding that every sentence is spoken with, or a recording that has it."""
    continuity: float = 0.0
    explain: bool = False

    def edit_stack(self, addon: str | Path, stack: Path | None) -> StackEdit | None:
        """Return the change of the voice's stack that is asked for. Raises InputError where nothing in it could take it."""
        from tts_cli.selection.choosing import choosing, remedy, selects

        chosen = {"--prosody-strategy": self.strategy, "--top-k": self.top_k, "--inventory": self.inventory}
        for name, value in chosen.items():
            refuse_several({"--embedding": self.embedding, name: None if value == "oracle" else value})
        given = {**chosen, "--continuity": self.continuity or None, "--explain": self.explain or None}
        names = [name for name, value in given.items() if value is not None]
        if names and not selects(addon, stack):
            raise InputError(f"{names[0]} is for voices that select their prosody, and '{addon}' does not", hint=remedy())
        return choosing(addon, stack, strategy=self.strategy, top_k=self.top_k, inventory=self.inventory)

    def applied(self, voice: Voice, stream: Callable[..., Iterator[AudioChunk]]) -> Callable[..., Iterator[AudioChunk]]:
        """`stream`, that of the voice, with the given embedding for every sentence. Raises InputError for a bad file."""
        if self.embedding is None:
            return stream
        embedding = tuple(read_embedding(self.embedding, voice).tolist())

        def with_embedding(said: Said, **manner: Any) -> Iterator[AudioChunk]:
            return stream(_each_with(embedding, said, voice), **manner)

        return with_embedding

    def explanation(self, voice: Voice) -> Explanation | None:
        """What tells, if it is wanted, which utterances were selected."""
        return Explanation(voice) if self.explain else None


class Explanation:
    """Which utterances the sentences of a voice took their prosody from."""

    def __init__(self, voice: Voice) -> None:
        self._voice = voice
        self._inventory: Inventory | None = None

    def as_dict(self, sentence: Sentence) -> dict[str, Any]:
        """The sentence's part of `--json`: `selected`, the best first; none where nothing was chosen."""
        return {"selected": list(self._selected(sentence))}

    def show(self, sentences: Iterable[Sentence]) -> None:
        """Prints a table on standard error."""
        header = ("sentence", "like", "recording", "speaker", "score")
        rows: list[tuple[object, ...]] = []
        for sentence in sentences:
            found = list(self._selected(sentence))
            for place, one in enumerate(found):
                said = "" if place else sentence.text
                rows.append((said, one["text"], one["recording"], one["speaker"], f"{one['score']:.3f}"))
            if not found:
                rows.append((sentence.text, "(none: the embedding is the speaker's centroid, or given)", "", "", ""))
        print_table("selected prosody", header, rows, on_stderr=True)

    def _selected(self, sentence: Sentence) -> Iterator[dict[str, Any]]:
        from tts_cli.selection.inventory import Inventory

        for one in sentence.outcome(SELECTED) or ():
            self._inventory = self._inventory or Inventory(self._voice.acoustic, self._voice.acoustic.name)
            yield {
                "text": self._inventory.text(one.utterance),
                "recording": self._inventory.id(one.utterance),
                "speaker": self._voice.speakers[self._inventory.speakers[one.utterance]],
                "score": round(one.score, 4),
            }


def read_embedding(file: Path, voice: Voice) -> Floats:
    """(D,) the embedding in a file of numpy or of JSON, a list of numbers, or of a recording.

    Raises InputError for what is none, or of another size than those of the voice.
    """
    import numpy as np

    from tts_cli.selection.choosing import remedy
    from tts_cli.selection.selector import embedding_of

    if not any(speaker.embedding for speaker in voice.acoustic.config.speakers):
        raise InputError(f"--embedding is for voices with acoustic embeddings, and '{voice.acoustic.name}' has none", remedy())
    if file.suffix not in (NUMPY, JSON):
        return embedding_of(file, voice.acoustic)
    values = _read_numbers(file)
    expected = next(len(speaker.embedding) for speaker in voice.acoustic.config.speakers if speaker.embedding)
    if values.shape != (expected,):
        raise InputError(f"{file}: {expected} numbers are an embedding of '{voice.acoustic.name}', not {values.shape}")
    if not np.all(np.isfinite(values)):
        raise InputError(f"{file}: holds no embedding: not all of its numbers are finite", hint="a list of numbers")
    return values


def _read_numbers(file: Path) -> Floats:
    import json

    import numpy as np

    try:
        read = np.load(file, allow_pickle=False) if file.suffix == NUMPY else json.loads(file.read_text(encoding="utf-8"))
        return np.squeeze(np.asarray(read, np.float32))
    except OSError as error:
        raise InputError(f"{file}: cannot be read: {error.strerror or error}") from error
    except (ValueError, TypeError, EOFError) as error:
        raise InputError(f"{file}: holds no embedding: {' '.join(str(error).split())}", hint="a list of numbers") from error


def _each_with(embedding: tuple[float, ...], said: Said, voice: Voice) -> Iterator[Any]:
    """What is said, sentence by sentence, each with the embedding; breaks stay where they are."""
    from tts_cli.voice.request import Break

    for item in [said] if isinstance(said, str) else said:
        if isinstance(item, Break):
            yield item
        else:
            for sentence in voice.sentences([item]):
                yield sentence.model_copy(update={"embedding": embedding})
