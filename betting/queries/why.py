"""Why there were bets or none: what became of an interval's candidates, and what came before."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection
from django.db.models import FloatField, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from betting import queries
from betting.domain import before, funnel, selecting
from betting.models import Decision, TradingHalt
from models_ml.domain import stages

_CHOSEN = """
    from betting_decision d
    join betting_strategy st on st.id = d.strategy_id
    join betting_bankroll b on b.id = st.bankroll_id
"""
_WINDOW = """
    where d.decided_at >= %(since)s and d.decided_at < %(until)s
        and (st.id = %(strategy)s or (%(strategy)s is null and b.replay_id is null))
"""
_ENDED = f"""
    select d.reason, d.refusal, bet.status, count(*)
    {_CHOSEN} left join betting_bet bet on bet.decision_id = d.id {_WINDOW}
    group by 1, 2, 3
"""
_FAILED = f"""
    select f.code, count(*), count(*) filter (where jsonb_array_length(d.chain -> 'failed') = 1)
    {_CHOSEN} cross join lateral jsonb_array_elements_text(d.chain -> 'failed') f(code) {_WINDOW}
    group by 1
"""


def tally(*, since: datetime, until: datetime, strategy_id: int | None = None) -> funnel.Tally:
    """Count the decisions from ``since`` to before ``until``, in two queries.

    Replays count only where their strategy is named.
    """
    asked = {"since": since, "until": until, "strategy": strategy_id}
    ended: dict[str, int] = {}
    refusals: dict[str, int] = {}
    placed: dict[str, int] = {}
    for reason, refusal, status, count in _rows(_ENDED, asked):
        ended[reason] = ended.get(reason, 0) + count
        if status is not None:
            placed[status] = placed.get(status, 0) + count
        elif refusal:
            refusals[refusal] = refusals.get(refusal, 0) + count
    failed = _rows(_FAILED, asked)
    return funnel.Tally(
        ended=ended,
        failed={code: count for code, count, _ in failed},
        alone={code: count for code, _, count in failed if count},
        refusals=refusals,
        placed=placed,
    )


def nearest_misses(
    *, since: datetime, until: datetime, strategy_id: int | None = None
) -> QuerySet[Decision]:
    """Return the passes that one filter alone stopped, the one nearest to its bound first."""
    decisions = Decision.objects.filter(
        decided_at__gte=since, decided_at__lt=until, chain__has_key="miss"
    )
    if strategy_id is None:
        decisions = decisions.filter(strategy__bankroll__replay=None)
    else:
        decisions = decisions.filter(strategy_id=strategy_id)
    return (
        decisions.annotate(miss=Cast(KT("chain__miss"), FloatField()))
        .select_related("strategy", "book", "selection__market__event")
        .order_by("miss", "pk")
    )


def halts_during(*, since: datetime, until: datetime) -> list[TradingHalt]:
    """Return the halts that stood at some moment of an interval, each with its scope's name."""
    stood = Q(lifted_at=None) | Q(lifted_at__gt=since)
    stood &= Q(expires_at=None) | Q(expires_at__gt=since)
    halts = queries.named_halts().filter(stood, set_at__lt=until)
    return list(halts.order_by("set_at", "pk"))


