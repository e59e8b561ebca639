"""What the bets of a file would have brought under another rule set, and why.  Writes nothing.

Each is paid twice: by the rule set that its file is under, and by the other one.  What is not the
same is told by its cause, with amounts; causes add up to the whole difference.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection

from betting.models import BetImport, TrackedBet
from settlements.domain import charging
from settlements.services import judging, statements
from settlements.services.judging import Due, Judged
from settlements.services.rule_sets import Rules, RuleSetRefused

ZERO = Decimal("0.00")
NO_PRICE, DEAD_HEAT, REDUCTION = "no_starting_price", "dead_heat", "reduction"
COMMISSION, ROUNDING, OTHER = "commission", "rounding", "other"
SHOWN = 200  # rows of a cause


@dataclass(slots=True)
class Cause:
    """One reason why bets brought something else: how many, by how much, the first of them."""

    bets: int = 0
    amount: Decimal = ZERO
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Comparison:
    """Profits are net of commission; ``unjudged`` are bets that one of the two cannot pay."""

    imported: int
    file: str
    under: str
    other: str
    bets: int = 0
    same: int = 0
    unjudged: int = 0
    profit: Decimal = ZERO
    profit_other: Decimal = ZERO
    commission: Decimal = ZERO
    commission_other: Decimal = ZERO
    causes: dict[str, Cause] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Both:
    """A bet as it is paid by both, commission on its market's net already shared."""

    bet: Due
    own: Judged
    other: Judged


def compare(*, import_id: int, code: str, as_of: datetime) -> Comparison:
    """Hold the bets of an import, as its file told them, against another rule set.

    Raises:
        RuleSetRefused: there is no such import or rule set, or the file is under none.
    """
    imported = BetImport.objects.filter(pk=import_id).first()
    if imported is None:
        raise RuleSetRefused(f"there is no import #{import_id}")
    under = imported.spec.get("rules", "")
    rule_sets = Rules.load()
    if not under:
        raise RuleSetRefused(f"{imported} is under no rule set: results settle it")
    for each in (under, code):
        if rule_sets.of(each, at=as_of) is None:
            raise RuleSetRefused(f"there is no rule set {each!r}")
    found = Comparison(imported=import_id, file=imported.file, under=under, other=code)
    due = _read(import_id)
    own = _paid(due, under, rule_sets, as_of)
    other = _paid(due, code, rule_sets, as_of)
    names = dict(
        TrackedBet.objects.filter(imported_id=import_id).values_list("bet_id", "reference")
    )
    found.bets = len(due)
    for bet in due:
        one, two = own.get(bet.bet_id), other.get(bet.bet_id)
        if one is None or two is None:
            found.unjudged += 1
        else:
            _tell(found, _Both(bet, one, two), names[bet.bet_id])
    return found


def _read(import_id: int) -> list[Due]:
    with connection.cursor() as cursor:
        cursor.execute(statements.OF_IMPORT, [import_id])
        bets = [row[0] for row in cursor.fetchall()]
        cursor.execute(
            statements.TOLD, {"bets": bets, "statuses": ["ACCEPTED", "SETTLED"], "as_of": None}
        )
        return [Due(*row) for row in cursor.fetchall()]


def _paid(due: Sequence[Due], code: str, rule_sets: Rules, as_of: datetime) -> dict[int, Judged]:
    """Return what each bet brings under a rule set, by its id; those undecided are left out."""
    asked = [bet._replace(rules=code) for bet in due]
    judged = judging.judge(asked, rule_sets=rule_sets, as_of=as_of)
    found = {
        bet.bet_id: one for bet, one in zip(due, judged, strict=True) if isinstance(one, Judged)
    }
    markets: dict[tuple[int, int, int], list[Due]] = {}
    for bet in due:
        if bet.bet_id in found and found[bet.bet_id].is_charged_by_market:
            markets.setdefault((bet.bankroll_id, bet.book_id, bet.market_id), []).append(bet)
    for group in markets.values():
        terms = rule_sets.by_id(found[group[0].bet_id].rule_set_id).terms
        profits = [found[bet.bet_id].profit for bet in group]
        rate = charging.rate_of(commission=terms.commission, told=[bet.rate for bet in group])
        amount = charging.of_market(profits=profits, rate=rate, rounding=terms.rounding)
        for bet, share in zip(group, charging.allot(amount=amount, profits=profits), strict=True):
            one = found[bet.bet_id]
            found[bet.bet_id] = Judged(
                one.outcome, one.profit - share, share, one.rule_set_id, True, one.working
            )
    return found


def _tell(found: Comparison, both: _Both, reference: str) -> None:
    own, other = both.own, both.other
    found.profit += own.profit
    found.profit_other += other.profit
    found.commission += own.commission
    found.commission_other += other.commission
    if (own.profit, own.outcome) == (other.profit, other.outcome):
        found.same += 1
        if own.commission == other.commission:
            return
    for name, amount in _causes(both):
        cause = found.causes.setdefault(name, Cause())
        cause.bets += 1
        cause.amount += amount
        if len(cause.rows) < SHOWN:
            told = {"reference": reference, "profit": own.profit, "profit_other": other.profit}
            cause.rows.append({**told, "amount": amount, "market": both.bet.market_id})


def _causes(both: _Both) -> Iterator[tuple[str, Decimal]]:
    """Yield why a bet brings something else, with by how much; the amounts add up to all of it."""
    own, other = both.own, both.other
    if both.bet.price == 0:
        yield NO_PRICE, other.profit - own.profit
        return
    gross = (other.profit + other.commission) - (own.profit + own.commission)
    if gross:
        yield _of_gross(both, gross), gross
    if taken := own.commission - other.commission:
        yield COMMISSION, taken


def _of_gross(both: _Both, gross: Decimal) -> str:
    for name, key in ((DEAD_HEAT, "dead_heat"), (REDUCTION, "paid_price")):
        if both.own.working.get(key) != both.other.working.get(key):
            return name
    return ROUNDING if abs(gross) <= Decimal("0.01") else OTHER
