"""Looking for arbitrage on the boards of coming events, and taking what is found.

What is found and every rule lets by is reserved whole, in one transaction under the bankroll's
lock, or not at all; ``hedging`` then sends it leg by leg.  What is passed over keeps its reason.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from django.db import transaction
from django.db.models import Count

from betting.domain import arbitrage, selecting, staking
from betting.domain.arbitrage import Offer, Sight
from betting.models import Arbitrage, ArbitrageLeg, Bankroll, Strategy
from betting.queries import arbitrages
from betting.services import affording, equating, hedging, leg_rows, permitting, quoting
from markets import queries as markets
from markets.domain import kinds
from markets.models import Event, Market
from monitoring import thresholds
from monitoring.domain.thresholds import declare
from monitoring.errors import Refused
from monitoring.services import audit

HORIZON = declare(
    "betting.arbitrage-horizon", 48, "hours",
    "Arbitrage is looked for on events that begin within so long.",
    lowest=0.1, highest=2_160,
)  # fmt: skip
NEAR = declare(
    "betting.arbitrage-near", 0.01, "share",
    "What is short of a strategy's least return by no more than this is kept as a near miss.",
    lowest=0, highest=0.5,
)  # fmt: skip
TRIES = declare(
    "betting.arbitrage-tries", 3, "times",
    "An arbitrage of which no leg was taken so often on one market is not tried there again.",
    lowest=1, highest=100, is_whole=True,
)  # fmt: skip


class ArbitrageRefused(Refused):
    """This cannot be done with this arbitrage, or this strategy seeks none."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A market with the sight of its board, and every price of it."""

    market_id: int
    sight: Sight
    offers: tuple[Offer, ...]

    def is_near(self, least: float) -> bool:
        return self.sight.guaranteed is not None and float(self.sight.guaranteed) >= least


@dataclass(slots=True)
class Looked:
    """What a look came to: boards by reason, what was taken, and what became of it."""

    boards: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    found: list[dict[str, Any]] = field(default_factory=list)
    states: Counter[str] = field(default_factory=Counter)

    def as_dict(self) -> dict[str, Any]:
        return {
            "boards": self.boards,
            "reasons": dict(sorted(self.reasons.items())),
            "found": self.found,
            "states": dict(sorted(self.states.items())),
        }


def look_due(
    *, now: datetime, dry_run: bool = False, actor: str = "task:arbitrage"
) -> dict[str, Any]:
    """Look for every strategy of arbitrage that is switched on; take what is found."""
    looked = Looked()
    for strategy in arbitrages.seekers():
        _look(strategy, looked, now=now, dry_run=dry_run, actor=actor)
    return looked.as_dict()


def look(*, strategy_id: int, now: datetime, actor: str, dry_run: bool = False) -> dict[str, Any]:
    """Look for one strategy; a dry run writes and sends nothing, and takes one switched off too.

    Raises:
        ArbitrageRefused: it seeks no arbitrage, is switched off, or is a replay's.
    """
    strategy = Strategy.objects.select_related("bankroll").filter(pk=strategy_id).first()
    if strategy is None or strategy.code != arbitrage.CODE:
        raise ArbitrageRefused("there is no such strategy of arbitrage")
    if strategy.bankroll.kind == Bankroll.Kind.REPLAY:
        raise ArbitrageRefused(f"{strategy} belongs to a replay, which goes by its own clock")
    if not strategy.is_enabled and not dry_run:
        raise ArbitrageRefused(f"{strategy} is switched off")
    looked = Looked()
    _look(strategy, looked, now=now, dry_run=dry_run, actor=actor)
    return looked.as_dict()


def _look(strategy: Strategy, looked: Looked, *, now: datetime, dry_run: bool, actor: str) -> None:
    events = _events(strategy, now=now)
    board = markets.event_board(event_ids=events, as_of=now, kinds=arbitrage.KINDS)
    looked.boards += board["market_id"].nunique()
    near = strategy.min_edge - thresholds.value(NEAR)
    passed: list[tuple[Seen, affording.Plan]] = []
    for seen in _sights(strategy, _promising(board, near=near), events, now=now):
        plan = affording.Plan(seen.sight.reason)
        if not plan.reason:
            plan = _take(strategy, seen, looked, now=now, dry_run=dry_run, actor=actor)
        looked.reasons[plan.reason or arbitrage.FOUND] += 1
        if plan.reason and seen.is_near(near):
            passed.append((seen, plan))
    if not dry_run:
        _keep(strategy, passed, now=now)


