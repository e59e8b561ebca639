"""Making a decision of every prediction: a bet with its stake, or a pass with its reason."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
from django.db import connection, transaction

from betting import queries
from betting.domain import funnel, selecting, staking
from betting.domain import strategies as programs
from betting.domain.halts import Effect, Halted
from betting.models import Bankroll, Decision, Strategy
from betting.services import complying, dry_runs, gathering, sizing, strategies
from markets import queries as markets
from markets.models import Event
from models_ml.models import ModelVersion
from monitoring.errors import Refused
from monitoring.services import audit

_DRY_RUN = Strategy.Phase.DRY_RUN


class DecidingRefused(Refused):
    """These predictions are not this strategy's to decide."""


def decide(
    *,
    strategy: Strategy,
    prediction_ids: Sequence[int],
    as_of: datetime,
    now: datetime,
    dry_run: bool = False,
    actor: str = "task:decide",
) -> list[Decision]:
    """Decide a batch of predictions at the prices of ``as_of``; what was decided stays so.

    Stakes are sized on the settled balance; each bet of the batch counts against the limits
    of the ones after it, in the order as-of, event, selection.  A dry run writes and locks
    nothing, takes a strategy that is switched off too, and returns unsaved decisions.

    Raises:
        DecidingRefused: a prediction of another pipeline, of a replay that is not the
            strategy's own, or simulated where the money is not (or the other way round).
    """
    _check_strategy(strategy, dry_run=dry_run)
    with transaction.atomic():
        if not dry_run:  # two deciders of one strategy work one after another
            standing = Strategy.objects.select_for_update(of=("self",)).get(pk=strategy.pk)
            strategy.phase = standing.phase
        earlier = [] if dry_run else _earlier(strategy=strategy, ids=prediction_ids)
        done = {decision.prediction_id for decision in earlier}
        predictions = gathering.predictions(
            ids=[id_ for id_ in prediction_ids if id_ not in done], strategy=strategy, as_of=as_of
        )
        _check_belong(strategy=strategy, predictions=predictions)
        if predictions.empty:
            return earlier
        decisions = list(
            _decisions(strategy=strategy, predictions=predictions, as_of=as_of, now=now)
        )
        if dry_run:
            return decisions
        return earlier + _write(strategy, decisions, as_of=as_of, now=now, actor=actor)


def decide_due(
    *, now: datetime, dry_run: bool = False, actor: str = "task:decide_due"
) -> dict[str, int]:
    """Decide every prediction of a serving version that an enabled strategy waits for.

    Returns how many predictions were decided, and of them how many are bets and passes.
    """
    due: dict[int, list[int]] = {}
    for strategy_id, prediction_id in _due(now=now):
        due.setdefault(strategy_id, []).append(prediction_id)
    decisions: list[Decision] = []
    for strategy in Strategy.objects.select_related("bankroll", "pipeline").filter(pk__in=due):
        decisions += decide(
            strategy=strategy,
            prediction_ids=due[strategy.pk],
            as_of=now,
            now=now,
            dry_run=dry_run,
            actor=actor,
        )
    bets = sum(decision.verdict == Decision.Verdict.BET for decision in decisions)
    return {"decided": len(decisions), "bets": bets, "passes": len(decisions) - bets}


_DUE = """
    select st.id, p.id
    from betting_strategy st
    join betting_bankroll b on b.id = st.bankroll_id and b.kind in ('LIVE', 'PAPER')
    join models_ml_modelversion v on v.pipeline_id = st.pipeline_id and v.stage = 'PRODUCTION'
    join models_ml_prediction p on p.version_id = v.id
    join models_ml_featurerow r on r.id = p.feature_row_id
        and r.stage = st.decide_at_stage and r.replay_id is null and r.rehearsal_id is null
    join markets_event e on e.id = p.event_id and e.starts_at > %s and e.status = 'SCHEDULED'
    where st.is_enabled and not exists (
        select from betting_decision d where d.strategy_id = st.id and d.prediction_id = p.id)
    order by st.id, p.as_of, p.event_id, p.selection_id
"""


def _due(*, now: datetime) -> list[tuple[int, int]]:
    """Return (strategy, prediction) pairs that wait, in one query that is cheap when idle."""
    with connection.cursor() as cursor:
        cursor.execute(_DUE, [now])
        return cursor.fetchall()


def _check_strategy(strategy: Strategy, *, dry_run: bool) -> None:
    if strategy.pipeline is None:
        raise DecidingRefused(f"the strategy {strategy} decides on no predictions")
    strategies.check_pairing(bankroll=strategy.bankroll, pipeline=strategy.pipeline)
    if not strategy.is_enabled and not dry_run:
        raise DecidingRefused(f"the strategy {strategy} is switched off")
    strategies.check_parameters(code=strategy.code, parameters=strategy.parameters)


