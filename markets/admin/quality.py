"""What looks wrong in the data: found by rules, closed when it is gone, dismissed by people."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from markets.domain.quality import RULES
from markets.models import QualityFinding
from markets.queries import findings
from markets.services import qualifying
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done, ReasonForm
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, list_url

PERMISSION = "markets.change_qualityfinding"


class FindingsToSee(StartingFilter):
    title = "show"
    options = {
        "open": ("Open", lambda now: findings.OPEN & ~findings.dismissed(now=now)),
        "dismissed": ("Dismissed", lambda now: findings.OPEN & findings.dismissed(now=now)),
        "over": ("Over", lambda now: Q(resolved_at__isnull=False)),
    }


class KindFilter(admin.SimpleListFilter):
    title = "rule"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(rule.kind, rule.title) for rule in RULES.values()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        return queryset.filter(kind=self.value()) if self.value() else queryset


class DismissForm(ReasonForm):
    """Ask why, and for how long."""

    days = forms.IntegerField(
        required=False,
        min_value=1,
        max_value=3_650,
        widget=UnfoldAdminIntegerFieldWidget(),
        help_text="From now on. Left empty: as long as it stands.",
    )


def dismiss(asked: Asked) -> Done:
    days = asked.values["days"]
    for row in asked.rows:
        qualifying.dismiss(
            finding_id=row.pk,
            actor=asked.actor,
            reason=asked.reason,
            until=None if days is None else asked.now + timedelta(days=days),
            now=asked.now,
        )
    return Done(f"Dismissed {len(asked.rows)}: nobody is told of it.")


def take_back(asked: Asked) -> Done:
    for row in asked.rows:
        qualifying.take_back(
            finding_id=row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
        )
    return Done(f"Open again: {len(asked.rows)}.")


def _is_open(row: QualityFinding) -> bool:
    return row.resolved_at is None and not row.is_dismissed(now=timezone.now())


def _is_dismissed(row: QualityFinding) -> bool:
    return row.resolved_at is None and row.is_dismissed(now=timezone.now())


def title_of(kind: str) -> str:
    """Return the name of a rule; a finding may be of one that is gone."""
    return RULES[kind].title if kind in RULES else kind


@admin.register(QualityFinding)
class QualityFindingAdmin(Fixed):
    list_display = ("what", "about", "book", "origin", "n", "state_chip", "found")
    list_filter = (
        FindingsToSee,
        KindFilter,
        "season__competition__is_simulated",
        ("season__competition", RelatedDropdownFilter),
        ("book", RelatedDropdownFilter),
    )
    list_select_related = ("season__competition", "event", "book")
    detail_related = ("season__competition", "event", "market__participant", "book", "source")
    search_fields = ("subject", "detail")
    ordering = ("-pk",)
    empty_text = "Nothing in the data looks wrong."
    found = columns.moment("found_at", "Found")
    desk_actions = (
        Action(
            name="dismiss",
            title="Dismiss…",
            permission=PERMISSION,
            consequence="It stays listed under “Dismissed” and counts for no alert. If it goes away"
            " and comes back, it is a new finding.",
            act=dismiss,
            form=DismissForm,
            valid=_is_open,
            invalid="{row} is over or dismissed already.",
            icon="notifications_off",
            on=BOTH,
        ),
        Action(
            name="take_back",
            title="Tell of it again…",
            permission=PERMISSION,
            consequence="It counts for alerts again.",
            act=take_back,
            valid=_is_dismissed,
            invalid="{row} is not dismissed.",
            icon="notifications_active",
            on=BOTH,
        ),
    )

    @display(description="Rule", ordering="kind")
    def what(self, row: QualityFinding) -> str:
        return chips.two_lines(title_of(row.kind), chips.clip(row.detail))

    @display(description="About")
    def about(self, row: QualityFinding) -> str:
        if row.event is not None:
            return chips.link(row.event)
        return chips.link(row.season) if row.season is not None else chips.subject(row.subject)

    @display(description="Origin")
    def origin(self, row: QualityFinding) -> str:
        season = row.season
        return chips.origin(is_simulated=season is not None and season.competition.is_simulated)

    @display(description="State")
    def state_chip(self, row: QualityFinding) -> str:
        if row.resolved_at is not None:
            return chips.chip("Over", "good", "check_circle")
        if row.is_dismissed(now=timezone.now()):
            return chips.chip("Dismissed", "idle", "notifications_off")
        return chips.chip("Open", "warn", "troubleshoot")

    def badges(self, row: QualityFinding) -> list[Any]:
        return [self.state_chip(row), self.origin(row)]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        """Show the rules that have something to say, those above what is tolerated first."""
        found = [tally for tally in findings.tallies(now=timezone.now()) if tally.n]
        found.sort(key=lambda tally: (not tally.is_above, tally.rule.severity, -tally.n))
        return [
            sections.Tile(
                tally.rule.title,
                tally.n,
                list_url(QualityFinding, kind=tally.rule.kind),
                "warn" if tally.is_above else "",
                f"{tally.dismissed} dismissed" if tally.dismissed else str(tally.rule.severity),
            )
            for tally in found[:6]
        ]

    def parts(self, request: HttpRequest, row: QualityFinding) -> list[sections.Section]:
        rule = RULES.get(row.kind)
        facts = [
            ("What", row.detail),
            ("Severity", None if rule is None else str(rule.severity)),
            ("What to do", None if rule is None else rule.act),
            *((name, chips.link(one) if one is not None else None) for name, one in _linked(row)),
            ("Value", row.value),
            ("Found", row.found_at),
            ("Last seen", row.seen_at),
            ("Looks that saw it", row.n),
            ("Over since", row.resolved_at),
        ]
        shown: list[sections.Section] = [sections.Facts(title_of(row.kind), facts)]
        if row.dismissed_at is not None:
            dismissal = [
                ("Why", row.dismissed_reason),
                ("By", row.dismissed_by),
                ("Since", row.dismissed_at),
                ("Until", row.dismissed_until or "it is gone"),
            ]
            shown.append(sections.Facts("Dismissed", dismissal))
        return shown


def _linked(row: QualityFinding) -> list[tuple[str, Any]]:
    return [("Event", row.event), ("Market", row.market), ("Season", row.season),
            ("Book", row.book)]  # fmt: skip
