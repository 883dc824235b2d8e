"""Traces: timelines of a voice at work, in the format that Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
import os
from typing import Any

from tts_cli.blocks.observe import Observer, Span


class Trace:
    """Trace in Chrome's Trace Event Format: one complete event for each span that `observer` reports.

    Pass `observer` to `Voice.variant`, stream speech, then write `json()` to a file.
    """

    def __init__(self) -> None:
        self._spans: list[Span] = []
        self.observer = Observer(self._spans.append)

    def json(self) -> str:
        """Return the text of a trace file: the spans observed so far, in the order in which they began."""
        spans = sorted(self._spans, key=lambda span: span.start_s)
        threads = {thread: number for number, thread in enumerate(dict.fromkeys(span.thread for span in spans), start=1)}
        events = [_named("process_name", 0, "tts")]
        events += [_named("thread_name", number, f"thread {number}") for number in threads.values()]
        events += [_event(span, spans[0].start_s, threads[span.thread]) for span in spans]
        return json.dumps({"traceEvents": events, "displayTimeUnit": "ms"})


def _event(span: Span, began_s: float, thread: int) -> dict[str, Any]:
    """Return the trace event of a span, with times in microseconds from `began_s` on."""
    name = f"{span.name}: {span.work}" if span.work in ("run", "open", "read") else span.name
    times = {"ts": round(1e6 * (span.start_s - began_s), 3), "dur": round(1e6 * span.wall_s, 3)}
    arguments = {"place": span.place, "own CPU ms": round(1000 * span.cpu_s, 3), **span.details}
    return {"name": name, "cat": span.work, "ph": "X", **times, "pid": os.getpid(), "tid": thread, "args": arguments}


def _named(kind: str, thread: int, name: str) -> dict[str, Any]:
    """Return the metadata event that names the process or a thread; `kind` is "process_name" or "thread_name"."""
    return {"name": kind, "ph": "M", "pid": os.getpid(), "tid": thread, "args": {"name": name}}
