"""A voice observed while it speaks, and the trace that Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any

from tts_cli.addon.opened import Addon
from tts_cli.blocks.network import AddonNetwork
from tts_cli.blocks.observe import Observer, Span, observe, observe_network
from tts_cli.ports import Role
from tts_cli.text import Utterance
from tts_cli.voice.synthesis import FrontEnd, Voice


def observed(voice: Voice, observer: Observer) -> Voice:
    """A voice that says the same, whose text front end, blocks and networks are observed; it shares the networks of `voice`."""
    acoustic = _ObservedAddon(voice.acoustic, observer)
    vocoder = _ObservedAddon(voice.vocoder, observer) if voice.vocoder else None
    twin = Voice(acoustic, vocoder, _ObservedFrontEnd(voice.front_end, observer), voice.linguistics)
    observe(twin.stack, observer)
    return twin


class _ObservedAddon(Addon):
    def __init__(self, addon: Addon, observer: Observer) -> None:
        # The same opened networks, not others like them.
        self.__dict__.update(addon.__dict__)
        self.inner = {name: _ObservedAddon(inner, observer) for name, inner in addon.inner.items()}
        self._observer = observer

    def networks(self, role: Role) -> list[AddonNetwork]:
        return [observe_network(network, self._observer) for network in super().networks(role)]

    def network(self, role: Role, name: str | None, path: str) -> AddonNetwork:
        return observe_network(super().network(role, name, path), self._observer)


class _ObservedFrontEnd:
    def __init__(self, front_end: FrontEnd, observer: Observer) -> None:
        self._front_end, self._observer = front_end, observer

    def sentences(self, text: str, max_tokens: int) -> Iterable[Utterance]:
        """Those of the wrapped front end."""
        sentences = iter(self._front_end.sentences(text, max_tokens))
        while True:
            with self._observer.span("text", "text front end", "text"):
                sentence = next(sentences, None)
            if sentence is None:
                return
            yield sentence


class Trace:
    """Spans as Chrome trace events (Trace Event Format, complete events): a bar for each, under the bar of the span around it."""

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self.observer = Observer(self._spans.append)

    def json(self) -> str:
        """The text of a trace file: what happened since the trace began, in order."""
        spans = sorted(self._spans, key=lambda span: span.start_s)
        threads = {thread: number for number, thread in enumerate(dict.fromkeys(span.thread for span in spans), start=1)}
        events = [_named("process_name", 0, "tts")]
        events += [_named("thread_name", number, f"thread {number}") for number in threads.values()]
        events += [_event(span, spans[0].start_s, threads[span.thread]) for span in spans]
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})


def _event(span: Span, began_s: float, thread: int) -> dict[str, Any]:
    """Times are in microseconds."""
    name = f"{span.name}: {span.work}" if span.work in ("run", "open", "read") else span.name
    times = {"ts": round(1e6 * (span.start_s - began_s), 3), "dur": round(1e6 * span.wall_s, 3)}
    arguments = {"place": span.place, "own CPU ms": round(1000 * span.cpu_s, 3), **span.details}
    return {"name": name, "cat": span.work, "ph": "X", **times, "pid": os.getpid(), "tid": thread, "args": arguments}


def _named(what: str, thread: int, name: str) -> dict[str, Any]:
    """Metadata: what the process or a thread is called."""
    return {"name": what, "ph": "M", "pid": os.getpid(), "tid": thread, "args": {"name": name}}
