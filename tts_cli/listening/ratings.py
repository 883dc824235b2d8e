"""Answers of listeners, in the form that the analysis takes."""

from __future__ import annotations

from dataclasses import dataclass

from tts_cli.listening.design import ListeningTest, PageRole


@dataclass(frozen=True)
class Rating:
    """Score that one listener gave one stimulus (`mushra`: 0 to 100; `mos`: 1 to 5)."""

    listener: str
    item: str
    condition: str
    score: float
    page: str = ""
    group: str = ""
    role: PageRole = "test"
    seconds: float | None = None
    """Time on the page, in seconds."""


@dataclass(frozen=True)
class Choice:
    """Choice that one listener made between two stimuli (`ab`, `abx`)."""

    listener: str
    item: str
    first: str
    """Name of one condition, in alphabetical order."""
    second: str
    """Name of the other condition."""
    chosen: str
    """Name of the chosen condition; empty: no preference (`ab`)."""
    answer: str = ""
    """Name of the condition that X was (`abx`)."""
    page: str = ""
    group: str = ""
    role: PageRole = "test"
    seconds: float | None = None


@dataclass(frozen=True)
class Answers:
    """All answers of a test."""

    test: ListeningTest
    ratings: tuple[Rating, ...] = ()
    choices: tuple[Choice, ...] = ()
    unfinished: tuple[str, ...] = ()
    """Listeners who stopped before the last page; their answers are included."""
    is_simulated: bool = False
    """The listeners were simulated; every report says so."""

    @property
    def given(self) -> tuple[Rating | Choice, ...]:
        """Ratings and choices."""
        return (*self.ratings, *self.choices)
