"""What is known of the runners of many races at once, and how bets on them are paid."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from django.db import connection

from settlements.domain import paying, rules, runners
from settlements.domain.paying import Part
from settlements.domain.rules import Outcome
from settlements.domain.runners import Came, Undecided, Withdrawal
from settlements.domain.terms import Terms

if TYPE_CHECKING:
    from settlements.services.judging import Due

_ONE_PLACE = ("WIN", "OUTRIGHT", "PLAYER_LEADER")


@dataclass(frozen=True, slots=True)
class Fields:
    """``came``: by result and what it asks for, how each participant came in.

    ``gone``: by market, the participants taken out, when, and what each lowers prices by.
    """

    came: Mapping[tuple[int, str], Mapping[int, Came]]
    gone: Mapping[int, Sequence[tuple[int, datetime, Withdrawal]]]

    @classmethod
    def read(cls, due: Sequence["Due"]) -> "Fields":
        """Read what bets on runners need: at most three queries."""
        asked = [bet for bet in due if bet.role == "RUNNER" and bet.result_id is not None]
        if not asked:
            return cls({}, {})
        raced = {bet.result_id for bet in asked if bet.kind != "PLAYER_LEADER"}
        led = {(bet.result_id, bet.statistic) for bet in asked if bet.kind == "PLAYER_LEADER"}
        came: dict[tuple[int, str], dict[int, Came]] = {}
        for result, participant, *told in _rows(_RUNNERS, [sorted(raced)] if raced else None):
            came.setdefault((result, ""), {})[participant] = Came(*told)
        if led:
            results, statistics = zip(*sorted(led), strict=True)
            for result, statistic, participant, place, played in _rows(
                _LEADERS, [list(results), list(statistics)]
            ):
                one = Came(position=place if played else None, is_removed=not played)
                came.setdefault((result, statistic), {})[participant] = one
        gone: dict[int, list[tuple[int, datetime, Withdrawal]]] = {}
        for market, participant, at, share in _rows(
            _GONE, [sorted({bet.market_id for bet in asked})]
        ):
            gone.setdefault(market, []).append((participant, at, Withdrawal(factor=share)))
        return cls(came, gone)

    def parts(
        self, bet: "Due", *, terms: Terms, working: dict[str, Any]
    ) -> tuple[Outcome, list[Part]]:
        """Return how a runner did and the parts of the bet on it, each of an equal stake.

        Raises:
            Undecided: what is known of the race does not say.
        """
        price = Fraction(bet.price, 1000)
        if bet.removed_at is not None:
            return Outcome.VOID, [Part(paying.verdict(Outcome.VOID), price - 1)]
        if bet.status != "FINAL":
            raise Undecided(f"no rule judges {bet.kind} by a result that is {bet.status.lower()}")
        told = self.came.get((bet.result_id or 0, bet.statistic), {})
        runner = told.get(bet.participant_id or 0)
        if runner is None and bet.kind == "PLAYER_LEADER" and told:
            runner = Came(is_removed=True)
        if runner is None:
            raise Undecided(f"the result does not tell how the runner of bet {bet.bet_id} came in")
        field = list(told.values())
        price = self._paid_price(bet, terms, working)
        if bet.kind == "EACH_WAY":
            return _each_way(bet, runner, field, price, terms, working)
        verdict = _judged(bet, runner, field, terms)
        _tell_share(verdict, working)
        return verdict.outcome, [Part(verdict, price - 1)]

    def _paid_price(self, bet: "Due", terms: Terms, working: dict[str, Any]) -> Fraction:
        """Return the price as it is paid: lowered for those taken out since it was struck."""
        withdrawn = [
            lowers
            for participant, at, lowers in self.gone.get(bet.market_id, ())
            if participant != bet.participant_id and at > bet.placed_at
        ]
        struck = Fraction(bet.price, 1000)
        paid = runners.paid_price(
            price=rules.Decimal(bet.price).scaleb(-3),
            withdrawn=withdrawn,
            is_place=bet.kind == "PLACE",
            terms=terms,
        )
        if paid != struck:
            working["paid_price"] = f"{float(paid):g}"
            working["withdrawn"] = len(withdrawn)
        return paid


def _judged(bet: "Due", runner: Came, field: Sequence[Came], terms: Terms) -> paying.Verdict:
    if bet.kind in _ONE_PLACE:
        return runners.judge(runner=runner, field=field, places=1, terms=terms)
    if bet.kind != "PLACE":
        raise Undecided(f"no rule judges {bet.kind} of a runner")
    if bet.places is not None:
        return runners.judge(runner=runner, field=field, places=bet.places, terms=terms)
    if runner.is_removed:
        return paying.verdict(Outcome.VOID)
    if runner.is_placed is None:
        raise Undecided("nobody tells how many places the market pays, nor who was placed")
    return paying.verdict(Outcome.WON if runner.is_placed else Outcome.LOST)


def _each_way(
    bet: "Due",
    runner: Came,
    field: Sequence[Came],
    price: Fraction,
    terms: Terms,
    working: dict[str, Any],
) -> tuple[Outcome, list[Part]]:
    """Return both parts: at the terms of the market, else at those of the rule set."""
    places, fraction = bet.places, Fraction(bet.place_fraction) if bet.place_fraction else None
    if places is None or fraction is None:
        ran = sum(not one.is_removed for one in field)
        line = terms.each_way_of(runners=ran)
        if line is None:
            raise Undecided(f"nobody tells the each-way terms of {ran} runners")
        places, fraction = places or line.places, fraction or Fraction(line.fraction)
    parts = runners.each_way(
        runner=runner, field=field, price=price, places=places, fraction=fraction, terms=terms
    )
    working |= {"places": places, "fraction": str(fraction)}
    working["parts"] = [part.verdict.outcome.value for part in parts]
    for part in parts:
        _tell_share(part.verdict, working)
    return _together(*(part.verdict.outcome for part in parts)), list(parts)


def _together(win: Outcome, place: Outcome) -> Outcome:
    """Return one word for both parts: placed but no winner is half of it."""
    if win == place or place == Outcome.VOID:
        return win
    if win == Outcome.VOID:
        return place
    return Outcome.HALF_WON if place == Outcome.WON else Outcome.HALF_LOST


def _tell_share(verdict: paying.Verdict, working: dict[str, Any]) -> None:
    if 0 < verdict.wins < 1:
        working["dead_heat"] = str(verdict.wins)


def _rows(statement: str, arguments: list[Any] | None) -> list[tuple]:
    if arguments is None:
        return []
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchall()


_RUNNERS = """
select result_id, participant_id, position, is_winner, is_placed, is_removed
from markets_runnerresult where result_id = any(%s)
"""
_LEADERS = """
select f.result_id, f.statistic, f.participant_id,
       rank() over (partition by f.result_id, f.statistic, f.took_part
                    order by f.value desc nulls last), f.took_part
from markets_statisticresult f
join (select distinct * from unnest(%s::bigint[], %s::text[]) as a(result_id, statistic)) a
     on a.result_id = f.result_id and a.statistic = f.statistic
"""
_GONE = """
select market_id, participant_id, removed_at, reduction / 100
from markets_selection
where market_id = any(%s) and removed_at is not null and participant_id is not null
"""
