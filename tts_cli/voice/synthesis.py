"""Voices: text in, audio out while it is still being computed.

voice = tts_cli.load("arctic-16k")
for chunk in voice.stream("Hello there.", speaker="slt"):
    play(chunk.samples, chunk.sample_rate)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import cache as remembered
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import ADDON_FILE, AddonConfig, Context, context_of
from tts_cli.addon.library import DEFAULT_ADDON, file_hash, find_addon
from tts_cli.addon.opened import Addon, BlockOptionsByType, open_addon
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.effects import sample_rate_of
from tts_cli.blocks.latency import Latency, first_chunk_latency
from tts_cli.blocks.processor import AUDIO
from tts_cli.blocks.streamable import Fault, Stream, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError, InputError, RefusedError
from tts_cli.ports import Tensors
from tts_cli.request import REQUEST_PORTS, Break, Controls, Request, Selected, Sentence, Source
from tts_cli.text import TextFrontEnd, Utterance
from tts_cli.text.phones import START

LEAD_IN_FRAMES = 2
"""Silence before the first phone of a sentence."""
LINGUISTICS_HINT = '"default_linguistics" in addon.json names it'


Said = str | Iterable[str | Sentence | Source | Break]
"""What a voice is given to speak."""


@dataclass(frozen=True)
class AudioChunk:
    """A piece of audio."""

    samples: NDArray[np.float32]
    """(samples,) mono, in [-1, 1]; none in a chunk that only tells of faults at the very end of a sentence."""
    sample_rate: int
    """In Hertz."""
    sentence: Sentence | None = None
    """On the first chunk of each sentence: how the sentence is spoken. The others, and pauses between sentences, have none."""
    faults: tuple[Fault, ...] = ()
    """What was noticed since the chunk before; only of speech asked for with `best_effort`, which is refused otherwise."""


class Analysis(Protocol):
    """Syntax and meaning of one sentence of W words."""

    @property
    def distances(self) -> NDArray[np.float32]:
        """(W,) syntactic distance of each word from the one before; the first is 0."""

    @property
    def vector(self) -> NDArray[np.float32]:
        """(E,) what the sentence means."""


class Analyst(Protocol):
    """What finds syntax and meaning of sentences, as `text.linguistics.Linguistics` does."""

    def analyse(self, words: Sequence[str], marks: Sequence[str]) -> Analysis:
        """`marks[i]` is the punctuation after `words[i]`, a boundary token."""


class FrontEnd(Protocol):
    """What splits text into sentences and these into tokens, as `text.TextFrontEnd` does."""

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Lazily. Raises TextError for text with nothing to speak."""


