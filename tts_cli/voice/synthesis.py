"""Voices: text in, audio out chunk by chunk while the rest is still being computed."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
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
from tts_cli.blocks.streamable import Fault, StreamableBlock, StreamableStack
from tts_cli.blocks.wiring import Wiring
from tts_cli.config import suggest
from tts_cli.errors import AddonError, ConfigError, InputError, RefusedError
from tts_cli.ports import Tensors
from tts_cli.text import TextFrontEnd
from tts_cli.text.phones import START
from tts_cli.voice.chunks import AudioChunk as AudioChunk
from tts_cli.voice.chunks import audible_samples, first_block, without_faults
from tts_cli.voice.fillers import Filler, Item, PlainItem, Ports
from tts_cli.voice.fillers import fillers as open_fillers
from tts_cli.voice.front_end import FrontEnd, ObservedFrontEnd, word_senses
from tts_cli.voice.request import Break, Controls, Request, SpeechSettings
from tts_cli.voice.sentence import Sentence

LEAD_IN_FRAMES = 2
"""Frames of silence before the first phone of a sentence."""

SpeechInput = str | Iterable[str | Sentence | Item | Break]
"""Input of a voice: a text, or texts, sentences with prosody, items of features (such as `Source`) and breaks in order."""


class Voice:
    """Text-to-speech voice: an acoustic addon and a vocoder, joined in one stack. `load` opens one.

    Any number of threads may stream from a voice at once. A voice never changes; `variant` returns a changed copy.

    Attributes:
        acoustic: Opened acoustic addon.
        vocoder: Opened vocoder; None where the acoustic stack gives audio itself.
        stack: Connected blocks from the request to the audio.
        sample_rate: Sample rate of the audio in Hz.
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
        """Join two opened addons.

        Args:
            acoustic: Addon that turns tokens into mel frames or audio.
            vocoder: Addon that turns mel frames into audio; None where the acoustic stack gives audio itself.
            front_end: Splits text into sentences of tokens.
            fillers: Hooks by which features fill ports of a request; None opens those of all features.
            between: Blocks between the acoustic stack and the stack of the vocoder.
            observer: Measures the text front end, the blocks and the networks.

        Raises:
            AddonError: The vocoder reads another mel than the acoustic addon gives, or the stack gives no audio.
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
        front_end: FrontEnd | None = None,
    ) -> Voice:
        """Return a changed copy of this voice that shares its opened networks. None leaves a property as it is.

        Args:
            schedule: Sizes of the chunks, in frames.
            speakers: Entries that replace the `speakers` of the acoustic addon.
            edit_stack: Function from the JSON of the acoustic stack to the changed JSON.
            edit_network: Function from each network of both addons to its replacement.
            between: Blocks between the acoustic stack and the stack of the vocoder; empty keeps the present ones.
            observer: Measures the text front end, the blocks and the networks.
            front_end: Splits text into sentences of tokens.
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
        read = front_end or self._unobserved
        return Voice(acoustic, vocoder, read, fillers, between or self._between, observer or self._observer)

    def reads(self, port: str) -> bool:
        """Return whether a block of the stack reads the port of the request with this name."""
        return _is_read(self._request, port)

    def in_language(self, language: str) -> Voice:
        """Return a copy that reads text in another language: "en-US" or "en-GB"."""
        front_end = self._unobserved
        return self.variant(front_end=front_end.in_language(language) if isinstance(front_end, TextFrontEnd) else front_end)

    @property
    def frames_per_second(self) -> float:
        """Frame rate of `Sentence.durations`, in Hz."""
        return self.acoustic.mel.frame_rate

    def output_time(self, seconds: float) -> float:
        """Map a time in the acoustic frames of a sentence to the time in its audio, both in seconds from the start.

        Effects such as a change of tempo or leading silence move time.
        """
        for block in self.stack.chain:
            seconds = block.output_time(seconds)
        return seconds

    @property
    def speakers(self) -> tuple[str, ...]:
        """Names of the speakers; empty for a voice with one unnamed speaker."""
        return tuple(speaker.name for speaker in self.acoustic.config.speakers)

    @property
    def default_speaker(self) -> str:
        """Speaker of a request without a speaker: the `default_speaker` of the addon, else its first speaker."""
        return self.acoustic.config.default_speaker or self.speakers[0]

    @property
    def tells_durations(self) -> bool:
        """True if spoken sentences have durations: a block of the stack reads the port `given_durations`."""
        return self.reads("given_durations")

    @property
    def latency(self) -> Latency:
        """Look-ahead of each block, and the steps needed for the first chunk of the context's schedule."""
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
        """Stream the speech of `text`: yield chunks of audio, each computed when it is asked for.

        A `Sentence` is spoken with the prosody it prescribes, a `Source` with the prosody of its recording. Closing the iterator
        ends all work. One thread at a time reads or closes it: another one gets ValueError while the first waits for a chunk.

        Args:
            text: Text, or texts, sentences, sources and breaks in their order.
            speaker: Name of one of `speakers`; None takes `default_speaker`.
            controls: Controls of all sentences, such as `Controls(length_scale=1.2)`.
            seed: Seed of the noise of the first sentence; each further sentence takes the next integer.
            sentence_silence_s: Silence between two sentences, in seconds. There is none before the first and after the last.
            best_effort: Report faults in `AudioChunk.faults` and go on, instead of raising RefusedError. Samples that are not
                finite numbers become 0.

        Raises:
            InputError: At once for an unknown speaker, a control that no block of the stack reads, or a silence that is negative
                or not finite. While streaming for a sentence that does not fit the voice.
            TextError: While streaming, for text with nothing to speak.
            RefusedError: While streaming, for speech with a fault, unless `best_effort` is given.

        Examples:
            >>> import tts_cli
            >>> voice = tts_cli.load("arctic-16k")
            >>> chunks = list(voice.stream("Hello there.", speaker="slt", controls=tts_cli.Controls(length_scale=1.2)))
            >>> seconds = sum(len(chunk.samples) for chunk in chunks) / voice.sample_rate
        """
        speaker_id = self.acoustic.speaker_id(speaker or self.default_speaker) if self.speakers else 0
        who = self.acoustic.config.speakers[speaker_id] if self.speakers else None
        settings = SpeechSettings(speaker_id, who, controls or Controls(), seed)
        self._refuse_unread(settings.controls)
        if not 0 <= sentence_silence_s < np.inf:
            raise InputError(f"the silence between sentences cannot be {sentence_silence_s} s", hint="give 0 or more seconds")
        chunks = self._chunks(text, settings, round(sentence_silence_s * self.sample_rate))
        return chunks if best_effort else without_faults(chunks)

    def _chunks(self, text: SpeechInput, settings: SpeechSettings, num_silent: int) -> Generator[AudioChunk]:
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
            request = self._request_for(item, settings, index, carried)
            for chunk in self._spoken(item.sentence, request, sizes):
                if chunk.sentence is not None:
                    carried = self._carried(chunk.sentence) or carried
                yield chunk
            index, silence = index + 1, None

    def _carried(self, sentence: Sentence) -> Ports:
        """Return the ports that a spoken sentence hands on to the next."""
        return {name: value for filler in self.fillers for name, value in filler.carried(sentence).items()}

    def sentences(self, text: SpeechInput) -> Iterator[Sentence]:
        """Yield the sentences that `text` is spoken in. Lazy: a sentence is computed when it is asked for."""
        return (item.sentence for item in self._items(text) if not isinstance(item, Break))

    def _items(self, text: SpeechInput) -> Iterator[Item | Break]:
        """Yield the sentences, as items that fill the ports of features, and the breaks between them."""
        for item in [text] if isinstance(text, str) else text:
            if isinstance(item, Sentence):
                yield PlainItem(item)
            elif isinstance(item, str):
                for utterance in self.front_end.sentences(item, self.acoustic.context.max_tokens):
                    yield PlainItem(Sentence.of(utterance))
            else:
                yield item

    def _request_for(self, item: Item, settings: SpeechSettings, index: int, carried: Ports) -> Request:
        """Return the request of a sentence; `index` counts the spoken sentences, `carried` holds ports of the sentence before."""
        sentence = item.sentence
        unknown = sorted(set(sentence.tokens) - self._token_ids.keys())
        if unknown:
            message = f"addon '{self.acoustic.name}' has no symbol '{unknown[0]}', which '{sentence.text}' uses"
            raise InputError(message, hint="change the text or the tokens, or choose a voice with this symbol")
        phones = np.array([self._token_ids[token] for token in sentence.tokens], np.int64)
        prescribed = {**self._lead_in(sentence), **sentence.prescribed()}
        given = {**settings.ports(), **carried, **prescribed, **item.ports(phones)}
        for filler in self.fillers:
            given |= filler.sentence(sentence)
        request = Request(phones, settings.speaker_id, settings.controls, settings.seed + index, **given)
        self._refuse_unread(request)
        return request

    def _lead_in(self, sentence: Sentence) -> dict[str, NDArray[np.float32]]:
        """Return durations that shorten the silence before the first phone: in recordings it is longer than a listener waits."""
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
                    place = first_block(stream, lambda one: one.was_read and not one.has_given)
                    raise RefusedError(f"the stack gave no audio for '{sentence.text}': {place} gave nothing")
                faults = stream.faults[num_faults:]
                num_faults += len(faults)
                if was_finite and not stream.is_finite:
                    place = first_block(stream, lambda one: not one.is_finite)
                    faults += (Fault("not-finite", f"{place} gave a value that is not a finite number"),)
                if faults or not has_ended:
                    yield AudioChunk(audible_samples(chunk, stream.is_finite), self.sample_rate, outcome, faults)
                outcome, was_finite = None, stream.is_finite

    def _with_outcome(self, sentence: Sentence, values: Tensors) -> Sentence:
        """Return the sentence with the durations, F0, energy, embedding and outcomes that the stack's tensors hold."""
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

    def _refuse_unread(self, names: Iterable[str]) -> None:
        """Raise InputError for a requested port that no block of the stack reads."""
        ports = request_ports()
        for port in (ports[name] for name in names):
            if not (port.may_be_unread or self.reads(port.name) or (port.read_as and self.reads(port.read_as))):
                readable = sorted(name for name, other in ports.items() if not other.may_be_unread and self.reads(name))
                name = self.acoustic.name
                message = f"addon '{name}' has no control '{port.name}'; it has: {', '.join(readable) or 'none'}"
                raise InputError(message, hint=f"leave out {port.name}, or choose another voice")


