"""Opening of analyzers and parsers by name: linguistics addons, built-in parsers, and those of installed packages."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from tts_cli.addon.library import find_addon
from tts_cli.addon.opened import open_addon
from tts_cli.config import suggest
from tts_cli.errors import AddonError, InputError, TtsError
from tts_cli.selection.linguistics import MOST_PIECES, Linguistics
from tts_cli.selection.parsers import Benepar, LinkGrammar, Parser, RightBranching

DEFAULT_LINGUISTICS = "linguistics-en"
"""Name of the default addon for the analysis of sentences."""
GROUP = "tts_cli.parsers"
"""Entry-point group through which packages offer parsers: `mine = "my_package:MyParser"`, called without arguments."""
BUILT_IN: Mapping[str, Callable[[], Parser]] = {
    "benepar": Benepar,
    "link-grammar": LinkGrammar,
    "right-branching": RightBranching,
}
"""Built-in parsers by name."""


def open_linguistics(name: str | Path = DEFAULT_LINGUISTICS, near: Path | None = None, threads: int = 1) -> Linguistics:
    """Open the analyzer of an addon of kind `linguistics`.

    Args:
        name: Name or path of the addon.
        near: Folder to search first.
        threads: CPU threads of the sentence encoder.

    Raises:
        AddonError: The addon is not found, damaged, or of another kind.
    """
    addon = open_addon(name, threads=threads, near=near)
    if addon.config.kind != "linguistics":
        hint = f"use an addon of kind 'linguistics', such as {DEFAULT_LINGUISTICS}"
        raise AddonError(f"addon '{addon.name}' is of kind '{addon.config.kind}': it analyses no sentences", hint)
    network = addon.network("analysis", "sentence_encoder", addon.name)
    # A word has one piece at least, and [CLS] and [SEP] are none of any word.
    most_pieces = min(MOST_PIECES, network.largest("token") or MOST_PIECES, 2 + (network.largest("word") or MOST_PIECES))
    return Linguistics(network.network, addon.asset("tokenizer", addon.name), most_pieces)


def open_parser(name: str = DEFAULT_LINGUISTICS) -> Parser:
    """Open a parser by name.

    Args:
        name: Name of a parser in `BUILT_IN` or of an installed package, or name or path of an addon of kind `linguistics`.

    Raises:
        InputError: The parser is unknown, or not installed; the hint says how to install it.
        AddonError: The addon is damaged or of another kind.
    """
    offered = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name in BUILT_IN:
        return BUILT_IN[name]()
    if name in offered:
        return _from_package(offered[name])
    try:
        find_addon(name)
    except AddonError as error:
        if name == DEFAULT_LINGUISTICS:
            raise InputError(f"the parser '{name}' is not installed", hint=f"tts addons install PATH/TO/{name}") from error
        known = [DEFAULT_LINGUISTICS, *sorted({*BUILT_IN, *offered})]
        raise InputError(f"unknown parser '{name}'; known: {', '.join(known)}", hint=suggest(name, known)) from error
    return open_linguistics(name)


def _from_package(entry: EntryPoint) -> Parser:
    origin = f" by package '{entry.dist.name}'" if entry.dist else ""
    try:
        return cast(Parser, entry.load()())
    except TtsError:
        raise
    except (Exception, SystemExit) as error:
        message = f"parser '{entry.name}'{origin} cannot be loaded: {type(error).__name__}: {error}"
        raise InputError(message, hint="--debug shows the traceback") from error