def _write(
    strategy: Strategy, decisions: list[Decision], *, as_of: datetime, now: datetime, actor: str
) -> list[Decision]:
    made = Decision.objects.bulk_create(decisions)
    dry_runs.note(decisions=made)
    bets = [decision.pk for decision in made if decision.verdict == Decision.Verdict.BET]
    audit.record(
        actor=actor,
        action="betting.decided",
        subject=strategy,
        at=now,
        as_of=as_of.isoformat(),
        bets=bets,
        passes=len(made) - len(bets),
    )
    return made


def _earlier(*, strategy: Strategy, ids: Sequence[int]) -> list[Decision]:
    earlier = Decision.objects.filter(strategy=strategy, prediction_id__in=list(ids))
    return list(earlier.order_by("pk"))


def _check_belong(*, strategy: Strategy, predictions: pd.DataFrame) -> None:
    wrong = [
        (predictions["rehearsal_id"].notna(), "were made to practise"),
        (predictions["pipeline_id"] != strategy.pipeline_id, "come from another pipeline"),
        (
            predictions["replay_id"].fillna(-1) != (strategy.bankroll.replay_id or -1),
            "belong to another replay, or to none where the strategy's money does",
        ),
        (
            predictions["is_simulated"].astype(bool) != strategy.bankroll.is_simulated,
            "are of simulated events where the money is not, or the other way round",
        ),
    ]
    for mask, why in wrong:
        if mask.any():
            first = predictions.loc[mask, "prediction_id"].iloc[0]
            raise DecidingRefused(f"{mask.sum()} predictions (first: #{first}) {why}")


def _decisions(
    *, strategy: Strategy, predictions: pd.DataFrame, as_of: datetime, now: datetime
) -> Iterator[Decision]:
    halted = queries.halted(at=now)
    live = strategy.bankroll.kind != Bankroll.Kind.REPLAY
    assert strategy.pipeline is not None  # asked before
    rules = strategies.rules_of(
        strategy,
        halted_books=halted.books if live else frozenset(),
        forbidden_books=complying.forbidden_books(bankroll=strategy.bankroll),
    )
    event_ids = sorted(set(predictions["event_id"].tolist()))
    board = markets.event_board(
        event_ids=event_ids, as_of=as_of, kinds=(strategy.pipeline.market_kind,)
    )
    if rules.min_liquidity is not None:
        board = gathering.with_sizes(board, as_of=as_of)
    stops = _stopped_before_prices(
        strategy=strategy, predictions=predictions, halted=halted, as_of=as_of
    )
    program = programs.REGISTRY[strategy.code]
    told = strategies.check_parameters(code=program.code, parameters=strategy.parameters)
    appraised = _appraised(
        predictions=predictions,
        stops=stops,
        appraise=lambda rows: program.appraise(rows, board, rules, as_of, told),
    )
    sizer = sizing.Sizer(strategy=strategy, as_of=as_of)
    worth = selecting.DRY_RUN if strategy.phase == _DRY_RUN else selecting.VALUE
    sizer.meet([seen for seen in appraised.values() if not seen["reason"]])
    for row in _records(predictions):
        seen = appraised[row["prediction_id"]]
        if seen["reason"]:
            yield _decision(strategy, row, seen, seen["reason"], None, as_of)
        else:
            stake = sizer.stake(seen)
            yield _decision(strategy, row, seen, stake.reason or worth, stake, as_of)


def _appraised(
    *,
    predictions: pd.DataFrame,
    stops: list[list[str]],
    appraise: Callable[[pd.DataFrame], pd.DataFrame],
) -> dict[int, dict[str, Any]]:
    """Appraise every prediction, those too that are passed over whatever their price.

    Those apart, so that what is stopped beats no other selection of its event.
    """
    is_stopped = pd.Series([bool(codes) for codes in stops], index=predictions.index)
    appraised = {
        seen["prediction_id"]: seen
        for mask in (~is_stopped, is_stopped)
        if mask.any()
        for seen in _records(appraise(predictions[mask]))
    }
    for prediction_id, codes in zip(predictions["prediction_id"], stops, strict=True):
        if codes:
            seen = appraised[prediction_id]
            seen["reason"] = codes[0]
            seen["failed"] = list(dict.fromkeys([*codes, *seen["failed"]]))
    return appraised


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [{str(key): value for key, value in row.items()} for row in frame.to_dict("records")]


