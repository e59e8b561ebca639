"""What one look brought, while it is counted."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from markets.connectors.base import Problem
from markets.models import Fetch
from markets.services.counts import Counts, RowCounts

PARTS = ("events", "prices", "results")
LISTED_AT_MOST = 100_000  # problems of one look; the counts tell of all


@dataclass(slots=True)
class LookReport:
    """What one look brought; ``files`` counts the payloads that could be read."""

    files: int = 0
    bytes: int = 0
    asked_seconds: float = 0.0  # spent waiting for answers
    error_kind: str = ""  # of the first payload that could not be read
    rows: RowCounts = field(default_factory=RowCounts)
    counts: dict[str, dict[str, int]] = field(default_factory=lambda: Counts().as_json())
    problems: list[Problem] = field(default_factory=list)
    refused: Counter[str] = field(default_factory=Counter)  # prices turned away, by the reason
    unlisted: int = 0  # problems beyond those that are listed

    def tell(self, problems: Iterable[Problem], *, file: str) -> None:
        """List problems, as people may see them; ``file``: of those that name none."""
        for problem in problems:
            if len(self.problems) < LISTED_AT_MOST:
                self.problems.append(_shown(problem, file))
            else:
                self.unlisted += 1

    def add(self, counts: Counts) -> None:
        """Add what one portion of a payload changed."""
        self.rows = self.rows.plus(counts.rows)
        self.refused.update(counts.prices.refused)
        for part, figures in counts.as_json().items():
            for name, figure in figures.items():
                self.counts[part][name] = self.counts[part].get(name, 0) + figure

    def refuse(self, problem: Problem, *, kind: str) -> None:
        """Note a payload that could not be read."""
        self.tell([problem], file="")
        self.error_kind = self.error_kind or kind

    @property
    def changed_anything(self) -> bool:
        return any(
            figure
            for figures in self.counts.values()
            for name, figure in figures.items()
            if name != "unchanged"
        )

    @property
    def state(self) -> str:
        """Return how a look ended of which something could be read."""
        if self.changed_anything:
            return Fetch.State.NEW_DATA
        return Fetch.State.NOTHING_NEW if self.rows.read else Fetch.State.EMPTY

    @property
    def first_problem(self) -> str:
        """Return what was expected of the first payload, in words."""
        if not self.problems:
            return "options that name something to ask for"
        first = self.problems[0]
        return f"{first.message} ({first.file})" if first.file else first.message

    def listed(self) -> list[Problem]:
        """Return the problems, and how many are left out where they are too many."""
        if not self.unlisted:
            return self.problems
        said = f"up to {LISTED_AT_MOST} problems; {self.unlisted} more are not listed"
        return [*self.problems, Problem("", None, "", said)]

    def as_dict(self, source_code: str, *, seconds: float) -> dict[str, Any]:
        """Return it ready for JSON."""
        rows = self.rows._asdict()
        return {
            "source": source_code,
            "files": self.files,
            **{part: dict(self.counts[part]) for part in PARTS},
            "problems": [
                {
                    "file": problem.file,
                    "row": problem.row,
                    "field": problem.field,
                    "message": problem.message,
                }
                for problem in self.listed()
            ],
            "seconds": round(seconds, 3),
            "rows": rows.pop("read"),
            **rows,
            "notices": dict(self.counts["notices"]),
            "refused": dict(self.refused),
        }


def _shown(problem: Problem, file: str) -> Problem:
    """Return a problem with a file, in which nothing hides, breaks lines or moves a cursor."""
    return replace(
        problem,
        file=_plain(problem.file or file),
        field=_plain(problem.field),
        message=_plain(problem.message),
    )


def _plain(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
