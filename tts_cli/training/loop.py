"""The training loop for every kind of model; Lightning Fabric provides devices, precision and several processes."""

from __future__ import annotations

import hashlib
import math
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, cast

import torch
from lightning_fabric import Fabric
from numpy.typing import NDArray
from torch import Tensor, nn

from tts_cli.errors import RefusedError
from tts_cli.models import Batch, Batches, TrainableModel
from tts_cli.training import checkpoints
from tts_cli.training.checkpoints import Description, Stay
from tts_cli.training.logbook import Logbook
from tts_cli.training.prefetch import Prefetcher
from tts_cli.training.recipe import Recipe
from tts_cli.training.state import Submodel, TrainingState

SEEDING = "torch.manual_seed, before each step, by the first 63 bits of SHA-256 of 'seed/step/process'"
"""Description of the seeding of each step, for checkpoints."""


class Whole:
    """Wrapper that hides a batch from Fabric. In mixed precision Fabric would round its tensors, such as audio and F0, to
    bfloat16, with 8 bits of precision."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch


class LossModule(nn.Module):
    """Module with a model's losses as its `forward`, because Fabric wraps `forward`."""

    def __init__(self, model: TrainableModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, whole: Whole, submodel: str, step: int) -> dict[str, Tensor]:
        """Return the losses of `submodel` on this process's share of the batch."""
        return self.model.losses(whole.batch, submodel, step)


