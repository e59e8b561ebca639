"""How the bets did: one page of figures, targets and pictures, opened from the betting days."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe

from betting.models import Strategy
from monitoring.desk import chips, sections
from settlements import queries
from settlements.domain import decay, drawing, presenting
from settlements.domain.performance import Rate
from settlements.domain.windows import Figures, Money
from settlements.models import PerformanceDay, PerformanceTarget
from settlements.queries import Group
from settlements.services import targets, windows
from settlements.services.targets import Standing
from settlements.services.windows import Cut, Span

NAME = "settlements_performance"
WINDOWS = ("7d", "30d", "90d", "all")
MOST = 40  # keys of a cut


class Asked(forms.Form):
    """Which bets the page is of."""

    group = forms.ChoiceField(required=False, label="Money")
    window = forms.ChoiceField(
        required=False,
        choices=[("7d", "7 days"), ("30d", "30 days"), ("90d", "90 days"), ("all", "All time")],
    )
    by = forms.ChoiceField(required=False, choices=Cut.choices)
    strategy = forms.ModelChoiceField(Strategy.objects.none(), required=False, empty_label="All")

    def __init__(self, *args: Any, groups: list[Group], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        fields["group"].choices = [(str(n), group.title) for n, group in enumerate(groups)]
        fields["strategy"].queryset = Strategy.objects.filter(
            bankroll__in=[key for group in groups for key in group.bankroll_ids]
        ).order_by("name")


def address() -> str:
    return reverse(f"admin:{NAME}")


def page(request: HttpRequest) -> HttpResponse:
    """Answer the figures of a group of bankrolls over a window of betting days."""
    if not request.user.has_perm("settlements.view_performanceday"):
        raise PermissionDenied
    groups, now = queries.groups(), timezone.now()
    form = Asked(request.GET, groups=groups)
    chosen = form.cleaned_data if form.is_valid() else {}
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "opts": PerformanceDay._meta,
        "title": "Performance",
        "form": form,
        "desk_sections": [_nothing()],
        "desk_chips": [],
        "desk_buttons": [],
    }
    if groups:
        group = groups[int(chosen.get("group") or 0)]
        context["title"] = f"Performance: {group.title}"
        context["desk_sections"] = _sections(group, chosen, now)
        context["desk_chips"] = [chips.origin(is_simulated=group.is_simulated)]
    return TemplateResponse(request, "betting/fills.html", context)


def _nothing() -> sections.Table:
    return sections.Table("Performance", (), [], empty="No bankroll yet. Open one and deposit"
                          " money into it; its figures appear here.")  # fmt: skip


def _sections(group: Group, chosen: dict[str, Any], now: datetime) -> list[sections.Section]:
    ids, name = group.bankroll_ids, chosen.get("window") or "30d"
    strategy = chosen["strategy"].pk if chosen.get("strategy") else None
    within = windows.span(bankroll_ids=ids, days=windows.days_of(name), now=now)
    cut = chosen.get("by") or Cut.STRATEGY
    return [
        _windows(group, strategy, now),
        _targets(targets.standings(group=group, now=now)),
        *_pictures(group, within, strategy),
        _expectation(windows.total(bankroll_ids=ids, within=within, strategy_id=strategy)),
        _decay(windows.edge_decay(bankroll_ids=ids, strategy_id=strategy)),
        _by(group, cut, within, strategy),
    ]


def _windows(group: Group, strategy: int | None, now: datetime) -> sections.Table:
    ids, rows = group.bankroll_ids, []
    for name in WINDOWS:
        within = windows.span(bankroll_ids=ids, days=windows.days_of(name), now=now)
        about: Any = {"bankroll_ids": ids, "within": within, "strategy_id": strategy}
        rows.append(_window_row(name, windows.total(**about), windows.money(**about)))
    return sections.Table(
        "Windows",
        (
            "Betting days", "Bets", "Turnover", "Profit", "Yield (95 %)", "On bankroll",
            "Win rate (95 %)", "CLV (95 %)", "Drawdown now", "Worst", "Sharpe (95 %)", "Sortino",
        ),
        rows,
        note="Yield is profit over turnover; on bankroll is profit over the money before the"
        " window. Intervals go by events. Sharpe and Sortino count every day, × √365.",
    )  # fmt: skip


def _window_row(name: str, shown: Figures, money: Money) -> tuple[Any, ...]:
    return (
        name, f"{shown.bets:,}", f"{shown.turnover:,.2f}", chips.money(shown.profit, signed=True),
        presenting.percent(shown.yield_), presenting.percent(Rate(money.growth)),
        presenting.percent(shown.win_rate), presenting.percent(shown.clv),
        presenting.percent(Rate(money.drawdown)), presenting.percent(Rate(money.max_drawdown)),
        presenting.plain(money.sharpe), presenting.plain(Rate(money.sortino)),
    )  # fmt: skip


def _targets(found: list[Standing]) -> sections.Table:
    return sections.Table(
        "Targets",
        ("Asked by", "Figure", "Betting days", "Now (95 %)", "n", "Stands", "On target", "Look",
         "Bad"),
        [
            (
                chips.link(one.target, one.target.source), one.target.get_figure_display(),
                one.target.window_days or "all", one.value_in_words, f"{one.n:,}",
                chips.chip(*targets.BANDS[one.band]), *bounds_in_words(one.target),
            )
            for one in found
        ],
        empty="No target is switched on.",
        note="A bound counts as passed when the whole interval lies beyond it, unless the target"
        " says otherwise. Targets of several houses stand beside each other: switch off what is"
        " not asked of this one.",
    )  # fmt: skip


def bounds_in_words(target: PerformanceTarget) -> tuple[str, str, str]:
    """Return where a target is green, amber and red."""
    scale, unit = (1, "") if target.figure in targets.AMOUNTS else (100, " %")

    def words(low: float | None, high: float | None, *, is_outside: bool) -> str:
        below, above = ("below", "above") if is_outside else ("from", "up to")
        told = [
            f"{word} {bound * scale:g}{unit}"
            for word, bound in ((below, low), (above, high))
            if bound is not None
        ]
        return (" or " if is_outside else ", ").join(told) or "–"

    return (
        words(target.green_low, target.green_high, is_outside=False),
        words(target.amber_low, target.amber_high, is_outside=True),
        words(target.red_low, target.red_high, is_outside=True),
    )


def _pictures(group: Group, within: Span, strategy: int | None) -> list[sections.Section]:
    about: Any = {"bankroll_ids": group.bankroll_ids, "strategy_id": strategy}
    money = [(day, float(at)) for day, at in windows.equity(within=within, **about)]
    profit = [(day, float(won)) for day, won in windows.daily_profit(within=within, **about)]
    falls = _falls(money)
    days, rolled = windows.rolling(window=30, **about)
    shown = [place for place, day in enumerate(days) if within.first is None or day >= within.first]
    return [
        _drawn("Equity", group.currency, money, drawing.line_svg(title="Equity", points=money)),
        _drawn(
            "Drawdown by the day's end", "Fall from the peak", falls,
            drawing.line_svg(title="Drawdown", points=falls, is_share=True, zero=True),
        ),
        _drawn(
            "Daily profit", group.currency, profit,
            drawing.bars_svg(title="Daily profit", points=profit),
        ),
        _drawn(
            "Yield of 30 days, with its 95 % interval", "Yield",
            [(days[i], float(rolled.value[i])) for i in shown],
            drawing.line_svg(
                title="Yield of 30 days",
                points=[(days[i], float(rolled.value[i])) for i in shown],
                band=[(float(rolled.low[i]), float(rolled.high[i])) for i in shown],
                is_share=True, zero=True,
            ),
        ),
    ]  # fmt: skip


def _falls(money: list[drawing.Point]) -> list[drawing.Point]:
    """Return how far below its peak the money stood at each day's end, as shares below 0."""
    peak, found = 0.0, []
    for day, at in money:
        peak = max(peak, at)
        found.append((day, at / peak - 1 if peak > 0 else 0.0))
    return found