def _events(strategy: Strategy, *, now: datetime) -> dict[int, Event]:
    found = markets.events_starting(
        after=now + timedelta(microseconds=1),
        until=now + thresholds.span(HORIZON),
        is_simulated=strategy.bankroll.is_simulated,
        status=Event.Status.SCHEDULED,
    )
    return {event.pk: event for event in found.select_related("competition")}


def _promising(board: pd.DataFrame, *, near: float) -> pd.DataFrame:
    """Return the boards whose best prices, whoever quotes them, come near enough to one."""
    if board.empty:
        return board
    board = board[board["book_kind"].isin(selecting.TAKES_BETS)].reset_index(drop=True)
    prices = board["price"].astype(float)
    best = prices.groupby([board["market_id"], board["selection_id"]]).transform("max")
    first = ~board.duplicated(["market_id", "selection_id"])
    share = pd.Series(np.where(first, 1.0 / best, 0.0), index=board.index)
    booksum = share.groupby(board["market_id"]).transform("sum")
    return board[booksum <= 1.0 / (1.0 + near) + 1e-9] if near > -1.0 else board


def _sights(
    strategy: Strategy, board: pd.DataFrame, events: Mapping[int, Event], *, now: datetime
) -> Iterator[Seen]:
    """Look at each board; the queries are as many for one as for all."""
    if board.empty:
        return
    marks = quoting.Marks.of(strategy, now=now)
    known = equating.known()
    stops = _stops(strategy, board, now=now)
    bounds = arbitrage.Bounds(strategy.min_edge, strategy.max_edge)
    for key, rows in board.groupby(["event_id", "market_id", "kind"], sort=True):
        event_id, market_id, kind = _key(key)
        offers = marks.offers(rows, kind=kind)
        roles = rows.drop_duplicates("selection_id").set_index("role")["selection_id"]
        if set(roles.index) != set(kinds.ROLES[kind]):
            reason = selecting.MARKET_INCOMPLETE
            yield Seen(market_id, Sight(reason, failed=(reason,)), tuple(offers))
            continue
        sport_id = events[event_id].competition.sport_id
        sight = arbitrage.look(
            selections=[int(roles[role]) for role in kinds.ROLES[kind]],
            offers=offers,
            terms=known.of(sport_id=sport_id, kind=kind),
            bounds=bounds,
        )
        if stop := stops.get(market_id):
            failed = (stop, *sight.failed)
            sight = Sight(stop, sight.legs, sight.guaranteed, failed)
        yield Seen(market_id, sight, tuple(offers))


def _key(key: Any) -> tuple[int, int, str]:
    event_id, market_id, kind = key
    return int(event_id), int(market_id), str(kind)


def _stops(strategy: Strategy, board: pd.DataFrame, *, now: datetime) -> dict[int, str]:
    """Return the markets on which nothing more is taken, each with the reason."""
    ids = [int(id_) for id_ in board["market_id"].unique()]
    failed = (
        Arbitrage.objects.filter(strategy=strategy, market_id__in=ids, state=Arbitrage.State.FAILED)
        .values("market_id")
        .annotate(n=Count("pk"))
        .filter(n__gte=round(thresholds.value(TRIES)))
    )
    found = dict.fromkeys(failed.values_list("market_id", flat=True), arbitrage.FAILED_TOO_OFTEN)
    taken = arbitrages.taken(strategy_id=strategy.pk, market_ids=ids)
    return found | dict.fromkeys(taken, arbitrage.ALREADY_TAKEN)


def _take(
    strategy: Strategy, seen: Seen, looked: Looked, *, now: datetime, dry_run: bool, actor: str
) -> affording.Plan:
    """Reserve the legs of what was found and send them; the plan says why, where it did not."""
    if dry_run:
        plan = _plan(strategy, strategy.bankroll, seen, now=now)
        looked.found.append(_chain(seen, plan))
        return plan
    row, plan = _reserve(strategy, seen, now=now, actor=actor)
    if row is not None:
        state = hedging.advance(arbitrage_id=row.pk, now=now, actor=actor)
        looked.states[state] += 1
        looked.found.append({**_chain(seen, plan), "arbitrage": row.pk, "state": state})
    return plan


def _plan(strategy: Strategy, bankroll: Bankroll, seen: Seen, *, now: datetime) -> affording.Plan:
    market = Market.objects.select_related("event__competition").get(pk=seen.market_id)
    held = affording.Affording(strategy=strategy, bankroll=bankroll, market=market, now=now)
    return held.plan(legs=seen.sight.legs)


