"""Backtests: asked for above the list, looked at alone or side by side."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.safestring import mark_safe
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url
from settlements.models import Backtest
from settlements.services import backtest_files, backtest_pictures, backtest_plans, backtesting

MAY = "settlements.add_backtest"
COMPARE = "settlements_backtest_compare"
BETS = 100  # shown on a page
SIDE_BY_SIDE = 6
FIGURES = (
    ("bets", "Bets"), ("turnover", "Turnover"), ("profit", "Profit"), ("yield", "Yield"),
    ("yield_low", "Yield, low"), ("yield_high", "Yield, high"), ("p_value", "p of no edge"),
    ("clv", "CLV"), ("clv_low", "CLV, low"), ("clv_high", "CLV, high"),
    ("beat_close", "Beat the close"), ("coverage", "Held against a close"),
    ("win_rate", "Won"), ("mean_price", "Mean price"), ("mean_edge", "Mean edge"),
    ("mean_stake", "Mean stake"), ("commission", "Commission"), ("void", "Void"),
    ("open", "Never paid"), ("opening", "Opening"), ("equity", "At the end"),
    ("growth", "Growth"), ("max_drawdown", "Deepest fall"), ("sharpe", "Sharpe"),
    ("sortino", "Sortino"), ("longest_losing_streak", "Longest losing streak"),
)  # fmt: skip
_SHARES = {
    "yield", "yield_low", "yield_high", "clv", "clv_low", "clv_high", "beat_close", "coverage",
    "win_rate", "mean_edge", "growth", "max_drawdown",
}  # fmt: skip


class BacktestForm(ReasonForm):
    """Ask for a backtest."""

    strategy = forms.CharField(
        max_length=60, initial="value", widget=UnfoldAdminTextInputWidget(),
        help_text="A strategy's name, or a program's code: value.",
    )  # fmt: skip
    source = forms.CharField(
        max_length=100, required=False, widget=UnfoldAdminTextInputWidget(),
        help_text="predictions:PIPELINE[:VERSION], replay:N, walk:N or market[:KIND]; what the"
        " strategy decides on where nothing is said.",
    )  # fmt: skip
    since = forms.DateField(widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2023-08-01"}))
    until = forms.DateField(widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "2024-06-01"}))
    competitions = forms.CharField(
        required=False, widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "E0 E1"}),
        help_text="Codes; every one where nothing is said.",
    )  # fmt: skip
    plan = forms.JSONField(
        required=False, initial=dict,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4, "spellcheck": "false"}),
        help_text='Numbers instead of the strategy\'s: {"min_edge": 0.03}.',
    )  # fmt: skip
    field_order: tuple[str, ...] = (
        "strategy", "source", "since", "until", "competitions", "plan", "reason",
    )  # fmt: skip


def start(asked: Asked) -> Done:
    told = asked.values
    strategy, plan = backtest_plans.named(told["strategy"])
    source = told["source"] or (backtest_plans.source_of(strategy) if strategy else "market")
    row = backtesting.start(
        spec={
            "source": source,
            "since": told["since"],
            "until": told["until"],
            "competitions": told["competitions"].split(),
            "stage": strategy.decide_at_stage if strategy else "",
            "plan": {**plan.as_dict(), **(told["plan"] or {})},
        },
        name=asked.reason[:80],
        strategy=strategy,
        user=asked.user,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"{row} is asked for.", row_url(row))


def cancel(asked: Asked) -> Done:
    row = backtesting.cancel(
        backtest_id=asked.row.pk, actor=asked.actor, reason=asked.reason, now=asked.now
    )
    return Done(f"{row} is called off.")


@admin.register(Backtest)
class BacktestAdmin(Fixed):
    list_display = (
        "number", "name", "strategy", "source", "state_chip", "n_bets", "yield_text", "clv_text",
        "profit_text", "asked", "actor",
    )  # fmt: skip
    list_filter = (("state", ChoicesDropdownFilter), ("strategy", RelatedDropdownFilter))
    list_select_related = ("strategy",)
    search_fields = ("name", "source", "actor", "digest")
    ordering = ("-pk",)
    detail_related = ("strategy",)
    actions = ("side_by_side",)
    empty_text = "Nothing was tried on history yet. Press Backtest… above."
    desk_actions = (
        Action(
            name="start",
            title="Backtest…",
            permission=MAY,
            consequence="History is bet on in memory, as live betting would have. No bet, no money"
            " and no decision of it is real.",
            act=start,
            form=BacktestForm,
            icon="science",
            on=frozenset({"table"}),
        ),
        Action(
            name="cancel",
            title="Cancel",
            permission=MAY,
            consequence="Nothing of it is kept but that it was asked for.",
            act=cancel,
            valid=lambda row: row.state in Backtest.LIVE,
            invalid="{row} is over.",
            icon="cancel",
            is_dangerous=True,
        ),
    )

    number = columns.number("Backtest")
    state_chip = columns.state("state")
    asked = columns.moment("asked_at", "Asked for")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Backtest]:
        found = super().get_queryset(request)
        return found.defer("bets", "curve", "account")

    @display(description="Yield")
    def yield_text(self, row: Backtest) -> str:
        return chips.percent(row.figures.get("yield"), signed=True)

    @display(description="CLV")
    def clv_text(self, row: Backtest) -> str:
        return chips.percent(row.figures.get("clv"), signed=True)

    @display(description="Profit")
    def profit_text(self, row: Backtest) -> str:
        return str(row.figures.get("profit", "–"))

    @admin.action(description="Compare side by side")
    def side_by_side(self, request: HttpRequest, rows: QuerySet[Backtest]) -> HttpResponse:
        ids = rows.order_by("pk").values_list("pk", flat=True)[:SIDE_BY_SIDE]
        return HttpResponseRedirect(f"{reverse(f'admin:{COMPARE}')}?ids={','.join(map(str, ids))}")

    def get_urls(self) -> list[Any]:
        view = self.admin_site.admin_view(self.compare_view)
        return [path("compare/", view, name=COMPARE), *super().get_urls()]

    def compare_view(self, request: HttpRequest) -> HttpResponse:
        """Answer several backtests side by side: ``?ids=3,5``."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        ids = [int(text) for text in request.GET.get("ids", "").split(",") if text.isdecimal()]
        rows = list(
            Backtest.objects.filter(pk__in=ids[:SIDE_BY_SIDE], state=Backtest.State.DONE)
            .select_related("strategy").defer("bets", "account").order_by("pk")
        )  # fmt: skip
        if not rows:
            messages.warning(request, "Tick backtests that are done.")
            return HttpResponseRedirect(reverse("admin:settlements_backtest_changelist"))
        context: dict[str, Any] = {
            **admin.site.each_context(request),
            "opts": Backtest._meta,
            "title": " beside ".join(map(str, rows)),
            "desk_sections": side_by_side(rows),
            "desk_chips": [],
            "desk_buttons": [],
        }
        return TemplateResponse(request, "desk/facts.html", context)

    def badges(self, row: Backtest) -> list[Any]:
        return [self.state_chip(row)]

    def parts(self, request: HttpRequest, row: Backtest) -> list[sections.Section]:
        found: list[sections.Section] = [
            sections.Facts("Asked for", [
                ("Strategy", row.strategy or row.spec["plan"]["strategy"]),
                ("Probabilities", row.source), ("From", row.spec["since"][:10]),
                ("Until", row.spec["until"][:10]),
                ("Competitions", ", ".join(row.spec["competitions"]) or "every one"),
                ("Decided at", row.spec["stage"]), ("As of", row.as_of), ("By", row.actor),
                ("Run", row.run), ("Why", row.why), ("Seconds", chips.number(row.seconds, 2)),
                ("Digest", chips.clip(row.digest)), ("Code", chips.clip(row.code_version)),
            ]),
        ]  # fmt: skip
        if row.state == Backtest.State.DONE:
            found += [
                sections.Facts("Figures", [(title, shown(row, key)) for key, title in FIGURES]),
                gate(row),
                *pictures([row]),
                outlook(row),
                funnel(row),
                misses(row),
                bets(row),
            ]
        return [*found, sections.Html("Plan", chips.pretty(row.spec["plan"]))]