def _drawn(title: str, column: str, points: list[drawing.Point], picture: str) -> sections.Html:
    rows = [(f"{day}", f"{value:,.4g}") for day, value in points[-60:]]
    table = sections.Table(title, ("Betting day", column), rows)
    return sections.drawn(title, mark_safe(picture), table, wide=True)


def _expectation(shown: Figures) -> sections.Facts:
    p = "–" if shown.excess_p is None else f"{shown.excess_p:.3f}"
    return sections.Facts(
        "Against what was expected",
        [
            ("Valued bets", f"{shown.valued:,} of {shown.bets:,}"),
            ("The close expected of them", f"{shown.expected:+,.2f}"),
            ("Yield beyond what the close expected (95 %)", presenting.percent(shown.excess)),
            ("p of it, were there none", p),
            ("Our probabilities expected", f"{shown.model_expected:+,.2f}"),
            ("What those bets brought", f"{shown.model_profit:+,.2f}"),
        ],
    )


def _decay(found: dict[str, tuple[list[date], decay.Watch | None]]) -> sections.Facts:
    items = []
    for title, (days, watch) in found.items():
        if watch is None:
            said = f"too few days: the first {decay.BASE} with bets are what it is held against"
        elif watch.alarm is None:
            said = f"holds: {watch.level[-1]:.1f}, told of above {decay.LIMIT:g}"
        else:
            since = "" if watch.since is None else f", falling since about {days[watch.since]}"
            said = f"has fallen: told on {days[watch.alarm]}{since}"
        items.append((title, said))
    items.append(("False alarms", "about 3 % a year; see docs/performance.md"))
    return sections.Facts("Does the edge wear off?", items)


def _by(group: Group, cut: str, within: Span, strategy: int | None) -> sections.Table:
    found = windows.by(
        bankroll_ids=group.bankroll_ids, cut=cut, within=within, strategy_id=strategy, most=MOST
    )
    return sections.Table(
        f"By {Cut(cut).label.lower()}",
        ("Of", "Bets", "Void", "Turnover", "Profit", "Yield (95 %)", "Win rate (95 %)",
         "CLV (95 %)", "Beat the close (95 %)", "Yield beyond the close's (95 %)", "p"),
        [
            (
                line.title, f"{line.figures.bets:,}", line.figures.void,
                f"{line.figures.turnover:,.2f}", chips.money(line.figures.profit, signed=True),
                presenting.percent(line.figures.yield_), presenting.percent(line.figures.win_rate),
                presenting.percent(line.figures.clv), presenting.percent(line.figures.beat_close),
                presenting.percent(line.figures.excess),
                "–" if line.figures.excess_p is None else f"{line.figures.excess_p:.3f}",
            )
            for line in found
        ],
        empty="No bet settled in this window.",
        note=f"The {MOST} most turned over, where there are more.",
    )  # fmt: skip
