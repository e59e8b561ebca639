"""A ladder as its page shows it: stages, what is due next, what was missed, and its events."""

from datetime import datetime, timedelta

from django.utils.safestring import SafeString

from markets.models import Competition, Event
from models_ml import queries
from models_ml.domain import stages
from models_ml.models import Ladder, StageLook
from models_ml.queries import looks
from monitoring.desk import chips, sections
from monitoring.desk.pages import list_url

SHOWN = 40  # events on a board
LISTED = 10  # looks that are due, or were missed
JUST_BEEN = timedelta(hours=3)
LATELY = timedelta(days=7)
PASSED = "nobody looked in time"


def of(row: Ladder, *, now: datetime) -> list[sections.Section]:
    """Return the parts of a ladder's page."""
    scale = _time_scale(row)
    return [_stages(row, now, scale), _next(row), _missed(row, now), _board(row, now, scale)]


def names(row: Ladder) -> list[str]:
    return [str(stage["name"]) for stage in row.stages]


def _stages(row: Ladder, now: datetime, scale: float | None) -> sections.Table:
    found = looks.tallies(ladder=row, since=now - LATELY)
    rows: list[list[object]] = []
    for step in stages.steps(row.stages):
        closes = f"{step.closes} minutes before" if step.closes else "at the start"
        final = chips.chip(f"{step.name}: the final look", "live", "flag")
        spans: list[object] = [step.minutes, closes]
        if scale is not None:
            spans.append(chips.duration(60.0 * step.minutes / scale))
        rows.append(
            [
                final if step.is_final else step.name,
                *spans,
                *_counted(found.pop(step.name, looks.Tally())),
            ]
        )
    silent = [None] * (2 if scale is None else 3)
    rows += [
        [f"{name}: not on the ladder any more", *silent, *_counted(tally)]
        for name, tally in found.items()
    ]
    shortened = [] if scale is None else ["In its calendar"]
    return sections.Table(
        "Stages",
        ("Stage", "Minutes before the start", "Closes", *shortened,
         "Next due", "Due", "Done", "Late", "Missed", "Skipped"),
        rows,
        note="Looks are counted of events of the last seven days and of those to come."
        + ("" if scale is None else f" A simulated league's hours are {scale:g} times shorter."),
    )  # fmt: skip


def _counted(tally: looks.Tally) -> list[object]:
    missed = chips.chip(tally.missed, "bad", "event_busy") if tally.missed else 0
    return [tally.next_due, tally.due, tally.done, tally.late, missed, tally.skipped]


def _time_scale(row: Ladder) -> float | None:
    """Return how many times too fast the sport's calendars run, where all run alike."""
    found = Competition.objects.filter(sport_id=row.sport_id, is_simulated=row.is_simulated)
    scales = list(found.order_by("time_scale").values_list("time_scale", flat=True).distinct()[:2])
    return float(scales[0]) if len(scales) == 1 and scales[0] != 1 else None


def _next(row: Ladder) -> sections.Table:
    found = looks.next_due(ladder=row)[:LISTED]
    return sections.Table(
        "Due next",
        ("Due", "Stage", "Event", "Starts"),
        [(one.due_at, _stage(one), chips.link(one.event), one.starts_at) for one in found],
        empty="Nothing: no event of it is near, or nothing serves.",
        more=("Everything that is due", _looks_url(row, show="due")),
        wide=False,
    )  # fmt: skip


def _missed(row: Ladder, now: datetime) -> sections.Table:
    found = looks.missed(ladder=row, since=now - LATELY)[:LISTED]
    return sections.Table(
        "Missed in seven days",
        ("Was due", "Stage", "Event", "Why"),
        [(one.due_at, _stage(one), chips.link(one.event), one.why or PASSED) for one in found],
        empty="Nothing was missed.",
        more=("All that was missed or late", _looks_url(row, show="missed")),
        wide=False,
    )


def _stage(look: StageLook) -> SafeString:
    return chips.in_one(chips.link(look, look.stage))


def _looks_url(row: Ladder, *, show: str) -> str:
    return list_url(
        StageLook,
        show=show,
        event__competition__sport__id__exact=row.sport_id,
        event__competition__is_simulated__exact=int(row.is_simulated),
    )


def _board(row: Ladder, now: datetime, scale: float | None) -> sections.Table:
    """Return the events that come next, or just began, and what became of their stages."""
    events = list(
        Event.objects.filter(
            competition__sport=row.sport_id,
            competition__is_simulated=row.is_simulated,
            starts_at__gt=now - JUST_BEEN / (scale or 1.0),
            stage_looks__isnull=False,
        )
        .select_related("competition")
        .distinct()
        .order_by("starts_at", "pk")[:SHOWN]
    )
    found = queries.looks_of(event_ids=[event.pk for event in events])
    shown = names(row)
    rows: list[list[object]] = []
    for event in events:
        by_stage = {look.stage: look for look in found.get(event.pk, [])}
        states = [
            chips.state(by_stage[name].state, by_stage[name].told) if name in by_stage else None
            for name in shown
        ]
        rows.append([event.starts_at, chips.link(event), event.get_status_display(), *states])
    return sections.Table(
        "Board",
        ("Starts", "Event", "Status", *shown),
        rows,
        empty="No event is near: looks are planned"
        f" {row.horizon_hours} hours ahead, where a model serves.",
        more=("Every look", _looks_url(row, show="all")),
    )