def shown(row: Backtest, key: str) -> Any:
    """Return a figure as people read it."""
    value = row.figures.get(key)
    if value is None:
        return None
    return chips.percent(value, places=2) if key in _SHARES else value


def pictures(rows: Sequence[Backtest]) -> list[sections.Section]:
    """Return money, its falls and the CLV so far, a line for each backtest."""
    drawn: list[sections.Section] = []
    for title, place, is_share in (
        ("Money", 1, False), ("Fall from the best", 2, True), ("Mean CLV so far", 3, True),
    ):  # fmt: skip
        series = {
            str(row): [
                (point[0], float(point[place])) for point in row.curve if point[place] is not None
            ]
            for row in rows
        }
        picture = backtest_pictures.lines_svg(series=series, title=title, is_share=is_share)
        if not picture:
            continue
        table = sections.Table(
            title, ("Backtest", "Moment", title),
            [(name, at[:16], value) for name, points in series.items()
             for at, value in points[:: max(1, len(points) // 20)]],
        )  # fmt: skip
        drawn.append(sections.drawn(title, mark_safe(picture), table, wide=True))
    return drawn


def gate(row: Backtest) -> sections.Table:
    """Return what a backtest must show before anybody bets by it."""
    return sections.Table(
        "Does it say anything?",
        ("Asked", "Value", "Wanted", ""),
        [
            (one["name"], one["value"], one["wanted"], chips.yes_no(one["is_met"]))
            for one in row.account.get("gate", [])
        ],
        wide=False,
    )


def outlook(row: Backtest) -> sections.Table:
    """Return what else could have come of it."""
    told = row.account.get("outlook", {})
    columns = [told.get(by, {}) for by in ("days", "model")]
    names = {
        "growth_low": "Growth, one path in twenty below", "growth_median": "Growth, the middle",
        "growth_high": "Growth, one in twenty above", "profitable": "Paths with a profit",
        "ruin": "Half the money lost at some time", "value_at_risk": "Value at risk, 95 %",
        "conditional_value_at_risk": "Its mean beyond", "drawdown_50": "Deepest fall, the middle",
        "drawdown_95": "Deepest fall, 95 %", "drawdown_99": "Deepest fall, 99 %",
    }  # fmt: skip
    return sections.Table(
        "What else could have come",
        ("", "Betting days drawn again", "If the model is right"),
        [
            (title, *(chips.percent(column.get(key)) for column in columns))
            for key, title in names.items()
        ] if told else [],
        empty="Without a bet nothing could.",
    )  # fmt: skip


def funnel(row: Backtest) -> sections.Table:
    """Return where candidates stopped."""
    account = row.account
    return sections.Table(
        "Why no more bets",
        ("Reason", "Ended here", "Left", "Failed it", "It alone"),
        [
            (one["reason"], one["count"], one["left"], one["failed"], one["alone"])
            for one in account.get("steps", [])
        ],
        empty="There was no candidate.",
        note=f"{account.get('candidates', 0)} candidates, {account.get('staked', 0)} of them"
        f" reached the stake, {account.get('bets', 0)} became bets.",
    )


def misses(row: Backtest) -> sections.Table:
    """Return what one filter alone stopped, the nearest first."""
    return sections.Table(
        "Nearest misses",
        ("Event", "Answer", "Stopped by", "It needed"),
        [
            (one["event"], one["answer"], one["reason"], one["needed"])
            for one in row.account.get("nearest", [])
        ],
        empty="No candidate was stopped by one filter alone.",
    )


def bets(row: Backtest) -> sections.Table:
    """Return the first bets; the API has them all."""
    found = backtest_files.bets_of(row)
    return sections.Table(
        "Bets",
        ("Event", "Answer", "Book", "Placed", "Price", "Stake", "Outcome", "Profit", "CLV"),
        [
            (bet["event"], bet["role"], bet["book"], bet["placed_at"], f"{bet['price'] / 1000:.3f}",
             f"{bet['stake'] / 100:.2f}", bet["outcome"] or "open", f"{bet['profit'] / 100:.2f}",
             chips.percent(bet["clv"], signed=True))
            for bet in found[:BETS]
        ],
        empty="Not one: the reasons stand above.",
        note=f"The first {min(BETS, len(found))} of {len(found)};"
        f" GET /api/v1/backtests/{row.pk}/bets has them all.",
    )  # fmt: skip


def side_by_side(rows: Sequence[Backtest]) -> list[sections.Section]:
    """Return figures and plans of several backtests, and their lines on one picture."""
    plans = [row.spec["plan"] for row in rows]
    names = sorted({name for plan in plans for name in plan})
    different = [name for name in names if len({str(plan.get(name)) for plan in plans}) > 1]
    return [
        sections.Table(
            "Figures", ("", *map(str, rows)),
            [(title, *(shown(row, key) for row in rows)) for key, title in FIGURES],
        ),
        sections.Table(
            "What was asked otherwise", ("", *map(str, rows)),
            [("source", *(row.source for row in rows)),
             ("from", *(row.spec["since"][:10] for row in rows)),
             ("until", *(row.spec["until"][:10] for row in rows)),
             *((name, *(str(plan.get(name)) for plan in plans)) for name in different)],
        ),
        *pictures(rows),
    ]  # fmt: skip