class Voice:
    """An acoustic addon and a vocoder joined in one stack. Any number of threads may stream from it at once."""

    def __init__(
        self, acoustic: Addon, vocoder: Addon | None, front_end: FrontEnd, linguistics: Callable[[], Analyst] | None = None
    ) -> None:
        """`vocoder` may be None where the acoustic stack gives audio itself; `linguistics` opens what analyses sentences, where a
        block of the stack reads their syntax or meaning. Raises AddonError when addons do not fit, or one is missing."""
        if vocoder is not None and vocoder.mel.hash != acoustic.mel.hash:
            hint = f"mel hashes: {vocoder.mel.hash} and {acoustic.mel.hash}"
            raise AddonError(f"vocoder '{vocoder.name}' reads another mel than '{acoustic.name}' gives", hint)
        self.acoustic = acoustic
        self.vocoder = vocoder
        stacks = [addon.build_stack() for addon in (acoustic, vocoder) if addon]
        self.stack = StreamableStack(BlockOptions({"stack": stacks}, "the voice: $"), acoustic)
        self.front_end = front_end
        self.linguistics = linguistics
        self._token_ids = {symbol: index for index, symbol in enumerate(acoustic.symbols)}
        self._request = Wiring.of(REQUEST_PORTS, "request")
        given = self.stack.join(self._request, Wiring({}))
        if "audio" not in given or not AUDIO.accepts(given["audio"].port):
            raise AddonError(f"the stack of '{acoustic.name}' does not give audio", hint="choose a vocoder with --vocoder")
        self.sample_rate = sample_rate_of(given["audio"].port, acoustic.sample_rate)
        """Of the audio, in Hertz."""
        self._analyst = self._needed(linguistics)
        self._frame_samples = max(1, round(acoustic.mel.hop_samples * self.sample_rate / acoustic.sample_rate))

    @property
    def frames_per_second(self) -> float:
        """What durations count."""
        return self.acoustic.mel.frame_rate

    def moment(self, seconds: float) -> float:
        """When what the acoustic frames have at `seconds` from a sentence's start is heard; effects may move time."""
        for block in self.stack.chain:
            seconds = block.moment(seconds)
        return seconds

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers."""
        return tuple(speaker.name for speaker in self.acoustic.config.speakers)

    @property
    def default_speaker(self) -> str:
        """Who speaks when nobody is named: whom the addon says, else its first speaker."""
        return self.acoustic.config.default_speaker or self.speakers[0]

    @property
    def tells_durations(self) -> bool:
        """Whether its sentences tell their durations: so they do where a block of the stack lets these be prescribed."""
        return bool(self._request["given_durations"].readers)

    @property
    def latency(self) -> Latency:
        """What stands between a sentence and its first chunk, by the context's schedule."""
        first = next(self.acoustic.context.chunks.sizes())
        return first_chunk_latency(self.stack, first * self._frame_samples)

    @property
    def reads_source(self) -> bool:
        """Whether the melody of a recording can be transferred to it, rather than its rhythm alone."""
        return bool(self._request["source_mel"].readers)

    def stream(
        self,
        text: Said,
        speaker: str | None = None,
        controls: Controls | None = None,
        seed: int = 0,
        sentence_silence_s: float = 0.2,
        best_effort: bool = False,
        strength: float = 1.0,
    ) -> Generator[AudioChunk]:
        """Speaks `text`, chunk by chunk, each computed when it is asked for.

        Given sentences are spoken with the prosody they prescribe, sources with that of their recording, to the degree of
        `strength`, from 0 to 1. Between two sentences there are `sentence_silence_s` seconds of silence, before the first and
        after the last none. Raises InputError at once for an unknown speaker and for a control the stack lacks, TextError while
        streaming for text with nothing to speak, RefusedError for speech with a fault, which `best_effort` lets pass, with 0 for
        what is not a finite number. Closing the iterator ends all work; iterator and closing belong to one thread, as Python's
        generators do: another gets ValueError while the first waits for a chunk.
        """
        speaker_id = self.acoustic.speaker_id(speaker or self.default_speaker) if self.speakers else 0
        who = self.acoustic.config.speakers[speaker_id] if self.speakers else None
        template = Request(
            np.zeros(0, np.int64),
            speaker_id,
            controls or Controls(),
            seed,
            loudness_lufs=who.loudness_lufs if who else None,
            centroid=np.array(who.embedding, np.float32) if who and who.embedding else None,
            strength=strength,
        )
        self._refuse_unread(template.scope())
        if not 0 <= sentence_silence_s < np.inf:
            raise InputError(f"the silence between sentences cannot be {sentence_silence_s} s")
        chunks = self._chunks(text, template, round(sentence_silence_s * self.sample_rate))
        return chunks if best_effort else _without_faults(chunks)

    def _chunks(self, text: Said, template: Request, num_silent: int) -> Generator[AudioChunk]:
        sizes = self.acoustic.context.chunks.sizes()
        index, previous = 0, template.previous_embedding
        silence: int | None = 0
        for item in self._items(text):
            if isinstance(item, Break):
                silence = max(silence or 0, round(item.seconds * self.sample_rate))
                previous = previous if item.previous_embedding is None else item.previous_embedding
                continue
            if between := num_silent if silence is None else silence:
                yield AudioChunk(np.zeros(between, np.float32), self.sample_rate)
            request = self._request_for(item, replace(template, seed=template.seed + index, previous_embedding=previous))
            for chunk in self._spoken(item.sentence, request, sizes):
                if chunk.sentence is not None and chunk.sentence.embedding is not None:
                    previous = np.array(chunk.sentence.embedding, np.float32)
                yield chunk
            index, silence = index + 1, None

    def sentences(self, text: Said) -> Iterator[Sentence]:
        """Those that `text` is spoken in. Lazily: nothing past one is looked at before the next is asked for."""
        return (item.sentence for item in self._items(text) if isinstance(item, Source))

    def _items(self, text: Said) -> Iterator[Source | Break]:
        """The sentences, with the recording that each is to sound like, if there is one, and the breaks between them."""
        for item in [text] if isinstance(text, str) else text:
            if isinstance(item, Source | Break):
                yield item
            elif isinstance(item, Sentence):
                yield Source(item)
            else:
                for spoken in self.front_end.sentences(item, self.acoustic.context.max_tokens):
                    yield Source(
                        Sentence(text=spoken.text, tokens=spoken.tokens, words=spoken.words, word_of_token=spoken.word_of_token)
                    )

    def _request_for(self, source: Source, template: Request) -> Request:
        sentence = source.sentence
        unknown = sorted(set(sentence.tokens) - self._token_ids.keys())
        if unknown:
            raise InputError(f"addon '{self.acoustic.name}' has no symbol '{unknown[0]}', which '{sentence.text}' uses")
        phones = np.array([self._token_ids[token] for token in sentence.tokens], np.int64)
        prescribed: dict[str, Any] = {**self._lead_in(sentence), **self._analysed(sentence), **sentence.prescribed()}
        request = replace(template, phones=phones, source_mel=source.mel, source_speaker=source.speaker, **prescribed)
        self._refuse_other_size(request)
        self._refuse_unread(request.scope())
        return request

    def _needed(self, linguistics: Callable[[], Analyst] | None) -> Analyst | None:
        """What analyses sentences, opened where a block reads what it finds."""
        readers = [port for port in ("sentence_vector", "syntactic_distance") if self._request[port].readers]
        if readers and linguistics is None:
            place = self._request[readers[0]].readers[0]
            raise AddonError(f"{place} reads '{readers[0]}', but no addon of kind 'linguistics' is named", hint=LINGUISTICS_HINT)
        return linguistics() if readers and linguistics else None

    def _analysed(self, sentence: Sentence) -> dict[str, Any]:
        """Syntax and meaning of the sentence, as fields of a request, as far as a block reads them."""
        if self._analyst is None or not sentence.words or sentence.embedding is not None:
            return {}
        found = self._analyst.analyse(sentence.words, sentence.marks)
        fields = {
            "sentence_vector": found.vector,
            "syntactic_distance": found.distances,
            "word_of_token": np.array(sentence.word_of_token, np.int64),
        }
        return {name: value for name, value in fields.items() if self._request[name].readers}

    def _refuse_other_size(self, request: Request) -> None:
        """Raises InputError when a given embedding is not of the size of this addon's."""
        for given in (request.given_embedding, request.previous_embedding):
            if given is not None and request.centroid is not None and given.shape != request.centroid.shape:
                theirs, ours = len(given), len(request.centroid)
                raise InputError(f"an embedding of {theirs} numbers is given, but those of '{self.acoustic.name}' have {ours}")

    def _lead_in(self, sentence: Sentence) -> dict[str, NDArray[np.float32]]:
        """Prescribes a short silence before the first phone: recordings begin with more than a listener should wait for."""
        if not self.tells_durations or sentence.tokens[0] != START:
            return {}
        durations = np.full(len(sentence.tokens), np.nan, np.float32)
        durations[0] = LEAD_IN_FRAMES
        return {"given_durations": durations}

    def _spoken(self, sentence: Sentence, request: Request, sizes: Iterator[int]) -> Iterator[AudioChunk]:
        stream = self.stack.open(request.scope(), None)
        outcome: Sentence | None = _with_outcome(sentence, stream.values)
        num_faults, was_finite = 0, True
        with closing(stream):
            has_ended = False
            while not has_ended:
                chunk = stream.read(next(sizes) * self._frame_samples)
                has_ended = chunk is None
                if has_ended and outcome is not None:
                    place = _first(stream, lambda one: one.was_read and not one.has_given)
                    raise RefusedError(f"the stack gave no audio for '{sentence.text}': {place} gave nothing")
                faults = stream.faults[num_faults:]
                num_faults += len(faults)
                if was_finite and not stream.is_finite:
                    place = _first(stream, lambda one: not one.is_finite)
                    faults += (Fault("not-finite", f"{place} gave a value that is not a finite number"),)
                if faults or not has_ended:
                    yield AudioChunk(_samples(chunk, stream.is_finite), self.sample_rate, outcome, faults)
                outcome, was_finite = None, stream.is_finite

    def _refuse_unread(self, scope: Tensors) -> None:
        """Raises InputError when the request asks for what no block of the stack reads."""
        always = {"phones", "token_mask", "speaker", "seed", "loudness_lufs", "source_mask", "source_phones", "source_speaker"}
        always |= {"embedding", "previous_embedding"}
        if self._request["embedding"].readers:
            always |= {"given_embedding"}
        for name in scope.keys() - always:
            if not self._request[name].readers:
                readable = sorted(port for port in self._request.keys() - always if self._request[port].readers)
                raise InputError(f"addon '{self.acoustic.name}' has no control '{name}'; it has: {', '.join(readable) or 'none'}")


