"""Sounds of a listening test: spoken or read, brought to one rate, anchored and matched in loudness."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tts_cli.audio.mel import Floats
from tts_cli.listening.anchors import Anchor, choose_anchors, low_passed
from tts_cli.listening.config import ListeningConfig
from tts_cli.listening.items import ChosenItems
from tts_cli.listening.pages import LABELS, SoundKey, attention_checks
from tts_cli.listening.speaking import SpokenSound, placed, play, speak_items, speak_sentences
from tts_cli.listening.stimuli import framed_again, matched, shaped


@dataclass(frozen=True)
class TestSounds:
    """All sounds of a test."""

    sounds: Mapping[SoundKey, Floats]
    """Sounds (samples,) by key, anchors included."""
    sample_rate: int
    """In Hz."""
    loudness_lufs: float
    anchors: tuple[Anchor, ...]
    notes: tuple[str, ...]


def make_sounds(config: ListeningConfig, items: ChosenItems, where: str) -> TestSounds:
    """Speak the items with every system, make the anchors, and match all sounds in loudness.

    Args:
        config: Configuration of the test.
        items: Items to speak.
        where: Path of the configuration, for messages.

    Raises:
        TtsError: A system cannot be opened, or an item not be spoken or read.
    """
    rated = _spoken(config, items, where)
    sample_rate = config.sample_rate or min(sound.sample_rate for sound in rated.values())
    heard = {**rated, **_shown(config, items), **_checks(config, where)}
    sounds = {key: shaped(sound.samples, sound.sample_rate, sample_rate, str(key)) for key, sound in heard.items()}
    anchors, notes = _anchored(config, sounds, sample_rate)
    level = matched(sounds, sample_rate, config.loudness)
    notes = (_of_rates(rated, sample_rate, config), *notes)
    if level.limiting is not None:
        reason = f"at {config.loudness:g} LUFS the peak of one would clip ({level.limiting})"
        notes = (*notes, f"The stimuli have {level.loudness_lufs:.1f} LUFS: {reason}.")
    return TestSounds(level.sounds, sample_rate, level.loudness_lufs, anchors, notes)


def _spoken(config: ListeningConfig, items: ChosenItems, where: str) -> dict[SoundKey, SpokenSound]:
    every = list(dict.fromkeys((*items.test, *items.training)))
    return {
        SoundKey(name, item): sound
        for name, system in config.systems.items()
        for item, sound in speak_items(name, system, every, where).items()
    }


def _shown(config: ListeningConfig, items: ChosenItems) -> dict[SoundKey, SpokenSound]:
    clips = {"prosody": lambda item: item.source, "identity": lambda item: item.identity}
    every = dict.fromkeys((*items.test, *items.training))
    return {SoundKey(LABELS[name], item): play(clips[name](item)) for name in config.shown for item in every}


def _checks(config: ListeningConfig, where: str) -> dict[SoundKey, SpokenSound]:
    sentences = list(dict.fromkeys(check.sentence for check in attention_checks(config)))
    if not sentences:
        return {}
    with placed(f"{where}: 'attention'"):
        spoken = speak_sentences(sentences, config.attention_voice, config.attention.speaker)
    return {SoundKey(sentence, None): sound for sentence, sound in zip(sentences, spoken, strict=True)}


def _anchored(
    config: ListeningConfig, sounds: dict[SoundKey, Floats], sample_rate: int
) -> tuple[tuple[Anchor, ...], tuple[str, ...]]:
    """Add the anchors of every reference to `sounds`; return the anchors and notes on them."""
    if config.reference is None:
        return (), ()
    references = {key.item: sound for key, sound in sounds.items() if key.part == config.reference and key.item}
    anchors, notes = choose_anchors(config.anchors, list(references.values()), sample_rate)
    for anchor in anchors:
        for item, sound in references.items():
            filtered = low_passed(sound, anchor.cutoff_hz, sample_rate)
            sounds[SoundKey(anchor.name, item)] = framed_again(filtered, sample_rate)
    return anchors, notes


def _of_rates(rated: Mapping[SoundKey, SpokenSound], sample_rate: int, config: ListeningConfig) -> str:
    """Return a sentence on the sample rate of the stimuli, and the systems that were resampled to it."""
    rates: dict[str, set[int]] = {}
    for key, sound in rated.items():
        rates.setdefault(key.part, set()).add(sound.sample_rate)
    changed = [f"{name} ({_listed(found - {sample_rate})} Hz)" for name, found in rates.items() if found != {sample_rate}]
    reason = "as the configuration asks" if config.sample_rate else "the lowest rate of the systems"
    sentence = f"All stimuli have {sample_rate} Hz, {reason}"
    return f"{sentence}; resampled: {', '.join(changed)}." if changed else f"{sentence}."


def _listed(rates: Sequence[int] | set[int]) -> str:
    return " and ".join(map(str, sorted(rates)))
