"""State of a training: weights, their moving average, and the optimizers' moments."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tts_cli.errors import ConfigError
from tts_cli.models import TrainableModel
from tts_cli.training.recipe import Recipe

Tensors = dict[str, dict[str, Tensor]]
"""Tensors of a training by part. `model` and `average`: by the model's state names; `optimiser`: by submodel, parameter and
moment, joined by slashes."""


@dataclass
class Submodel:
    """Submodel of a model: its parameters and their optimizer."""

    name: str
    """Name of the submodel, a key of `TrainableModel.submodels`."""
    parameters: dict[str, torch.nn.Parameter]
    """Its parameters by name."""
    optimiser: torch.optim.AdamW
    """Its optimizer."""


def create_submodels(model: TrainableModel, recipe: Recipe) -> list[Submodel]:
    """Return the submodels of `model` with new optimizers, and disable the gradients of all other parameters.

    Raises:
        ConfigError: The recipe names an optimizer or a rate factor that fits nothing in the model.
    """
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    roles = model.submodels()
    for unknown in recipe.optimisers.keys() - roles.keys():
        raise ConfigError(f"optimisers.{unknown}: '{recipe.model}' has no such submodel", hint="submodels: " + ", ".join(roles))
    submodels = []
    for role, parameters in roles.items():
        if not parameters:
            message = f"the submodel '{role}' has no parameter to train"
            raise ConfigError(message, hint="check network.adversarial.trained: it lists beginnings of parameter names")
        options = recipe.optimisers.get(role, recipe.optimiser)
        groups = _groups(parameters, names, recipe.rate_factors)
        optimiser = torch.optim.AdamW(
            groups, lr=options.learning_rate, betas=options.betas, weight_decay=options.weight_decay, fused=True
        )
        submodels.append(Submodel(role, {names[id(parameter)]: parameter for parameter in parameters}, optimiser))
    learning = {id(parameter) for parameters in roles.values() for parameter in parameters}
    for parameter in model.parameters():
        parameter.requires_grad_(id(parameter) in learning)
    return submodels


def _groups(
    parameters: Sequence[torch.nn.Parameter], names: Mapping[int, str], factors: Mapping[str, float]
) -> list[dict[str, Any]]:
    """Group `parameters` by the factor of their learning rate, as AdamW takes them.

    Args:
        parameters: Parameters of a submodel.
        names: Names of all parameters by id.
        factors: Factors by name prefix; the longest prefix decides. Without one the factor is 1.

    Raises:
        ConfigError: No parameter's name has a prefix of `factors`.
    """
    for prefix in factors:
        if not any(name.startswith(prefix) for name in names.values()):
            submodules = ", ".join(sorted({name.split(".")[0] for name in names.values()}))
            message = f"rate_factors.{prefix}: no parameter of the model has a name that begins with '{prefix}'"
            raise ConfigError(message, hint=f"names begin with one of: {submodules}")
    groups: dict[float, list[torch.nn.Parameter]] = {}
    for parameter in parameters:
        fitting = [prefix for prefix in factors if names[id(parameter)].startswith(prefix)]
        groups.setdefault(factors[max(fitting, key=len)] if fitting else 1.0, []).append(parameter)
    return [{"params": group, "factor": factor} for factor, group in groups.items()]


class Average:
    """Exponential moving average of a model's parameters and floating-point buffers."""

    def __init__(self, model: TrainableModel, decay: float) -> None:
        self.decay = decay
        self._model = model
        named: dict[str, Tensor] = dict(model.named_parameters(remove_duplicate=False))
        kept = model.state_dict().keys()
        # Buffers hold statistics of activations, which depend on the parameters and must be averaged with them.
        named |= {name: b for name, b in model.named_buffers(remove_duplicate=False) if name in kept and b.is_floating_point()}
        places: dict[int, int] = {}
        self._places = {name: places.setdefault(id(tensor), len(places)) for name, tensor in named.items()}
        self._parameters = [tensor.detach() for tensor in {id(tensor): tensor for tensor in named.values()}.values()]
        self._averages = [tensor.clone() for tensor in self._parameters]

    def update(self, step: int) -> None:
        """Update the averages with the parameters after `step`; the decay is smaller in early steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(self._averages, self._parameters, 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Return the model's state with averaged parameters."""
        return {**self._model.state_dict(), **{name: self._averages[place] for name, place in self._places.items()}}

    def load(self, tensors: dict[str, Tensor]) -> None:
        """Load the averages from `tensors`, a state as `state` returns it."""
        for name, place in self._places.items():
            self._averages[place].copy_(tensors[name])

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Context in which the model has the averaged parameters."""
        self._exchange()
        try:
            yield
        finally:
            self._exchange()

    def _exchange(self) -> None:
        for parameter, average in zip(self._parameters, self._averages, strict=True):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)


class TrainingState:
    """All tensors of a training that a checkpoint holds, as views of the live tensors."""

    def __init__(self, model: TrainableModel, recipe: Recipe) -> None:
        self.model = model
        self.submodels = create_submodels(model, recipe)
        self.average = Average(model, recipe.ema_decay)

    def tensors(self) -> Tensors:
        """Return the live tensors by part of a checkpoint and name."""
        moments = {
            f"{submodel.name}/{name}/{moment}": value
            for submodel in self.submodels
            for name, parameter in submodel.parameters.items()
            for moment, value in submodel.optimiser.state.get(parameter, {}).items()
        }
        return {"model": self.model.state_dict(), "average": self.average.state(), "optimiser": moments}

    def snapshot(self) -> Tensors:
        """Return a copy of the tensors that further training does not change."""
        return {part: {name: value.detach().clone() for name, value in group.items()} for part, group in self.tensors().items()}

    def load(self, tensors: Tensors) -> None:
        """Load `tensors`: a snapshot, or the tensors of a checkpoint."""
        self.model.load_state_dict(tensors["model"])
        self.average.load(tensors["average"])
        for submodel in self.submodels:
            submodel.optimiser.state.clear()
            self._load_moments(submodel, tensors["optimiser"])

    def finite(self) -> bool:
        """Return True if every weight is a finite number."""
        sums = torch.stack([parameter.detach().sum() for parameter in self.model.parameters()])
        return bool(torch.isfinite(sums).all())

    @staticmethod
    def _load_moments(submodel: Submodel, moments: dict[str, Tensor]) -> None:
        for name, parameter in submodel.parameters.items():
            prefix = f"{submodel.name}/{name}/"
            found = {key.removeprefix(prefix): value for key, value in moments.items() if key.startswith(prefix)}
            if found:
                submodel.optimiser.state[parameter] = {key: value.to(parameter.device, copy=True) for key, value in found.items()}
