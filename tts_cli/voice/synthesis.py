"""Voices: text in, audio out while it is still being computed.

voice = tts_cli.load("arctic-16k")
for chunk in voice.stream("Hello there.", speaker="slt"):
    play(chunk.samples, chunk.sample_rate)
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial, reduce
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tts_cli.addon.config import AddonConfig, ChunkSchedule, Context, Speaker, context_of
from tts_cli.addon.library import DEFAULT_ADDON
from tts_cli.addon.opened import Addon, NetworkEdit, StackEdit, open_addon
from tts_cli.blocks.block import BlockOptions
from tts_cli.blocks.effects import sample_rate_of
from tts_cli.blocks.features import request_ports, request_wiring
from tts_cli.blocks.latency import Latency, first_chunk_latency
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.observe import Observer, observe, observe_network
from tts_cli.blocks.processor import AUDIO
from tts_cli.blocks.streamable import Fault, Stream, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError, InputError, RefusedError
from tts_cli.ports import Tensors
from tts_cli.text import TextFrontEnd
from tts_cli.text.phones import START
from tts_cli.voice.fillers import Filler, Item, PlainItem, Ports
from tts_cli.voice.fillers import fillers as open_fillers
from tts_cli.voice.front_end import FrontEnd, ObservedFrontEnd
from tts_cli.voice.request import Break, Controls, Request
from tts_cli.voice.sentence import Sentence

LEAD_IN_FRAMES = 2
"""Silence before the first phone of a sentence."""

SpeechInput = str | Iterable[str | Sentence | Item | Break]
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


class Voice:
    """An acoustic addon and a vocoder joined in one stack. Any number of threads may stream from it at once.

    A voice never changes; `variant` makes another one with something changed.
    """

    def __init__(
        self,
        acoustic: Addon,
        vocoder: Addon | None,
        front_end: FrontEnd,
        fillers: Sequence[Filler] | None = None,
        between: Sequence[StreamableBlock] = (),
        observer: Observer | None = None,
    ) -> None:
        """Args:
            acoustic: Opened addon that speaks.
            vocoder: Opened addon that makes audio of its frames; None where the acoustic stack gives audio itself.
            front_end: Splits text into sentences of tokens.
            fillers: Hooks of features; by default a new one of each.
            between: Blocks between the acoustic stack and the vocoder's.
            observer: Measures the text front end, the blocks and the networks.

        Raises AddonError when addons do not fit, or one is missing.
        """
        if vocoder is not None and vocoder.mel.hash != acoustic.mel.hash:
            hint = f"mel hashes: {vocoder.mel.hash} and {acoustic.mel.hash}"
            raise AddonError(f"vocoder '{vocoder.name}' reads another mel than '{acoustic.name}' gives", hint)
        self.acoustic, self.vocoder, self.front_end = acoustic, vocoder, front_end
        built = [acoustic.build_stack(), *between, *([vocoder.build_stack()] if vocoder else [])]
        self.stack = StreamableStack(BlockOptions({"stack": built}, "the voice: $"), acoustic)
        self._token_ids = {symbol: index for index, symbol in enumerate(acoustic.symbols)}
        self._request = request_wiring()
        given = self.stack.connect(self._request, Wiring({}))
        if "audio" not in given or not AUDIO.accepts(given["audio"].port):
            raise AddonError(f"the stack of '{acoustic.name}' does not give audio", hint="choose a vocoder with --vocoder")
        self.sample_rate = sample_rate_of(given["audio"].port, acoustic.sample_rate)
        """Of the audio, in Hertz."""
        # Not the voice's own method: a voice that refers to itself would keep its networks until the next garbage collection.
        self.fillers = tuple(open_fillers(acoustic, partial(_is_read, self._request)) if fillers is None else fillers)
        self._frame_samples = max(1, round(acoustic.mel.hop_samples * self.sample_rate / acoustic.sample_rate))
        self._unobserved, self._between, self._observer = front_end, tuple(between), observer
        if observer is not None:
            self.stack, self.front_end = observe(self.stack, observer), ObservedFrontEnd(front_end, observer)

    def variant(
        self,
        schedule: ChunkSchedule | None = None,
        speakers: Sequence[Speaker] | None = None,
        edit_stack: StackEdit | None = None,
        edit_network: NetworkEdit | None = None,
        between: Sequence[StreamableBlock] = (),
        observer: Observer | None = None,
    ) -> Voice:
        """Return a voice like this one, on the same opened networks, with something changed; this one stays as it is.

        Args:
            schedule: Sizes of its chunks.
            speakers: What is known of each speaker.
            edit_stack: Changes the JSON of the acoustic stack.
            edit_network: Returns a network to stand for each one of both addons.
            between: Blocks between the acoustic stack and the vocoder's.
            observer: Measures the text front end, the blocks and the networks.
        """
        changes: dict[str, Any] = {}
        if schedule is not None:
            changes["context"] = self.acoustic.context.model_copy(update={"chunks": schedule})
        if speakers is not None:
            changes["config"] = self.acoustic.config.model_copy(update={"speakers": tuple(speakers)})
        if edit_stack is not None:
            changes["edit_stack"] = edit_stack
        observe_one = partial(observe_network, observer=observer) if observer is not None else None
        edits = [edit for edit in (self.acoustic.edit_network, edit_network, observe_one) if edit]
        networks: dict[str, Any] = {"edit_network": partial(reduce, _edited, edits)} if edits else {}
        vocoder = replace(self.vocoder, **networks) if self.vocoder else None
        fillers = None if edit_stack else self.fillers
        acoustic = replace(self.acoustic, **changes, **networks)
        return Voice(acoustic, vocoder, self._unobserved, fillers, between or self._between, observer or self._observer)

    def reads(self, port: str) -> bool:
        """Return whether a block of the stack reads a port of the request."""
        return _is_read(self._request, port)

    @property
    def frames_per_second(self) -> float:
        """What durations count."""
        return self.acoustic.mel.frame_rate

    def output_time(self, seconds: float) -> float:
        """When what the acoustic frames have at `seconds` from a sentence's start is heard; effects may move time."""
        for block in self.stack.chain:
            seconds = block.output_time(seconds)
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
        return self.reads("given_durations")

    @property
    def latency(self) -> Latency:
        """What stands between a sentence and its first chunk, by the context's schedule."""
        first = next(self.acoustic.context.chunks.sizes())
        return first_chunk_latency(self.stack, first * self._frame_samples)

    def stream(
        self,
        text: SpeechInput,
        speaker: str | None = None,
        controls: Controls | None = None,
        seed: int = 0,
        sentence_silence_s: float = 0.2,
        best_effort: bool = False,
    ) -> Generator[AudioChunk]:
        """Speaks `text`, chunk by chunk, each computed when it is asked for.

        Given sentences are spoken with the prosody they prescribe, sources with that of their recording. Between two sentences
        there are `sentence_silence_s` seconds of silence, before the first and after the last none. Raises InputError at once for
        an unknown speaker and for a control the stack lacks, TextError while streaming for text with nothing to speak,
        RefusedError for speech with a fault, which `best_effort` lets pass, with 0 for what is not a finite number. Closing the
        iterator ends all work; iterator and closing belong to one thread, as Python's generators do: another gets ValueError
        while the first waits for a chunk.
        """
        speaker_id = self.acoustic.speaker_id(speaker or self.default_speaker) if self.speakers else 0
        who = self.acoustic.config.speakers[speaker_id] if self.speakers else None
        manner = _Manner(speaker_id, who, controls or Controls(), seed)
        self._refuse_unread(manner.controls)
        if not 0 <= sentence_silence_s < np.inf:
            raise InputError(f"the silence between sentences cannot be {sentence_silence_s} s")
        chunks = self._chunks(text, manner, round(sentence_silence_s * self.sample_rate))
        return chunks if best_effort else _without_faults(chunks)

    def _chunks(self, text: SpeechInput, manner: _Manner, num_silent: int) -> Generator[AudioChunk]:
        sizes = self.acoustic.context.chunks.sizes()
        carried: Ports = {}
        index = 0
        silence: int | None = 0
        for item in self._items(text):
            if isinstance(item, Break):
                silence = max(silence or 0, round(item.seconds * self.sample_rate))
                carried = carried if item.after is None else self._carried(item.after)
                continue
            if between := num_silent if silence is None else silence:
                yield AudioChunk(np.zeros(between, np.float32), self.sample_rate)
            request = self._request_for(item, manner, index, carried)
            for chunk in self._spoken(item.sentence, request, sizes):
                if chunk.sentence is not None:
                    carried = self._carried(chunk.sentence) or carried
                yield chunk
            index, silence = index + 1, None

    def _carried(self, sentence: Sentence) -> Ports:
        """Return the ports that a spoken sentence hands on to the next."""
        return {name: value for filler in self.fillers for name, value in filler.carried(sentence).items()}

    def sentences(self, text: SpeechInput) -> Iterator[Sentence]:
        """Those that `text` is spoken in. Lazily: nothing past one is looked at before the next is asked for."""
        return (item.sentence for item in self._items(text) if not isinstance(item, Break))

    def _items(self, text: SpeechInput) -> Iterator[Item | Break]:
        """Yield the sentences, with what features know of them, and the breaks between them."""
        for item in [text] if isinstance(text, str) else text:
            if isinstance(item, Sentence):
                yield PlainItem(item)
            elif isinstance(item, str):
                for utterance in self.front_end.sentences(item, self.acoustic.context.max_tokens):
                    yield PlainItem(Sentence.of(utterance))
            else:
                yield item

    def _request_for(self, item: Item, manner: _Manner, index: int, carried: Ports) -> Request:
        """Return the request of a sentence; `index` is its place among those that are spoken."""
        sentence = item.sentence
        unknown = sorted(set(sentence.tokens) - self._token_ids.keys())
        if unknown:
            raise InputError(f"addon '{self.acoustic.name}' has no symbol '{unknown[0]}', which '{sentence.text}' uses")
        phones = np.array([self._token_ids[token] for token in sentence.tokens], np.int64)
        prescribed = {**self._lead_in(sentence), **sentence.prescribed()}
        given = {**manner.ports(), **carried, **prescribed, **item.ports(phones)}
        for filler in self.fillers:
            given |= filler.sentence(sentence)
        request = Request(phones, manner.speaker_id, manner.controls, manner.seed + index, **given)
        self._refuse_unread(request)
        return request

    def _lead_in(self, sentence: Sentence) -> dict[str, NDArray[np.float32]]:
        """Prescribes a short silence before the first phone: recordings begin with more than a listener should wait for."""
        if not self.tells_durations or sentence.tokens[0] != START:
            return {}
        durations = np.full(len(sentence.tokens), np.nan, np.float32)
        durations[0] = LEAD_IN_FRAMES
        return {"given_durations": durations}

    def _spoken(self, sentence: Sentence, request: Request, sizes: Iterator[int]) -> Iterator[AudioChunk]:
        stream = self.stack.open(request, None)
        outcome: Sentence | None = self._with_outcome(sentence, stream.values)
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

    def _with_outcome(self, sentence: Sentence, values: Tensors) -> Sentence:
        """Return the sentence with the prosody it is spoken with, as far as the stack shows it."""
        outcome: dict[str, Any] = {
            name: tuple(values[name][0, :, 0].tolist()) for name in ("durations", "energy") if name in values
        }
        if "embedding" in values:
            outcome["embedding"] = tuple(values["embedding"][0, 0].tolist())
        if "log_f0" in values:
            outcome["f0_hz"] = tuple(np.exp(values["log_f0"][0, :, 0].astype(np.float64)).tolist())
        for filler in self.fillers:
            outcome |= filler.outcome(values)
        return sentence.model_copy(update=outcome)

    def _refuse_unread(self, asked: Iterable[str]) -> None:
        """Raise InputError when a port is asked for that no block of the stack reads."""
        ports = request_ports()
        for port in (ports[name] for name in asked):
            if not (port.may_be_unread or self.reads(port.name) or (port.read_as and self.reads(port.read_as))):
                readable = sorted(name for name, other in ports.items() if not other.may_be_unread and self.reads(name))
                name = self.acoustic.name
                raise InputError(f"addon '{name}' has no control '{port.name}'; it has: {', '.join(readable) or 'none'}")


