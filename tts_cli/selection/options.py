"""Options of `tts synth` and `tts read` for the selection of prosody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tts_cli.errors import InputError
from tts_cli.output.speech_options import Given, SpeechOptions, Table, refuse_several

if TYPE_CHECKING:
    from tts_cli.addon.opened import StackEdit
    from tts_cli.voice.sentence import Sentence
    from tts_cli.voice.synthesis import SpeechInput, Voice


@dataclass(frozen=True)
class SelectionOptions(SpeechOptions):
    """Options of selection; None leaves a choice to the voice."""

    prosody_strategy: Annotated[
        Literal["centroid", "syntactic", "bert", "bert+syntactic", "random", "oracle", "learnt", "predicted"] | None,
        typer.Option(
            help="For a voice that takes its prosody from recorded utterances, such as prosody-16k: those most alike in sentence "
            "structure (syntactic), meaning (bert) or both, or by what recordings tell to matter (learnt); predicted from the "
            "sentence and the one before; one at random; the speaker's average (centroid); or --embedding (oracle)."
        ),
    ] = None
    top_k: Annotated[
        int | None, typer.Option(metavar="K", min=1, help="Take the average prosody of the K utterances most alike.")
    ] = None
    inventory: Annotated[
        Literal["own", "all"] | None,
        typer.Option("--inventory", help="Take prosody from utterances of the speaker (own), or of all speakers (all)."),
    ] = None
    spread: Annotated[
        float | None,
        typer.Option(
            metavar="S",
            min=0,
            max=2,
            help="How far learnt and predicted prosody goes from the average: 1 as far as recordings do.",
        ),
    ] = None
    embedding: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Speak with the prosody of this recording, or with a prosody embedding in a .npy or .json file."
        ),
    ] = None
    continuity: Annotated[
        float,
        typer.Option(
            metavar="W", help="How much the prosody should resemble that of the sentence before, 0 to 100; 0 ignores it."
        ),
    ] = 0.0
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Print a table of the utterances that each sentence takes its prosody from, with scores."),
    ] = False

    def refuse(self, given: Given) -> None:
        refuse_several({"--prosody": given.get("prosody"), "--embedding": self.embedding})

    def edit_stack(self, addon: str | Path, stack: Path | None) -> StackEdit | None:
        from tts_cli.selection.choosing import choosing, remedy, selects

        chosen = {
            "--prosody-strategy": self.prosody_strategy,
            "--top-k": self.top_k,
            "--inventory": self.inventory,
            "--spread": self.spread,
        }
        for name, value in chosen.items():
            refuse_several({"--embedding": self.embedding, name: None if value == "oracle" else value})
        used = {**chosen, "--continuity": self.continuity or None, "--explain": self.explain or None}
        names = [name for name, value in used.items() if value is not None]
        if names and not selects(addon, stack):
            raise InputError(f"{names[0]} is for voices that select their prosody, and '{addon}' does not", hint=remedy())
        options = {"strategy": self.prosody_strategy, "top_k": self.top_k, "inventory": self.inventory, "spread": self.spread}
        return choosing(addon, stack, **options)

    def controls(self) -> dict[str, float]:
        return {"continuity": self.continuity}

    def replace_speech(self, speech: SpeechInput, voice: Voice) -> SpeechInput:
        if self.embedding is None:
            return speech
        from tts_cli.selection.embedding_file import read_embedding, with_embedding

        return with_embedding(tuple(read_embedding(self.embedding, voice).tolist()), speech, voice)

    @property
    def needs_sentences(self) -> bool:
        return self.explain

    def json_fields(self, sentence: Sentence, voice: Voice) -> dict[str, Any]:
        if not self.explain:
            return {}
        from tts_cli.selection.explanation import explanation_of

        return explanation_of(voice).as_dict(sentence)

    def table(self, sentences: Sequence[Sentence], voice: Voice) -> Table | None:
        if not self.explain:
            return None
        from tts_cli.selection.explanation import HEADER, explanation_of

        return Table("selected prosody", HEADER, explanation_of(voice).rows(sentences))


OPTIONS = {"synth": SelectionOptions, "read": SelectionOptions}
"""Options that selection adds to each command, by its name."""