_BEFORE = """
    with asked as (
        select st.id, st.name, st.is_enabled, st.decide_at_stage, p.id as pipeline_id,
            p.feature_set, p.sport_id, p.is_simulated, p.market_kind,
            p.is_enabled as is_pipeline_enabled, b.kind = 'REPLAY' as is_replay, st.bankroll_id,
            array(select k.book_id from betting_strategy_books k where k.strategy_id = st.id)
                as books,
            s.minutes * 60 as seconds, p.code,
            (select v.id from models_ml_modelversion v
             where v.pipeline_id = p.id and v.stage = 'PRODUCTION' limit 1) as version_id
        from betting_strategy st
        join betting_bankroll b on b.id = st.bankroll_id
        join models_ml_pipeline p on p.id = st.pipeline_id
        join unnest(%(stages)s::text[], %(minutes)s::int[]) s(stage, minutes)
            on s.stage = st.decide_at_stage
        where st.id = %(strategy)s or (%(strategy)s is null and b.kind <> 'REPLAY')
    ), due as (
        select a.id as strategy_id, l.state, c.id as competition_id,
            exists (select from models_ml_prediction f
                join models_ml_featurerow r on r.id = f.feature_row_id
                    and r.stage = a.decide_at_stage
                    and r.replay_id is null and r.rehearsal_id is null
                where f.event_id = e.id and f.version_id = a.version_id) as is_foretold,
            exists (select from markets_market m
                join markets_selection s on s.market_id = m.id
                join markets_latestprice q on q.selection_id = s.id
                join markets_book k on k.id = q.book_id and k.is_enabled and k.kind = any(%(takes)s)
                where m.event_id = e.id and m.kind = a.market_kind) as is_priced,
            exists (select from betting_decision d
                join models_ml_prediction f on f.id = d.prediction_id
                where d.strategy_id = a.id and f.event_id = e.id) as is_decided
        from asked a
        join markets_competition c on c.sport_id = a.sport_id and c.is_simulated = a.is_simulated
        join markets_event e on e.competition_id = c.id
            and e.status not in ('POSTPONED', 'CANCELLED')
            and e.starts_at >= %(since)s + make_interval(secs => a.seconds / c.time_scale)
            and e.starts_at < %(until)s + make_interval(secs => a.seconds / c.time_scale)
        left join models_ml_stagelook l on l.event_id = e.id and l.feature_set = a.feature_set
            and l.stage = a.decide_at_stage
        where not a.is_replay
    ), counted as (
        select strategy_id, count(*) as events,
            count(*) filter (where state in ('DONE', 'LATE')) as looked_at,
            count(*) filter (where state in ('MISSED', 'SKIPPED')) as missed,
            count(*) filter (where is_foretold) as foretold,
            count(*) filter (where is_foretold and is_priced) as priced,
            count(*) filter (where is_decided) as decided,
            array_agg(distinct competition_id) as competitions
        from due group by 1
    )
    select a.id, a.bankroll_id, a.pipeline_id, a.sport_id, a.books, coalesce(c.competitions, '{}'),
        a.name, a.code, a.decide_at_stage, a.is_simulated, a.is_replay, a.is_enabled,
        a.is_pipeline_enabled, a.version_id is not null, coalesce(c.events, 0),
        coalesce(c.looked_at, 0), coalesce(c.missed, 0), coalesce(c.foretold, 0),
        coalesce(c.priced, 0), coalesce(c.decided, 0)
    from asked a left join counted c on c.strategy_id = a.id
    order by a.name
"""


def what_came_before(
    *, since: datetime, until: datetime, strategy_id: int | None = None
) -> list[before.Before]:
    """Return, per strategy, what there was to decide on in an interval, in two queries.

    An event counts where the strategy's stage of it lies in the interval.
    """
    asked = {
        "since": since,
        "until": until,
        "strategy": strategy_id,
        "stages": list(stages.MINUTES),
        "minutes": list(stages.MINUTES.values()),
        "takes": list(selecting.TAKES_BETS),
    }
    halts = halts_during(since=since, until=until)
    found = []
    for id_, bankroll_id, pipeline_id, sport_id, books, leagues, *rest in _rows(_BEFORE, asked):
        touched = {
            ("ALL", None),
            ("STRATEGY", id_),
            ("BANKROLL", bankroll_id),
            ("MODEL", pipeline_id),
            ("SPORT", sport_id),
            *(("COMPETITION", league) for league in leagues),
            *(("BOOK", book) for book in books),
        }
        stood = tuple(
            _pause(halt)
            for halt in halts
            if (halt.scope, halt.scope_id) in touched or (halt.scope == "BOOK" and not books)
        )
        columns: list[Any] = [id_, *rest, stood]
        found.append(before.Before(*columns))
    return found


def _pause(halt: Any) -> before.Pause:
    what = f"{halt.get_scope_display()} {halt.scope_name}" if halt.scope_id is not None else ""
    return before.Pause(what=what, reason=halt.reason, is_reduce_only=halt.is_reduce_only)


@dataclass(frozen=True, slots=True)
class Shopped:
    """What a strategy took, and what an enabled book offered beside it when it decided.

    Prices are net of an exchange's commission, and a better one is better so.  ``missed`` is
    the mean of best price / price taken - 1 over the bets with a better one;
    ``winnings`` what those bets would have paid more, all won, and ``expected`` the same by our
    probability.  ``lost`` counts passes that a better price would have made worth a bet.
    """

    strategy_id: int
    strategy: str
    currency: str
    bets: int
    bettered: int
    missed: float | None
    winnings: Decimal
    expected: float
    lost: int