@transaction.atomic(durable=True)
def _reserve(
    strategy: Strategy, seen: Seen, *, now: datetime, actor: str
) -> tuple[Arbitrage | None, affording.Plan]:
    """Write all legs as intents, or none of them, under the bankroll's lock."""
    bankroll = Bankroll.objects.select_for_update(of=("self",)).get(pk=strategy.bankroll_id)
    strategy = Strategy.objects.select_for_update(of=("self",)).get(pk=strategy.pk)
    if not strategy.is_enabled:
        return None, affording.Plan(permitting.STRATEGY_DISABLED)
    if arbitrages.taken(strategy_id=strategy.pk, market_ids=[seen.market_id]):
        return None, affording.Plan(arbitrage.ALREADY_TAKEN)
    plan = _plan(strategy, bankroll, seen, now=now)
    if plan.reason or plan.split is None:
        return None, plan
    row = _row(strategy, seen, plan, now=now)
    row.state, row.closed_at = Arbitrage.State.PLACING, None
    row.save()
    stakes = dict(zip(seen.sight.legs, plan.split.stakes, strict=True))
    order = arbitrage.in_order(legs=seen.sight.legs, offers=seen.offers)
    leg_rows.reserve(
        row=row,
        bankroll=bankroll,
        stakes={leg: stakes[leg] for leg in order},
        role=ArbitrageLeg.Role.LEG,
        now=now,
    )
    audit.record(
        actor=actor, action="arbitrage.reserved", subject=row, at=now, market=seen.market_id,
        total=str(row.total), worst=str(row.worst), best=str(row.best),
    )  # fmt: skip
    return row, plan


def _row(strategy: Strategy, seen: Seen, plan: affording.Plan, *, now: datetime) -> Arbitrage:
    assert seen.sight.guaranteed is not None  # what has no legs is neither near nor found
    row = Arbitrage(
        strategy=strategy,
        market_id=seen.market_id,
        state=Arbitrage.State.PASSED,
        reason=plan.reason,
        found_at=now,
        seen_at=now,
        closed_at=now,
        guaranteed=round(float(seen.sight.guaranteed), 9),
        chain=_chain(seen, plan),
    )
    if plan.split is not None:
        row.total, row.worst, row.best = plan.split.total, plan.split.worst, plan.split.best
        row.max_loss = staking.share_of(row.total, strategy.max_hedge_loss_share)
    return row


def _chain(seen: Seen, plan: affording.Plan) -> dict[str, Any]:
    """Return every number on the way to a plan, as JSON."""
    legs, split = seen.sight.legs, plan.split
    told: dict[str, Any] = {
        "market": seen.market_id,
        "legs": [
            {
                "selection": leg.selection_id,
                "book": leg.book,
                "price": str(leg.price),
                **({"net": str(leg.net.normalize())} if leg.commission else {}),
                **({"stake": str(split.stakes[at]), "brings": str(split.profits[at])}
                   if split else {}),
                **({"mark": leg.mark} if leg.mark else {}),
            }
            for at, leg in enumerate(legs)
        ],
    }  # fmt: skip
    if seen.sight.guaranteed is not None:
        told["guaranteed"] = round(float(seen.sight.guaranteed), 6)
    if failed := list(dict.fromkeys([*seen.sight.failed, *filter(None, [plan.reason])])):
        told["failed"] = failed
    if plan.cuts:
        told["cuts"] = [[code, str(amount)] for code, amount in plan.cuts]
    return told


_SIGHT = (
    "reason", "seen_at", "closed_at", "guaranteed", "total", "worst", "best", "max_loss", "chain",
)  # fmt: skip


@transaction.atomic
def _keep(
    strategy: Strategy, passed: Sequence[tuple[Seen, affording.Plan]], *, now: datetime
) -> None:
    """Keep what was passed over: one row for each market, its latest sight."""
    rows = {seen.market_id: _row(strategy, seen, plan, now=now) for seen, plan in passed}
    standing = Arbitrage.objects.select_for_update(of=("self",)).filter(
        strategy=strategy, market_id__in=rows, state=Arbitrage.State.PASSED
    )
    known = list(standing.order_by("pk"))
    for old in known:
        new = rows.pop(old.market_id)
        for name in _SIGHT:
            setattr(old, name, getattr(new, name))
    Arbitrage.objects.bulk_update(known, _SIGHT)
    Arbitrage.objects.bulk_create(rows.values(), ignore_conflicts=True)
