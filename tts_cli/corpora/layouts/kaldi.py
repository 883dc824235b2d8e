"""Layout of Kaldi and ESPnet: `wav.scp` and `text`, with `utt2spk` and `segments` where there are any."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tts_cli.corpora.layouts.clip import Reject
from tts_cli.corpora.layouts.layout import Layout, Listed, enclosing, lines, stem


@dataclass(frozen=True)
class _Segment:
    """Part of a recording: its place in `segments`, the id of the recording, start, and end or None."""

    where: str
    recording: str
    start_s: float = 0.0
    end_s: float | None = None


def _read(folder: Path) -> Iterator[Listed | Reject]:
    """Yield the utterances of `text`. Without `segments`, each is a recording of `wav.scp`."""
    recordings, faults = _pairs(folder / "wav.scp")
    has_speakers = (folder / "utt2spk").is_file()
    speakers, speaker_faults = _pairs(folder / "utt2spk") if has_speakers else ({}, [])
    segments, segment_faults = _segments(folder / "segments")
    texts, text_faults = _pairs(folder / "text", may_be_empty=True)
    yield from (*faults, *speaker_faults, *segment_faults, *text_faults)
    known_faults = {fault.id for fault in (*faults, *speaker_faults, *segment_faults)}
    for name, (where, text) in texts.items():
        segment = segments.get(name, _Segment(where, name))
        if has_speakers and name not in speakers:
            if name not in known_faults:
                yield Reject(where, name, "wrong value", f"utt2spk does not list '{name}', so that its speaker is unknown")
        elif segment.recording in recordings:
            path, speaker = recordings[segment.recording], speakers.get(name, ("", ""))[1]
            yield _listed(name, where, text, speaker, segment, path, folder)
        elif not {name, segment.recording} & known_faults:
            yield Reject(where, name, "missing audio", f"missing audio: wav.scp does not list '{segment.recording}'")
    for name, (where, _) in {**recordings, **{key: (one.where, "") for key, one in segments.items()}}.items():
        if name not in texts and (name in segments or not segments):
            yield Reject(where, name, "missing text", f"missing text: text does not list '{name}'")


def _listed(
    name: str, where: str, text: str, speaker: str, segment: _Segment, path: tuple[str, str], folder: Path
) -> Listed | Reject:
    place, recording = path
    if recording.endswith("|") or recording.startswith("|"):
        reason = f"'{segment.recording}' is a command, which is never run; run it, and name the file that it makes"
        return Reject(place, name, "command in place of a file", reason)
    start, end = segment.start_s, segment.end_s
    return Listed(where, stem(name), text, enclosing(folder), speaker=speaker, recording=recording, start_s=start, end_s=end)


def _pairs(path: Path, may_be_empty: bool = False) -> tuple[dict[str, tuple[str, str]], list[Reject]]:
    """Return place and value of each line `key value` by key, and the lines that are malformed."""
    found, faults = dict[str, tuple[str, str]](), list[Reject]()
    for where, line in lines(path):
        if isinstance(line, Reject):
            faults.append(line)
            continue
        key, *rest = line.strip().split(maxsplit=1)
        if not rest and not may_be_empty:
            faults.append(
                Reject(where, key, "wrong number of columns", f"wrong number of columns: 1, expected two in {path.name}")
            )
        elif key in found:
            faults.append(Reject(where, key, "duplicate id", f"duplicate id, first seen at {found[key][0]}"))
        else:
            found[key] = (where, rest[0].strip() if rest else "")
    return found, faults


def _segments(path: Path) -> tuple[dict[str, _Segment], list[Reject]]:
    found, faults = dict[str, _Segment](), list[Reject]()
    if not path.is_file():
        return found, faults
    pairs, faults = _pairs(path)
    for name, (where, rest) in pairs.items():
        recording, *times = rest.split()
        try:
            start, end = map(float, times)
        except ValueError:
            reason = "expected id, recording, start and end in seconds"
            faults.append(Reject(where, name, "wrong number of columns", reason))
            continue
        # An end of -1 means the end of the recording.
        if not (start >= 0 and (end > start or end == -1)):
            faults.append(Reject(where, name, "wrong value", f"the clip ends at {end:g} s, not after its start at {start:g} s"))
        else:
            found[name] = _Segment(where, recording, start, None if end == -1 else end)
    return found, faults


LAYOUT = Layout("kaldi", lambda source: (source / "wav.scp").is_file() and (source / "text").is_file(), _read, order=50)
