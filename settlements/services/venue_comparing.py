"""A venue's cleared orders beside our bets: what one day of an account tells otherwise."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from betting.models import Bankroll
from betting.venues import VENUES
from betting.venues.base import Cleared, Clearing, Ending
from monitoring.errors import OutsideFailed, Refused
from settlements.domain import reconciling
from settlements.domain.reconciling import ZERO, Difference, Ours, Theirs
from settlements.models import LedgerAccount
from settlements.services import reconciling_reads as reads
from settlements.services.periods import Period

MARGIN = timedelta(days=2)  # a venue's settling and ours are not of the same minute
THOUSANDTH = Decimal("0.001")


class Incomparable(Refused):
    """These two accounts cannot be held against each other."""


@dataclass(slots=True)
class Comparison:
    """What one bankroll's bets and a venue's orders come to, and where they differ."""

    venue: str
    bets: int = 0
    orders: int = 0
    profit_here: Decimal = ZERO
    profit_there: Decimal = ZERO
    commission_here: Decimal = ZERO
    commission_there: Decimal = ZERO
    differences: list[Difference] = field(default_factory=list)
    failed: str = ""


@dataclass(frozen=True, slots=True)
class _Pair:
    theirs: Theirs
    ours: Ours | None
    bankroll_id: int | None


def venue_of(bankroll: Bankroll) -> str:
    """Return the venue that keeps an account for a bankroll; "" where none does."""
    if bankroll.kind != Bankroll.Kind.LIVE or bankroll.is_simulated:
        return ""
    for name, venue in sorted(VENUES.items()):
        if isinstance(venue, Clearing) and venue.is_on:
            return name
    return ""


def compare(*, bankroll: Bankroll, name: str, period: Period, now: datetime) -> Comparison:
    """Hold a bankroll's bets against the orders that its venue cleared in a period.

    What the venue does not tell is said in ``failed``, and nothing of it is compared.
    """
    found, venue = Comparison(name), VENUES[name]
    assert isinstance(venue, Clearing)
    try:
        if (currency := venue.currency()) != bankroll.currency:
            raise Incomparable(f"the account holds {currency}, the bankroll {bankroll.currency}")
        told = venue.cleared(
            since=period.since - MARGIN, until=max(min(period.until + MARGIN, now), period.until)
        )
        charged = venue.charged(since=period.since, until=period.until)
        lies = venue.balance()
    except (OutsideFailed, Refused) as fault:
        found.failed = (str(fault) or type(fault).__name__)[:250]
        return found
    live = _live()
    corrected = reads.corrections(bankroll_ids=live)
    pairs = _pairs(name, told, corrected, since=period.since - MARGIN)
    mine = [pair for pair in pairs if (pair.bankroll_id or min(live)) == bankroll.pk]
    inside = [pair for pair in mine if period.since <= pair.theirs.at < period.until]
    for pair in inside:
        found.orders += 1
        found.profit_there += pair.theirs.profit
        if pair.ours is not None:
            found.bets += 1
            found.profit_here += pair.ours.gross
        found.differences += [replace(one, venue=name) for one in _of_pair(pair, name, corrected)]
    found.differences += _of_balance(name, venue.book_code, bankroll, there=lies, now=now)
    _add_missing_there(found, bankroll, period, mine, corrected)
    _add_commission(found, bankroll, period, pairs, charged, corrected)
    return found


def _live() -> list[int]:
    rows = Bankroll.objects.filter(kind=Bankroll.Kind.LIVE, is_simulated=False)
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _of_balance(
    name: str, book: str, bankroll: Bankroll, *, there: Decimal, now: datetime
) -> list[Difference]:
    """Compare what lies in the account, where one bankroll alone has its money there."""
    rows = LedgerAccount.objects.filter(
        kind=LedgerAccount.Kind.BOOK, book__code=book, bankroll__in=_live()
    )
    accounts = list(rows[:2])
    if len(accounts) != 1 or accounts[0].bankroll_id != bankroll.pk:
        return []
    here = accounts[0].balance
    if here == there:
        return []
    key = f"account:{name}"
    return [Difference("BALANCE", key, f"{here}", f"{there}", now, None, there - here, name)]


def _of_pair(pair: _Pair, name: str, corrected: Mapping[str, Decimal]) -> Iterator[Difference]:
    if pair.ours is not None:
        yield from reconciling.differences(pair.ours, pair.theirs)
        return
    paid = corrected.get(pair.theirs.key, ZERO)
    missing = reconciling.missing_here(pair.theirs, venue=name, corrected=paid)
    if missing is not None:
        yield missing


def _add_missing_there(
    found: Comparison, bankroll: Bankroll, period: Period, mine: Sequence[_Pair],
    corrected: Mapping[str, Decimal],
) -> None:  # fmt: skip
    known = {pair.ours.bet_id for pair in mine if pair.ours is not None}
    ours = reads.settled_at(
        venue=found.venue, bankroll_id=bankroll.pk, since=period.since, until=period.until
    )
    for bet in ours:
        if bet.bet_id in known:
            continue
        bet = replace(bet, corrected=corrected.get(bet.key, ZERO))
        found.bets += 1
        found.profit_here += bet.gross
        if bet.gross or not bet.corrected:
            found.differences.append(reconciling.missing_there(bet, venue=found.venue))


def _add_commission(
    found: Comparison, bankroll: Bankroll, period: Period, pairs: Sequence[_Pair],
    charged: Mapping[str, Decimal], corrected: Mapping[str, Decimal],
) -> None:  # fmt: skip
    """Compare market by market; one that several bankrolls bet on, in the first one's run."""
    by_market: dict[str, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        if pair.theirs.state == Ending.SETTLED:
            by_market[pair.theirs.market_ref].append(pair)
    first = min(_live())
    for market_ref, group in sorted(by_market.items()):
        owner = min((pair.bankroll_id for pair in group if pair.bankroll_id), default=first)
        latest = max(pair.theirs.at for pair in group)
        if owner != bankroll.pk or not period.since <= latest < period.until:
            continue
        here = sum((pair.ours.commission for pair in group if pair.ours is not None), ZERO)
        here -= corrected.get(f"market:{market_ref}", ZERO)
        there = charged.get(market_ref, ZERO)
        found.commission_here += here
        found.commission_there += there
        one = reconciling.commission(
            market_ref, ours=here, theirs=there, at=latest, venue=found.venue
        )
        if one is not None:
            found.differences.append(one)


def _pairs(
    name: str, told: Sequence[Cleared], corrected: Mapping[str, Decimal], *, since: datetime
) -> list[_Pair]:
    """Return each order with its bet; all parts of one order, also of a replaced one, together."""
    refs = {ref for one in told for ref in (one.told_ref, one.venue_ref) if ref}
    bets = reads.bets_of(venue=name, refs=refs) if refs else {}
    bare = {one.venue_ref for one in told if not {one.told_ref, one.venue_ref} & bets.keys()}
    bets |= reads.bets_by_number(venue=name, refs=bare, since=since)
    parts: dict[tuple[str, int | str], list[Cleared]] = defaultdict(list)
    for one in told:
        known = bets.get(one.told_ref) or bets.get(one.venue_ref)
        key = ("bet", known[1].bet_id) if known else ("order", one.venue_ref)
        parts[key].append(one)
    pairs = []
    for group in parts.values():
        theirs, one = _theirs(group), group[0]
        known = bets.get(one.told_ref) or bets.get(one.venue_ref)
        if known is None:
            pairs.append(_Pair(theirs, None, None))
            continue
        paid = corrected.get(known[1].key, ZERO) + corrected.get(theirs.key, ZERO)
        pairs.append(_Pair(theirs, replace(known[1], corrected=paid), known[0]))
    return pairs


def _theirs(parts: Sequence[Cleared]) -> Theirs:
    settled = [one for one in parts if one.ending == Ending.SETTLED]
    size = sum((one.size for one in settled), ZERO)
    outcomes = {one.outcome for one in settled}
    return Theirs(
        refs=sorted({one.venue_ref for one in parts}),
        market_ref=parts[0].market_ref,
        endings=frozenset(str(one.ending) for one in parts),
        size=size,
        price=_price(settled, size),
        profit=sum((one.profit for one in settled), ZERO),
        outcome=outcomes.pop() if len(outcomes) == 1 else "",
        at=max(one.ended_at for one in settled or parts),
    )


def _price(settled: Sequence[Cleared], size: Decimal) -> Decimal | None:
    """Return the average price matched; None where one part's is not told or was lowered."""
    if not size or any(one.price is None or one.is_reduced for one in settled):
        return None
    worth = sum((one.size * (one.price or ZERO) for one in settled), ZERO)
    return (worth / size).quantize(THOUSANDTH)
