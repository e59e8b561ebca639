"""The evidence of a proposal, laid out for those who approve it."""

from collections.abc import Sequence
from typing import Any

from markets.domain import kinds
from markets.models import Event, Participant
from models_ml.admin import scorecards
from models_ml.models import Proposal
from monitoring.desk import chips, sections

FIRST = ("model", "serving", "market", "close")


def of(row: Proposal) -> list[sections.Section]:
    """Return what was weighed: whom it was held against, everybody's scores, a week of answers."""
    told = row.evidence
    champion = told.get("champion") or {}
    return [
        sections.Facts(
            "What was weighed",
            [
                ("Weighed", str(told.get("weighed_at", ""))[:16].replace("T", " ")),
                ("Held against", champion.get("name") or "nothing serves"),
                *((told.get("policy") or {}).items()),
            ],
        ),
        scorecards.forecasters(
            _in_order(told.get("cards") or {}),
            title="On its test part",
            note="Each on the rows where it spoke. Less is better.",
            empty="Nothing could be scored.",
        ),
        *_week(row, told.get("week") or []),
        sections.Html("All of it, as it is signed", chips.folded(row.evidence_sha256, told)),
    ]


def _in_order(cards: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    names = [*FIRST, *sorted(cards.keys() - set(FIRST))]
    return [(name.replace("_", " "), cards[name]) for name in names if cards.get(name)]


def _week(row: Proposal, week: Sequence[dict[str, Any]]) -> list[sections.Section]:
    """Return some events of the last week of the test part with what was said of them."""
    if not week:
        return []
    events = Event.objects.in_bulk([one["event"] for one in week])
    runners = Participant.objects.in_bulk({key for one in week for key in one.get("runners", ())})
    roles = [role.capitalize() for role in kinds.ROLES.get(row.version.pipeline.market_kind, ())]
    rows = []
    for one in week:
        names = (
            [str(runners.get(key, key)) for key in one["runners"]] if "runners" in one else roles
        )
        came = one["outcome"]
        rows.append(
            (
                chips.link(events.get(one["event"])),
                *([one["line"]] if "line" in one else []),
                _said(names, one["candidate"]),
                _said(names, one["serving"]),
                str(came).capitalize() if isinstance(came, str) else str(runners.get(came, came)),
            )
        )
    line = ["Line"] if any("line" in one for one in week) else []
    headers = ("Event", *line, "The candidate said", "What serves said", "Came")
    return [sections.Table("A week of its answers", headers, rows)]


def _said(names: Sequence[str], chances: Sequence[float | None] | None) -> str | None:
    if chances is None:
        return None
    told = zip(names, chances, strict=False)
    return ", ".join(f"{name} {'–' if p is None else f'{p:.3f}'}" for name, p in told)
