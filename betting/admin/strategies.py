"""Strategies and their decisions: why a bet, and why not."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Q
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from unfold.contrib.filters.admin import RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from betting.admin import common, phases, programs, why
from betting.domain import selecting
from betting.domain.strategies import codes as known_codes
from betting.models import Arbitrage, Bet, Decision, Strategy
from betting.services import halting, strategies
from models_ml import queries
from models_ml.domain import stages
from monitoring.desk import chips, columns, sections
from monitoring.desk.actions import BOTH, Action, Asked, Done
from monitoring.desk.filters import StartingFilter
from monitoring.desk.pages import Fixed, Kept, list_url

OFF_LADDER = "not on its ladder any more, so it decides nothing"


def pause_strategy(asked: Asked) -> Done:
    for row in asked.rows:
        halting.halt(
            scope="STRATEGY", scope_id=row.pk, reason=asked.reason, actor=asked.actor, now=asked.now
        )
    return Done(f"Paused {len(asked.rows)}.")


class StrategyForm(forms.ModelForm):
    """Programs are chosen among those that exist, stages among those of the sport's own ladder.

    Before a pipeline is chosen the stages of all ladders are offered, each with whose it is.
    Simulated and real never mix.
    """

    code = forms.ChoiceField(widget=UnfoldAdminSelectWidget())
    decide_at_stage = forms.ChoiceField(
        initial=Strategy._meta.get_field("decide_at_stage").get_default(),
        widget=UnfoldAdminSelectWidget(),
    )

    reason = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextInputWidget(),
        help_text="Needed to change what stands; it is kept in the audit.",
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            self.fields["reason"].required = self.instance.pk is not None
        if "code" in self.fields:  # it stays as it is once the row is there
            self.fields["code"].choices = [(code, code) for code in known_codes()]  # type: ignore[attr-defined]
        self.fields["decide_at_stage"].choices = self._stages()  # type: ignore[attr-defined]
        if "parameters" in self.fields:
            self.fields["parameters"].help_text = programs.help_text(self.instance.code)

    def _stages(self) -> list[tuple[str, str]]:
        own = self.instance if self.instance.pk else None
        if own is None:
            return offered_stages()
        pipeline, stage = own.pipeline, own.decide_at_stage
        if pipeline is None:  # arbitrage looks at no stage
            return [(stage, stage)]
        names = queries.stage_names(sport=pipeline.sport, is_simulated=pipeline.is_simulated)
        offered = [(name, name) for name in names]
        return offered if stage in names else [(stage, f"{stage}: {OFF_LADDER}"), *offered]

    def clean(self) -> dict[str, Any]:
        cleaned = dict(super().clean() or self.cleaned_data)
        bankroll, pipeline = cleaned.get("bankroll"), cleaned.get("pipeline")
        if self.instance.pk is None:
            programs.begin(self, cleaned)
        if bankroll and pipeline:
            try:
                strategies.check_pairing(bankroll=bankroll, pipeline=pipeline)
                if cleaned.get("code"):
                    strategies.check_program(code=cleaned["code"], pipeline=pipeline)
            except strategies.StrategyRefused as no:
                self.add_error("pipeline", f"Refused: {no}")
        self._check_stage(cleaned)
        self._check_window(cleaned)
        programs.clean(self)
        return cleaned

    def _check_stage(self, cleaned: dict[str, Any]) -> None:
        """Hold a stage that is new against the ladder of the pipeline's sport."""
        own = self.instance if self.instance.pk else None
        stage, bankroll, pipeline = (
            cleaned.get(name) or (getattr(own, name) if own else None)
            for name in ("decide_at_stage", "bankroll", "pipeline")
        )
        is_new = own is None or "decide_at_stage" in self.changed_data
        if not (is_new and stage and bankroll and pipeline):
            return
        try:
            strategies.check_stage(stage=stage, bankroll=bankroll, pipeline=pipeline)
        except strategies.StrategyRefused as no:
            self.add_error("decide_at_stage", f"Refused: {no}")

    def _check_window(self, cleaned: dict[str, Any]) -> None:
        """Hold a window against the stage, where either is new."""
        own = self.instance if self.instance.pk else None
        bankroll = cleaned.get("bankroll") or (own.bankroll if own else None)
        stage, least = cleaned.get("decide_at_stage"), cleaned.get("min_hours_to_start")
        if not ({"decide_at_stage", "min_hours_to_start"} & set(self.changed_data)):
            return
        if not (stage and bankroll):
            return
        try:
            strategies.check_window(stage=stage, bankroll=bankroll, least=least)
        except strategies.StrategyRefused as no:
            self.add_error("min_hours_to_start", f"Refused: {no}")


def offered_stages() -> list[tuple[str, str]]:
    """Return each stage of a ladder, the earliest first, with the sports that have it."""
    ladders = queries.ladders_in_use()
    whose: dict[str, list[str]] = {}
    for ladder in ladders:
        for step in stages.steps(ladder.stages):
            whose.setdefault(step.name, []).append(str(ladder))
    ordered = sorted(whose, key=lambda name: -stages.MINUTES[name])
    return [
        (name, name if len(whose[name]) == len(ladders) else f"{name}: {', '.join(whose[name])}")
        for name in ordered
    ]