def _stopped_before_prices(
    *, strategy: Strategy, predictions: pd.DataFrame, halted: Halted, as_of: datetime
) -> list[list[str]]:
    """Return everything for which a prediction is passed over whatever its price, in order."""
    live = strategy.bankroll.kind != Bankroll.Kind.REPLAY
    window = strategies.window_of(strategy)
    event_ids = predictions["event_id"].tolist()
    taken = queries.events_taken(
        strategy_id=strategy.pk, event_ids=event_ids, is_dry=strategy.phase == _DRY_RUN
    )
    start = pd.concat(
        [pd.to_datetime(predictions[column], utc=True) for column in ("starts_at", "started_at")],
        axis="columns",
    ).min(axis="columns")
    is_off = predictions["status"] != Event.Status.SCHEDULED
    not_serving = predictions["version_stage"] != ModelVersion.Stage.PRODUCTION
    ladder = [
        (start <= pd.Timestamp(as_of), selecting.EVENT_STARTED),
        (is_off & live, selecting.EVENT_NOT_SCHEDULED),
        (_halted(strategy, predictions, halted=halted, live=live), selecting.HALTED),
        (predictions["stage"] != strategy.decide_at_stage, selecting.STAGE_NOT_BET),
        (~predictions["hours"].map(window.holds), selecting.OUTSIDE_WINDOW),
        (not_serving & live, selecting.VERSION_NOT_SERVING),
        (predictions["event_id"].isin(taken), selecting.ALREADY_BET),
    ]
    codes = [reason for _, reason in ladder]
    hits = zip(*(mask for mask, _ in ladder), strict=True)
    return [[code for code, hit in zip(codes, row, strict=True) if hit] for row in hits]


def _halted(
    strategy: Strategy, predictions: pd.DataFrame, *, halted: Halted, live: bool
) -> pd.Series:
    """Tell which predictions a halt stops; one that lets exposure be lowered is asked later."""
    leagues = predictions[["sport_id", "competition_id"]].drop_duplicates()
    stopped = {
        competition_id
        for sport_id, competition_id in leagues.itertuples(index=False)
        if halted.effect(
            strategy_id=strategy.pk,
            bankroll_id=strategy.bankroll_id,
            pipeline_id=strategy.pipeline_id,
            sport_id=sport_id,
            competition_id=competition_id,
            book_id=None,
            live=live,
        )
        is Effect.STOP
    }
    return predictions["competition_id"].isin(stopped)


def _decision(
    strategy: Strategy,
    row: dict[str, Any],
    seen: dict[str, Any],
    reason: str,
    stake: staking.Stake | None,
    as_of: datetime,
) -> Decision:
    is_bet = stake is not None and reason == selecting.VALUE
    edge, book_id = seen["edge"], seen["book_id"]
    return Decision(
        strategy=strategy,
        prediction_id=row["prediction_id"],
        selection_id=row["selection_id"],
        book_id=int(book_id) if book_id > 0 else None,
        verdict=Decision.Verdict.BET if is_bet else Decision.Verdict.PASS,
        reason=reason,
        probability=row["probability"],
        price=seen["price"],
        edge=float(edge) if pd.notna(edge) else None,
        stake=stake.amount if stake is not None and is_bet else staking.NOTHING,
        chain=_chain(strategy, row, seen, reason, stake),
        decided_at=as_of,
    )


def _chain(
    strategy: Strategy,
    row: dict[str, Any],
    seen: dict[str, Any],
    reason: str,
    stake: staking.Stake | None,
) -> dict[str, Any]:
    """Return every number on the way to a decision, and every filter that it fails."""
    failed, filters = list(seen["failed"]), dict(seen["filters"])
    chain: dict[str, Any] = {"prices": seen["prices"], "ages": seen["ages"], "filters": filters}
    for number in ("overround", "edge", "kelly"):
        if pd.notna(value := seen[number]):
            chain[number] = round(float(value), 6)
    if bounds := strategies.window_of(strategy).bounds:
        filters[selecting.OUTSIDE_WINDOW] = [round(row["hours"], 6), *bounds]
    if row["refund"]:
        chain["refund"] = round(row["refund"], 6)
    if strategy.commission:
        chain["commission"] = strategy.commission
        if pd.notna(net := seen["net_price"]):
            chain["net_price"] = round(float(net), 6)
    chain.update(seen.get("notes") or {})
    if seen["best"]:
        chain["best"] = seen["best"]
    if stake is not None:
        if strategy.staking != Strategy.Staking.FRACTIONAL_KELLY:
            chain["staking"] = strategy.staking
        chain["cuts"] = [[name, str(amount)] for name, amount in stake.cuts]
    if stake is not None and reason != selecting.VALUE:
        failed.append(reason)
        if reason == selecting.DRY_RUN:
            chain["would_stake"] = str(stake.amount)
        else:
            filters[reason] = [float(stake.cuts[-1][1]), float(strategy.min_stake)]
    if failed:
        chain["failed"] = failed
    if (miss := funnel.miss(failed=failed, filters=filters)) is not None:
        chain["miss"] = miss
    return chain
