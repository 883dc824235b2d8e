"""Evaluation of vocoders by copy-synthesis, with the recordings and Griffin-Lim as references."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

from tts_cli.addon.opened import Addon
from tts_cli.audio.files import read_native
from tts_cli.audio.mel import Floats
from tts_cli.corpora.splits import read_splits
from tts_cli.errors import AddonError
from tts_cli.evaluation.measures.harmonics import harmonic_vocoder
from tts_cli.evaluation.measures.identity import OwnVoices
from tts_cli.evaluation.measures.instruments import Instruments, PromptFigures
from tts_cli.evaluation.measures.naturalness import naturalness
from tts_cli.evaluation.measures.recognition import Recogniser
from tts_cli.evaluation.measures.signal import griffin_lim_from_mel
from tts_cli.evaluation.measuring import measure_system
from tts_cli.evaluation.prompts import Prompt, Reference, parallel_speakers, read_prompts, read_references, recorded_prompts
from tts_cli.evaluation.report import PESQ, STOI, WER, Reports
from tts_cli.evaluation.speech.comparisons import table_of
from tts_cli.evaluation.speech.pictures import Panels, draw_worst, require_naturalness
from tts_cli.evaluation.speech.tables import (
    ABOVE_RECORDINGS,
    COSINE,
    ERRORS,
    NATURALNESS,
    PREDICTED,
    PULSES_NOTE,
    SHARES,
    SHARES_NOTE,
    reports_of,
    rows_of,
)
from tts_cli.evaluation.systems import RECORDINGS, System, SystemOutput, copy_with

Render = Callable[[Reference], SystemOutput | Floats]
"""Copy-synthesis: function from a recording to an utterance, or to audio (samples,) at the sample rate of its mel."""

SPLITS = ("test", "unseen")
"""Splits to measure: those of them that `splits.csv` lists."""
GRIFFIN_LIM = "Griffin-Lim"

_COLUMNS = (PESQ, STOI, WER, NATURALNESS, ABOVE_RECORDINGS, COSINE)
_HEARD_NOTE = (
    "Means over clips with 95 % bootstrap intervals. PESQ-WB, STOI: against the recording. Griffin-Lim: 60 iterations from the "
    f"pseudo-inverse of the same mel. WER: Whisper base. {PREDICTED} '- recordings': its paired difference to the recordings. "
    "Cosine: speaker embeddings of Resemblyzer, of the utterance and of the centroid of the speaker's training recordings; for "
    "unseen speakers, of their other recordings."
)
_ERRORS_NOTE = (
    "Against the recording, frame by frame: MCD of 24 mel-cepstra over frames of speech, F0 RMSE in semitones over frames voiced "
    f"in both, voicing decision error (VDE) over all frames. {PULSES_NOTE} The recording decides which frames are unvoiced."
)


def instruments_for(corpora: Path, word_errors: bool = True) -> Instruments:
    """Return the instruments for copy-synthesis.

    Args:
        corpora: folder of the corpora, for the speakers' own recordings.
        word_errors: count word errors with Whisper too, which takes longest.

    Raises:
        InputError: if the extra `eval` is not installed.
    """
    return Instruments(Recogniser() if word_errors else None, naturalness, OwnVoices(corpora), has_spectra=True, has_signal=True)


def evaluate_vocoder(
    addon: Addon, corpora: Path, limit: int | None, instruments: Instruments, pictures: Path | None = None
) -> Reports:
    """Measure copy-synthesis by a vocoder addon on the clips of `SPLITS`, beside Griffin-Lim and the recordings.

    The vocoder gets the mel spectrogram alone. If it has an input for F0, a second row gives it the recording's F0 too. Of the
    split `test` only the speakers who read the same prompts are measured, if there are any.

    Args:
        addon: vocoder addon.
        corpora: folder with `splits.csv` and the corpora.
        limit: largest number of clips of each speaker; None: all.
        instruments: measures to take; see `instruments_for`.
        pictures: folder for spectrograms of the copies with the lowest naturalness; None draws none.

    Raises:
        CorpusError: if clips are missing.
        AudioError: if a recording cannot be read, or a copy is silent.
        InputError: if the extra `eval` is not installed.
        AddonError: if the addon is not a vocoder.
        OutputError: if a picture cannot be written.
    """
    if addon.config.kind != "vocoder":
        message = f"addon '{addon.name}' is of kind '{addon.config.kind}', not a vocoder"
        raise AddonError(message, hint="name an addon of kind 'vocoder': tts addons list")
    harmonic = harmonic_vocoder(addon)
    stacks = addon.build_stack(), harmonic.build_stack() if harmonic else None
    vocoders = {addon.name: copy_with(*stacks)}
    if any(port.name == "log_f0" for network in addon.config.networks.values() for port in network.inputs):
        vocoders[f"{addon.name}, true F0"] = copy_with(*stacks, true_pitch=True)
    listed = {row.split for row in read_splits(corpora / "splits.csv").values()}
    speakers = {"test": parallel_speakers(corpora, "test")}
    splits = [split for split in SPLITS if split in listed] or SPLITS[:1]
    prompts = {split: read_prompts(corpora, split, speakers.get(split, ()), limit) for split in splits}
    groups = {split: read_references(clips, addon.mel) for split, clips in prompts.items()}
    return measure_vocoders(vocoders, groups, instruments, pictures)


def measure_vocoders(
    vocoders: Mapping[str, Render],
    groups: Mapping[str, Sequence[Reference]],
    instruments: Instruments,
    pictures: Path | None = None,
) -> Reports:
    """Measure several vocoders, Griffin-Lim and the recordings.

    Args:
        vocoders: copy-synthesis of each vocoder, by name.
        groups: recordings by name of their group of rows.
        instruments: measures to take.
        pictures: folder for spectrograms of the copies with the lowest naturalness; None draws none.

    Raises:
        AudioError: if a copy is silent.
        InputError: if the extra `eval` is not installed, or pictures are wanted without naturalness.
        OutputError: if a picture cannot be written.
    """
    if pictures:
        require_naturalness(instruments)
    renders: dict[str, Render] = {**vocoders, GRIFFIN_LIM: lambda one: griffin_lim_from_mel(one.mel, one.mel_config)}
    group_of = {prompt: name for name, found in groups.items() for prompt in _prompts(found)}
    references = dict(zip(group_of, [one for found in groups.values() for one in found], strict=True))
    systems = [*(_copying(name, render, references) for name, render in renders.items()), _recordings(references)]
    measured = {system.name: measure_system(system, instruments) for system in systems}
    for system in systems if pictures else ():
        if pictures and system.name in vocoders:
            draw_worst(pictures, system.name, measured[system.name], instruments, partial(_panels, system))
    rows = rows_of(measured, group_of.__getitem__)
    tables = [
        table_of("Vocoder: copy-synthesis", _COLUMNS, rows, _HEARD_NOTE),
        table_of("Vocoder: deviation and detail of the mel, % of the recordings", SHARES, rows, SHARES_NOTE),
        table_of("Vocoder: errors against the recordings, and pulses", ERRORS, rows, _ERRORS_NOTE),
    ]
    return reports_of("Vocoder", tables, measured)


def _prompts(references: Sequence[Reference]) -> tuple[Prompt, ...]:
    return recorded_prompts(reference.clip for reference in references)


def _copying(name: str, render: Render, references: Mapping[Prompt, Reference]) -> System:
    return System(name, lambda prompt, _: copied(render, references[prompt]), tuple(references), origin="copy")


def _recordings(references: Mapping[Prompt, Reference]) -> System:
    """Return the system that plays the recordings at the sample rate of the mel, the rate of the copies."""
    return System(RECORDINGS, lambda prompt, _: _spoken(references[prompt]), tuple(references), origin="recording")


def _spoken(reference: Reference) -> SystemOutput:
    return SystemOutput(reference.audio, reference.mel_config.sample_rate)


def copied(render: Render, reference: Reference) -> SystemOutput:
    """Return the copy that `render` makes of a recording, as a `SystemOutput`."""
    made = render(reference)
    return made if isinstance(made, SystemOutput) else SystemOutput(made, reference.mel_config.sample_rate)


def _panels(system: System, one: PromptFigures) -> Panels:
    assert one.prompt.recording
    return {
        "recording": SystemOutput(*read_native(one.prompt.recording.audio)),
        system.name: SystemOutput(*system.speak(one.prompt, 0)),
    }
