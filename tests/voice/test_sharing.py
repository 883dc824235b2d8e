"""Voices that share the networks they have in common."""

from __future__ import annotations

import gc
import hashlib
import json
import shutil
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from counting import ATTENTION, NUM_THREADS, TEXT, TINY, VOCODER, Log, counted, joined

from tts_cli.addon import opened as addons
from tts_cli.addon.opened import open_addon
from tts_cli.errors import AddonError
from tts_cli.text import TextFrontEnd
from tts_cli.voice.synthesis import Voice, load


@pytest.fixture(name="log")
def _log(monkeypatch: pytest.MonkeyPatch) -> Log:
    return counted(monkeypatch)


def copy_of(name: str, into: Path) -> Path:
    return Path(shutil.copytree(TINY.with_name(name), into / name))


def change(folder: Path, place: list[str], value: Any) -> None:
    """Set the value at this place of addon.json."""
    whole = inner = json.loads((folder / "addon.json").read_text())
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = value
    (folder / "addon.json").write_text(json.dumps(whole))


def vocoder_network(voice: Voice) -> Any:
    assert voice.vocoder
    return voice.vocoder.network("vocoder", None, "test")


def test_voices_of_different_architecture_share_one_vocoder(log: Log) -> None:
    first = load(TINY)
    assert sorted(log.opened) == ["decoder", "prosody_encoder", "text_encoder", "vocoder"]
    log.opened.clear()
    second = load(ATTENTION, vocoder=VOCODER)
    assert log.opened, "this voice has networks of its own"
    assert not {"vocoder", "decoder"} & set(log.opened)
    assert vocoder_network(second) is vocoder_network(first)


def test_switching_voices_in_a_conversation_opens_nothing(log: Log) -> None:
    voices = [load(TINY), load(ATTENTION, vocoder=VOCODER)]
    alone = [joined(voice.stream(TEXT, best_effort=True)) for voice in voices]
    log.opened.clear()
    for turn in range(4):
        np.testing.assert_array_equal(joined(voices[turn % 2].stream(TEXT, best_effort=True)), alone[turn % 2])
    again = load(TINY)
    assert log.opened == []
    np.testing.assert_array_equal(joined(again.stream(TEXT)), alone[0])


def test_other_settings_share_nothing(log: Log) -> None:
    first, second = load(TINY), load(TINY, threads=2)
    assert vocoder_network(first) is not vocoder_network(second)
    assert Counter(log.opened).most_common(1)[0][1] == 2


def test_what_no_voice_uses_is_freed(log: Log) -> None:
    gc.collect()
    first, second = load(TINY), load(TINY)
    vocoder = weakref.ref(vocoder_network(first))
    decoder = weakref.ref(first.acoustic.network("decoder", None, "test"))
    chunks = second.stream(TEXT)
    next(chunks)
    del first, second
    gc.collect()
    assert vocoder() is not None, "a stream keeps what it needs"
    chunks.close()
    del chunks
    gc.collect()
    assert vocoder() is None
    assert decoder() is None
    assert len(addons._SHARED) == 0
    load(TINY)
    assert Counter(log.opened)["vocoder"] == 2


def test_a_network_opens_once_however_many_threads_ask(log: Log) -> None:
    start = threading.Barrier(NUM_THREADS)

    def open_voice(_: int) -> Voice:
        start.wait()
        return load(TINY)

    with ThreadPoolExecutor(NUM_THREADS) as pool:
        voices = list(pool.map(open_voice, range(NUM_THREADS)))
    assert len({id(vocoder_network(voice)) for voice in voices}) == 1
    assert set(Counter(log.opened).values()) == {1}


def test_what_has_changed_on_disk_is_opened_anew(log: Log, tmp_path: Path) -> None:
    folder = copy_of("tiny-vocoder", tmp_path)
    before = open_addon(folder)
    params = folder / "networks" / "vocoder.params"
    changed = bytearray(params.read_bytes())
    changed[:64] = bytes(64)
    params.unlink()
    params.write_bytes(changed)
    with pytest.raises(AddonError, match="damaged"):
        open_addon(folder)
    change(folder, ["networks", "vocoder", "sha256", "params"], hashlib.sha256(changed).hexdigest())
    after = open_addon(folder)
    assert log.opened == ["vocoder", "vocoder"]
    audio = [joined(Voice(open_addon(TINY), vocoder, TextFrontEnd()).stream(TEXT)) for vocoder in (before, after)]
    assert not np.array_equal(*audio)
    untouched = Voice(open_addon(TINY), open_addon(VOCODER), TextFrontEnd())
    np.testing.assert_array_equal(audio[0], joined(untouched.stream(TEXT)))
    assert log.opened.count("vocoder") == 2, "the same network in another folder is the same network"


def test_another_schedule_shares_networks_and_not_the_schedule(log: Log, tmp_path: Path) -> None:
    other = copy_of("tiny-acoustic", tmp_path)
    change(other, ["contexts", "default", "chunks"], {"first": 5})
    plain, changed = load(TINY), load(other, vocoder=VOCODER)
    assert set(Counter(log.opened).values()) == {1}
    assert plain.acoustic.context.chunks.first != 5
    for voice in (plain, changed):
        assert len(next(voice.stream(TEXT)).samples) == voice.acoustic.context.chunks.first * 200
