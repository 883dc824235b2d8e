"""The pages hold together: generated ones follow the code, links lead somewhere, tables of figures name their commands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from build_site import BrokenLinkError, lay_out, links, navigation
from figures import is_of_figures, pages, tables
from pages import PAGES
from read_markdown import pieces, slugs

ROOT = Path(__file__).parents[2]
LINKING = [*sorted((ROOT / "docs").glob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "data" / "README.md"]
LINKING += [*sorted((ROOT / "addons").glob("*/MODEL_CARD.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_generated_pages_follow_the_code(page: Path) -> None:
    assert page.read_text(encoding="utf-8") == PAGES[page](), "run: make docs-pages"


@pytest.mark.parametrize("page", LINKING, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for link in links(page.read_text(encoding="utf-8")):
        address, anchor = re.fullmatch(r"([^#]*)#?(.*)", link[3]).groups()
        target = page.parent / address if address else page
        if re.match(r"[a-z]+:", address):
            continue
        assert target.exists(), link[0]
        assert not anchor or anchor in slugs(target), link[0]


def test_the_navigation_lists_every_page() -> None:
    listed = navigation(ROOT)
    assert len(set(listed)) == len(listed)
    cards = {f"repository/{card.relative_to(ROOT)}" for card in (ROOT / "addons").glob("*/MODEL_CARD.md")}
    own = {page.name for page in (ROOT / "docs").glob("*.md")} | cards | {"repository/CONTRIBUTING.md"}
    assert set(listed) == own


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_every_table_of_figures_names_its_command(page: Path) -> None:
    assert [f"{table.page.name}:{table.line}" for table in tables(page) if not table.command] == []


def test_a_table_of_figures_is_one_with_measured_numbers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "| key | default |\n|---|---|\n| `a` | `1` |\n| `b` | text |\n\n"
        "| voice | ms |\n|---|---|\n| a | 12.5 ± 0.1 |\n| b | **< 3 %** |\n",
        encoding="utf-8",
    )
    assert [is_of_figures(piece) for piece in pieces(page) if piece.kind == "table"] == [False, True]


def test_a_section_inherits_the_command_of_the_one_around_it(tmp_path: Path) -> None:
    page, table = tmp_path / "page.md", "\n| | |\n|---|---|\n| a | 1 |\n\n"
    page.write_text(
        f"# One\n{table}## Two\n\n<!-- figures: tts\n  bench -->\n{table}### Three\n{table}## Four\n{table}", encoding="utf-8"
    )
    assert [found.command for found in tables(page)] == ["", "tts bench", "tts bench", ""]


def test_links_to_files_outside_lead_to_pages_of_the_site(tmp_path: Path) -> None:
    root, target = tmp_path / "root", tmp_path / "laid"
    (root / "docs").mkdir(parents=True)
    (root / "recipes").mkdir()
    (root / "recipes" / "a.yaml").write_text("model: vocoder\n", encoding="utf-8")
    (root / "zensical.toml").write_text('[project]\nnav = [{ "Start" = "index.md" }]\n', encoding="utf-8")
    page = root / "docs" / "index.md"
    page.write_text("[a](../recipes/a.yaml) [all\nof `them`](../recipes) [top](#x) `[code](nothing.md)`\n", encoding="utf-8")
    lay_out(root, target)
    laid = (target / "index.md").read_text(encoding="utf-8")
    assert laid.startswith("[a](repository/recipes/a.yaml.md) [all\nof `them`](repository/recipes/index.md) [top](#x)")
    assert "model: vocoder" in (target / "repository" / "recipes" / "a.yaml.md").read_text(encoding="utf-8")
    page.write_text("![picture](nothing.svg)\n", encoding="utf-8")
    with pytest.raises(BrokenLinkError, match=r"docs/index.md: nothing.svg: no such file"):
        lay_out(root, target)
