"""The table of the documentation: each real default pipeline over the last season of its data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from models_ml.domain import tables
from models_ml.domain.estimators import NotEnoughToLearn
from models_ml.domain.features import microseconds
from models_ml.domain.folds import Span
from models_ml.models import Pipeline
from models_ml.services import cards, examples, stepping

BEGIN = "<!-- begin: made by `make model-table` -->"
END = "<!-- end: made by `make model-table` -->"
HEADERS = (
    "Pipeline, season", "Forecaster", "n", "Log loss", "Brier (sum)", "RPS",
    "Model's log loss on the same", "Model less it",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Season:
    """The last season that a sport's files hold whole."""

    name: str
    begins: datetime
    ends: datetime


SEASONS: Mapping[str, Season] = {
    "soccer": Season("2023/24", datetime(2023, 7, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)),
    "american_football": Season(
        "2024", datetime(2024, 9, 1, tzinfo=UTC), datetime(2025, 3, 1, tzinfo=UTC)
    ),
    "basketball": Season(
        "2023/24", datetime(2023, 10, 1, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC)
    ),
    "horse_racing": Season(
        "March 2026", datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 4, 1, tzinfo=UTC)
    ),
}


def tabulated(*, pipeline: Pipeline, until: datetime) -> dict[str, Any]:
    """Train a pipeline as of its sport's last season's first event; return the season's scores.

    Raises:
        TooFew, NotEnoughToLearn: too little was known by then.
        ValueError: the season has no event.
    """
    season = SEASONS[pipeline.sport.code]
    span = Span(microseconds(season.begins), microseconds(season.ends))
    rows = examples.examples(pipeline=pipeline, until=until)
    if not ((rows.starts >= span.begins) & (rows.starts < span.ends)).any():
        raise ValueError(f"nothing is known of {season.name}")
    found = stepping.tried(
        pipeline=pipeline,
        examples=rows,
        span=span,
        parameters=dict(pipeline.parameters),
    )
    return {
        "pipeline": pipeline.code,
        "season": season.name,
        "n_learned": found.n_learned,
        "learned_until": found.learned_until.isoformat(),
        **cards.told(scored=found.scored, examples=found.rows),
    }


def refused(*, pipeline: Pipeline, error: Exception) -> dict[str, Any]:
    """Return what the table says of a pipeline that could not be trained."""
    return {"pipeline": pipeline.code, "refused": str(error)}


REFUSALS = (NotEnoughToLearn, ValueError)


def table(*, rows: list[dict[str, Any]]) -> str:
    """Return the table as Markdown, one row for each pipeline and forecaster."""
    shown: list[tuple[Any, ...]] = []
    for figures in rows:
        name = figures["pipeline"]
        if "refused" in figures:
            shown.append((name, f"not trained: {figures['refused']}", *["–"] * 6))
            continue
        gaps = dict(tables.differences(figures))
        for who, card in tables.forecasters(figures):
            plain = who.split(",")[0]
            gap = gaps.get(who.replace(plain, f"model-{plain}", 1))
            shown.append(
                (
                    f"{name}, {figures['season']}",
                    who,
                    f"{card['n']:,}",
                    *(tables.with_interval(card, score) for score in tables.SCORES),
                    f"{card['log_loss'] + gap['mean']:.4f}" if gap else "–",
                    tables.gap_with_interval(gap),
                )
            )
    return tables.markdown(HEADERS, shown)


def written_into(*, page: str, made: str) -> str:
    """Return a page with the table between its marks.

    >>> written_into(page=f"# A\\n{BEGIN}\\nold\\n{END}\\n", made="new\\n").splitlines()[2]
    'new'

    Raises:
        ValueError: the page has no such marks.
    """
    head, begin, rest = page.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError("the page has no marks to write the table between")
    return f"{head}{BEGIN}\n{made}{END}{tail}"
