"""DistillMOS as the quality of the clips of a corpus, for `tts prepare --quality`."""

from __future__ import annotations

from tts_cli.audio.mel import Floats
from tts_cli.corpora.quality import QualityMeasure
from tts_cli.evaluation.extra import package_folder, require
from tts_cli.evaluation.measures.naturalness import PACKAGE, WEIGHTS_SHA256, naturalness


def clip_quality() -> QualityMeasure:
    """Return the measure. Raises InputError if the extra `eval` is not installed."""
    package_folder("distillmos")
    return QualityMeasure("DistillMOS", f"{PACKAGE} {WEIGHTS_SHA256}", _on_one_thread)


def _on_one_thread(audio: Floats, sample_rate: int) -> float:
    # The worker processes share the cores already.
    require("torch").set_num_threads(1)
    return naturalness(audio, sample_rate)
