"""Which live strategies bet on paper too."""

from typing import Any

from django import forms
from django.contrib import admin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from betting.models import Bankroll, PaperTwin, Strategy
from betting.services import twinning
from monitoring.desk import chips
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.pages import Fixed, row_url


class TwinForm(ReasonForm):
    """Choose a live strategy and the paper bankroll its twin bets in."""

    strategy = forms.ModelChoiceField(
        Strategy.objects.filter(bankroll__kind=Bankroll.Kind.LIVE).order_by("name"),
        widget=UnfoldAdminSelectWidget(),
    )
    bankroll = forms.ModelChoiceField(
        Bankroll.objects.filter(kind=Bankroll.Kind.PAPER).order_by("name"),
        widget=UnfoldAdminSelectWidget(),
    )
    field_order = ("strategy", "bankroll", "reason")


def begin(asked: Asked) -> Done:
    """Begin by the form above the list, or again by a row's own action."""
    if "strategy" in asked.values:
        strategy_id, bankroll_id = asked.values["strategy"].pk, asked.values["bankroll"].pk
    else:
        strategy_id, bankroll_id = asked.row.strategy_id, asked.row.bankroll_id
    return _set(asked, strategy_id=strategy_id, bankroll_id=bankroll_id, is_enabled=True)


def stop(asked: Asked) -> Done:
    row = asked.row
    return _set(asked, strategy_id=row.strategy_id, bankroll_id=row.bankroll_id, is_enabled=False)


def _set(asked: Asked, *, strategy_id: int, bankroll_id: int, is_enabled: bool) -> Done:
    twin = twinning.set_twin(
        strategy_id=strategy_id,
        bankroll_id=bankroll_id,
        is_enabled=is_enabled,
        reason=asked.reason,
        actor=asked.actor,
        now=asked.now,
    )
    return Done(f"{'Bets' if is_enabled else 'No more'}: {twin}.", row_url(twin))


@admin.register(PaperTwin)
class PaperTwinAdmin(Fixed):
    list_display = ("strategy", "bankroll", "state_chip")
    list_select_related = ("strategy", "bankroll")
    detail_related = ("strategy", "bankroll")
    search_fields = ("strategy__name",)
    ordering = ("strategy__name",)
    empty_text = "No live strategy bets on paper besides."
    desk_actions = (
        Action(
            name="new",
            title="Bet on paper besides…",
            permission="betting.change_strategy",
            consequence="Each live bet of the strategy is also made on paper from now on, in the"
            " paper bankroll; how far the two are apart is told daily.",
            act=begin,
            form=TwinForm,
            icon="add_circle",
            on=frozenset({"table"}),
        ),
        Action(
            name="begin",
            title="Begin again…",
            permission="betting.change_strategy",
            consequence="Each live bet of the strategy is made on paper too from now on.",
            act=begin,
            icon="play_circle",
            valid=lambda row: not row.is_enabled,
        ),
        Action(
            name="stop",
            title="Stop…",
            permission="betting.change_strategy",
            consequence="No more paper bets are made beside the live ones; those that stand stay.",
            act=stop,
            icon="stop_circle",
            valid=lambda row: row.is_enabled,
        ),
    )

    @display(description="State", ordering="is_enabled")
    def state_chip(self, row: PaperTwin) -> str:
        return chips.yes_no(row.is_enabled, yes="Bets on paper", no="Stopped")

    def badges(self, row: PaperTwin) -> list[Any]:
        return [self.state_chip(row)]