@admin.register(Strategy)
class StrategyAdmin(Kept):
    form = StrategyForm
    list_display = (
        "name", "state_chip", "phase_chip", "origin", "bankroll", "pipeline", "decide_at_stage",
        "edge_range", "kelly_fraction",
    )  # fmt: skip
    list_filter = (
        "is_enabled",
        "phase",
        "bankroll__is_simulated",
        ("pipeline", RelatedDropdownFilter),
    )
    list_select_related = ("bankroll", "pipeline")
    search_fields = ("name", "code")
    ordering = ("bankroll__is_simulated", "name")
    raw_id_fields = ("bankroll", "pipeline")
    filter_horizontal = ("books",)
    detail_related = ("bankroll", "pipeline__sport")
    empty_text = "No strategy is set up. `make up` makes the simulated one."
    fieldsets = (
        (None, {"fields": ("name", "code", "bankroll", "pipeline", "is_enabled", "books")}),
        ("What to bet on", {"fields": (
            "parameters", ("decide_at_stage", "min_hours_to_start", "max_hours_to_start"),
            ("min_edge", "max_edge"), "min_probability",
            ("min_price", "max_price"), "max_overround", "min_liquidity",
            "max_price_age_seconds")}),
        ("How much", {"fields": (
            "staking", ("kelly_fraction", "flat_stake", "stake_share"), "commission",
            "allocation", ("is_drawdown_scaled", "is_correlation_discounted"),
            ("max_stake_share", "max_event_share"),
            ("max_day_share", "max_open_share"), "max_day_bets", ("min_stake", "stake_step"),
            "max_hedge_loss_share")}),
        ("Why it changes", {"fields": ("reason",)}),
    )  # fmt: skip
    desk_actions = (
        Action(
            name="decide",
            title="Decide now",
            permission="betting.add_bet",
            consequence="What waits for a decision is decided, and bets are placed within every"
            " limit. All enabled strategies take part.",
            act=common.decide,
            icon="rule",
        ),
        Action(
            name="pause",
            title="Pause",
            permission="betting.add_tradinghalt",
            consequence="It stakes nothing until the pause is lifted. Bets that stand stay.",
            act=pause_strategy,
            icon="pause_circle",
            is_dangerous=True,
            on=BOTH,
        ),
        programs.PRESET,
        *phases.ON_STRATEGIES,
    )

    @display(description="Phase", ordering="phase")
    def phase_chip(self, row: Strategy) -> str:
        return phases.chip(row.phase)

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: Strategy) -> str:
        return chips.yes_no(row.is_enabled, yes="Enabled", no="Disabled")

    @display(description="Origin", ordering="bankroll__is_simulated")
    def origin(self, row: Strategy) -> str:
        return common.origin(row.bankroll)

    @display(description="Edge", ordering="min_edge")
    def edge_range(self, row: Strategy) -> str:
        return f"{row.min_edge * 100:.1f} – {row.max_edge * 100:.0f} %"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A strategy stays with its money: figures of one bankroll are one strategy's story."""
        return ("code", "bankroll", "pipeline") if obj else ()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Let a new one begin in the phase that its money asks for."""
        if not change:
            obj.phase = strategies.first_phase(obj.bankroll)
        super().save_model(request, obj, form, change)

    def badges(self, row: Strategy) -> list[Any]:
        found = [self.state_chip(row), self.phase_chip(row), self.origin(row)]
        pipeline = row.pipeline
        if pipeline is None:
            return found
        names = queries.stage_names(sport=pipeline.sport, is_simulated=pipeline.is_simulated)
        if row.bankroll.replay_id is None and row.decide_at_stage not in names:
            text = f"{row.decide_at_stage} is {OFF_LADDER}"
            found.append(chips.chip(text, "bad", "stairs"))
        return found

    def get_urls(self) -> list[Any]:
        return [*why.urls(), *super().get_urls()]

    def tiles(self, request: HttpRequest) -> list[sections.Tile]:
        return [sections.Tile("Why no bets?", "Today", url=why.address())]

    def detail_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """Add the buttons that only show something: they ask for no confirmation."""
        context = super().detail_context(request, row)
        shown = (
            (
                "What would it bet now?",
                "visibility",
                reverse(f"admin:{why.PREVIEW}", args=[row.pk]),
            ),
            ("Why no bets?", "filter_alt", why.address(row)),
        )
        if row.pipeline_id is None:  # its own lists say what was passed over
            seen = list_url(Arbitrage, show="all", strategy__id__exact=row.pk)
            shown = (("What it saw", "visibility", seen),)  # type: ignore[assignment]
        if request.user.has_perm("betting.view_decision"):
            context["desk_buttons"] = [
                *({"title": title, "icon": icon, "url": url} for title, icon, url in shown),
                *context["desk_buttons"],
            ]
        return context

    def parts(self, request: HttpRequest, row: Strategy) -> list[sections.Section]:
        since = timezone.now() - timedelta(days=7)
        reasons = (
            Decision.objects.filter(strategy=row, decided_at__gte=since)
            .values("verdict", "reason")
            .annotate(n=Count("pk"))
            .order_by("-n")[:15]
        )
        rows = [
            (chips.state(r["verdict"]), r["reason"].replace("_", " ").capitalize(), r["n"])
            for r in reasons
        ]
        every = list_url(Decision, show="all", strategy__id__exact=row.pk)
        return [
            sections.Table(
                "Why it bet, and why not: seven days", ("Verdict", "Reason", "Decisions"), rows,
                empty="It decided nothing in seven days: is an event near, and does a model serve?",
                more=("All its decisions", every),
            ),
            *programs.parts(row),
            *phases.parts(row),
        ]  # fmt: skip


class DecisionsToSee(StartingFilter):
    title = "show"
    options = {
        "bets": ("Bets", lambda now: Q(verdict="BET")),
        "passes": ("Passes", lambda now: Q(verdict="PASS")),
    }


@admin.register(Decision)
class DecisionAdmin(Fixed):
    list_display = (
        "number", "verdict_chip", "reason_text", "about", "origin", "edge_text", "price",
        "stake_text", "strategy", "when",
    )  # fmt: skip
    list_filter = (DecisionsToSee, ("strategy", RelatedDropdownFilter), "strategy__bankroll__kind")
    list_select_related = (common.EVENT, "strategy__bankroll")
    search_fields = ("selection__market__event__name", "reason")
    ordering = ("-pk",)
    detail_related = (common.EVENT, "strategy__bankroll", "prediction", "book")
    empty_text = "No decision yet. A strategy decides when an event reaches its stage."

    number = columns.number("Decision")
    verdict_chip = columns.state("verdict", "Verdict")

    @display(description="Reason", ordering="reason")
    def reason_text(self, row: Decision) -> str:
        return row.reason.replace("_", " ").capitalize()

    @display(description="Selection")
    def about(self, row: Decision) -> str:
        return chips.two_lines(row.selection, chips.link(row.selection.market.event))

    @display(description="Origin")
    def origin(self, row: Decision) -> str:
        return common.origin(row.strategy.bankroll)

    @display(description="Edge", ordering="edge")
    def edge_text(self, row: Decision) -> str:
        return chips.percent(row.edge, signed=True)

    @display(description="Stake", ordering="stake")
    def stake_text(self, row: Decision) -> str:
        return chips.money(row.stake) if row.stake else chips.NOTHING

    when = columns.moment("decided_at", "Decided")

    def badges(self, row: Decision) -> list[Any]:
        return [self.verdict_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Decision) -> list[sections.Section]:
        bet = Bet.objects.filter(decision=row).first()
        return [
            self.all_facts(row),
            sections.Facts("Bet", [("Bet", bet), ("Event", row.selection.market.event)]),
            *_chain(row),
        ]  # fmt: skip


def _chain(row: Decision) -> list[sections.Section]:
    """Lay out each number on the way: filters, the stake cut by cut, prices by book, the rest."""
    chain = dict(row.chain)
    cuts, filters = chain.pop("cuts", None) or [], chain.pop("filters", None) or {}
    prices, ages = chain.pop("prices", None) or {}, chain.pop("ages", None) or {}
    failed = chain.pop("failed", None) or []
    parts: list[sections.Section] = []
    if filters or failed:
        asked = [
            (why.words(code), *_values(filters.get(code)), _passed(code not in failed))
            for code in sorted({*filters, *failed}, key=_place)
        ]
        headers = ("Filter", "Value", "Bound", "Passed")
        parts.append(sections.Table("Every filter", headers, asked, wide=False))
    if cuts:
        steps = [(why.words(str(name)), stake) for name, stake in cuts]
        parts.append(sections.Table("The stake, cut by cut", ("After", "Stake"), steps, wide=False))
    if prices:
        found = sorted(prices.items(), key=lambda item: float(item[1].split()[0]), reverse=True)
        rows = [(book, *_price(told), _age(ages.get(book))) for book, told in found]
        headers = ("Book", "Price", "Not taken because", "Age")
        parts.append(sections.Table("Prices by book", headers, rows, wide=False))
    if best := chain.pop("best", None):
        chain["better_price_elsewhere"] = f"{best[1]} at {best[0]}"
    return [*parts, sections.Facts("Other numbers", list(chain.items()))] if chain else parts


def _place(code: str) -> int:
    return selecting.REASONS.index(code) if code in selecting.REASONS else len(selecting.REASONS)


def _passed(yes: bool) -> Any:
    return chips.chip("Yes", "good") if yes else chips.chip("No", "bad")


def _values(values: list[float] | None) -> tuple[str, str]:
    if not values:
        return chips.NOTHING, chips.NOTHING
    return f"{values[0]:g}", " to ".join(f"{bound:g}" for bound in values[1:])


def _price(told: str) -> tuple[str, str]:
    price, _, mark = told.partition(" ")
    return price, why.words(mark) if mark else chips.NOTHING


def _age(seconds: int | None) -> str:
    return chips.NOTHING if seconds is None else chips.duration(seconds)