class Loop:
    """Training loop: the state after `step` steps of a recipe in the folder `run`.

    Args:
        fabric: The launched Fabric.
        model: The model with its initial weights.
        recipe: The recipe.
        run: Folder of the run.
    """

    def __init__(self, fabric: Fabric, model: TrainableModel, recipe: Recipe, run: Path) -> None:
        self.fabric = fabric
        self.model = model
        self.recipe = recipe
        self.run_folder = run
        self.loss_module = fabric.setup_module(LossModule(model))
        self.state = TrainingState(model, recipe)
        self.step = 0
        self.seconds_before = 0.0
        self.rollbacks = 0
        self.elsewhere: tuple[Stay, ...] = ()
        self.best = math.inf
        self.saved_step = -1
        self.begun_from: tuple[dict[str, Any], ...] = ()
        self.logbook: Logbook | None = None
        self.check_data: Callable[[], None] = lambda: None
        """Raise CorpusError if the corpus has changed; called before snapshots and validations."""
        self.speak: Callable[[int], dict[str, NDArray[Any]]] = lambda _: {}
        """Speak after the given number of steps; return audio (S,) by title. Called at validations, with the averaged weights."""
        self.validated_step = -1
        self._started = self._saved = self._validated = time.monotonic()
        self._commit = checkpoints.commit() if fabric.is_global_zero else None

    def run(self, training: Batches, validation: Batches, stop: Callable[[], bool]) -> None:
        """Train to the recipe's last step, and leave a checkpoint.

        Training ends earlier after `max_minutes` of the recipe or when `stop` returns True in any process.

        Args:
            training: Batches to learn from.
            validation: Batches to validate on.
            stop: Called before each step.

        Raises:
            RefusedError: Losses, gradients or weights are not finite, also after `max_rollbacks` rollbacks.
            OutputError: A checkpoint cannot be written.
        """
        prefetcher = Prefetcher(training, self.recipe.loaders)
        try:
            with self._logbook():
                self._snapshot()
                if self.logbook and self.step % self.recipe.validation_interval == 0 and self.logbook.lacks_validation(self.step):
                    self._validate(validation)
                while self.step < self.recipe.steps and not self._agreed(stop() or self._out_of_time()):
                    self._advance(prefetcher.batch(self.step), validation)
                self._finish(validation)
        finally:
            prefetcher.close()

    @property
    def seconds(self) -> float:
        """Training time in seconds, earlier runs included."""
        return self.seconds_before + time.monotonic() - self._started

    def say(self, line: str) -> None:
        """Print a line in the first process alone."""
        if self.logbook is not None:
            self.logbook.say(line)

    def _logbook(self) -> AbstractContextManager[Any]:
        if not self.fabric.is_global_zero:
            return nullcontext()
        self.logbook = Logbook(self.run_folder, self.step, self.recipe.steps, self.model.facts.mel.sample_rate)
        return self.logbook

    def _advance(self, batch: Batch, validation: Batches) -> None:
        """Train one step, then log, snapshot and validate when they are due."""
        losses = self._learn(batch)
        self.step += 1
        if losses is None:
            self._roll_back("the loss or its gradient")
            return
        if self.logbook is not None:
            self.logbook.advance(self.step)
        if self.step % self.recipe.log_every == 0:
            self._log(losses)
        if self.step % self.recipe.snapshot_every == 0 or self.step % self.recipe.validation_interval == 0:
            self.check_data()
        if self.step % self.recipe.snapshot_every == 0:
            self._keep()
        if self.step % self.recipe.validation_interval == 0 or self._validation_is_due():
            self._validate(validation)

    def _validation_is_due(self) -> bool:
        return time.monotonic() - self._validated > self.recipe.validate_minutes * 60

    def _learn(self, batch: Batch) -> dict[str, Tensor] | None:
        """Update every submodel on `batch`; return their losses, or None as soon as one is not finite."""
        seed_step(self.recipe.seed, self.step, self.fabric.global_rank)
        rows = share(batch, self.fabric.global_rank, self.fabric.world_size)
        found: dict[str, Tensor] = {}
        for submodel in self.state.submodels:
            if not self.model.trains_at(submodel.name, self.step):
                continue
            losses = self._take_turn(submodel, self.fabric.to_device(rows[0]), rows[1])
            if losses is None:
                return None
            prefix = "" if len(self.state.submodels) == 1 else f"{submodel.name}/"
            found |= {prefix + name: value for name, value in losses.items()}
        self.state.average.update(self.step)
        return found

    def _take_turn(self, submodel: Submodel, batch: Batch, num_items: int) -> dict[str, Tensor] | None:
        for other in self.state.submodels:
            for name, parameter in other.parameters.items():
                parameter.requires_grad_(other is submodel and self.model.learns_at(name, self.step))
        submodel.optimiser.zero_grad()
        losses = dict(self.loss_module(Whole(batch), submodel.name, self.step))
        fraction = self._fraction(losses.pop("weight", None), num_items)
        self.fabric.backward(losses["loss"] * fraction)
        losses = self._averaged({name: value.detach() * fraction for name, value in losses.items()})
        losses["gradient_norm"] = self._clip(submodel)
        if not math.isfinite(float(losses["loss"] + losses["gradient_norm"])):
            return None
        options = self.recipe.optimisers.get(submodel.name, self.recipe.optimiser)
        for group in submodel.optimiser.param_groups:
            group["lr"] = group["factor"] * options.rate(self.step, self.recipe.steps)
        submodel.optimiser.step()
        return losses

    def _clip(self, submodel: Submodel) -> Tensor:
        """Clip the submodel's gradients and return their norm before clipping."""
        limit = self.recipe.clip_gradient_norm
        norm = self.fabric.clip_gradients(self.loss_module, submodel.optimiser, max_norm=limit, error_if_nonfinite=False)
        # None stands for a clip by value.
        return cast(Tensor, norm)

    def _fraction(self, weight: Tensor | None, num_items: int) -> Tensor | float:
        """Return the factor for this process's mean loss with which the mean over processes is the mean over the whole batch."""
        if self.fabric.world_size == 1:
            return 1.0
        own = torch.tensor(float(num_items)) if weight is None else weight.detach().float() * (num_items > 0)
        own = self.fabric.to_device(own)
        return own / self._mean(own)

    def _averaged(self, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the means of the losses over all processes."""
        if self.fabric.world_size == 1:
            return losses
        means = self._mean(torch.stack([value.float() for value in losses.values()]))
        return dict(zip(losses, means.unbind(), strict=True))

    def _agreed(self, stop: bool) -> bool:
        """Return True if any process wants to stop, because all must stop at the same step."""
        if self.fabric.world_size == 1:
            return stop
        return float(self._mean(self.fabric.to_device(torch.tensor(float(stop))))) > 0

    def _mean(self, value: Tensor) -> Tensor:
        """Return the mean of `value` over all processes."""
        return cast(Tensor, self.fabric.all_reduce(value.clone(), reduce_op="mean"))

    def _out_of_time(self) -> bool:
        limit = self.recipe.max_minutes
        return limit is not None and time.monotonic() - self._started > limit * 60

    def _snapshot(self) -> None:
        self._kept, self._kept_step = self.state.snapshot(), self.step

    def _keep(self) -> None:
        """Take a snapshot if the weights are finite, and write a checkpoint when one is due; else roll back."""
        if not self.state.finite():
            self._roll_back("a weight")
            return
        self.rollbacks = 0
        self._snapshot()
        if time.monotonic() - self._saved > self.recipe.checkpoint_every_minutes * 60:
            self._save()

    def _roll_back(self, value: str) -> None:
        """Return to the last snapshot and continue with the data after this step.

        All updates since the snapshot are undone, because the last updates before a failure often cause it. A resumed training,
        with snapshots at the same steps, does the same.
        """
        self.rollbacks += 1
        limit, failed = self.recipe.max_rollbacks, self.step - 1
        if self.rollbacks > limit:
            raise RefusedError(
                f"step {failed}: {value} is not finite, after {limit} rollbacks to the weights of step {self._kept_step}",
                hint="lower optimiser.learning_rate or clip_gradient_norm, or check the data of these steps",
            )
        self.say(
            f"step {failed}: {value} is not finite: back to the weights of step {self._kept_step}, "
            f"continuing with the data after step {failed} (rollback {self.rollbacks} of {limit})"
        )
        self.state.load(self._kept)

    def _log(self, losses: dict[str, Tensor]) -> None:
        if self.logbook is not None:
            self.logbook.losses(self.step, {name: float(value) for name, value in losses.items()})

    def _validate(self, batches: Batches) -> float | None:
        """Measure and preview the averaged weights in the first process, and write a checkpoint if they are the best so far.

        Returns:
            The mean loss; None in the other processes, or when the model measures no `loss`.
        """
        if self.logbook is None:
            return None
        if not self.state.finite():
            self.say(f"step {self.step}: not validated: a weight is not finite")
            return None
        seed_step(self.recipe.seed, self.step, -1)
        self.model.eval()
        with torch.no_grad(), self.state.average.applied():
            first = self.fabric.to_device(batches.batch(0))
            rest = (self.fabric.to_device(batches.batch(index)) for index in range(1, self.recipe.validation_batches))
            means = weighted_means((self.model.metrics(batch), num_items(batch)) for batch in (first, *rest))
            self.logbook.preview(self.step, {**self.model.preview(first), **self.speak(self.step)})
        self.model.train()
        self.logbook.validation(self.step, means)
        self.validated_step, self._validated = self.step, time.monotonic()
        if advice := self.model.advice(means):
            self.say(f"step {self.step}: {advice}")
        if means.get("loss", math.inf) < self.best:
            self.best = means["loss"]
            self._save(self.best)
        return means.get("loss")

    def _finish(self, validation: Batches) -> None:
        """Leave a checkpoint of the present step."""
        if not self.state.finite():
            raise RefusedError(
                f"step {self.step}: a weight is not finite; the checkpoint of this step is not written",
                hint="lower optimiser.learning_rate, weight_decay or clip_gradient_norm, and start again",
            )
        if self.step >= self.recipe.steps and self.validated_step != self.step and self.saved_step != self.step:
            self._validate(validation)
        self._save()
        self.fabric.barrier()

    def _save(self, validation: float | None = None) -> None:
        self._saved = time.monotonic()
        if self.logbook is None or (validation is None and self.saved_step == self.step):
            return
        checkpoints.save(self.run_folder, self.state.tensors(), self._description(validation))
        checkpoints.prune(self.run_folder, self.recipe.keep_checkpoints)
        self.saved_step = self.step

    def _description(self, validation: float | None) -> Description:
        return Description(
            kind=self.recipe.model,
            step=self.step,
            recipe=self.recipe.model_dump(mode="json"),
            facts=self.model.facts,
            random={"seed": self.recipe.seed, "scheme": SEEDING},
            rollbacks=self.rollbacks,
            seconds=self.seconds,
            validation=validation,
            elsewhere=self.elsewhere,
            commit=self._commit,
            begun_from=self.begun_from,
            versions=checkpoints.versions(),
        )


def seed_step(seed: int, step: int, process: int) -> None:
    """Seed torch's global generators for one step, so that a resume needs no state of a generator.

    Args:
        seed: Seed of the recipe.
        step: Steps done before.
        process: Rank of the process; -1 for validation.
    """
    digest = hashlib.sha256(f"{seed}/{step}/{process}".encode()).digest()
    torch.manual_seed(int.from_bytes(digest[:8], "big") >> 1)


def share(batch: Batch, process: int, num_processes: int) -> tuple[Batch, int]:
    """Return every `num_processes`-th item of `batch`, starting at item `process`, and their number.

    A process beyond the batch's items gets the first item, and 0 as the number.
    """
    number = num_items(batch)
    if num_processes == 1:
        return batch, number
    rows = slice(process, None, num_processes) if process < number else slice(0, 1)
    shared = {name: value[rows] if value.ndim else value for name, value in batch.items()}
    return shared, len(range(process, number, num_processes))


def num_items(batch: Batch) -> int:
    """Return the number of items of `batch`: the longest first axis of its tensors."""
    return max((value.shape[0] for value in batch.values() if value.ndim), default=0)


def weighted_means(measured: Iterable[tuple[dict[str, float], int]]) -> dict[str, float]:
    """Return the means of the measures of several batches.

    Args:
        measured: Measures of each batch by name, and its number of items. A measure named `weight` weighs the batch, as in
            training; without it the number of items does.
    """
    sums: dict[str, float] = {}
    total = 0.0
    for values, number in measured:
        weight = values.pop("weight", float(number))
        total += weight
        for name, value in values.items():
            sums[name] = sums.get(name, 0.0) + weight * value
    return {name: value / total for name, value in sums.items()}
