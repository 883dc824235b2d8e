"""Writes every generated page of docs/: `python tests/docs/pages.py`, which `make docs-pages` runs.

`python tests/docs/pages.py --gaps` lists the gaps of the pages: keys without a meaning, messages without a remedy.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
sys.path[:0] = [str(TESTS), str(TESTS / "cli"), str(TESTS / "docs")]

import addon_format  # noqa: E402
import architecture  # noqa: E402
import messages  # noqa: E402
import python_api  # noqa: E402
import recipe_keys  # noqa: E402
import reference  # noqa: E402

from tts_cli.export.folder import addon_schema  # noqa: E402

PAGES: dict[Path, Callable[[], str]] = {
    ROOT / "docs" / "addon.schema.json": addon_schema,
    addon_format.FILE: addon_format.addon_format,
    architecture.FILE: architecture.architecture,
    messages.FILE: messages.troubleshooting,
    python_api.FILE: python_api.python_api,
    recipe_keys.FILE: recipe_keys.recipes,
    reference.FILE: reference.reference,
}
"""The text of every generated page, by its file."""


def gaps() -> list[str]:
    """Return the gaps of the pages, one line each: keys without a meaning, messages without a remedy."""
    keys = [f"no meaning: {key}" for key in [*recipe_keys.missing(), *addon_format.missing()]]
    return keys + [f"no remedy: {one.place}: {one.text}" for one in messages.without_remedy()]


if __name__ == "__main__":
    if "--gaps" in sys.argv[1:]:
        print(*gaps(), sep="\n")
    else:
        for file, text in PAGES.items():
            file.write_text(text(), encoding="utf-8")
