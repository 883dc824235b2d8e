"""Options of commands from dataclasses: a command lists dataclasses as parameters, and features add their own.

A feature's room may have a file `options.py` with a dictionary `OPTIONS` from the name of a command to a dataclass. An installed
package offers a dataclass through the entry-point group `tts_cli.options`: `synth = "my_package.options:MyOptions"`.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, Field, fields, is_dataclass
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Any, get_type_hints

import tts_cli
from tts_cli.errors import ConfigError

GROUP = "tts_cli.options"
"""Entry-point group of options that installed packages add to commands; the entry's name is that of the command."""
FEATURES = "features"
"""Name of the command parameter that receives the options of all features: a dictionary by feature."""


def expanded(command: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Return a decorator that turns dataclass parameters of a Typer command into options.

    Each parameter annotated with a dataclass is replaced by one option for each field; the fields are annotated with Typer
    options. The parameter `features` is replaced by the options of all features. Options keep the order of the parameters. The
    decorated function receives instances of the dataclasses.

    Args:
        command: Name of the command, by which features declare their options.
    """

    def decorate(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        groups = {name: hint for name, hint in hints.items() if is_dataclass(hint)}
        added = options_of_features(command)
        parameters: list[inspect.Parameter] = []
        for name, parameter in inspect.signature(function).parameters.items():
            if name in groups:
                parameters += _parameters(groups[name])
            elif name == FEATURES:
                parameters += [one for group in added.values() for one in _parameters(group)]
            else:
                parameters.append(parameter.replace(annotation=hints[name], kind=inspect.Parameter.KEYWORD_ONLY))

        def run(**values: Any) -> None:
            taken = {name: _instance(group, values) for name, group in groups.items()}
            if added:
                taken[FEATURES] = {name: _instance(group, values) for name, group in added.items()}
            function(**taken, **values)

        run.__name__, run.__doc__, run.__module__ = function.__name__, function.__doc__, function.__module__
        run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
        return run

    return decorate


def options_of_features(command: str) -> dict[str, Any]:
    """Return the dataclasses of options that features add to `command`, by feature.

    Raises:
        ConfigError: An installed package offers options that cannot be imported.
    """
    found: dict[str, Any] = {}
    for name in tts_cli.FEATURES:
        if find_spec(f"tts_cli.{name}.options"):
            options = import_module(f"tts_cli.{name}.options").OPTIONS
            found |= {name: options[command]} if command in options else {}
    for entry in entry_points(group=GROUP, name=command):
        try:
            found[entry.value] = entry.load()
        except (Exception, SystemExit) as error:
            message = f"options of '{command}', '{entry.value}', cannot be loaded: {type(error).__name__}: {error}"
            raise ConfigError(message, hint="--debug shows the traceback; correct or uninstall that package") from error
    return found


def _parameters(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=_default(one), annotation=hints[one.name])
        for one in fields(group)
    ]


def _default(option: Field[Any]) -> Any:
    return inspect.Parameter.empty if option.default is MISSING else option.default


def _instance(group: Any, values: dict[str, Any]) -> Any:
    """Return an instance of the dataclass `group`. Its fields are removed from `values`."""
    return group(**{one.name: values.pop(one.name) for one in fields(group)})