@dataclass(frozen=True)
class _Manner:
    """How all sentences of a text are spoken."""

    speaker_id: int
    speaker: Speaker | None
    controls: Controls
    seed: int

    def ports(self) -> Ports:
        """Return the ports that say what is known of the speaker."""
        found: Ports = {}
        if self.speaker and self.speaker.loudness_lufs is not None:
            found["loudness_lufs"] = self.speaker.loudness_lufs
        if self.speaker and self.speaker.embedding:
            found["embedding"] = np.array(self.speaker.embedding, np.float32)
        return found


def _is_read(request: Wiring, port: str) -> bool:
    return bool(request[port].readers)


def _edited(network: AddonNetwork, edit: NetworkEdit) -> AddonNetwork:
    return edit(network)


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


def load(
    addon: str | Path = DEFAULT_ADDON,
    vocoder: str | Path | None = None,
    context: str | Path = "default",
    threads: int | None = None,
    lexicon: Path | None = None,
    cache: Path | None = None,
    stack: Path | None = None,
    edit_stack: StackEdit | None = None,
) -> Voice:
    """Opens a voice: an acoustic addon by name or path, and a vocoder, by default the one the addon names.

    `context` says where networks run: the name of one that both addons have, or a JSON file; `threads` overrides how many each
    uses; `lexicon` is a file of pronunciations, `cache` a folder for compiled networks, `stack` a file whose stack stands for the
    addon's own; where that gives audio, no vocoder is added to it; `edit_stack` changes the acoustic stack before its blocks are
    built. Raises AddonError, ConfigError for a context that cannot run here, or StackError with the JSON path of what does not
    fit.
    """
    chosen = context_of(context)
    acoustic = open_addon(addon, chosen, threads, cache=cache, stack=stack, edit_stack=edit_stack)
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
    return Voice(acoustic, opened, TextFrontEnd(lexicon))


def _refuse_unknown_networks(context: Context, source: str | Path, addons: Sequence[AddonConfig]) -> None:
    known = sorted(name for addon in addons for name in addon.networks)
    for name in context.networks.keys() - set(known):
        raise ConfigError(f"{source}: 'networks.{name}': the voice has no such network", hint=suggest(name, known))
