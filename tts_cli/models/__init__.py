"""PyTorch models of several kinds with one interface; `KINDS` maps the name of a kind to its file.

The file of a kind defines:

- `Config(StrictModel)`: the `network` section of its recipes;
- `BatchConfig(StrictModel)`: the `batches` section of its recipes;
- `Model(TrainableModel)`: the module, its losses, and the networks that `tts export-addon` writes.

The training loop uses only the interface of `TrainableModel`.

Shapes use these letters: B items of a batch, N tokens of a text, T mel frames, C channels, S samples of audio (in `attention`:
steps of the decoder), L latents over time.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.config import suggest
from tts_cli.corpora.facts import CorpusFacts, Features
from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import ConfigError
from tts_cli.models.parts import ExportPart

Batch = dict[str, Tensor]
"""Tensors of a batch by name; the batch class of `corpora` that a model's `batches` returns lists names and shapes."""


class Kind(NamedTuple):
    """Entry of `KINDS`: the module of a kind of model, the command that trains it, and the addon it becomes."""

    group: str
    """Command that trains it: `tts train GROUP`."""
    module: str
    """Full name of the Python module with its `Config`, `BatchConfig` and `Model`."""
    addon: Literal["acoustic", "vocoder", "linguistics"] | None = None
    """Kind of addon that it is exported to; None: it is not exported by itself, but contained in other models."""
    learns_from: Literal["recordings", "treebank"] = "recordings"
    """Training data: a prepared corpus of recordings, or a folder of Penn trees."""


KINDS = {
    "attention": Kind("acoustic", "tts_cli.models.attention", "acoustic"),
    "explicit-duration": Kind("acoustic", "tts_cli.models.acoustic", "acoustic"),
    "syntax": Kind("syntax", "tts_cli.models.syntax", "linguistics", "treebank"),
    "speaker": Kind("copycat", "tts_cli.models.speaker"),
    "copycat": Kind("copycat", "tts_cli.models.copycat", "acoustic"),
    "vae": Kind("vae", "tts_cli.models.vae", "acoustic"),
    "vocoder": Kind("vocoder", "tts_cli.models.vocoder", "vocoder"),
}
"""Kinds of models by the name that a recipe gives under `model`."""


class Batches(Protocol):
    """Endless sequence of batches; every step has one."""

    def batch(self, step: int) -> Batch:
        """Return the batch of `step`, counted from 0; it depends on the seed and on `step` alone.

        The first axis of every tensor with axes counts the items of the batch; several processes share the items.

        A prefetching thread calls this before the step begins. An implementation therefore draws from a generator of its own,
        never from torch's global generator.
        """


