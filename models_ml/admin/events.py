"""What models said of an event, and which version served each word: a part of the event's page."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

from markets.models import Event
from models_ml import queries
from models_ml.models import Prediction
from monitoring.desk import chips, sections
from monitoring.desk.pages import list_url

MOST = 600  # predictions that are read
LISTED = 12  # words of versions that are shown
FEW = 3  # answers that fit a line


def said(event: Event) -> list[sections.Section]:
    """Return who said what of an event at which stage, the newest first."""
    rows = queries.said_of(event_id=event.pk, most=MOST)
    told = [_line(list(mates)) for _, mates in groupby(rows, key=_word)]
    return [
        sections.Table(
            "What models said",
            ("Question", "Served by", "Stage", "As of", "Answers", "Market"),
            told[:LISTED],
            empty="Nothing: a version foretells it once one serves its sport and a stage of its"
            " ladder opens.",
            more=("All predictions", list_url(Prediction, q=event.name)) if told else None,
        )
    ]


def _word(row: Prediction) -> tuple[Any, ...]:
    return row.as_of, row.version_id, row.feature_row.stage


def _line(mates: Sequence[Prediction]) -> tuple[object, ...]:
    first = mates[0]
    return (
        chips.link(first.version.pipeline),
        chips.link(first.version, f"v{first.version.number}"),
        chips.in_one(first.feature_row.stage),
        first.as_of,
        *_answers(mates),
    )


def _answers(mates: Sequence[Prediction]) -> tuple[str, str | None]:
    """Return what a version said, and what the market did; of many lines only how many."""
    if len(mates) > FEW:
        return f"{len(mates)} answers", None
    ours = ", ".join(f"{row.selection} {_percent(row.probability)}" for row in mates)
    quoted = [row.market_probability for row in mates if row.market_probability is not None]
    theirs = ", ".join(map(_percent, quoted)) if len(quoted) == len(mates) else None
    return ours, theirs


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


sections.offer(Event, permission="models_ml.view_prediction", make=said)
