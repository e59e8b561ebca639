"""Charging an account for its net winnings on a market: per bankroll, book and market.

Bets of one market settle at different times, in different workers, and are corrected; each time
the market's net changes, what it costs is reckoned anew and shared among the bets that won.  The
transaction that settles a bet leaves a note of its market; this one takes notes, locks the bets of
those markets in the order of their ids, charges the difference, and removes the notes.  So a worker
killed anywhere leaves notes for the next, and one that settles never waits for another's bets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

import numpy as np
from django.db import transaction

from betting.services import settled
from monitoring import columns
from monitoring.columns import Columns, Ints, grouped
from settlements.domain import charging
from settlements.domain.rule_choice import Version
from settlements.models import LedgerAccount, LedgerTransfer
from settlements.services import daily, posting, statements
from settlements.services.posting import Postings
from settlements.services.rule_sets import Rules
from settlements.services.statements import OF_RATES

AT_ONCE = 200  # notes whose markets are charged in one transaction
TAKEN, GIVEN_BACK = "commission", "reverse-commission"  # of references


@dataclass(frozen=True, slots=True)
class _Charged(Columns):
    """Settled bets with what they brought and what was taken; 0 where there is no such row."""

    bet: Ints
    bankroll: Ints
    book: Ints
    market: Ints
    gross: Ints  # minor units, as ``commission``
    commission: Ints
    settlement: Ints
    revision: Ints
    rule_set: Ints
    transfer: Ints
    times: Ints  # that commission was taken under this settlement
    rate: Ints  # that its file told, of ``OF_RATES``


def note(*, bankroll: Ints, book: Ints, market: Ints) -> None:
    """Note the markets whose net winnings the settlements of these bets change."""
    if len(bankroll):
        groups = np.unique(np.stack([bankroll, book, market]), axis=1)
        columns.run(statements.NOTE_DUE, list(groups))


def charge_due(*, bankroll_ids: Sequence[int], rule_sets: Rules, at: datetime) -> int:
    """Charge the markets that are noted; return of how many bets the commission changed."""
    changed = 0
    while True:
        with transaction.atomic():
            asked = {"ids": np.array(bankroll_ids, dtype=np.int64), "most": AT_ONCE}
            (markets,) = columns.row(statements.OLDEST_DUE, asked)
            asked["markets"] = np.unique(markets)
            notes, *groups = columns.row(statements.LOCK_DUE, asked)
            if not len(notes):
                return changed
            changed += _charge(_read(*groups), rule_sets, at=at)
            columns.run(statements.FORGET_DUE, [notes])


def _read(bankroll: Ints, book: Ints, market: Ints) -> _Charged:
    """Lock the settled bets of these markets, in the order of their ids, and read them."""
    picks, market_of = columns.row(statements.PICKS_OF_MARKETS, [np.unique(market)])
    bets, *of, pick = columns.row(statements.BETS_OF_PICKS, [picks, np.unique(bankroll)])
    noted = set(zip(bankroll.tolist(), book.tolist(), market.tolist(), strict=True))
    where = market_of[np.searchsorted(picks, pick)]
    rows = zip(*(one.tolist() for one in (*of, where)), strict=True)
    is_noted = np.fromiter((row in noted for row in rows), bool, len(bets))
    (held,) = columns.row(statements.LOCK_CHARGED, [bets[is_noted]])
    return _Charged(*columns.row(statements.CHARGED, [held]))


def _charge(bets: _Charged, rule_sets: Rules, *, at: datetime) -> int:
    versions = {pk: rule_sets.by_id(pk or None) for pk in np.unique(bets.rule_set).tolist()}
    of_markets = [pk for pk, one in versions.items() if one.terms.commission.base == "MARKET_NET"]
    bets = bets.taken(np.isin(bets.rule_set, of_markets))
    wanted = np.zeros_like(bets.bet)
    _, group = grouped(bets.bankroll, bets.book, bets.market)
    order = np.argsort(group, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        if len(members):
            wanted[members] = _amounts(bets.taken(members), versions)
    is_new = wanted != bets.commission
    bets, wanted = bets.taken(is_new), wanted[is_new]
    posting.post(_postings(bets, wanted), at=at)
    settled.mark_charged(bets=bets.bet, commission=wanted)
    daily.note_changed(bet_ids=bets.bet.tolist())
    return len(wanted)


def _amounts(group: _Charged, versions: Mapping[int, Version]) -> list[int]:
    """Return what each bet of a market bears, by the latest of the versions they are under."""
    latest = max(
        (versions[pk] for pk in np.unique(group.rule_set).tolist()),
        key=lambda one: (one.since, one.version),
    )
    terms = latest.terms
    profits = [Decimal(cents).scaleb(-2) for cents in group.gross.tolist()]
    told = [Decimal(one) / OF_RATES if one >= 0 else None for one in group.rate.tolist()]
    rate = charging.rate_of(commission=terms.commission, told=told)
    amount = charging.of_market(profits=profits, rate=rate, rounding=terms.rounding)
    shares = charging.allot(amount=amount, profits=profits)
    return [int(share * 100) for share in shares]


def _postings(bets: _Charged, wanted: Ints) -> list[Postings]:
    """Return what was taken, given back, and what is taken now."""
    none = np.zeros_like(bets.bet)
    account = LedgerAccount.Kind.COMMISSION.value
    return [
        Postings(
            bets.bankroll, bets.commission, LedgerTransfer.Kind.REVERSAL.value, account,
            GIVEN_BACK, (bets.transfer, none, none), bets.settlement, bets.transfer, bets.book,
        ).some(bets.transfer != 0),
        Postings(
            bets.bankroll, -wanted, LedgerTransfer.Kind.COMMISSION.value, account,
            TAKEN, (bets.bet, bets.revision, bets.times + 1), bets.settlement, none, bets.book,
        ).some(wanted != 0),
    ]  # fmt: skip
