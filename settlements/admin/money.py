"""The admin site's pages of settlements: why a bet paid what it paid, and where the money is."""

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import ChoicesDropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextInputWidget

from betting import queries as betting_queries
from betting.models import Bankroll
from monitoring.desk import actions, asking, chips, columns, sections
from monitoring.desk.actions import Action, Asked, Done, ReasonForm
from monitoring.desk.fields import MoneyField
from monitoring.desk.pages import Fixed
from settlements.admin.statements import StatesAccounts
from settlements.models import CommissionDue, LedgerAccount, LedgerTransfer, Settlement
from settlements.services import ledger

SETTLE = "settlements.tasks.settle_due"
BET = "bet__selection__market__event__competition"


def _origin(bankroll: Bankroll) -> Any:
    return chips.origin(
        is_simulated=bankroll.is_simulated, is_replay=bankroll.kind == Bankroll.Kind.REPLAY
    )


def settle(asked: Asked) -> Done:
    return asking.ask(asked, task=SETTLE)


@admin.register(Settlement)
class SettlementAdmin(Fixed):
    list_display = (
        "number", "bet_link", "origin", "revision", "outcome_chip", "profit_text",
        "score", "settled",
    )  # fmt: skip
    list_filter = (
        ("outcome", ChoicesDropdownFilter), ("bet__bankroll", RelatedDropdownFilter), "revision",
    )  # fmt: skip
    list_select_related = (BET, "bet__bankroll", "result")
    search_fields = ("bet__selection__market__event__name", "bet__client_ref")
    ordering = ("-pk",)
    detail_related = (BET, "bet__bankroll", "result__event", "rule_set")
    empty_text = "No bet is settled yet. Bets are settled when their results are known."
    desk_actions = (
        Action(
            name="settle",
            title="Settle now",
            permission="settlements.add_settlement",
            consequence="Every accepted bet whose result is known is settled, and every bet whose"
            " result was corrected is reversed and settled again.",
            act=settle,
            icon="gavel",
            on=frozenset({"table"}),
        ),
    )

    number = columns.number("Settlement")

    @display(description="Bet")
    def bet_link(self, row: Settlement) -> str:
        return chips.two_lines(chips.link(row.bet), row.bet.selection.market.event)

    @display(description="Origin")
    def origin(self, row: Settlement) -> str:
        return _origin(row.bet.bankroll)

    @display(description="Outcome", ordering="outcome")
    def outcome_chip(self, row: Settlement) -> str:
        return chips.outcome(row.outcome, row.get_outcome_display())

    @display(description="Profit", ordering="profit")
    def profit_text(self, row: Settlement) -> str:
        return chips.money(row.profit, row.bet.bankroll.currency, signed=True)

    @display(description="Result")
    def score(self, row: Settlement) -> str:
        return str(row.result or "As its file tells")

    settled = columns.moment("settled_at", "Settled")

    def badges(self, row: Settlement) -> list[Any]:
        return [self.outcome_chip(row), self.origin(row)]

    def parts(self, request: HttpRequest, row: Settlement) -> list[sections.Section]:
        transfers = row.transfers.select_related(
            "debit__bankroll", "debit__book", "credit__bankroll", "credit__book"
        ).order_by("pk")
        return [
            self.all_facts(row),
            sections.Facts("About", [
                ("Event", row.bet.selection.market.event),
                ("Selection", str(row.bet.selection)),
                ("Stake", chips.money(row.bet.stake, row.bet.bankroll.currency)),
                ("Price", row.bet.price),
                ("Result", self.score(row)),
                ("Rules", chips.link(row.rule_set) if row.rule_set else "usual"),
                *((key.replace("_", " ").capitalize(), value)
                  for key, value in row.working.items()),
            ]),
            sections.Table(
                "Its transfers", ("Transfer", "Kind", "From", "To", "Amount", "When"),
                [
                    (chips.link(t, t.reference), t.get_kind_display(), str(t.debit), str(t.credit),
                     chips.money(t.amount), t.at)
                    for t in transfers
                ],
                empty="No money moved: the bet was refunded.",
            ),
        ]  # fmt: skip


@admin.register(LedgerTransfer)
class LedgerTransferAdmin(Fixed):
    list_display = (
        "reference", "kind_chip", "amount_text", "debit", "credit", "origin", "reverses", "when",
    )  # fmt: skip
    list_filter = (("kind", ChoicesDropdownFilter), ("debit__bankroll", RelatedDropdownFilter))
    list_select_related = (
        "debit__bankroll", "debit__book", "credit__bankroll", "credit__book", "reverses",
    )  # fmt: skip
    search_fields = ("reference",)
    ordering = ("-pk",)
    detail_related = (
        "debit__bankroll", "debit__book", "credit__bankroll", "credit__book", "settlement",
        "reverses",
    )  # fmt: skip
    empty_text = "No money has moved yet: bankrolls begin with a deposit."

    @display(description="Kind", ordering="kind")
    def kind_chip(self, row: LedgerTransfer) -> str:
        tone = "warn" if row.kind == LedgerTransfer.Kind.REVERSAL else "idle"
        return chips.chip(row.get_kind_display(), tone, "swap_horiz")

    @display(description="Amount", ordering="amount")
    def amount_text(self, row: LedgerTransfer) -> str:
        return chips.money(row.amount, row.debit.currency)

    @display(description="Origin")
    def origin(self, row: LedgerTransfer) -> str:
        return _origin(row.debit.bankroll)

    when = columns.moment("at", "When")

    def badges(self, row: LedgerTransfer) -> list[Any]:
        return [self.kind_chip(row), self.origin(row)]