def _samples(chunk: Tensors | None, is_finite: bool) -> NDArray[np.float32]:
    """What is heard of a chunk, (samples,) in [-1, 1]: 0 where a value is not a finite number."""
    samples = np.zeros(0, np.float32) if chunk is None else chunk["audio"][0, :, 0]
    if not is_finite:
        samples = np.where(np.isfinite(samples), samples, np.float32(0))
    return np.clip(samples, -1.0, 1.0)


def _first(stream: Stream, is_meant: Callable[[Stream], bool]) -> str:
    """Place and type of the first block, from the source on, whose stream is meant."""
    found = (one.block for one in stream.chain if one.block is not None and is_meant(one))
    return next((f"{block.path}: {block.type}" for block in found), "its last block")


def _without_faults(chunks: Generator[AudioChunk]) -> Generator[AudioChunk]:
    """The same chunks, as long as they have no fault; ends them when it ends itself."""
    with closing(chunks):
        for chunk in chunks:
            if chunk.faults:
                raise RefusedError(chunk.faults[0].message, hint="--best-effort takes the speech as it is")
            yield chunk


def _with_outcome(sentence: Sentence, values: Tensors) -> Sentence:
    """The sentence with the durations, F0 and energy it is spoken with, as far as the stack shows them."""
    outcome: dict[str, Any] = {name: tuple(values[name][0, :, 0].tolist()) for name in ("durations", "energy") if name in values}
    if "embedding" in values:
        outcome["embedding"] = tuple(values["embedding"][0, 0].tolist())
    if "selected" in values:
        places, scores = values["selected"][0, 0].tolist(), values["selected_score"][0, 0].tolist()
        outcome["selected"] = tuple(Selected(utterance=place, score=score) for place, score in zip(places, scores, strict=True))
    if "log_f0" in values:
        outcome["f0_hz"] = tuple(np.exp(values["log_f0"][0, :, 0].astype(np.float64)).tolist())
    return sentence.model_copy(update=outcome)


