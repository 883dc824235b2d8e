"""Networks in torch, one file per model kind, all with the same parts; `KINDS` says which file holds which kind.

The file of a kind offers
- `Config(StrictModel)`: the `network` section of its recipes;
- `BatchConfig(StrictModel)`: the `batches` section of its recipes;
- `Model(TrainableModel)`: the module, its losses, and the networks that `tts export-addon` writes.

The one training loop knows models by `TrainableModel` alone.
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
from tts_cli.corpora.facts import CorpusFacts
from tts_cli.corpora.manifest import open_corpus
from tts_cli.errors import ConfigError
from tts_cli.models.parts import ExportPart

Batch = dict[str, Tensor]


class Kind(NamedTuple):
    """Where a kind of model lives."""

    group: str
    """The command that trains it: `tts train GROUP`."""
    module: str
    addon: Literal["acoustic", "vocoder", "linguistics"] | None = None
    """The kind of addon it becomes; None: it is only a part of other models, which begin from its weights."""
    learns_from: Literal["recordings", "treebank"] = "recordings"
    """The data that it is trained on: a prepared corpus, or a folder of Penn trees."""


KINDS = {
    "attention": Kind("acoustic", "tts_cli.models.attention", "acoustic"),
    "explicit-duration": Kind("acoustic", "tts_cli.models.acoustic", "acoustic"),
    "syntax": Kind("syntax", "tts_cli.models.syntax", "linguistics", "treebank"),
    "speaker": Kind("copycat", "tts_cli.models.speaker"),
    "copycat": Kind("copycat", "tts_cli.models.copycat", "acoustic"),
    "vae": Kind("vae", "tts_cli.models.vae", "acoustic"),
    "vocoder": Kind("vocoder", "tts_cli.models.vocoder", "vocoder"),
}


class Batches(Protocol):
    """An endless supply of batches."""

    def batch(self, step: int) -> Batch:
        """The batch of `step`: a function of the seed and `step` alone, whatever was asked before.

        The first dimension of every tensor that has one counts the items of the batch (several processes share them out).
        It is called ahead of time from a thread of its own, so it draws from its own generator, never from torch's global one.
        """


class TrainableModel(nn.Module, ABC):
    """A model as the training loop sees it: built as `Model(config, facts)`, both of which it keeps under these names.

    Weights are initialised from torch's global generator, which is seeded before. Before every step that generator is seeded by
    (seed, step, process), so whatever `losses`, `metrics` and `preview` draw from it is the same after resuming; nothing that a
    step leaves behind outside of parameters and buffers may change the next.
    """

    config: Any
    facts: CorpusFacts

    def __init__(self, config: Any, facts: CorpusFacts) -> None:
        super().__init__()
        self.config = config
        self.facts = facts

    def begin(self) -> str | None:
        """Take the weights from which every fresh training of this kind begins, if there are such; says which, in one line."""
        return None

    @abstractmethod
    def batches(self, corpus: Any, split: str, config: Any, seed: int) -> Batches:
        """Return batches of the `split` ("train" or "validation") of what `open_data` gives for this kind of model.

        `config` is the file's `BatchConfig`.
        """

    def submodels(self) -> dict[str, list[nn.Parameter]]:
        """The parameters of each submodel, in the order in which they take their turns within a step; each has an optimiser.

        A parameter belongs to at most one submodel; during a submodel's turn the parameters of the others need no gradients.
        """
        return {"model": [parameter for parameter in self.parameters() if parameter.requires_grad]}

    def trains_at(self, submodel: str, step: int) -> bool:  # noqa: ARG002
        """Whether `submodel` learns at `step` (a discriminator may join late)."""
        return True

    @abstractmethod
    def losses(self, batch: Batch, submodel: str, step: int) -> dict[str, Tensor]:
        """Scalars: `loss` is what `submodel` minimises, the others are its parts, for the log.

        A scalar named `weight` says how much data the loss is a mean of; processes are averaged by it (default: their items).
        """

    def metrics(self, batch: Batch) -> dict[str, float]:
        """Measures of a validation batch, without gradients; by the smallest mean of `loss` the best checkpoint is chosen.

        Batches are averaged by `weight`, as in `losses`.
        """
        losses = self.losses(batch, next(iter(self.submodels())), 0)
        return {name: float(value) for name, value in losses.items()}

    def advice(self, measured: Mapping[str, float]) -> str | None:  # noqa: ARG002
        """What the user should hear of when validation has `measured` this: one line, or None."""
        return None

    def preview(self, batch: Batch) -> dict[str, NDArray[Any]]:  # noqa: ARG002
        """What to show of a validation batch: mel pictures (T, num_bands) and audio (samples,), by the names to show."""
        return {}

    def speaker_tables(self) -> tuple[str, ...]:
        """State names of the tensors with one row a speaker; `--init-from` matches their rows by the speakers' names."""
        return ()

    def adopted(self, kind: str, state: Mapping[str, Tensor]) -> Mapping[str, Tensor]:  # noqa: ARG002
        """The state of a model of another `kind` under the names of this one's, for `--init-from`; what fits nowhere may stay."""
        return state

    @abstractmethod
    def export_parts(self) -> list[ExportPart]:
        """The networks of its addon."""

    def export_assets(self) -> dict[str, Path]:
        """Files that its addon needs, by the names of its assets."""
        return {}

    @abstractmethod
    def export_samples(self, utterance: Any) -> dict[str, tuple[Tensor, ...]]:
        """Inputs for each part, by its name, on which export compares torch with the exported network.

        `utterance` is one of those that `held_out` of the model's data gives.
        """

    def rounding_figures(self, corpus: Any) -> Any:  # noqa: ARG002
        """Measure the model on held-out data of `corpus`, for kinds that lose by the rounding of export; None: not measured."""
        return None

    def rounding_report(self, before: Any, after: Any) -> list[str]:  # noqa: ARG002
        """Lines for the user that compare the `rounding_figures` before and after the parameters were rounded."""
        return []


def find_kind(name: str) -> Kind:
    """The kind called `name`. Raises ConfigError with the closest one."""
    if name not in KINDS:
        raise ConfigError(f"unknown model kind '{name}'", hint=suggest(name, sorted(KINDS)))
    return KINDS[name]


def model_file(name: str) -> Any:
    """The module that holds the kind called `name`: its `Config`, `BatchConfig` and `Model`."""
    return importlib.import_module(find_kind(name).module)


def open_data(kind: str, folder: Path) -> Any:
    """Open the prepared corpus, or the treebank, in `folder` from which models of this `kind` learn. Raises CorpusError."""
    if find_kind(kind).learns_from == "treebank":
        # A packed training lacks what treebanks import.
        from tts_cli.corpora.treebank import open_treebank

        return open_treebank(folder)
    return open_corpus(folder)