@admin.register(LedgerAccount)
class LedgerAccountAdmin(StatesAccounts, Fixed):
    list_display = ("name", "kind", "balance_text", "origin")
    list_filter = (
        ("kind", ChoicesDropdownFilter), ("bankroll", RelatedDropdownFilter),
        ("book", RelatedDropdownFilter),
    )  # fmt: skip
    list_select_related = ("bankroll", "book")
    search_fields = ("bankroll__name", "book__name")
    ordering = ("bankroll__name", "kind", "book__name")
    detail_related = ("bankroll", "book")
    empty_text = "Accounts are opened with a bankroll."

    @display(description="Account", ordering="bankroll__name")
    def name(self, row: LedgerAccount) -> str:
        return str(row)

    @display(description="Balance", ordering="balance")
    def balance_text(self, row: LedgerAccount) -> str:
        return chips.money(row.balance, row.currency)

    @display(description="Origin")
    def origin(self, row: LedgerAccount) -> str:
        return _origin(row.bankroll)

    def badges(self, row: LedgerAccount) -> list[Any]:
        return [self.origin(row)]

    def parts(self, request: HttpRequest, row: LedgerAccount) -> list[sections.Section]:
        rows = LedgerTransfer.objects.filter(debit=row).union(
            LedgerTransfer.objects.filter(credit=row)
        )
        table = [
            (
                chips.link(t, t.reference),
                t.get_kind_display(),
                chips.money(-t.amount if t.debit_id == row.pk else t.amount, signed=True),
                t.at,
            )
            for t in rows.order_by("-id")[:50]
        ]
        headers = ("Transfer", "Kind", "Amount", "When")
        return [self.all_facts(row), sections.Table("Latest transfers", headers, table)]


@admin.register(CommissionDue)
class CommissionDueAdmin(Fixed):
    list_display = ("number", "bankroll", "origin", "book", "market", "event")
    list_filter = (("bankroll", RelatedDropdownFilter), ("book", RelatedDropdownFilter))
    list_select_related = ("bankroll", "book", "market__participant", "market__event")
    detail_related = ("bankroll", "book", "market__participant", "market__event")
    ordering = ("-pk",)
    empty_text = "No market waits for its commission to be reckoned: settling does it at once."

    number = columns.number("Market")

    @display(description="Origin")
    def origin(self, row: CommissionDue) -> str:
        return _origin(row.bankroll)

    @display(description="Event")
    def event(self, row: CommissionDue) -> str:
        return chips.link(row.market.event)

    def badges(self, row: CommissionDue) -> list[Any]:
        return [self.origin(row)]


class MoveForm(ReasonForm):
    """How much, and which paper or payment it stands on."""

    amount = MoneyField(help_text="In the bankroll's currency, such as 250.00.")
    reference = forms.CharField(
        max_length=ledger.LONGEST_REFERENCE,
        widget=UnfoldAdminTextInputWidget(),
        help_text="The payment's own number. The same reference again moves nothing.",
    )
    field_order: tuple[str, ...] = ("amount", "reference", "reason")


def deposit(asked: Asked) -> Done:
    return moved(asked, ledger.deposit(**_movement(asked)))


def withdraw(asked: Asked) -> Done:
    return moved(asked, ledger.withdraw(**_movement(asked)))


def _movement(asked: Asked) -> dict[str, Any]:
    return {
        "bankroll_id": asked.row.pk,
        "amount": asked.values["amount"],
        "reference": asked.values["reference"],
        "reason": asked.reason,
        "actor": asked.actor,
        "now": asked.now,
    }


def moved(asked: Asked, transfer: LedgerTransfer) -> Done:
    """Say what was booked, or that it stood before."""
    what = f"{transfer.get_kind_display()} of {transfer.amount} {asked.row.currency}"
    if transfer.at != asked.now:
        return Done(f"Nothing moved: this {what} stands since {transfer.at:%Y-%m-%d %H:%M} UTC.")
    return Done(f"{what} is booked.")


def _what_there_is(rows: Any) -> str:
    free = betting_queries.available(bankroll_id=rows[0].pk)
    return f"{free:,.2f} {rows[0].currency} can be taken out; the rest may be needed by open bets."


actions.offer(
    Bankroll,
    Action(
        name="deposit",
        title="Deposit…",
        permission="settlements.add_ledgertransfer",
        consequence="The balance rises, and with it every stake that is a share of it.",
        act=deposit,
        form=MoveForm,
        valid=lambda row: row.kind != Bankroll.Kind.REPLAY,
        invalid="The money of {row} belongs to its replay.",
        icon="add_card",
    ),
    Action(
        name="withdraw",
        title="Withdraw…",
        permission="settlements.add_ledgertransfer",
        consequence=_what_there_is,
        act=withdraw,
        form=MoveForm,
        valid=lambda row: row.kind != Bankroll.Kind.REPLAY,
        invalid="The money of {row} belongs to its replay.",
        icon="payments",
        is_dangerous=True,
    ),
)