def load(
    addon: str | Path = DEFAULT_ADDON,
    vocoder: str | Path | None = None,
    context: str | Path = "default",
    threads: int | None = None,
    lexicon: Path | None = None,
    cache: Path | None = None,
    stack: Path | None = None,
    block_options: BlockOptionsByType | None = None,
) -> Voice:
    """Opens a voice: an acoustic addon by name or path, and a vocoder, by default the one the addon names.

    `context` says where networks run: the name of one that both addons have, or a JSON file; `threads` overrides how many each
    uses; `lexicon` is a file of pronunciations, `cache` a folder for compiled networks, `stack` a file whose stack stands for the
    addon's own; where that gives audio, no vocoder is added to it; `block_options` overrule those of the stack's blocks, by
    type. Raises AddonError, ConfigError for a context that cannot
    run here, or StackError with the JSON path of what does not fit.
    """
    chosen = context_of(context)
    acoustic = open_addon(addon, chosen, threads, cache=cache, stack=stack, block_options=block_options)
    if acoustic.config.kind != "acoustic":
        raise AddonError(f"addon '{acoustic.name}' is of kind '{acoustic.config.kind}': an acoustic one is needed to speak")
    gives_audio = "audio" in acoustic.check_stack()
    if vocoder and gives_audio:
        raise AddonError(f"the stack of '{acoustic.name}' gives audio already", hint="leave out --vocoder")
    name = None if gives_audio else vocoder or acoustic.config.default_vocoder
    opened = open_addon(name, chosen, threads, acoustic.folder.parent, cache) if name else None
    if opened and opened.config.kind != "vocoder":
        raise AddonError(f"addon '{opened.name}' is of kind '{opened.config.kind}': it is no vocoder for '{acoustic.name}'")
    if isinstance(chosen, Context):
        _refuse_unknown_networks(chosen, context, [config for found in (acoustic, opened) if found for config in found.configs])
    linguistics = remembered(partial(_linguistics_of, acoustic, threads)) if acoustic.config.default_linguistics else None
    return Voice(acoustic, opened, TextFrontEnd(lexicon), linguistics)


def _linguistics_of(acoustic: Addon, threads: int | None) -> Analyst:
    """What the addon names to analyse sentences. Raises AddonError when it is missing, or not the one the addon requires."""
    from tts_cli.selection.parsing import open_linguistics

    name = str(acoustic.config.default_linguistics)
    folder = find_addon(name, near=acoustic.folder.parent)
    hashes = {requirement.name: requirement.sha256 for requirement in acoustic.config.requires}
    if name in hashes and hashes[name] != file_hash(folder / ADDON_FILE):
        raise AddonError(f"addon '{name}' in {folder} is not the one that '{acoustic.name}' requires")
    return open_linguistics(folder, threads=threads or 1)


def _refuse_unknown_networks(context: Context, source: str | Path, addons: Sequence[AddonConfig]) -> None:
    known = sorted(name for addon in addons for name in addon.networks)
    for name in context.networks.keys() - set(known):
        raise ConfigError(f"{source}: 'networks.{name}': the voice has no such network", hint=suggest(name, known))
