"""Twenty mistakes that the tests must catch. A review tried them by hand, and eight survived then.

A mistake is found by its old text, which its file holds exactly once. If the code has moved, the file of `tts_cli` that now holds
the text is used, so a row needs repair only after the code itself was rewritten.
"""

from __future__ import annotations

from typing import NamedTuple


class Mistake(NamedTuple):
    """One edit of the code, and the tests that must fail after it."""

    name: str
    file: str
    """Path of the file, relative to tts_cli."""
    old: str
    new: str
    tests: tuple[str, ...]
    """Arguments of pytest: test files and options."""


MISTAKES = (
    Mistake(
        "decoder-margin", "blocks/decoder.py",
        "first = self._margins.left if", "first = self._margins.right if",
        ("tests/blocks/test_streaming.py",),
    ),
    Mistake(
        "durations-floor", "blocks/durations.py",
        'scope, 1.0) + 0.5)', 'scope, 1.0))',
        ("tests/blocks/test_upsampler.py",),
    ),
    Mistake(
        "one-seed-for-all-sentences", "voice/synthesis.py",
        "settings.seed + index,", "settings.seed,",
        ("tests/selection/test_selecting_voice.py", "tests/voice/test_synthesis.py"),
    ),
    Mistake(
        "unseen-prepared", "corpora/splits.py",
        '[clip for clip in clips if clip.split != "unseen"]', "clips",
        ("tests/corpora/test_layouts.py", "tests/corpora/test_prepare.py"),
    ),
    Mistake(
        "average-without-warm-up", "training/state.py",
        "decay = min(self.decay, (1 + step) / (10 + step))", "decay = self.decay",
        ("tests/training/test_checkpoints.py", "tests/training/test_loop.py", "-k", "average or learns"),
    ),
    Mistake(
        "probe-knows-its-test-clips", "evaluation/measures/probes.py",
        "found = probe([rows[i] for i in known], labels[known],",
        "known = np.arange(len(labels))\n            found = probe([rows[i] for i in known], labels[known],",
        ("tests/evaluation/measures/test_probes.py",),
    ),
    Mistake(
        "excluded-sentences-offered", "selection/selector.py",
        "~np.isin(inventory.sentences, excluded)", "np.ones(len(inventory.sentences), bool)",
        ("tests/selection/test_selection.py",),
    ),
    Mistake(
        "limiter-without-safety", "blocks/limiter.py",
        "SAFETY_DB = 0.2", "SAFETY_DB = 0.0",
        ("tests/blocks/test_effects.py", "-k", "limit or peak or ceiling"),
    ),
    Mistake(
        "checksum-not-compared", "addon/library.py",
        'if file_hash(path) != expected:\n        raise AddonError(f"{path}: damaged',
        'if not file_hash(path):\n        raise AddonError(f"{path}: damaged',
        ("tests/addon/test_addon.py",),
    ),
    Mistake(
        "the-before-a-vowel", "text/pronounce.py",
        'return ("DH", "IY0") if following and following[0][:2] in VOWELS', 'return ("DH", "IY0") if following and not VOWELS',
        ("tests/text/test_pronounce.py",),
    ),
    Mistake(
        "strength-without-durations", "transfer/timing.py",
        "strength = control_value(STRENGTH, scope, 1.0)\n        if", "strength = 1.0\n        if",
        ("tests/blocks/test_upsampler.py",),
    ),
    Mistake(
        "disjoint-prompts-cut-validation", "corpora/manifest.py",
        'if r.split != "train" or r.speaker == keepers[r.normalized_text]',
        "if r.speaker == keepers.get(r.normalized_text)",
        ("tests/corpora/test_manifest.py",),
    ),
    Mistake(
        "hinge-sign", "models/adversarial.py",
        "torch.relu(1 - a[0]).mean() + torch.relu(1 + b[0]).mean()", "torch.relu(1 + a[0]).mean() + torch.relu(1 - b[0]).mean()",
        ("tests/models/test_losses.py", "-k", "discriminators"),
    ),
    Mistake(
        "copycat-hears-no-other-voices", "models/copycat.py",
        "if not self.training:\n            return mel", "if True:\n            return mel",
        ("tests/models/test_copycat.py", "-k", "hears"),
    ),
    Mistake(
        "margin-sign", "models/speaker.py",
        "cosines - self.config.margin * one_hot", "cosines + self.config.margin * one_hot",
        ("tests/models/test_losses.py", "-k", "margin"),
    ),
    Mistake(
        "leakage-everywhere", "models/vocoder.py",
        "nn.functional.relu(ratio + 3).mean((2, 3)), hiss)", "nn.functional.relu(ratio + 3).mean((2, 3)), torch.ones_like(hiss))",
        ("tests/models/test_losses.py", "-k", "pulses or leakage"),
    ),
    Mistake(
        "contour-counts-nothing", "models/acoustic.py",
        "contour: Weight = 3.0", "contour: Weight = 0.0",
        ("tests/models/test_losses.py", "-k", "weight and contour"),
    ),
    Mistake(
        "validation-of-raw-weights", "training/loop.py",
        "with torch.no_grad(), self.state.average.applied():", "with torch.no_grad():",
        ("tests/training/test_validation.py",),
    ),
    Mistake(
        "filters-of-one-height", "audio/mel.py",
        "triangles * (2 / (edges[2:] - edges[:-2]))[:, None]", "triangles * (2 / (edges[2:] - edges[:-2])).mean()",
        ("tests/audio/test_mel.py",),
    ),
    Mistake(
        "range-and-energy-exchanged", "cli/speaking.py",
        '"pitch_range": self.pitch_range,\n            "energy_scale": self.energy,',
        '"pitch_range": self.energy,\n            "energy_scale": self.pitch_range,',
        ("tests/cli/test_options.py", "-k", "synth-pitch_range or synth-energy"),
    ),
)  # fmt: skip
