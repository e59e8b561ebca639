"""How each due bet ends and what it pays, by the terms of its rule set.

One by one, in exact fractions, from rows that are read for all of them at once: the definition.
``judging_many`` says the same of many bets in columns.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

from settlements.domain import charging, ending, paying, rules
from settlements.domain.ending import Ended, Waits
from settlements.domain.paying import Part, Verdict
from settlements.domain.rule_choice import Version
from settlements.domain.runners import Undecided
from settlements.domain.terms import Terms
from settlements.services.fields import Fields
from settlements.services.rule_sets import Rules

ZERO = Decimal("0.00")
TOO_MUCH = 10**12  # minor units that a bet's profit cannot hold
_OF_PLAYERS = "PLAYER_TOTAL"
_TURNED = {"WON": "LOST", "LOST": "WON", "HALF_WON": "HALF_LOST", "HALF_LOST": "HALF_WON"}


class Due(NamedTuple):
    """A locked bet with what judging it takes; columns of ``statements.DUE`` and ``TOLD``."""

    bet_id: int
    bankroll_id: int
    book_id: int
    is_lay: bool
    stake: int  # minor units
    price: int  # thousandths
    placed_at: datetime
    liability: Decimal | None  # of a lay that was asked for by it
    market_id: int
    kind: str
    period: str
    role: str
    quarters: float | None
    participant_id: int | None
    removed_at: datetime | None  # its runner was taken out
    places: int | None
    place_fraction: str
    statistic: str
    sport_id: int
    starts_at: datetime
    rate: Decimal | None  # of commission, that its file told
    result_id: int | None
    status: str
    home: int | None
    away: int | None
    halves: list[int | None] | None
    periods: str | None  # JSON
    winner: str
    team: str  # whose total it is, where it is a team's
    figure: float | None  # of the team or player whose total it is, times four
    has_figures: bool  # the result tells of players
    has_runners: bool
    earlier_id: int | None  # the settlement that stands so far
    revision: int | None
    rule_set_id: int | None  # by which it was settled
    earlier_profit: Decimal | None
    transfer_id: int | None  # its transfer, and what that moved into cash
    moved: Decimal | None
    commission_id: int | None  # the transfer of its commission
    charged: Decimal | None
    told: str = ""  # how it ended, as its file tells
    rules: str = ""  # the rule set that its file is under
    winners: int = 0  # of its market, as files tell

    @property
    def side(self) -> str:
        return "LAY" if self.is_lay else "BACK"


@dataclass(frozen=True, slots=True)
class Judged:
    """How a bet ended: ``profit`` is net of ``commission``."""

    outcome: str
    profit: Decimal
    commission: Decimal = ZERO
    rule_set_id: int | None = None
    is_charged_by_market: bool = False
    working: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Why a bet cannot be settled: a person must look."""

    summary: str


def judge(
    due: Sequence[Due], *, rule_sets: Rules, as_of: datetime
) -> list[Judged | Trouble | None]:
    """Return for each bet how it ended or what is wrong; None where it waits for its time."""
    fields = Fields.read(due)
    found: list[Judged | Trouble | None] = []
    for bet in due:
        version = _version(bet, rule_sets)
        if version is None:
            found.append(Trouble(no_rule_set(bet.rules)))
        else:
            found.append(judge_one(bet, version, fields=fields, as_of=as_of))
    return found


def _version(bet: Due, rule_sets: Rules) -> Version | None:
    """Return the rules that a bet is under: those it was settled by once, else those in use."""
    if bet.earlier_id is not None:
        return rule_sets.by_id(bet.rule_set_id)
    code = bet.rules or rule_sets.code(
        book_id=bet.book_id, sport_id=bet.sport_id, market_kind=bet.kind
    )
    return rule_sets.of(code, at=bet.placed_at)


def _is_told(bet: Due) -> bool:
    """Say whether the match was played to its end and what the bet hangs on is known."""
    has_score = bet.home is not None and bet.away is not None
    return bet.status == "FINAL" and (bet.has_figures if bet.kind == _OF_PLAYERS else has_score)


def judge_one(
    bet: Due, version: Version, *, fields: Fields, as_of: datetime
) -> Judged | Trouble | None:
    """Say how one bet ended and what it pays, by a version of a rule set."""
    working: dict[str, Any] = {}
    told = _tried(bet, version.terms, fields, as_of, working)
    if told is None or isinstance(told, Trouble):
        return told
    outcome, parts = told
    profit, commission = _paid(bet, version.terms, parts)
    if abs(profit) * 100 >= TOO_MUCH:
        return Trouble(too_much(bet.bet_id))
    by_market = version.terms.commission.base == "MARKET_NET"
    return Judged(outcome.value, profit, commission, version.pk, by_market, working)


def verdict_on(
    bet: Due, terms: Terms, *, fields: Fields, as_of: datetime, working: dict[str, Any]
) -> Verdict | Trouble | None:
    """Say how a bet of one part ended, at whatever price it was struck."""
    told = _tried(bet, terms, fields, as_of, working)
    return told if told is None or isinstance(told, Trouble) else told[1][0].verdict


