"""Results, how runners came in, what players did, and what two sources tell differently."""

from typing import Any

from django.contrib import admin
from django.contrib.postgres.aggregates import StringAgg
from django.db.models import OuterRef, Q, QuerySet, Subquery, Value
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from markets.models import Event, Result, ResultDispute, RunnerResult, StatisticResult
from markets.services import contesting, disputing
from monitoring.desk import chips, sections
from monitoring.desk.actions import Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url

DETAILS_AT_MOST = 200  # runners or figures on a result's page
PERMISSION = "markets.change_resultdispute"
_TONES = {
    ResultDispute.State.OPEN: ("bad", "gavel"),
    ResultDispute.State.UPHELD: ("good", "check_circle"),
    ResultDispute.State.REPLACED: ("note", "swap_horiz"),
    ResultDispute.State.WITHDRAWN: ("idle", "undo"),
}


def score(row: Result) -> str:
    return "–" if row.home_score is None else f"{row.home_score}–{row.away_score}"


def _winners() -> Subquery:
    """Name who won a race, both of them after a dead heat."""
    name = "participant__name"
    winners = RunnerResult.objects.filter(result=OuterRef("pk"), is_winner=True).order_by()
    named = winners.values("result").annotate(
        names=StringAgg(name, delimiter=Value(" = "), order_by=name)
    )
    return Subquery(named.values("names"))


@admin.register(Result)
class ResultAdmin(Fixed):
    list_display = ("event", "origin", "state_chip", "outcome", "version", "source", "known")
    list_filter = (("status", ChoicesDropdownFilter), "event__competition__is_simulated", "source")
    list_select_related = ("event__competition", "source")
    search_fields = ("event__name",)
    ordering = ("-pk",)
    detail_related = ("event__competition", "source")
    empty_text = "No result is known yet. Results come with the sources, after the events."

    @display(description="State", ordering="status")
    def state_chip(self, row: Result) -> str:
        return chips.state(row.status, row.get_status_display())

    def get_queryset(self, request: HttpRequest) -> QuerySet[Result]:
        return super().get_queryset(request).annotate(winners=_winners())

    @display(description="Score or winner")
    def outcome(self, row: Any) -> str:
        return row.winners or score(row)

    @display(description="Origin")
    def origin(self, row: Result) -> str:
        return chips.origin(is_simulated=row.event.competition.is_simulated)

    @display(description="Known since", ordering="known_at")
    def known(self, row: Result) -> str:
        return chips.when(row.known_at)

    def badges(self, row: Result) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Result) -> list[sections.Section]:
        return [
            self.all_facts(row),
            *([_periods(row)] if row.periods else []),
            *([_runners(row)] if row.has_runners else []),
            *([_statistics(row)] if row.has_statistics else []),
            disputes_table(row.event),
        ]


class _DetailAdmin(Fixed):
    """A part of a result: found from its page, and searched by name."""

    list_select_related = ("participant", "result__event__competition")
    detail_related = ("participant", "result__event__competition")
    search_fields = ("participant__name", "result__event__name")
    ordering = ("-pk",)

    @display(description="Event")
    def event(self, row: Any) -> str:
        return chips.link(row.result.event)

    @display(description="Result")
    def of_result(self, row: Any) -> str:
        return chips.link(row.result, f"v{row.result.version}")

    @display(description="Origin")
    def origin(self, row: Any) -> str:
        return chips.origin(is_simulated=row.result.event.competition.is_simulated)


@admin.register(RunnerResult)
class RunnerResultAdmin(_DetailAdmin):
    list_display = (
        "participant",
        "event",
        "of_result",
        "position",
        "number",
        "is_winner",
        "origin",
    )
    list_filter = ("is_winner", "is_removed", "result__event__competition__is_simulated")
    empty_text = "No race has a result yet."


@admin.register(StatisticResult)
class StatisticResultAdmin(_DetailAdmin):
    list_display = ("participant", "event", "of_result", "statistic", "value", "origin")
    list_filter = ("statistic", "took_part", "result__event__competition__is_simulated")
    empty_text = "No source has told what players did."


class DisputesToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("To decide", lambda now: Q(state=ResultDispute.State.OPEN)),
        "over": ("Over", lambda now: ~Q(state=ResultDispute.State.OPEN)),
    }


def _resolved(asked: Asked, keep: str) -> Done:
    for row in asked.rows:
        disputing.resolve(
            dispute_id=row.pk, keep=keep, actor=asked.actor, reason=asked.reason, now=asked.now
        )
    return Done(f"Resolved {len(asked.rows)}: the bets are settled by what stands now.")


def keep_standing(asked: Asked) -> Done:
    return _resolved(asked, disputing.STANDING)


def take_told(asked: Asked) -> Done:
    return _resolved(asked, disputing.TOLD)


def _is_open(row: ResultDispute) -> bool:
    return row.state == ResultDispute.State.OPEN


