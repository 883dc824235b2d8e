"""Design of a listening test: `test.json` in the folder that `tts listening-test build` makes.

The page of the listeners never sees this file, since it names the condition of every stimulus. It sees `page.json`, made by
`blind`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from tts_cli.config import StrictModel, parse, read_mapping

TEST_FILE = "test.json"
PAGE_FILE = "page.json"
RESULTS_FILE = "results.sqlite"
STIMULI_FOLDER = "stimuli"
MOST_CONDITIONS = 12
"""Largest number of conditions on a page, anchors and hidden reference included (BS.1534-3)."""
MOST_PAGES = 1000

Kind = Literal["mushra", "mos", "ab", "abx"]
"""`mushra`: rate all stimuli of a page from 0 to 100. `mos`: rate the one stimulus of a page from 1 to 5. `ab`: prefer one of two
stimuli. `abx`: say whether A or B is X."""
ConditionRole = Literal["reference", "system", "low-anchor", "mid-anchor"]
"""`reference` is the hidden reference of MUSHRA, or the recordings in a test of another kind."""
PageRole = Literal["training", "attention", "test"]


class Condition(StrictModel):
    """Condition of a test: a system, the recordings, or an anchor."""

    name: str = Field(min_length=1, max_length=80)
    role: ConditionRole = "system"
    description: str = ""
    """Origin of the stimuli, in words or as a command, for the report."""


class Stimulus(StrictModel):
    """Sound that listeners rate or choose."""

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    """Opaque name; the file is `stimuli/ID.wav`."""
    condition: str
    """Name of the condition; on an attention page, "" for the sound that says what to do."""


class LabelledSound(StrictModel):
    """Sound that listeners hear without rating it: the reference of MUSHRA, the X of ABX, a prosody or identity reference."""

    id: str = Field(pattern=r"^[0-9a-f]{16}$")
    label: str


class Expected(StrictModel):
    """Right answer of an attention page: the score of one stimulus, or the choice of it."""

    stimulus: str
    """Id of the stimulus that says what to do."""
    low: float = 0.0
    """Lowest right score."""
    high: float = 100.0
    """Highest right score."""


class Page(StrictModel):
    """Page of a test: the stimuli of one item."""

    id: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    role: PageRole = "test"
    item: str
    """Name of the item, such as the id of a recording; the analysis treats items as random."""
    group: str = ""
    """Group of the item, such as the kind of sentence or the target speaker, for tables by group."""
    text: str = ""
    """Text to show above the stimuli; empty: none."""
    question: str = ""
    """Question of this page; empty: that of the test."""
    references: tuple[LabelledSound, ...] = ()
    stimuli: tuple[Stimulus, ...] = Field(min_length=1)
    answer: str = ""
    """Condition that X is (`abx`)."""
    expected: Expected | None = None


class Screening(StrictModel):
    """Rules of BS.1534-3 that remove listeners afterwards; False where the test has no such stimulus."""

    hidden_reference: bool = False
    """Remove listeners who rate the hidden reference below 90 in more than 15 % of items."""
    mid_anchor: bool = False
    """Remove listeners who rate the mid anchor above 90 in more than 15 % of items."""
    attention: bool = True
    """Remove listeners who fail an attention page."""


class ListeningTest(StrictModel):
    """Listening test, complete: conditions, pages and words."""

    format: Literal[1] = 1
    kind: Kind
    title: str
    question: str
    instructions: str = ""
    """Text of the page before the test, paragraphs separated by empty lines."""
    consent: str = ""
    """Text that a listener agrees to before the test; empty: no consent is asked for."""
    language: str = "en"
    seed: int = 0
    """Seed of the order of pages and stimuli, with the listener's token."""
    sample_rate: int
    """Sample rate of all stimuli in Hertz."""
    conditions: tuple[Condition, ...] = Field(min_length=1, max_length=MOST_CONDITIONS)
    pages: tuple[Page, ...] = Field(min_length=1, max_length=MOST_PAGES)
    screening: Screening = Screening()
    notes: tuple[str, ...] = ()
    """Sentences for the report, such as departures from BS.1534-3 and the licences of recordings."""

    def role_of(self, condition: str) -> ConditionRole | None:
        """Return the role of a condition by its name; None for a name that the test lacks."""
        return next((one.role for one in self.conditions if one.name == condition), None)


def read_test(folder: Path) -> ListeningTest:
    """Read `test.json` of a test's folder.

    Raises:
        ConfigError: The file is missing or is no listening test.
    """
    path = folder / TEST_FILE
    return parse(ListeningTest, read_mapping(path), str(path))


def blind(test: ListeningTest) -> Mapping[str, Any]:
    """Return the JSON values of `page.json`: the test without names of conditions, right answers, items and groups."""
    hidden = {"id", "item", "group", "answer", "expected", "stimuli"}
    pages = [
        {**page.model_dump(exclude=hidden), "id": page.id, "stimuli": sorted(one.id for one in page.stimuli)}
        for page in test.pages
    ]
    return {**test.model_dump(exclude={"conditions", "pages", "screening", "notes"}), "pages": pages}