def _tried(
    bet: Due, terms: Terms, fields: Fields, as_of: datetime, working: dict[str, Any]
) -> tuple[rules.Outcome, list[Part]] | Trouble | None:
    try:
        return _parts(bet, terms, fields, as_of, working)
    except Waits:
        return None
    except (Undecided, rules.UnknownMarket) as no:
        return Trouble(str(no) or no_rule(bet))


def _parts(
    bet: Due, terms: Terms, fields: Fields, as_of: datetime, working: dict[str, Any]
) -> tuple[rules.Outcome, list[Part]]:
    """Return how the selection did and the parts that are paid, each of an equal stake."""
    price = Fraction(bet.price, 1000)
    if bet.price == 0 and terms.without_price == "VOID":
        working["price"] = "none was formed"
        return _whole(paying.verdict(rules.Outcome.VOID), price)
    if bet.told:
        return _whole(_as_told(bet, terms, working), price)
    if bet.status in rules.VOIDING:
        return _whole(_called_off(bet, terms, as_of, working), price)
    if bet.role == "RUNNER":
        return fields.parts(bet, terms=terms, working=working)
    return _whole(paying.verdict(ending.judge(_ended(bet), terms=terms)), price)


def _whole(verdict: Verdict, price: Fraction) -> tuple[rules.Outcome, list[Part]]:
    return verdict.outcome, [Part(verdict, price - 1)]


def _as_told(bet: Due, terms: Terms, working: dict[str, Any]) -> Verdict:
    """Return what the file says of the selection; winners of one place share it."""
    outcome = _TURNED.get(bet.told, bet.told) if bet.is_lay else bet.told
    working["told"] = outcome
    is_shared = bet.kind == "WIN" and outcome == "WON" and bet.winners > 1
    if is_shared and terms.dead_heat == "SHARED":
        working["dead_heat"] = f"1/{bet.winners}"
        return paying.dead_heat(left=1, tied=bet.winners)
    return paying.verdict(rules.Outcome(outcome))


def _called_off(bet: Due, terms: Terms, as_of: datetime, working: dict[str, Any]) -> Verdict:
    """Return what becomes of a bet on what was not played to its end."""
    if bet.status == "POSTPONED" and as_of < bet.starts_at + timedelta(hours=terms.postponed_hours):
        raise Waits
    if bet.status == "ABANDONED" and terms.abandoned == "DECIDED_STANDS" and bet.role != "RUNNER":
        decided = ending.decided(_ended(bet))
        if decided is not None:
            working["abandoned"] = "decided by then"
            return paying.verdict(decided)
    return paying.verdict(rules.Outcome.VOID)


def _ended(bet: Due) -> Ended:
    half = bet.halves or [None, None]
    return Ended(
        kind=bet.kind,
        period=bet.period,
        role=bet.role,
        line=None if bet.quarters is None else Decimal(bet.quarters) / 4,
        status=bet.status,
        score=None if bet.home is None or bet.away is None else (bet.home, bet.away),
        half=None if half[0] is None or half[1] is None else (half[0], half[1]),
        periods=json.loads(bet.periods) if bet.periods else {},
        winner=bet.winner,
        team=bet.team,
        figure=None if bet.figure is None else Decimal(bet.figure) / 4,
        has_figures=bet.has_figures,
    )


def _paid(bet: Due, terms: Terms, parts: Sequence[Part]) -> tuple[Decimal, Decimal]:
    """Return profit and commission; the stake of a bet of several parts is theirs together."""
    taken = terms.commission
    rate = bet.rate if taken.is_of_bet and bet.rate is not None else taken.net_rate
    stake = bet.liability if bet.liability is not None else Decimal(bet.stake).scaleb(-2)
    stake /= len(parts)
    paid = paying.pay(
        side=bet.side,
        stake=stake,
        parts=parts,
        rounding=terms.rounding,
        rate=rate if taken.base == "EACH_WIN" else Decimal(0),
        liability_at=Decimal(bet.price).scaleb(-3) if bet.liability is not None else None,
    )
    if taken.base not in ("STAKE", "RETURNS"):
        # A formula at no price may win less than nothing: of that, nothing is taken.
        return paid.profit, max(paid.commission, ZERO)
    if bet.liability is not None:
        stake /= Decimal(bet.price).scaleb(-3) - 1
    commission = charging.of_bet(
        commission=taken, parts=parts, stake=stake, side=bet.side, rounding=terms.rounding
    )
    return paid.profit - commission, commission


def no_rule(bet: Due) -> str:
    """Say in words that nothing judges a bet."""
    if not _is_told(bet) and bet.status not in rules.VOIDING:
        missing = "figures of players" if bet.kind == _OF_PLAYERS else "a score"
        return f"no rule judges {bet.kind} by a result without {missing} ({bet.status.lower()})"
    line = "" if bet.quarters is None else f" {bet.quarters / 4:g}"
    period = "" if bet.period == "FULL" else f" {bet.period}"
    return f"no rule judges {bet.kind}{period} {bet.role}{line}: its bets stay unsettled"


def no_rule_set(code: str) -> str:
    """Say in words that a file names a rule set that there is not."""
    return f"there is no rule set {code!r}: write it, or name another"


def too_much(bet_id: int) -> str:
    """Say in words that a profit does not fit its column."""
    return f"the profit of bet {bet_id} does not fit its column: check stake and price"