@admin.register(ResultDispute)
class ResultDisputeAdmin(Fixed):
    list_display = ("about", "origin", "state_chip", "stands", "told_by", "differs", "since")
    list_filter = (DisputesToSee, "event__competition__is_simulated", "source")
    list_select_related = ("event__competition", "source", "standing__source")
    search_fields = ("event__name",)
    ordering = ("-pk",)
    detail_related = ("event__competition", "source", "standing__source")
    empty_text = "No two sources disagree: nobody waits for money because of a result."
    desk_actions = (
        Action(
            name="keep",
            title="Keep what stands…",
            permission=PERMISSION,
            consequence="The event's bets are settled by the result that stands. The other source"
            " may repeat itself without opening this again.",
            act=keep_standing,
            valid=_is_open,
            invalid="{row} is over.",
            icon="check_circle",
            is_dangerous=True,
            on=frozenset({"row", "rows"}),
        ),
        Action(
            name="take",
            title="Take the other result…",
            permission=PERMISSION,
            consequence="What the other source told becomes the next version of the result. Bets"
            " that were paid by the one before are reversed and settled again.",
            act=take_told,
            valid=_is_open,
            invalid="{row} is over.",
            icon="swap_horiz",
            is_dangerous=True,
            on=frozenset({"row", "rows"}),
        ),
    )

    @display(description="Event", ordering="event__name")
    def about(self, row: ResultDispute) -> str:
        return chips.two_lines(row.event, row.event.competition.name)

    @display(description="Origin")
    def origin(self, row: ResultDispute) -> str:
        return chips.origin(is_simulated=row.event.competition.is_simulated)

    @display(description="State", ordering="state")
    def state_chip(self, row: ResultDispute) -> str:
        return chips.chip(row.get_state_display(), *_TONES[ResultDispute.State(row.state)])

    @display(description="Stands")
    def stands(self, row: ResultDispute) -> str:
        return chips.two_lines(row.standing, row.standing.source.name)

    @display(description="Told otherwise by", ordering="source")
    def told_by(self, row: ResultDispute) -> str:
        return row.source.name

    @display(description="In what")
    def differs(self, row: ResultDispute) -> str:
        return chips.clip("; ".join(contesting.differs(row)))

    @display(description="Since", ordering="told_at")
    def since(self, row: ResultDispute) -> str:
        return chips.when(row.told_at)

    def badges(self, row: ResultDispute) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: ResultDispute) -> list[sections.Section]:
        return [
            sections.Facts(
                "Facts",
                [
                    ("Event", row.event),
                    ("Stands", chips.link(row.standing, str(row.standing))),
                    ("Told by", row.standing.source),
                    ("Told otherwise by", row.source),
                    ("Since", row.told_at),
                    ("Resolved", row.resolved_at),
                    ("Resolved by", row.resolved_by),
                    ("Reason", row.reason),
                ],
            ),
            sections.Table(
                "What the other source tells, not what stands",
                ("Difference",),
                [(text,) for text in contesting.differs(row)],
            ),
            sections.Facts("Everything it told", list(row.told.get("telling", {}).items())),
        ]


def held_badge(event: Event) -> list[Any]:
    """Return the mark of an event by which nobody is paid, or nothing."""
    is_held = event.disputes.filter(state=ResultDispute.State.OPEN).exists()
    return [chips.chip("Result disputed", "bad", "gavel")] if is_held else []


def disputes_table(event: Event) -> sections.Table:
    """Return who contradicts, or contradicted, the result of an event."""
    rows = [
        (
            chips.link(row, f"#{row.pk}"),
            chips.chip(row.get_state_display(), *_TONES[ResultDispute.State(row.state)]),
            row.source,
            "; ".join(contesting.differs(row)),
            row.told_at,
        )
        for row in event.disputes.select_related("source").order_by("-pk")
    ]
    return sections.Table(
        "Disputes",
        ("Dispute", "State", "Told by", "Difference", "Since"),
        rows,
        empty="No other source contradicts the result.",
        more=("All disputes", list_url(ResultDispute, show="all")),
    )


def _periods(row: Result) -> sections.Table:
    shown = [(name, *scores) for name, scores in row.periods.items()]
    return sections.Table("Periods", ("Period", "Home", "Away"), shown, wide=False)


def _runners(row: Result) -> sections.Table:
    found = row.runners.select_related("participant").order_by("position", "number", "pk")
    shown = [
        (
            one.position,
            one.number,
            one.participant.name,
            one.is_winner,
            one.is_placed,
            "removed" if one.is_removed else None,
            one.reduction,
        )
        for one in found[:DETAILS_AT_MOST]
    ]
    headers = ("Position", "Number", "Runner", "Won", "Placed", "Removed", "Reduction, %")
    return sections.Table("Runners", headers, shown)


def _statistics(row: Result) -> sections.Table:
    found = row.statistics.select_related("participant").order_by("participant__name", "statistic")
    shown = [
        (one.participant.name, one.statistic, one.value if one.took_part else "did not play")
        for one in found[:DETAILS_AT_MOST]
    ]
    return sections.Table("Statistics", ("Player", "Figure", "Value"), shown)
