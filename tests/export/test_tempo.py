"""Direction of the embedding that durations depend on most."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tts_cli.audio.mel import MelConfig
from tts_cli.corpora.facts import CorpusFacts, SpeakerFacts
from tts_cli.corpora.manifest import Recording
from tts_cli.export.tempo import tempo_directions
from tts_cli.models.parts import ExportPart
from tts_cli.ports import PortSpec

SYMBOLS = ("_", "^", " ", ".", "AA1", "B")
FACTS = CorpusFacts(
    mel=MelConfig(), symbols=SYMBOLS, speakers=tuple(SpeakerFacts(name=name, mean_log_f0=5.0, std_log_f0=0.2) for name in "ab")
)
TOKENS = [
    PortSpec(name="phones", rate="token", type="int64"),
    PortSpec(name="token_mask", rate="token"),
    PortSpec(name="speaker", rate="utterance", type="int64"),
]
EMBEDDING = PortSpec(name="embedding", rate="utterance", channels=3)
NOISE = PortSpec(name="prosody_noise", rate="token", channels=2, optional=True)


class Pace(nn.Module):
    """Durations that fall with the embedding's product with (0.6, 0, 0.8) in phones, and rise with its second value in pauses."""

    def forward(self, phones: Tensor, mask: Tensor, speaker: Tensor, embedding: Tensor, noise: Tensor) -> tuple[Tensor, ...]:
        assert not noise.any() and mask.all() and speaker.shape[1:] == (1, 1)
        slower = embedding @ torch.tensor([-0.6, 0.0, -0.8])[:, None]
        return phones.float(), torch.log1p(torch.where(phones >= 4, 9 + slower, 5 + 40 * embedding[:, :, 1:2]))


def recording(speaker: str) -> Recording:
    tokens = ("^", "B", "AA1", " ", "AA1", ".")
    return Recording(
        id=speaker, audio_filepath="x.wav", text="ba a", normalized_text="ba a", duration=1.0, speaker=speaker, corpus="c",
        split="train", kind="statement", tokens=tokens, durations=(1,) * len(tokens), num_frames=len(tokens), features="x.npz",
    )  # fmt: skip


def test_the_direction_that_makes_phones_longer_is_found() -> None:
    outputs = [PortSpec(name="log_f0", rate="token"), PortSpec(name="log_duration", rate="token")]
    part = ExportPart("prosody_encoder", "encoder", Pace(), [*TOKENS, EMBEDDING, NOISE], outputs)
    found = tempo_directions([part], FACTS, [recording(name) for name in "ab"], np.array([[0.1, 0, 0], [0, 0, 0.2]]))
    assert found.shape == (3, 1)
    np.testing.assert_allclose(np.abs(found[:, 0]), [0.6, 0.0, 0.8], atol=1e-3)


def test_without_durations_there_is_none() -> None:
    part = ExportPart("text_encoder", "encoder", Pace(), [*TOKENS, EMBEDDING], [PortSpec(name="text", rate="token", channels=4)])
    assert tempo_directions([part], FACTS, [recording("a")], np.zeros((2, 3))).shape == (3, 0)
