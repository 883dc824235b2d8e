"""Optional packages of the extra `eval`, imported when a measure needs them."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from tts_cli.errors import InputError


def require(module: str) -> Any:
    """Import and return a `module` of the extra `eval`.

    Raises:
        InputError: if the module is not installed; the hint names the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        hint = "pip install '.[eval]' in a checkout of the project"
        raise InputError(f"this measure needs '{module}', which is not installed", hint=hint) from error


def package_folder(module: str) -> Path:
    """Return the folder of an installed package of the extra `eval`, in which its weights lie.

    Raises:
        InputError: if the package is not installed.
    """
    return Path(require(module).__file__).parent