def _is_read(request: Wiring, port: str) -> bool:
    return bool(request[port].readers)


def _edited(network: AddonNetwork, edit: NetworkEdit) -> AddonNetwork:
    return edit(network)


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
    """Open a voice: an acoustic addon and its vocoder.

    Args:
        addon: Name or path of an acoustic addon.
        vocoder: Name or path of a vocoder; None takes the one that the acoustic addon names.
        context: Name of a context that both addons have, or path of a JSON file: where networks run, and the sizes of chunks.
        threads: CPU threads of each network; None leaves them to the context.
        lexicon: File of pronunciations that precede the built-in ones.
        cache: Folder for compiled networks.
        stack: File with a stack that replaces the addon's own. If it gives audio, no vocoder is added.
        edit_stack: Function that changes the JSON of the acoustic stack before its blocks are built.

    Raises:
        AddonError: An addon is missing, damaged or of the wrong kind, or the two do not fit each other.
        ConfigError: The context is invalid or cannot run on this machine.
        StackError: The stack is invalid; the message begins with the JSON path of the block.

    Examples:
        >>> import numpy as np
        >>> import tts_cli
        >>> voice = tts_cli.load("arctic-16k", threads=1)
        >>> audio = np.concatenate([chunk.samples for chunk in voice.stream("Hello there.")])
    """
    chosen = context_of(context)
    acoustic = open_addon(addon, chosen, threads, cache=cache, stack=stack, edit_stack=edit_stack)
    if acoustic.config.kind != "acoustic":
        message = f"addon '{acoustic.name}' is of kind '{acoustic.config.kind}', but speaking needs one of kind 'acoustic'"
        raise AddonError(message, hint="tts addons list shows installed addons with their kinds")
    gives_audio = "audio" in acoustic.check_stack()
    if vocoder and gives_audio:
        raise AddonError(f"the stack of '{acoustic.name}' gives audio already", hint="leave out --vocoder")
    name = None if gives_audio else vocoder or acoustic.config.default_vocoder
    opened = open_addon(name, chosen, threads, acoustic.folder.parent, cache) if name else None
    if opened and opened.config.kind != "vocoder":
        message = f"addon '{opened.name}' is of kind '{opened.config.kind}': it is no vocoder for '{acoustic.name}'"
        raise AddonError(message, hint="leave out --vocoder, or name an addon of kind 'vocoder'")
    if isinstance(chosen, Context):
        _refuse_unknown_networks(chosen, context, [config for found in (acoustic, opened) if found for config in found.configs])
    senses = word_senses()
    voice = Voice(acoustic, opened, TextFrontEnd(lexicon, senses, acoustic.config.language))
    if senses:
        senses.prepare()
    return voice


def _refuse_unknown_networks(context: Context, source: str | Path, addons: Sequence[AddonConfig]) -> None:
    known = sorted(name for addon in addons for name in addon.networks)
    for name in context.networks.keys() - set(known):
        raise ConfigError(f"{source}: 'networks.{name}': the voice has no such network", hint=suggest(name, known))
