"""Packages of the extra `eval`: imported when a measure needs them, their weights checked before they are opened."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tts_cli.errors import InputError


def require(module: str) -> Any:
    """Import a `module` of the evaluation extra. Raises InputError with the remedy where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = "pip install '.[eval]' in a checkout of the project"
        raise InputError(f"this measure needs '{module}', which is not installed", hint=hint) from error


def package_folder(module: str) -> Path:
    """Return the folder of a package of the evaluation extra. Raises as `require`."""
    return Path(require(module).__file__).parent
