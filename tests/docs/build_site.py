"""Builds the documentation site from docs/ into site/: `python tests/docs/build_site.py`, which `make docs` runs.

Pages link to files outside docs/ as the repository's folders show them (`../recipes/tiny-acoustic.yaml`). The site has no such
folders, so a page is made of each such file and folder below `repository/`, and links are led there. A link or a picture that is
missing fails; so does, in Zensical's strict build, a missing page, anchor or Python name.
"""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
SOURCES = "build/docs"
OUTSIDE = "repository"
PICTURES = {".png", ".svg", ".jpg", ".gif"}
LANGUAGES = {".py": "python", ".yaml": "yaml", ".json": "json", ".toml": "toml", ".sh": "sh"}
LARGEST_TEXT = 200_000
"""Bytes of the largest file of which a page is made."""
LINK = re.compile(r"(!?)\[((?:[^\[\]]|\[[^\[\]]*\])*)\]\(([^()\s]+)\)")
FENCE = re.compile(r"^ {0,3}(```+|~~~+)")


class BrokenLinkError(Exception):
    """Pages that link to files which do not exist."""


def lay_out(root: Path, target: Path) -> None:
    """Write the site's sources to the folder `target`: the pages of docs/, and a page of each file that they link to.

    Raises BrokenLinkError with every link to a file that does not exist.
    """
    shutil.rmtree(target, ignore_errors=True)
    waiting = [str(path.relative_to(root)) for path in sorted((root / "docs").rglob("*")) if path.is_file()]
    waiting += [page.removeprefix(f"{OUTSIDE}/") for page in navigation(root) if page.startswith(f"{OUTSIDE}/")]
    done: set[str] = set()
    broken: list[str] = []
    while waiting:
        name = waiting.pop()
        if name in done:
            continue
        done.add(name)
        waiting += _write_page(root, name, target, broken)
    if broken:
        raise BrokenLinkError("\n".join(sorted(broken)))


def links(text: str) -> Iterator[re.Match[str]]:
    """Yield the Markdown links and pictures of `text` that stand outside of code; code in their words is masked."""
    lines, fence = [], ""
    for line in text.splitlines(keepends=True):
        mark = FENCE.match(line)
        if mark and (not fence or line.strip() == fence):
            fence = "" if fence else mark[1]
        elif not fence:
            lines.append(re.sub(r"`[^`\n]*`", lambda code: "x" * len(code[0]), line))
            continue
        lines.append("\n".rjust(len(line)))
    yield from LINK.finditer("".join(lines))


def page_of(root: Path, name: str) -> str:
    """Return the site's file for the repository's file or folder `name`."""
    if name.startswith("docs/"):
        return name.removeprefix("docs/")
    path = root / name
    if path.is_dir():
        return posixpath.normpath(f"{OUTSIDE}/{name}/index.md")
    return f"{OUTSIDE}/{name}" if path.suffix in {".md", *PICTURES} else f"{OUTSIDE}/{name}.md"


def navigation(root: Path) -> list[str]:
    """Return the pages that the site's navigation lists, in order."""

    def pages(entry: Any) -> Iterator[str]:
        if isinstance(entry, str):
            yield entry
        else:
            for inner in entry.values() if isinstance(entry, dict) else entry:
                yield from pages(inner)

    return list(pages(tomllib.loads((root / "zensical.toml").read_text(encoding="utf-8"))["project"]["nav"]))


def _write_page(root: Path, name: str, target: Path, broken: list[str]) -> list[str]:
    """Write the page of the file `name`; return the files that it links to, and add links without a file to `broken`."""
    path, page = root / name, target / page_of(root, name)
    page.parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir() and (path / "README.md").is_file():
        return _write_markdown(root, f"{name}/README.md", name, page, broken)
    if path.is_dir():
        page.write_text(_listing(root, name), encoding="utf-8")
        return [f"{name}/{file}" for file in _shown(path)]
    if path.suffix == ".md":
        return _write_markdown(root, name, name, page, broken)
    if name.startswith("docs/") or path.suffix in PICTURES:
        shutil.copyfile(path, page)
        return []
    language = LANGUAGES.get(path.suffix, "text")
    text = path.read_text(encoding="utf-8")
    page.write_text(f"# `{name}`\n\n~~~~~{language}\n{text}~~~~~\n", encoding="utf-8")
    return []


def _write_markdown(root: Path, source: str, name: str, page: Path, broken: list[str]) -> list[str]:
    """Write the Markdown file `source`, linked to as `name`, with its links led to pages of the site."""
    text = (root / source).read_text(encoding="utf-8")
    here = posixpath.dirname(page_of(root, name))
    pieces, found, end = [], [], 0
    for link in links(text):
        address, anchor = re.fullmatch(r"([^#]*)(#.*)?", link[3]).groups()
        if not address or re.match(r"[a-z]+:", address):
            continue
        other = posixpath.normpath(posixpath.join(posixpath.dirname(source), address))
        if not (root / other).exists() or other.startswith(".."):
            broken.append(f"{source}: {link[3]}: no such file")
            continue
        found.append(other)
        pieces += [text[end : link.start(3)], posixpath.relpath(page_of(root, other), here or "."), anchor or ""]
        end = link.end(3)
    page.write_text("".join([*pieces, text[end:]]), encoding="utf-8")
    return found


def _shown(folder: Path) -> list[str]:
    """Return the names in `folder` of which pages are made: folders and texts of moderate size."""
    names = []
    for path in sorted(folder.iterdir()):
        hidden = path.name.startswith((".", "__pycache__"))
        if not hidden and (path.is_dir() or (path.stat().st_size < LARGEST_TEXT and _is_text(path))):
            names.append(path.name)
    return names


def _is_text(path: Path) -> bool:
    try:
        path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return False
    return "\0" not in path.read_text(encoding="utf-8")


def _listing(root: Path, name: str) -> str:
    here = posixpath.dirname(page_of(root, name))
    rows = [f"- [`{file}`]({posixpath.relpath(page_of(root, f'{name}/{file}'), here)})" for file in _shown(root / name)]
    return "\n".join([f"# `{name}/`", "", *rows, ""])


def main() -> None:
    """Lay out the sources, and build the site; exit with 1 where a link is broken."""
    try:
        lay_out(ROOT, ROOT / SOURCES)
    except BrokenLinkError as error:
        sys.exit(str(error))
    shutil.rmtree(ROOT / "site", ignore_errors=True)
    zensical = os.environ.get("ZENSICAL") or Path(sys.executable).with_name("zensical")
    sys.exit(subprocess.run([zensical, "build", "--strict", "--clean"], cwd=ROOT, check=False).returncode)


if __name__ == "__main__":
    main()
