"""Tests of the direction of every loss of every model: a better prediction has a lower loss, and every weight counts.

Networks are replaced by predictions: the true values, plus an error that the test chooses. Training alone could not show the
direction, because gradients follow a loss wherever it leads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from utterances import FACTS, SMALL_SIZES, Batch, random_batch

from tts_cli.config import StrictModel
from tts_cli.models import TrainableModel, acoustic, attention, copycat, model_file, speaker, syntax, vae, vocoder
from tts_cli.models.adversarial import DISCRIMINATOR, MelAdversarial
from tts_cli.models.layers import Posterior
from tts_cli.models.waveform_discriminator import WaveformDiscriminatorConfig

HOP = FACTS.mel.hop_samples
REFERENCE = {"reference_channels": 8, "reference_layers": 1, "kl_warmup_steps": 1}
STAGE = MelAdversarial(first_step=0, trained=("decoder.",), windows=(4,), channels=2)
VOCODER_SIZES = {"channels": 8, "layers": 1, "pitch_channels": 8, "pitch_layers": 1, "pitch_bins": 64, "own_f0_after": 0}
SYNTAX_SIZES = {
    "num_pieces": 12, "channels": 12, "layers": 1, "heads": 3, "expansion": 8, "longest": 20, "head_channels": 12,
    "head_layers": 1, "head_heads": 3, "dropout": 0.0, "pretrained": "none",
}  # fmt: skip
CONFIGS: dict[str, Callable[..., StrictModel]] = {
    "explicit-duration": lambda **changes: acoustic.Config(**SMALL_SIZES, **changes),
    "copycat": lambda **changes: copycat.Config(
        **SMALL_SIZES, **REFERENCE, speaker_encoder=speaker.Config(channels=8, layers=1, dimensions=4), **changes
    ),
    "vae": lambda **changes: vae.Config(**SMALL_SIZES, **REFERENCE, embedding_channels=12, **changes),
    "attention": lambda **changes: attention.Config(
        channels=16, encoder_layers=1, step_frames=2, prenet_channels=8, attention_units=16, decoder_units=12,
        attention_filters=4, attention_kernel=9, attention_channels=8, prior_length=5, **changes,
    ),
    "vocoder": lambda **changes: vocoder.Config(**VOCODER_SIZES, **changes),
    "speaker": lambda **changes: speaker.Config(channels=8, layers=1, dimensions=6, **changes),
    "syntax": lambda **changes: syntax.Config(**SYNTAX_SIZES, **changes),
}  # fmt: skip
Errors = dict[str, float]
"""Error of each prediction by the name of its loss; 0 if absent."""


def make_model(kind: str, **changes: Any) -> TrainableModel:
    torch.manual_seed(0)
    model: TrainableModel = model_file(kind).Model(CONFIGS[kind](**changes), FACTS)
    return model


def measured(model: TrainableModel, batch: Batch, submodel: str = "") -> dict[str, float]:
    """Return the losses of `submodel` (default: the generator), with the same random numbers in every call."""
    torch.manual_seed(2)
    submodel = submodel or next(iter(model.submodels()))
    return {name: float(value.detach()) for name, value in model.losses(batch, submodel, 5).items()}


def wrong(truth: Tensor, error: float) -> Tensor:
    """Return probabilities that deviate from `truth` by `error`, towards the other class."""
    return truth + error * (1 - 2 * truth.round())


def acoustic_batch() -> Batch:
    """Return a random batch with binary voicing, moving F0 contours, and a mean F0 of tokens as in speech."""
    batch = random_batch()
    batch["log_f0"] = batch["log_f0"] + 0.3 * torch.sin(torch.arange(batch["mel"].shape[1]) / 3.0)[:, None]
    return {
        **batch,
        **{name: batch[name].round() for name in ("voicing", "token_voicing")},
        "token_log_f0": 5 + batch["token_log_f0"],
    }


def predict_prosody(model: Any, batch: Batch, errors: Errors) -> None:
    truth = {
        "log_duration": torch.log1p(batch["durations"].float())[..., None] + errors.get("duration", 0.0),
        "log_f0": batch["token_log_f0"] + errors.get("log_f0", 0.0),
        "voicing": wrong(batch["token_voicing"], abs(errors.get("voicing", 0.0))),
        "energy": batch["token_energy"] + errors.get("energy", 0.0),
    }
    model.prosody_encoder.forward = lambda *_: tuple(truth.values())


def predict_frames(model: Any, batch: Batch, errors: Errors, voicing: str) -> None:
    edge = model.config.margin - model.config.contour_margin
    beyond = (0, 0, edge, edge)
    log_f0, is_voiced = (nn.functional.pad(batch[name], beyond) for name in ("log_f0", "voicing"))
    contour = log_f0 + errors.get("contour", 0.0)
    model.decoder.draw_contour = lambda *_: (contour, wrong(is_voiced, abs(errors.get(voicing, 0.0))))
    model.decoder.draw_mel = lambda *_: batch["mel"] + errors.get("mel", 0.0)


def acoustic_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    model, batch = make_model("explicit-duration", **changes), acoustic_batch()
    predict_prosody(model, batch, errors)
    predict_frames(model, batch, errors, "frame_voicing")
    return model, batch


def posterior_of(mean: Tensor, error: float) -> Posterior:
    """Return the prior with its mean shifted by `error`."""
    return Posterior(torch.zeros_like(mean) + error, torch.zeros_like(mean))


def scores_of(speakers: Tensor, error: float) -> Tensor:
    """Return logits that favour the true speaker, less so with an error."""
    return (3 - abs(error)) * nn.functional.one_hot(speakers, len(FACTS.speakers))


def copycat_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    model: Any
    model, batch = make_model("copycat", **changes), acoustic_batch()
    predict_frames(model, batch, {**errors, "contour": 0.0}, "voicing")
    contour = model.decoder.draw_contour
    edge = model.config.margin - model.config.contour_margin
    log_f0, voicing = (nn.functional.pad(batch[name], (0, 0, edge, edge)) for name in ("log_f0", "voicing"))
    mean = torch.tensor([s.mean_log_f0 for s in FACTS.speakers])[batch["speaker"]][:, None, None]
    spread = torch.tensor([s.std_log_f0 for s in FACTS.speakers])[batch["speaker"]][:, None, None]
    own = (log_f0 * voicing).sum(1, keepdim=True) / voicing.sum(1, keepdim=True)
    own_spread = (((log_f0 - own) ** 2 * voicing).sum(1, keepdim=True) / voicing.sum(1, keepdim=True)).sqrt()
    melody = mean + spread * (log_f0 - own) / torch.maximum(own_spread, copycat.NARROWEST_SPREAD * spread)
    model.decoder.draw_contour = lambda *_: (melody + errors.get("contour", 0.0), contour()[1])
    durations = torch.log1p(batch["durations"].float())[..., None] + errors.get("duration", 0.0)
    model.duration_encoder.forward = lambda *_: durations
    num_latents = -(-batch["mel"].shape[1] // model.config.tau)
    latents = torch.zeros(len(batch["mel"]), num_latents, model.config.latent_channels)
    model.reference_encoder.posterior = lambda *_: posterior_of(latents, errors.get("kl", 0.0))
    model.adversary.forward = lambda *_: scores_of(batch["speaker"], errors.get("adversary", 0.0))
    return model, batch


def vae_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    model: Any
    model, batch = make_model("vae", **{"capacity": 0.0, **changes}), acoustic_batch()
    predict_prosody(model, batch, errors)
    predict_frames(model, batch, errors, "frame_voicing")
    embedding = torch.zeros(len(batch["mel"]), 1, model.config.embedding_channels)
    model.reference_encoder.posterior = lambda *_: posterior_of(embedding, errors.get("kl", 0.0))
    wanted = model.outline.norm.eval()(model.outline.recorded(batch)).clamp(-model.outline.FARTHEST, model.outline.FARTHEST)
    model.outline.head.forward = lambda *_: wanted + errors.get("outline", 0.0)
    model.adversary.forward = lambda *_: scores_of(batch["speaker"], errors.get("adversary", 0.0))
    return model, batch


def attention_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    """Return a model with attention on the right tokens, except for a share that is spread over all."""
    model: Any
    model, batch = make_model("attention", **changes), acoustic_batch()
    size = model.config.step_frames
    num_steps = -(-batch["mel"].shape[1] // size)
    missing = num_steps * size - batch["mel"].shape[1]
    mel = nn.functional.pad(batch["mel"], (0, 0, 0, missing), value=FACTS.mel.silence)
    steps = torch.arange(num_steps)
    lengths = batch["frame_mask"].sum((1, 2))
    is_last = (steps == (torch.ceil(lengths / size) - 1)[:, None]).float()
    ends = (5 - 5 * abs(errors.get("stop", 0.0))) * (2 * is_last - 1)
    frames = attention.scaled(mel) + errors.get("mel", 0.0)
    model.step.make = lambda *_: (frames, ends[..., None])
    owners = [torch.arange(len(row)).repeat_interleave(row) for row in batch["durations"]]
    shares = torch.zeros(len(mel), num_steps, batch["phones"].shape[1])
    for row, owner in enumerate(owners):
        for frame, token in enumerate(owner.tolist()):
            shares[row, frame // size, token] += 1
    shares = shares / shares.sum(-1, keepdim=True).clamp(min=1)
    looked, error = count(), abs(errors.get("attention", 0.0))
    model.step.attend.forward = lambda *_: (1 - error) * shares[:, next(looked)] + error / shares.shape[-1]
    return model, batch


def vocoder_batch(num_frames: int = 30) -> Batch:
    generator = torch.Generator().manual_seed(1)
    total = num_frames + vocoder.Config(**VOCODER_SIZES).margin + vocoder.LOOKAHEAD
    return {
        "mel": torch.randn(2, total, 80, generator=generator) - 5,
        "log_f0": torch.full((2, total, 1), 5.0),
        "voicing": torch.ones(2, total, 1),
        "audio": 0.1 * torch.randn(2, num_frames * HOP, generator=generator),
    }


def vocoder_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    """Return a model that renders the recording plus noise, and estimates F0 by bins near the true one."""
    model: Any
    model, batch = make_model("vocoder", **changes), vocoder_batch()
    batch["voicing"][1] = 0.0
    noise = torch.randn(batch["audio"].shape, generator=torch.Generator().manual_seed(3))
    model.render = lambda *_: batch["audio"] + 0.1 * abs(errors.get("spectral", errors.get("mel", 0.0))) * noise
    pitch = model.network.pitch
    num_frames = batch["mel"].shape[1] - model.config.pitch_margin - vocoder.LOOKAHEAD
    width = pitch.bins[1] - pitch.bins[0]
    scores = -((pitch.bins - 5.0 - errors.get("pitch", 0.0)) / width).square() / 2
    pitch.scores = lambda _: scores.expand(2, num_frames, -1)
    sizes = model.network.sizes
    model.network.spectra = lambda _mel, _heads, used: (
        used[:, : num_frames - 4], *spectra(sizes, 30, 1e-4 + abs(errors.get("leakage", 0.0)))
    )  # fmt: skip
    return model, batch


def spectra(sizes: Sequence[int], num_frames: int, pulses: float | Tensor) -> tuple[Tensor, Tensor]:
    """Return harmonic filters of the level `pulses`, and noise filters of level 1."""
    return torch.ones(2, num_frames, sizes[0]) * pulses, torch.ones(2, num_frames, sizes[1])


def speaker_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    """Return a model with one direction for all voices of a speaker, and vectors that deviate by an angle towards the other
    speaker."""
    model: Any
    model = make_model("speaker", **changes)
    batch = {"mel": torch.randn(4, 12, 80) - 5, "speaker": torch.arange(4) % 2}
    places = torch.eye(2, model.config.dimensions)
    model.directions.data = places.repeat(1, len(speaker.WARPS))
    angle = torch.tensor(abs(errors.get("loss", 0.0)))
    vectors = torch.cos(angle) * places[batch["speaker"]] + torch.sin(angle) * places[1 - batch["speaker"]]
    model.speaker_encoder.forward = lambda *_: vectors[:, None]
    return model, batch


def syntax_model(errors: Errors, **changes: Any) -> tuple[TrainableModel, Batch]:
    """Return a model with distances in the right order except at some gaps, and with its pretrained encoder plus noise."""
    model: Any
    model = make_model("syntax", **changes)
    pieces = torch.arange(1, 8)[None, :, None]
    mask = torch.ones(1, 7, 1)
    batch = {
        "pieces": pieces, "piece_mask": mask, "first_pieces": torch.arange(7)[None, :, None], "word_mask": mask,
        "distances": torch.tensor([0, 1, 4, 3, 1, 2, 1])[None, :, None],
    }  # fmt: skip
    former = make_model("syntax").analyser.encoder
    model._pretrained_copy.append(former)
    noise = 0.5 * torch.randn(1, 7, SYNTAX_SIZES["channels"], generator=torch.Generator().manual_seed(4))
    error = abs(errors.get("drift", errors.get("cosine", 0.0)))
    with torch.no_grad():
        states = list(former(pieces[:, :, 0], mask))
    model.analyser.encoder.forward = lambda *_: [*states[:-1], states[-1] + error * noise]
    confused = abs(errors.get("order", errors.get("span", 0.0)))
    scores = (1 - confused) * batch["distances"].float()
    model.analyser.head.forward = lambda *_: scores
    return model, batch


MODELS: dict[str, Callable[..., tuple[TrainableModel, Batch]]] = {
    "explicit-duration": acoustic_model,
    "copycat": copycat_model,
    "vae": vae_model,
    "attention": attention_model,
    "vocoder": vocoder_model,
    "speaker": speaker_model,
    "syntax": syntax_model,
}
LOSSES = {
    "explicit-duration": ("mel", "contour", "frame_voicing", "duration", "log_f0", "voicing", "energy"),
    "copycat": ("mel", "contour", "voicing", "duration", "kl", "adversary"),
    "vae": ("mel", "contour", "frame_voicing", "duration", "log_f0", "voicing", "energy", "outline", "kl", "adversary"),
    "attention": ("mel", "attention", "stop"),
    "vocoder": ("pitch", "leakage", "spectral", "mel"),
    "speaker": ("loss",),
    "syntax": ("order", "span", "drift"),
}
"""Those of which an error is chosen; the others are `MEASURES` and the divergence of each latent."""
MEASURES = {"loss", "weight", "accuracy", "cosine", "missed", "transferred"}
"""No losses, or tested with their model: tests/models/test_vae.py has the two that compare outlines."""
EACH = [(kind, name) for kind, names in LOSSES.items() for name in names]


def kind_of_weights() -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Yield every loss weight of a configuration: its kind, its field, and the losses that it multiplies."""
    for kind, make in CONFIGS.items():
        config = make()
        if hasattr(config, "loss_weights"):
            yield from ((kind, f"loss_weights.{name}", (name,)) for name in type(config.loss_weights).model_fields)
        others = (name for name in type(config).model_fields if name.endswith("_weight"))
        yield from ((kind, name, OTHER_WEIGHTS[name]) for name in others)


