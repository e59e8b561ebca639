"""How the bets of a chunk end and what they pay, in columns.

Bets on one selection under one version of a rule set end alike: each such group is judged once,
those that hang on a score and usual terms together in arrays, the others one by one by the rules
of ``judging``, for the first bet of the group.  All are then paid in arrays.

Only what an array cannot say is paid bet by bet: each-way bets (two parts, rounded once), prices
lowered for runners withdrawn since each bet was struck, and commission on stakes or returns.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from monitoring import columns
from monitoring.columns import Ints, grouped
from settlements.domain import paying, rules
from settlements.domain.paying import Verdict
from settlements.domain.rule_choice import Version
from settlements.services import judging, statements
from settlements.services.fields import Fields
from settlements.services.judging import Due, Judged, Trouble
from settlements.services.reading import KINDS, STATUSES, UNTOLD, Bets, Picks
from settlements.services.rule_sets import Rules, is_usual_of_scores
from settlements.services.statements import OF_RATES

Mask = npt.NDArray[np.bool_]
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_FINAL = STATUSES.index("FINAL") + 1
_VOIDING = [STATUSES.index(one) + 1 for one in rules.VOIDING]
_OF_PLAYERS = rules.KINDS.index("PLAYER_TOTAL") + 1
_EACH_WAY = KINDS.index("EACH_WAY") + 1
_BET_BY_BET = ("STAKE", "RETURNS")


@dataclass(frozen=True, slots=True)
class Chunk:
    """Bets of one pass, the selection of each, and the statement that tells all of a bet."""

    bets: Bets
    picks: Picks  # of the same length: that of each bet
    statement: str
    as_of: datetime

    def due(self, places: Ints) -> dict[int, Due]:
        """Read all that is known of some bets, by their places here."""
        if not len(places):
            return {}
        ids = self.bets.bet[places].tolist()
        place_of = dict(zip(ids, places.tolist(), strict=True))
        with connection.cursor() as cursor:
            cursor.execute(
                self.statement, {"as_of": self.as_of, "bets": ids, "statuses": ["ACCEPTED"]}
            )
            return {place_of[row[0]]: Due(*row) for row in cursor.fetchall()}


@dataclass(slots=True)
class Found:
    """How each bet ended, in columns; those that are not ``is_judged`` wait or are in trouble."""

    is_judged: Mask
    outcome: Ints  # a place in ``rules.OUTCOMES``
    profit: Ints  # net of commission
    commission: Ints
    working: Ints  # a place in ``workings`` + 1, 0 where there is nothing to tell
    rule_set: Ints
    is_charged_by_market: Mask
    workings: list[str] = field(default_factory=list)  # JSON
    failed: int = 0
    troubles: list[tuple[int, str]] = field(default_factory=list)  # market, what is wrong

    @classmethod
    def nothing(cls, n: int) -> "Found":
        numbers = np.zeros((5, n), dtype=np.int64)
        flags = np.zeros((2, n), dtype=bool)
        outcome, profit, commission, working, rule_set = numbers
        return cls(flags[0], outcome, profit, commission, working, rule_set, flags[1])

    def taken(self, of: Mask) -> "Found":
        """Return some of the bets, with all workings."""
        return Found(
            self.is_judged[of],
            self.outcome[of],
            self.profit[of],
            self.commission[of],
            self.working[of],
            self.rule_set[of],
            self.is_charged_by_market[of],
            workings=self.workings,
        )

    def fail(self, market: int, why: str) -> None:
        self.failed += 1
        self.troubles.append((market, why))

    def tell(self, working: dict[str, Any]) -> int:
        """Keep the working of bets and return its place."""
        if not working:
            return 0
        self.workings.append(json.dumps(working))
        return len(self.workings)


class _Groups:
    """Bets that end alike: where the first of each stands, the group of each bet, and its end."""

    def __init__(self, *of: npt.NDArray[Any]) -> None:
        self.first, self.of = grouped(*of)
        n = len(self.first)
        self.is_judged, self.in_trouble = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
        self.outcome, self.wins, self.loses, self.working = (
            np.zeros(n, dtype=np.int64) for _ in range(4)
        )
        self.shared_by = np.ones(n, dtype=np.int64)

    def put(self, at: int, verdict: Verdict, working: int) -> None:
        self.is_judged[at] = True
        self.outcome[at] = rules.OUTCOMES.index(verdict.outcome)
        self.shared_by[at] = whole = math.lcm(verdict.wins.denominator, verdict.loses.denominator)
        self.wins[at], self.loses[at] = int(verdict.wins * whole), int(verdict.loses * whole)
        self.working[at] = working

    def put_many(self, at: Ints, outcomes: Ints) -> None:
        """Put ends that are shared with nobody."""
        self.is_judged[at] = True
        self.outcome[at] = outcomes
        self.wins[at], self.loses[at] = rules.WIN_HALVES[outcomes], rules.LOSS_HALVES[outcomes]
        self.shared_by[at] = 2


def judge(chunk: Chunk, *, rule_sets: Rules) -> Found:
    """Say how each bet ended and what it pays, waits for, or why nobody can tell."""
    bets, picks = chunk.bets, chunk.picks
    found = Found.nothing(len(bets.bet))
    versions, version_of = _versions(chunk, rule_sets, found)
    has_rules = version_of >= 0
    alone = has_rules & _alone(picks, versions, version_of)
    _judge_alone(chunk, np.flatnonzero(alone), versions, version_of, found)
    together = np.flatnonzero(has_rules & ~alone)
    if len(together):
        shared = Chunk(bets.taken(together), picks.taken(together), chunk.statement, chunk.as_of)
        _judge_together(shared, together, versions, version_of[together], found)
    if versions:
        pks = np.array([one.pk or 0 for one in versions])
        by_market = np.array([one.terms.commission.base == "MARKET_NET" for one in versions])
        found.rule_set = np.where(has_rules, pks[version_of], 0)
        found.is_charged_by_market = has_rules & by_market[version_of]
    return found


def _versions(chunk: Chunk, rule_sets: Rules, found: Found) -> tuple[list[Version], Ints]:
    """Return the versions that bets are under and each bet's; -1 where its file names none."""
    bets, picks = chunk.bets, chunk.picks
    versions: list[Version] = []
    version_of = np.full(len(bets.bet), -1, dtype=np.int64)
    first, group = grouped(bets.earlier > 0, bets.rule_set, bets.book, picks.sport, picks.kind,
                           bets.file)  # fmt: skip
    by_file = _rules_of_files(np.unique(bets.file[bets.file > 0]))
    for at, place in enumerate(first.tolist()):
        mine = np.flatnonzero(group == at)
        if bets.earlier[place]:
            candidates = [rule_sets.by_id(int(bets.rule_set[place]) or None)]
        else:
            code = by_file.get(int(bets.file[place])) or rule_sets.code(
                book_id=int(bets.book[place]),
                sport_id=int(picks.sport[place]),
                market_kind=KINDS[picks.kind[place] - 1],
            )
            candidates = rule_sets.all_of(code)
            if not candidates:
                wrong = judging.no_rule_set(code)
                found.troubles += [(market, wrong) for market in set(picks.market[mine].tolist())]
                found.failed += len(mine)
                continue
        since = [(version.since - _EPOCH) // _MICROSECOND for version in candidates]
        rank = np.searchsorted(np.array(since), bets.placed[mine], side="right") - 1
        version_of[mine] = len(versions) + np.maximum(rank, 0)
        versions += candidates
    return versions, version_of


def _rules_of_files(files: Ints) -> dict[int, str]:
    return dict(columns.rows(statements.RULES_OF_FILES, [files])) if len(files) else {}


def _alone(picks: Picks, versions: Sequence[Version], version_of: Ints) -> Mask:
    """Say which bets are paid one by one."""
    terms = [one.terms for one in versions]
    by_bet = np.array([one.commission.base in _BET_BY_BET for one in terms], dtype=bool)
    lowers = np.array([one.non_runner != "NONE" for one in terms], dtype=bool)
    if not terms:
        return np.zeros(len(version_of), dtype=bool)
    is_lowered = (picks.has_gone > 0) & lowers[version_of]
    return (picks.kind == _EACH_WAY) | is_lowered | by_bet[version_of]


def _judge_alone(
    chunk: Chunk, places: Ints, versions: Sequence[Version], version_of: Ints, found: Found
) -> None:
    due = chunk.due(places)
    fields = Fields.read(list(due.values()))
    for at, bet in due.items():
        one = judging.judge_one(bet, versions[version_of[at]], fields=fields, as_of=chunk.as_of)
        if isinstance(one, Trouble):
            found.fail(bet.market_id, one.summary)
        elif isinstance(one, Judged):
            found.is_judged[at] = True
            found.outcome[at] = rules.OUTCOMES.index(rules.Outcome(one.outcome))
            found.profit[at] = int(one.profit * 100)
            found.commission[at] = int(one.commission * 100)
            found.working[at] = found.tell(dict(one.working))


def _judge_together(
    chunk: Chunk, places: Ints, versions: Sequence[Version], version_of: Ints, found: Found
) -> None:
    """Judge groups of bets and pay all of them; ``places``: where these stand in ``found``."""
    bets = chunk.bets
    groups = _Groups(bets.pick, version_of, bets.told, bets.told * bets.is_lay, bets.price == 0)
    _judge_groups(chunk, groups, versions, version_of, found)
    is_judged = groups.is_judged[groups.of]
    terms = [one.terms for one in versions]
    keeps, keeps_of = _kept(bets, versions, version_of)
    by_liability = np.where(bets.liability > 0, bets.price - 1000, 0)
    profit, commission = paying.pay_many(
        is_lay=bets.is_lay > 0,
        stake=np.where(bets.liability > 0, bets.liability, bets.stake),
        wins=groups.wins[groups.of],
        loses=groups.loses[groups.of],
        of=groups.shared_by[groups.of],
        gain=bets.price - 1000,
        unit=np.full(len(bets.bet), 1000, dtype=np.int64),
        rounding=np.array([paying.ROUNDINGS.index(one.rounding) for one in terms])[version_of],
        keeps=keeps,
        keeps_of=keeps_of,
        by_liability=by_liability if by_liability.any() else None,
    )
    fits = np.abs(profit) < judging.TOO_MUCH
    for at in np.flatnonzero(is_judged & ~fits).tolist():
        found.fail(int(chunk.picks.market[at]), judging.too_much(int(bets.bet[at])))
    found.is_judged[places] = is_judged & fits
    found.outcome[places] = groups.outcome[groups.of]
    found.profit[places] = profit
    # A formula at no price may win less than nothing: of that, nothing is taken.
    found.commission[places] = np.maximum(commission, 0)
    found.working[places] = groups.working[groups.of]
    missed = groups.in_trouble[groups.of]
    found.failed += int(missed.sum())


def _kept(bets: Bets, versions: Sequence[Version], version_of: Ints) -> tuple[Any, Any]:
    """Return which share of winnings is left after commission on each win, over what."""
    shares = [
        1 - Fraction(one.terms.commission.net_rate if _is_each_win(one) else 0) for one in versions
    ]
    keeps = np.array([share.numerator for share in shares])[version_of]
    keeps_of = np.array([share.denominator for share in shares])[version_of]
    of_bet = np.array([_is_each_win(one) and one.terms.commission.is_of_bet for one in versions])
    is_own = of_bet[version_of] & (bets.rate >= 0)
    return (
        np.where(is_own, OF_RATES - bets.rate, keeps),
        np.where(is_own, OF_RATES, keeps_of),
    )


def _is_each_win(version: Version) -> bool:
    return version.terms.commission.base == "EACH_WIN"


def _judge_groups(
    chunk: Chunk, groups: _Groups, versions: Sequence[Version], version_of: Ints, found: Found
) -> None:
    first = groups.first
    bets, picks = chunk.bets.taken(first), chunk.picks.taken(first)
    usual = np.array([is_usual_of_scores(one) for one in versions], dtype=bool)[version_of[first]]
    by_score = np.flatnonzero(usual & _hangs_on_a_score(bets, picks))
    outcomes = _by_scores(picks.taken(by_score))
    known = outcomes != rules.UNKNOWN
    groups.put_many(by_score[known], outcomes[known])
    rest = np.setdiff1d(np.arange(len(first)), by_score[known])
    due = chunk.due(first[rest])
    fields = Fields.read(list(due.values()))
    for at in rest.tolist():
        bet = due.get(int(first[at]))
        if bet is None:
            continue
        working: dict[str, Any] = {}
        terms = versions[version_of[first[at]]].terms
        told = judging.verdict_on(bet, terms, fields=fields, as_of=chunk.as_of, working=working)
        if isinstance(told, Trouble):
            groups.in_trouble[at] = True
            found.troubles.append((bet.market_id, told.summary))
        elif told is not None:
            groups.put(at, told, found.tell(working))


def _hangs_on_a_score(bets: Bets, picks: Picks) -> Mask:
    """Say which hang on a score alone: of a whole match, played to its end or called off."""
    has_score = (picks.home != UNTOLD) & (picks.away != UNTOLD)
    is_told = np.where(picks.kind == _OF_PLAYERS, picks.has_figures > 0, has_score)
    is_over = np.isin(picks.status, _VOIDING) | ((picks.status == _FINAL) & is_told)
    is_known = (picks.kind <= len(rules.KINDS)) & (picks.is_full > 0) & (picks.role > 0)
    return is_known & is_over & (bets.told == 0) & (bets.price > 0)


def _by_scores(picks: Picks) -> Ints:
    return rules.judge_many(
        kinds=[KINDS[one - 1] for one in picks.kind.tolist()],
        roles=[rules.ROLES[one - 1] for one in picks.role.tolist()],
        quarters=picks.quarters,
        home=np.maximum(picks.home, 0),
        away=np.maximum(picks.away, 0),
        figures=picks.figure,
        voided=np.isin(picks.status, _VOIDING),
    )
