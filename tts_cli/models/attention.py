"""Attention-based acoustic model (after Tacotron 2): phones and a speaker to mel frames, several frames a step.

A compact Tacotron 2 (Shen et al., 2018) with dynamic convolution attention (Battenberg et al., 2020). This attention depends on
its previous position alone, and so neither jumps nor loses its place in long text. A training loss also guides the attention by
the forced alignment (Zhu et al., 2019), so that it aligns within minutes. There is no post-net: the frames of a step are final.

Shapes: B utterances, N tokens, S steps of the decoder, T frames, C channels.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, model_validator
from torch import Tensor, nn

from tts_cli.config import StrictModel
from tts_cli.config.ranges import Count, Decay, Expansion, OddKernel, Weight, Width
from tts_cli.corpora.batching import AcousticBatches
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.models.layers import weighted_sum
from tts_cli.models.parts import ExportPart
from tts_cli.models.tokens import TokenEncoder, repeat
from tts_cli.ports import PortSpec


class LossWeights(StrictModel):
    """Weights of the losses of the attention-based model, each at least 0; the losses are means over decoder steps."""

    mel: Weight = 2.0
    """Weight of the L1 distance of the natural-log mel, mean over the frames and bands of a step."""
    attention: Weight = 0.3
    """Weight of the cross-entropy of the attention against the forced alignment."""
    stop: Weight = 0.5
    """Weight of the binary cross-entropy of the stop token; the last step counts 5 times."""


class Config(StrictModel):
    """Sizes of the attention-based acoustic model, and the weights of its losses."""

    channels: Width = 256
    """Width of the encoded text."""
    encoder_layers: Annotated[int, Field(ge=1, le=8)] = 5
    """Layers of the text encoder, 1 to 8."""
    expansion: Expansion = 2
    """Width of the hidden layer in each ConvNeXt block of the text encoder, as a multiple of the block's width."""
    dropout: Decay = 0.1
    """Dropout probability after each layer of the text encoder, in [0, 1)."""
    step_frames: Annotated[int, Field(ge=1, le=100)] = 4
    """Mel frames that each decoder step makes, at least 1 (the reduction factor of Tacotron)."""
    prenet_channels: Width = 128
    """Width of the two layers of the pre-net."""
    prenet_dropout: Decay = 0.5
    """Dropout probability in the pre-net, in [0, 1); at synthesis, too, lest the decoder rely on its own previous frame alone."""
    attention_units: Width = 256
    """Units of the recurrent layer (LSTM) that drives the attention."""
    decoder_units: Width = 384
    """Units of the recurrent layer (LSTM) that makes the frames."""
    attention_filters: Width = 8
    """Static filters of the attention, and as many filters that are predicted at each step."""
    attention_kernel: OddKernel = 21
    """Width of the attention's filters in tokens, an odd number."""
    attention_channels: Width = 128
    """Width of the hidden layers of the attention."""
    prior_length: Annotated[int, Field(ge=1, le=128)] = 11
    """Taps of the prior filter: the attention moves `prior_length` - 1 tokens a step or less; <= (`attention_kernel` + 1) / 2."""
    loss_weights: LossWeights = LossWeights()
    """Weights of the losses."""

    @model_validator(mode="after")
    def _prior_fits_the_kernel(self) -> Self:
        if self.prior_length > (most := (self.attention_kernel + 1) // 2):
            raise ValueError(f"prior_length ({self.prior_length}) must be at most (attention_kernel + 1) / 2 = {most}")
        return self


class BatchConfig(StrictModel):
    """Size of a batch of whole utterances."""

    batch_frames: Count = 6000
    """Mel frames of a batch, padding included; a longer utterance is a batch of its own."""


class StepState(NamedTuple):
    """State of the decoder between two steps; three tensors."""

    attention: Tensor
    """Attention weights of the tokens, (B, N, 1); all 0 before the first step."""
    memory: Tensor
    """Hidden and cell values of both recurrent layers, (B, 1, 2 * attention_units + 2 * decoder_units)."""
    last_frame: Tensor
    """Last mel frame of the previous step, scaled by `scaled`, (B, 1, bands)."""


class DynamicConvolutionAttention(nn.Module):
    """Location-relative attention from its previous weights and the decoder's state (Battenberg et al., 2020).

    Static filters, filters predicted from the state, and a fixed prior that allows no backward step, all convolved with the
    previous weights.
    """

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.kernel, self.filters = config.attention_kernel, config.attention_filters
        self.static = nn.Parameter(torch.randn(self.filters, self.kernel) / self.kernel**0.5)
        self.dynamic_hidden = nn.Linear(config.attention_units, config.attention_channels)
        self.dynamic = nn.Linear(config.attention_channels, self.filters * self.kernel, bias=False)
        self.features = nn.Linear(2 * self.filters, config.attention_channels)
        self.score = nn.Linear(config.attention_channels, 1, bias=False)
        self.windows = nn.Buffer(torch.eye(self.kernel)[:, None], persistent=False)
        prior = torch.zeros(1, self.kernel)
        prior[0, self.kernel // 2 + 1 - config.prior_length : self.kernel // 2 + 1] = _prior(config.prior_length).flip(0)
        self.prior = nn.Buffer(prior, persistent=False)

    def forward(self, hidden: Tensor, attention: Tensor, mask: Tensor) -> Tensor:
        """Return the next attention weights (B, N), which sum to 1 over the mask.

        Args:
            hidden: (B, attention_units), state of the recurrent layer.
            attention: (B, N), previous weights.
            mask: (B, N), 1 on tokens.
        """
        dynamic = self.dynamic(torch.tanh(self.dynamic_hidden(hidden))).view(-1, self.filters, self.kernel)
        shared = torch.cat([self.static, self.prior]).expand(dynamic.shape[0], -1, -1)
        # (B, kernel, N): weights of each token's neighbours. A convolution, because runtimes run it with any number of tokens.
        windows = nn.functional.conv1d(attention[:, None], self.windows, padding=self.kernel // 2)
        seen = torch.cat([dynamic, shared], 1) @ windows
        features = torch.tanh(self.features(seen[:, : 2 * self.filters].transpose(1, 2)))
        score = self.score(features)[:, :, 0] + torch.log(seen[:, -1].clamp(min=1e-6))
        return torch.softmax(score.masked_fill(mask == 0, -1e9), -1)


def _prior(length: int, alpha: float = 0.1, beta: float = 0.9) -> Tensor:
    """Return the beta-binomial probabilities (length,) of moving 0 to `length` - 1 tokens forward (Battenberg et al., 2020)."""

    def log_beta(a: float, b: float) -> float:
        return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)

    n = length - 1
    steps = [math.comb(n, k) * math.exp(log_beta(k + alpha, n - k + beta) - log_beta(alpha, beta)) for k in range(length)]
    return torch.tensor(steps)


class DecoderStep(nn.Module):
    """One step of the decoder: pre-net, attention LSTM, attention, decoder LSTM, and linear layers for frames and stop token."""

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__()
        self.config, self.bands = config, facts.mel.num_bands
        self.prenet = nn.ModuleList(
            [nn.Linear(self.bands, config.prenet_channels), nn.Linear(config.prenet_channels, config.prenet_channels)]
        )
        self.attention_lstm = nn.LSTM(config.prenet_channels + config.channels, config.attention_units, batch_first=True)
        self.attend = DynamicConvolutionAttention(config)
        self.decoder_lstm = nn.LSTM(config.attention_units + config.channels, config.decoder_units, batch_first=True)
        self.head = nn.Linear(config.decoder_units + config.channels, config.step_frames * self.bands)
        self.stop = nn.Linear(config.decoder_units + config.channels, 1)

    def forward(
        self, text: Tensor, token_mask: Tensor, noise: Tensor, attention: Tensor, memory: Tensor, last_frame: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """Make the frames of one step and the next state.

        Args:
            text: (B, N, channels), encoded text.
            token_mask: (B, N, 1), 1 on tokens.
            noise: (B, 1, 2 * prenet_channels), uniform in [0, 1), for the dropout of the pre-net.
            attention: (B, N, 1), see `StepState`.
            memory: (B, 1, 2 * attention_units + 2 * decoder_units), see `StepState`.
            last_frame: (B, 1, bands), scaled, see `StepState`.

        Returns:
            mel (B, step_frames, bands) in natural log, the probability that this step is the last (B, 1, 1), and the next
            attention, memory and last frame.
        """
        units = [self.config.attention_units] * 2 + [self.config.decoder_units] * 2
        hidden, cell, decoder_hidden, decoder_cell = memory[:, 0].split(units, -1)
        keep = (noise[:, 0] >= self.config.prenet_dropout).float() / (1 - self.config.prenet_dropout)
        seen = self.see(last_frame[:, 0], *keep.chunk(2, -1))
        mask = token_mask[:, :, 0]
        hidden, cell, weights, context = self.look(seen, text, mask, hidden, cell, started(attention[:, :, 0] * mask))
        found = torch.cat([hidden, context], -1)
        decoder_hidden, decoder_cell = _lstm_cell(self.decoder_lstm, found, decoder_hidden, decoder_cell)
        frames, stop = self.make(torch.cat([decoder_hidden, context], -1)[:, None])
        memory = torch.cat([hidden, cell, decoder_hidden, decoder_cell], -1)[:, None]
        return unscaled(frames), torch.sigmoid(stop), weights[:, :, None], memory, frames[:, -1:]

    def see(self, frame: Tensor, first: Tensor, second: Tensor) -> Tensor:
        """Apply the pre-net to scaled frames (..., bands), with dropout factors `first` and `second`, (..., prenet_channels)."""
        hidden = torch.relu(self.prenet[0](frame)) * first
        return torch.relu(self.prenet[1](hidden)) * second

    def look(
        self, seen: Tensor, text: Tensor, mask: Tensor, hidden: Tensor, cell: Tensor, attention: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Run the attention LSTM and the attention for one step.

        Args:
            seen: (B, prenet_channels), output of the pre-net.
            text: (B, N, channels), encoded text.
            mask: (B, N), 1 on tokens.
            hidden: (B, attention_units), hidden values of the LSTM.
            cell: (B, attention_units), cell values of the LSTM.
            attention: (B, N), previous weights.

        Returns:
            The next hidden and cell values, the next weights (B, N), and the context vector (B, channels).
        """
        context = (attention[:, None] @ text)[:, 0]
        hidden, cell = _lstm_cell(self.attention_lstm, torch.cat([seen, context], -1), hidden, cell)
        attention = self.attend(hidden, attention, mask)
        return hidden, cell, attention, (attention[:, None] @ text)[:, 0]

    def make(self, found: Tensor) -> tuple[Tensor, Tensor]:
        """Return scaled frames (B, S * step_frames, bands) and stop logits (B, S, 1) for states and contexts (B, S, decoder_units
        + channels)."""
        return self.head(found).reshape(found.shape[0], -1, self.bands), self.stop(found)


def _lstm_cell(lstm: nn.LSTM, x: Tensor, hidden: Tensor, cell: Tensor) -> tuple[Tensor, Tensor]:
    """Advance the one-layer LSTM `lstm` by one input `x` (B, C); return its next hidden and cell values, (B, units) each."""
    input_weight, hidden_weight, input_bias, hidden_bias = lstm.all_weights[0]
    gates = nn.functional.linear(x, input_weight, input_bias)
    gates = gates + nn.functional.linear(hidden, hidden_weight, hidden_bias)
    enter, forget, new, leave = gates.chunk(4, -1)
    cell = torch.sigmoid(forget) * cell + torch.sigmoid(enter) * torch.tanh(new)
    return torch.sigmoid(leave) * torch.tanh(cell), cell


def started(attention: Tensor) -> Tensor:
    """Return the weights (B, N), with all weight on the first token where they are still 0 (before the first step)."""
    first = (torch.cumsum(torch.ones_like(attention), -1) == 1).float()
    return torch.where(attention.sum(-1, keepdim=True) > 0.5, attention, first)


def scaled(mel: Tensor) -> Tensor:
    """Scale a natural-log mel to the range of the decoder's inputs and outputs."""
    return (mel + 5.0) / 2.0


def unscaled(frames: Tensor) -> Tensor:
    """Undo `scaled`: a natural-log mel from the decoder's range."""
    return 2.0 * frames - 5.0


class Model(TrainableModel):
    """Attention-based acoustic model (after Tacotron 2): phone encoder and autoregressive decoder.

    The encoder maps phones (B, N, 1) and a speaker to (B, N, channels). The decoder makes `step_frames` mel frames a step, from
    its previous frame and the text that it attends to. Training uses the true previous frames (teacher forcing) and guides the
    attention by the forced alignment.
    """

    stack = (
        {
            "type": "StreamablePipeline",
            "sequence_block": {"type": "Encoders"},
            "streamable_block": {"type": "AttentionDecoder"},
        },
    )

    def __init__(self, config: Config, facts: CorpusFacts) -> None:
        super().__init__(config, facts)
        self.text_encoder = TokenEncoder(config, facts, config.channels, config.channels)
        self.step = DecoderStep(config, facts)

    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        return AcousticBatches(corpus, split, config.batch_frames, seed)

    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:  # noqa: ARG002
        steps, inside = self._in_steps(batch)
        frames, stop, attention = self._teacher_forced(batch, scaled(steps))
        wanted = self._true_attention(batch, steps.shape[1])
        last = inside - nn.functional.pad(inside[:, 1:], (0, 1))
        num_steps = inside.sum()
        error = (frames.view(steps.shape) - scaled(steps)).abs().mean((2, 3))
        ends = nn.functional.binary_cross_entropy_with_logits(stop, last, reduction="none", pos_weight=torch.tensor(5.0))
        parts = {
            "mel": 2.0 * (error * inside).sum() / num_steps,
            "attention": -((wanted * torch.log(attention + 1e-5)).sum(-1) * inside).sum() / num_steps,
            "stop": (ends * inside).sum() / num_steps,
        }
        return {"loss": weighted_sum(parts, self.config.loss_weights), **parts, "weight": num_steps}

    def _in_steps(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the mel in steps (B, S, step_frames, bands), padded with silence, and a mask (B, S) of steps that begin
        inside."""
        size = self.config.step_frames
        missing = -batch["mel"].shape[1] % size
        mel = nn.functional.pad(batch["mel"], (0, 0, 0, missing), value=self.facts.mel.silence)
        return mel.unflatten(1, (-1, size)), batch["frame_mask"][:, ::size, 0]

    def _teacher_forced(self, batch: Batch, steps: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Run the decoder with teacher forcing: every step reads the true frame before it.

        Returns:
            Scaled frames (B, T, bands), stop logits (B, S), attention weights (B, S, N).
        """
        mask = batch["token_mask"][:, :, 0]
        text = self.text_encoder(batch["phones"][..., None], batch["token_mask"], batch["speaker"][:, None, None])
        past = nn.functional.pad(steps[:, :-1, -1], (0, 0, 1, 0))
        seen = self.step.see(past, *(self._dropout(past) for _ in range(2)))
        hidden = cell = text.new_zeros(len(text), self.config.attention_units)
        weights = started(torch.zeros_like(mask))
        found, looked = [], []
        for one in seen.unbind(1):
            hidden, cell, weights, context = self.step.look(one, text, mask, hidden, cell, weights)
            found.append(torch.cat([hidden, context], -1))
            looked.append(weights)
        inputs = torch.stack(found, 1)
        decoded = self.step.decoder_lstm(inputs)[0]
        frames, stop = self.step.make(torch.cat([decoded, inputs[:, :, self.config.attention_units :]], -1))
        return frames, stop[:, :, 0], torch.stack(looked, 1)

    def _dropout(self, past: Tensor) -> Tensor:
        """Draw dropout factors (B, S, prenet_channels) for the previous frames `past` (B, S, bands)."""
        ones = past.new_ones(*past.shape[:2], self.config.prenet_channels)
        return nn.functional.dropout(ones, self.config.prenet_dropout)

    def _true_attention(self, batch: Batch, num_steps: int) -> Tensor:
        """Return the share of each step's frames that belongs to each token in the forced alignment, (B, S, N)."""
        size, num_tokens = self.config.step_frames, batch["phones"].shape[1]
        one_hot = torch.eye(num_tokens, device=batch["mel"].device).expand(len(batch["mel"]), -1, -1)
        frames, _ = repeat(one_hot, batch["durations"], num_steps * size)
        shares: Tensor = frames.unflatten(1, (-1, size)).sum(2)
        return shares / shares.sum(-1, keepdim=True).clamp(min=1)

    @torch.no_grad()
    def generate(self, phones: Tensor, speaker: Tensor, num_steps: int) -> tuple[Tensor, Tensor]:
        """Synthesize from the model's own previous frames, until the stop token or `num_steps`.

        Args:
            phones: (1, N, 1) int64 ids.
            speaker: (1, 1, 1) int64 id.
            num_steps: Most decoder steps.

        Returns:
            mel (1, T, bands) in natural log, and attention weights (S, N).
        """
        mask = torch.ones(phones.shape, device=phones.device)
        text = self.text_encoder(phones, mask, speaker)
        state, made, looked = self._first_state(text), [], []
        for _ in range(num_steps):
            noise = torch.rand(1, 1, 2 * self.config.prenet_channels, device=text.device)
            mel, stop, *after = self.step(text, mask, noise, *state)
            state = StepState(*after)
            made.append(mel)
            looked.append(state.attention[0, :, 0])
            if stop.item() > 0.5:
                break
        return torch.cat(made, 1), torch.stack(looked)

    def _first_state(self, text: Tensor) -> StepState:
        """Return the state before the first step, all zeros, for encoded text (1, N, channels)."""
        units, zeros = 2 * (self.config.attention_units + self.config.decoder_units), text.new_zeros
        return StepState(zeros(1, text.shape[1], 1), zeros(1, 1, units), zeros(1, 1, self.facts.mel.num_bands))

    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:
        num_tokens, length = int(batch["token_mask"][0].sum()), int(batch["frame_mask"][0].sum())
        phones, speaker = batch["phones"][:1, :num_tokens, None], batch["speaker"][:1, None, None]
        mel, attention = self.generate(phones, speaker, 2 * length // self.config.step_frames)
        pictures = {"mel/true": batch["mel"][0, :length], "mel/made": mel[0], "attention/made": attention}
        return {name: picture.cpu().numpy() for name, picture in pictures.items()}

    def speaker_tables(self) -> tuple[str, ...]:
        return ("text_encoder.speakers.weight",)

    def export_parts(self) -> list[ExportPart]:
        config, bands = self.config, self.facts.mel.num_bands
        phones, mask = PortSpec(name="phones", rate="token", type="int64"), PortSpec(name="token_mask", rate="token")
        speaker = PortSpec(name="speaker", rate="utterance", type="int64")
        text = PortSpec(name="text", rate="token", channels=config.channels)
        noise = PortSpec(name="noise", rate="utterance", channels=2 * config.prenet_channels)
        state = [
            PortSpec(name="attention", rate="token"),
            PortSpec(name="memory", rate="utterance", channels=2 * (config.attention_units + config.decoder_units)),
            PortSpec(name="last_frame", rate="utterance", channels=bands),
        ]
        made = [PortSpec(name="mel", rate="frame", channels=bands), PortSpec(name="stop", rate="utterance")]
        return [
            ExportPart(
                "text_encoder", "encoder", self.text_encoder, [phones, mask, speaker], [text], mask=mask.name, splittable=True
            ),
            ExportPart("step", "step", self.step, [text, mask, noise, *state], [*made, *state], mask=mask.name),
        ]

    @torch.no_grad()
    def export_samples(self, utterance: Features) -> dict[str, tuple[Tensor, ...]]:
        phones = torch.from_numpy(np.asarray(utterance["phones"], np.int64))[None, :, None]
        speaker = torch.from_numpy(np.asarray(utterance["speaker"], np.int64)).reshape(1, 1, 1)
        tokens = (phones, torch.ones(phones.shape), speaker)
        text = self.text_encoder(*tokens)
        noise = torch.rand(1, 1, 2 * self.config.prenet_channels)
        state = self.step(text, tokens[1], noise, *self._first_state(text))[2:]
        return {"text_encoder": tokens, "step": (text, tokens[1], noise, *state)}