@dataclass(frozen=True, slots=True)
class ShoppedBook:
    """How a book stood beside the best price of a strategy's bets.

    ``behind`` is the mean of best price / its own - 1 (0 where it always had the best);
    ``why`` is what most often kept the strategy from its better price.
    """

    strategy_id: int
    book: str
    offered: int
    taken: int
    bettered: int
    behind: float
    winnings: Decimal
    why: str


_BEST = "coalesce(d.chain #>> '{best,3}', d.chain #>> '{best,1}')::numeric"  # net, else as quoted
_TAKEN = "coalesce((d.chain ->> 'net_price')::numeric, d.price)"
_RISKED = "(1 - coalesce((d.chain ->> 'refund')::float8, 0))"
_MORE = f"d.stake * ({_BEST} - {_TAKEN})"
_SHOPPED = f"""
    select st.id, st.name, b.currency,
        count(*) filter (where d.verdict = 'BET'),
        count(*) filter (where d.verdict = 'BET' and d.chain ? 'best'),
        avg({_BEST} / {_TAKEN} - 1) filter (where d.verdict = 'BET')::float8,
        coalesce(sum({_MORE}) filter (where d.verdict = 'BET'), 0),
        coalesce(sum(d.probability * ({_MORE})::float8 * {_RISKED})
            filter (where d.verdict = 'BET'), 0),
        count(*) filter (where d.reason = any(%(of_prices)s)
            and (d.probability * {_BEST}::float8 - 1) * {_RISKED} between coalesce(
                (d.chain #>> '{{filters,EDGE_TOO_SMALL,1}}')::float8, st.min_edge) and st.max_edge
            and (d.chain #>> '{{best,1}}')::numeric between st.min_price and st.max_price
            and d.probability >= st.min_probability)
    {_CHOSEN} {_WINDOW} group by 1, 2, 3 order by 2
"""
_SHOPPED_BOOKS = f"""
    select st.id, q.book, count(*), count(*) filter (where k.code = q.book),
        count(*) filter (where d.chain #>> '{{best,0}}' = q.book),
        avg(coalesce({_BEST}, {_TAKEN}) / (q.price - (q.price - 1) * case o.kind
            when 'EXCHANGE' then coalesce((d.chain ->> 'commission')::numeric, 0) else 0 end)
            - 1)::float8,
        coalesce(sum({_MORE}) filter (where d.chain #>> '{{best,0}}' = q.book), 0),
        coalesce(mode() within group (order by d.chain #>> '{{best,2}}')
            filter (where d.chain #>> '{{best,0}}' = q.book), '')
    {_CHOSEN} join markets_book k on k.id = d.book_id
    cross join lateral (
        select told.key as book, split_part(told.value, ' ', 1)::numeric as price,
            split_part(told.value, ' ', 2) as mark
        from jsonb_each_text(d.chain -> 'prices') told
    ) q left join markets_book o on o.code = q.book
    {_WINDOW} and d.verdict = 'BET' and q.mark not in ('PRICE_STALE', 'BOOK_DISABLED')
    group by 1, 2 order by 1, 6, 2
"""
_OF_PRICES = (
    selecting.NO_PRICE, selecting.BOOK_NOT_ALLOWED, selecting.BOOK_DISABLED,
    selecting.PRICE_STALE, selecting.MARKET_INCOMPLETE, selecting.OVERROUND_TOO_HIGH,
    selecting.LIQUIDITY_TOO_LOW,
    selecting.PRICE_OUT_OF_RANGE, selecting.EDGE_TOO_SMALL,
)  # fmt: skip


def shopping(
    *, since: datetime, until: datetime, strategy_id: int | None = None
) -> tuple[list[Shopped], list[ShoppedBook]]:
    """Return what better prices were missed, by strategy and by its books, in two queries."""
    asked = {
        "since": since, "until": until, "strategy": strategy_id, "of_prices": list(_OF_PRICES),
    }  # fmt: skip
    return (
        [Shopped(*row) for row in _rows(_SHOPPED, asked)],
        [ShoppedBook(*row) for row in _rows(_SHOPPED_BOOKS, asked)],
    )


def _rows(sql: str, asked: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, asked)
        return cursor.fetchall()