OTHER_WEIGHTS = {
    "kl_weight": ("kl",),
    "adversary_weight": ("adversary",),
    "outline_weight": ("outline", "missed", "transferred"),
    "span_weight": ("span",),
    "keeping_weight": ("kept",),
    "cosine_weight": ("turned",),
}
WEIGHTS = list(kind_of_weights())


@pytest.mark.parametrize("kind", sorted(LOSSES))
def test_no_loss_lacks_a_test_of_its_direction(kind: str) -> None:
    model, batch = MODELS[kind]({})
    found = {name for name in measured(model, batch) if not name.startswith("kl/")}
    assert found - MEASURES == set(LOSSES[kind]) - {"loss"}


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("kind", "name"), EACH)
def test_a_better_prediction_has_a_lower_loss(kind: str, name: str, sign: int) -> None:
    parts, losses = zip(
        *((found[name], found["loss"]) for found in (measured(*MODELS[kind]({name: sign * error})) for error in (0.0, 0.2, 0.8))),
        strict=True,
    )
    assert parts[0] < parts[1] < parts[2]
    assert losses[0] < losses[1] < losses[2]


@pytest.mark.parametrize(("kind", "name"), [pair for pair in EACH if pair[0] not in ("speaker", "syntax", "vae", "vocoder")])
def test_an_error_is_seen_by_its_own_loss_alone(kind: str, name: str) -> None:
    right, off = (measured(*MODELS[kind](errors)) for errors in ({}, {name: 0.5}))
    others = {other for other in right if not other.startswith((name, "loss", "kl/"))}
    assert {other: right[other] for other in others} == pytest.approx({other: off[other] for other in others})