class TrainableModel(nn.Module, ABC):
    """Interface of a model to the training loop; built as `Model(config, facts)`.

    The constructor draws the initial weights from torch's global generator, which the caller has seeded. Before every step the
    loop seeds this generator with (seed, step, process). Random numbers that `losses`, `metrics` and `preview` draw from it are
    therefore the same after a resume. A step must leave no state behind except parameters and buffers.

    Args:
        config: The `Config` of the model's file.
        facts: Mel configuration, symbols and speakers of the corpus.
    """

    config: Any
    """The `Config` that the model was built with."""
    facts: CorpusFacts
    """Mel configuration, symbols and speakers that the model was built with."""

    def __init__(self, config: Any, facts: CorpusFacts) -> None:
        super().__init__()
        self.config = config
        self.facts = facts

    def begin(self) -> str | None:
        """Load the pretrained weights that every fresh training of this kind starts from, if the kind has any.

        Returns:
            One line for the user that names the pretrained weights, or None when the model keeps its random weights.
        """
        return None

    @abstractmethod
    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        """Return the batches that this model learns from.

        Args:
            corpus: The data that `open_data` opens for this kind: a prepared corpus or a treebank.
            split: "train" or "validation".
            config: The `BatchConfig` of the model's file.
            seed: Seed of the order of the items and of augmentation.
        """

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        """Return the parameters of each submodel by its name; each submodel has an optimizer of its own.

        Within a step the submodels are updated in this order. A parameter belongs to at most one submodel. During the update of
        one submodel the parameters of the others need no gradients.
        """
        return {"model": [parameter for parameter in self.parameters() if parameter.requires_grad]}

    def trains_at(self, submodel: str, step: int) -> bool:  # noqa: ARG002
        """Return whether `submodel` is updated at `step`; the generator of an adversarial training may start later."""
        return True

    def learns_at(self, parameter: str, step: int) -> bool:  # noqa: ARG002
        """Return whether the parameter of this name learns at `step`, if its submodel is updated; it may stay fixed in some."""
        return True

    @abstractmethod
    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        """Return the losses of one batch as scalars by name.

        `loss` is the value that the optimizer of `submodel` minimizes. The other values are its parts, for the log, without their
        weights.

        A scalar named `weight` is the amount of data that the loss is a mean of, in frames for example. Means over several
        processes are weighted by it; without it, by the number of items.

        Args:
            batch: A batch of `batches`, on the model's device.
            submodel: The name of the submodel to update, a key of `submodels`.
            step: Steps done before this one.
        """

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Return the measures of a validation batch by name, computed without gradients.

        The checkpoint with the smallest mean of `loss` is kept as the best. Means over batches are weighted by `weight`, as in
        `losses`. The default is the losses of the first submodel.
        """
        losses = self.losses(batch, next(iter(self.submodels())), 0)
        return {name: float(value) for name, value in losses.items()}

    def advice(self, measured: Mapping[str, float]) -> str | None:  # noqa: ARG002
        """Return one line of advice for the user when `measured`, the validation means, show a problem; None when they do not."""
        return None

    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:  # noqa: ARG002
        """Return previews of a validation batch for TensorBoard, by title: mel spectrograms (T, bands) and audio (S,)."""
        return {}

    def say(
        self,
        utterance: Features,  # noqa: ARG002
        speaker: int,  # noqa: ARG002
        durations: NDArray[Any] | None = None,  # noqa: ARG002
        temperature: float | None = None,  # noqa: ARG002
    ) -> Features | None:
        """Speak the phones of an utterance without gradients; the model is in evaluation mode.

        Args:
            utterance: Features, of which `phones` are needed. A model with an input for recordings takes prosody from `mel` and
                `durations`, if they are given.
            speaker: Id of the speaker.
            durations: Frames of each token, (N,), to speak with; None: those of the model.
            temperature: Deviation of the noise from which a flow draws prosody, as the voice speaks. None: prosody of the
                distribution that the flow has learnt, at temperature 1 and in many steps, for a model that learns from it. The
                noise of a sentence is always the same.

        Returns:
            `durations` (N,) int64; `mel` (T, bands), `log_f0` and `voicing` (T,) float32. None when this kind does not speak.
        """
        return None

    def speaker_tables(self) -> tuple[str, ...]:
        """Return the state names of tensors with one row for each speaker; `--init-from` copies their rows by speaker name."""
        return ()

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:  # noqa: ARG002
        """Rename the state of a model, mostly of another `kind`, to the parameter names of this model, for `--init-from`.

        Args:
            kind: Kind of the other model.
            state: Its parameters and buffers by name.

        Returns:
            Parameters by name. The caller ignores names that this model lacks, and tensors of another shape.
        """
        return state

    @abstractmethod
    def export_parts(self) -> list[ExportPart]:
        """Return the networks of the model's addon."""

    def export_assets(self) -> dict[str, Path]:
        """Return further files of the addon by asset name."""
        return {}

    @abstractmethod
    def export_samples(self, utterance: Any) -> dict[str, tuple[Tensor, ...]]:
        """Return inputs of each network by its name; export compares PyTorch and the exported network on them.

        Args:
            utterance: One of the items that `held_out` of the model's data yields.
        """

    def rounding_figures(self, corpus: Any) -> Any:  # noqa: ARG002
        """Measure the model on held-out data of `corpus`, before and after export rounds the parameters to their storage type.

        Returns:
            Figures for `rounding_report`; None when this kind measures nothing.
        """
        return None

    def rounding_report(self, before: Any, after: Any) -> list[str]:  # noqa: ARG002
        """Return lines for the user that compare `rounding_figures` before and after the rounding of the parameters."""
        return []


def find_kind(name: str) -> Kind:
    """Return the entry of `KINDS` called `name`. Raises ConfigError that suggests the closest name."""
    if name not in KINDS:
        raise ConfigError(f"unknown model kind '{name}'", hint=suggest(name, sorted(KINDS)))
    return KINDS[name]


def model_file(name: str) -> Any:
    """Import the module of the kind called `name` and return it; it has `Config`, `BatchConfig` and `Model`."""
    return importlib.import_module(find_kind(name).module)


def open_data(kind: str, folder: Path) -> Any:
    """Open the training data of this `kind` of model in `folder`.

    Returns:
        A `corpora.manifest.Corpus`, or a `corpora.treebank.Treebank` for kinds that learn from trees.

    Raises:
        CorpusError: The folder holds no such data, or it is damaged.
    """
    if find_kind(kind).learns_from == "treebank":
        # A packed training lacks the packages that treebanks import.
        from tts_cli.corpora.treebank import open_treebank

        return open_treebank(folder)
    return open_corpus(folder)