@pytest.mark.parametrize(("kind", "field", "names"), WEIGHTS)
def test_every_weight_multiplies_its_loss(kind: str, field: str, names: tuple[str, ...]) -> None:
    wrong_everywhere = dict.fromkeys((*LOSSES[kind], "kl"), 0.5)
    given = CONFIGS[kind]()
    section, _, last = field.rpartition(".")
    default = getattr(getattr(given, section) if section else given, last)
    assert default > 0, "a loss that counts nothing by default is no loss"

    def measured_with(weight: float) -> dict[str, float]:
        changes = {section: getattr(given, section).model_copy(update={last: weight})} if section else {last: weight}
        return measured(*MODELS[kind](wrong_everywhere, **changes))

    plain, without, more = measured(*MODELS[kind](wrong_everywhere)), measured_with(0.0), measured_with(3 * default)
    turned = 1 - plain.get("cosine", 1.0)
    parts = {**plain, "turned": turned, "kept": 10 * turned + plain.get("drift", 0.0)}
    counted = sum(parts[name] for name in names)
    assert counted > 0.001
    assert plain["loss"] - without["loss"] == pytest.approx(default * counted, rel=1e-3, abs=1e-5)
    assert more["loss"] - without["loss"] == pytest.approx(3 * default * counted, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize(
    "recipe_of_weights", [acoustic.LossWeights, copycat.LossWeights, attention.LossWeights, vocoder.LossWeights]
)
def test_every_weight_of_a_recipe_has_a_loss(recipe_of_weights: type[StrictModel]) -> None:
    (kind,) = [
        kind
        for kind in ("explicit-duration", "copycat", "attention", "vocoder")
        if isinstance(CONFIGS[kind]().loss_weights, recipe_of_weights)
    ]
    assert set(recipe_of_weights.model_fields) <= set(LOSSES[kind])


def test_the_margin_asks_for_more_than_the_nearest_direction() -> None:
    asked = [measured(*speaker_model({}, margin=margin))["loss"] for margin in (0.0, 0.2, 0.4)]
    assert asked[0] < asked[1] < asked[2]


def test_the_adversary_of_an_encoder_learns_who_speaks_while_the_encoder_forgets_it() -> None:
    """One loss serves both: gradient reversal before the encoder leaves the adversary's own gradient as it is."""
    for kind in ("copycat", "vae"):
        torch.manual_seed(0)
        model: Any = make_model(kind).train()
        weights = list(model.adversary.parameters())
        optimiser = torch.optim.SGD(weights, 0.5)
        before = measured(model, acoustic_batch())["adversary"]
        for _ in range(10):
            optimiser.zero_grad()
            torch.manual_seed(2)
            model.losses(acoustic_batch(), "model", 5)["loss"].backward()
            optimiser.step()
        assert measured(model, acoustic_batch())["adversary"] < before, kind


def adversarial_model(kind: str, score_of_synthesis: float, score_of_recordings: float = 1.0, detail: float = 0.0) -> Any:
    """Return a model in its adversarial stage, with discriminators of given scores; `detail` is the distance of their
    activations."""
    waveform = WaveformDiscriminatorConfig(channels=2, periods=(3,), windows_ms=(16.0,))
    stage = vocoder.VocoderAdversarial(first_step=0, discriminators=waveform) if kind == "vocoder" else STAGE
    model: Any
    model, batch = MODELS[kind]({"mel": 0.3}, adversarial=stage)
    recorded = model._trim(batch["audio"]) if kind == "vocoder" else batch["mel"]

    def judge(judged: Tensor, *_: Any) -> list[tuple[Tensor, list[Tensor]]]:
        is_recording = torch.equal(judged, recorded)
        score = score_of_recordings if is_recording else score_of_synthesis
        return [(torch.full((2, 3), score), [torch.full((2, 3), 2.0 if is_recording else 2.0 + detail)])]

    model.discriminators.forward = judge
    return model, batch


ADVERSARIAL = ("explicit-duration", "copycat", "vae", "vocoder")


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_discriminators_that_tell_recordings_have_a_lower_loss(kind: str) -> None:
    right, unsure, fooled = (
        measured(*adversarial_model(kind, -score, score), DISCRIMINATOR)["loss"] for score in (1.0, 0.0, -1.0)
    )
    assert right == 0 < unsure < fooled


@pytest.mark.parametrize("kind", ADVERSARIAL)
def test_synthesis_that_is_taken_for_a_recording_has_a_lower_loss(kind: str) -> None:
    taken, unsure, refused = (measured(*adversarial_model(kind, score)) for score in (1.0, 0.0, -1.0))
    assert taken["adversarial"] < unsure["adversarial"] < refused["adversarial"]
    assert taken["loss"] < unsure["loss"] < refused["loss"]
    alike, apart = (measured(*adversarial_model(kind, 0.0, detail=detail)) for detail in (0.1, 0.4))
    assert 0 < alike["features"] < apart["features"]
    assert alike["loss"] < apart["loss"]


@pytest.mark.parametrize("kind", ADVERSARIAL)
@pytest.mark.parametrize(("field", "name"), [("weight", "adversarial"), ("feature_weight", "features")])
def test_every_weight_of_the_stage_counts(kind: str, field: str, name: str) -> None:
    model, batch = adversarial_model(kind, -0.5, detail=0.4)
    stage, plain = model.config.adversarial, measured(model, batch)
    assert getattr(stage, field) > 0
    model.config = model.config.model_copy(update={"adversarial": stage.model_copy(update={field: 0.0})})
    without = measured(model, batch)
    whole = plain["adversarial"] + stage.feature_weight * plain["features"]
    counted = whole if name == "adversarial" else stage.feature_weight * plain[name]
    assert plain["loss"] - without["loss"] == pytest.approx(stage.weight * counted, rel=1e-3, abs=1e-5)


def test_pulses_cost_only_where_a_frame_hisses() -> None:
    """A second of pulses costs nothing in voiced frames; one frame of pulses costs in frames without voice."""
    for is_voiced, loud_frames, costs in ((1.0, slice(0, 30), False), (0.0, slice(14, 15), True)):
        model: Any
        model, batch = vocoder_model({})
        batch = {**batch, "voicing": torch.full_like(batch["voicing"], is_voiced), "mel": torch.full_like(batch["mel"], -5.0)}
        pulses = torch.full((1, 30, 1), 1e-4)
        pulses[:, loud_frames] = 10.0
        sizes = model.network.sizes
        model.network.spectra = lambda _mel, _heads, used, level=pulses, sizes=sizes: (used[:, -30:], *spectra(sizes, 30, level))
        assert (measured(model, batch)["leakage"] > 0) == costs


def test_leakage_is_the_mean_of_the_frames_that_hiss_alone() -> None:
    model: Any = make_model("vocoder")
    pulses, hiss = torch.full((1, 12, 1), 1e-4), torch.zeros(2, 12)
    hiss[:, 3:7] = 1
    harmonic, noise = spectra(model.network.sizes, 12, pulses)
    quiet = float(model.leakage(harmonic, noise, hiss))
    for frames, costs in ((slice(7, 12), False), (slice(3, 5), True), (slice(0, 3), False), (slice(3, 7), True)):
        loud = pulses.clone()
        loud[:, frames] = 1.0
        leaked = float(model.leakage(*spectra(model.network.sizes, 12, loud), hiss)) - quiet
        assert (leaked > 0.1) == costs, frames
        assert costs or leaked == pytest.approx(0, abs=1e-6)


def test_bins_of_pitch_shall_be_likely_near_the_true_one_alone() -> None:
    network: Any = make_model("vocoder").network
    pitch, truth = network.pitch, torch.full((1, 1, 1), 5.0)
    distances = (pitch.bins - 5.0) / (pitch.bins[1] - pitch.bins[0])
    narrow, wide = (torch.log_softmax(-((distances / width) ** 2) / 2, -1)[None, None] for width in (1.0, 4.0))
    losses = [pitch.loss(one, truth, truth, torch.ones(1, 1, 1)) for one in (narrow, wide)]
    assert losses[0] < losses[1] - 0.5
