"""Making strategies, and reading their rows as the rules and caps of the pure domain."""

import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from django.core.exceptions import NON_FIELD_ERRORS, FieldDoesNotExist, ValidationError
from django.db import transaction
from django.db.models import Field

from betting.domain import arbitrage, selecting, strategies
from betting.domain.limits import Caps
from betting.domain.parameters import BadParameters, Parameters
from betting.domain.windows import Window
from betting.models import Bankroll, Strategy
from models_ml import queries
from models_ml.domain import feature_sets, stages
from models_ml.models import Pipeline
from monitoring.errors import Refused
from monitoring.services import audit

#: What a strategy of arbitrage begins with: its edge is the return that is guaranteed.
OF_ARBITRAGE = {"min_edge": arbitrage.MIN_RETURN, "max_edge": arbitrage.MAX_RETURN}
_NOT_LIMITS = {"id", "name", "code", "bankroll", "pipeline", "phase"}


class StrategyRefused(Refused):
    """This strategy cannot be, or cannot be changed, so."""


def ensure_strategy(
    *,
    name: str,
    code: str,
    bankroll: Bankroll,
    pipeline: Pipeline | None = None,
    now: datetime,
    actor: str,
    **limits: object,
) -> Strategy:
    """Return the strategy of this name, made with these limits if it does not exist.

    An existing row is the operator's: its limits are left alone.  Arbitrage alone has no pipeline.

    Raises:
        StrategyRefused: unknown code or limit, a stage that is not on the sport's ladder, a value
            that its column refuses, simulated and real money mixed, or the name belongs to another
            bankroll.
    """
    check_pairing(bankroll=bankroll, pipeline=pipeline)
    with transaction.atomic():
        existing = Strategy.objects.select_for_update(of=("self",)).filter(name=name).first()
        if existing is not None:
            return _same(existing, code=code, bankroll=bankroll, pipeline=pipeline)
        strategy = Strategy(name=name, code=code, bankroll=bankroll, pipeline=pipeline)
        strategy.phase = first_phase(bankroll)
        own = OF_ARBITRAGE if code == arbitrage.CODE else {}
        _set(strategy, {**own, **limits})
        strategy.save(force_insert=True)
        audit.record(
            actor=actor,
            action="strategy.created",
            subject=strategy,
            at=now,
            name=name,
            code=code,
            phase=strategy.phase,
            limits={key: str(value) for key, value in limits.items()},
        )
    return strategy


def change_strategy(
    *, strategy_id: int, actor: str, reason: str, now: datetime, **limits: object
) -> Strategy:
    """Set some of a strategy's limits, or switch it on and off; the audit keeps both values.

    Raises:
        StrategyRefused: no reason, nothing to change, no such strategy, an unknown limit, a stage
            that is not on the sport's ladder, or a refused value.
    """
    if not reason.strip():
        raise StrategyRefused("give a reason for changing a strategy")
    with transaction.atomic():
        strategy = (
            Strategy.objects.select_for_update(of=("self",))
            .select_related("bankroll", "pipeline__sport")
            .filter(pk=strategy_id)
            .first()
        )
        if strategy is None:
            raise StrategyRefused(f"there is no strategy #{strategy_id}")
        if not limits:
            raise StrategyRefused("name what is to change")
        before = {key: str(getattr(strategy, key, None)) for key in limits}
        _set(strategy, limits)
        strategy.save(update_fields=list(limits))
        audit.record(
            actor=actor,
            action="strategy.changed",
            subject=strategy,
            at=now,
            reason=reason.strip(),
            before=before,
            after={key: str(value) for key, value in limits.items()},
        )
    return strategy


def first_phase(bankroll: Bankroll) -> str:
    """Return the phase that a new strategy begins in: on live money it is tried without any."""
    is_real = bankroll.kind == Bankroll.Kind.LIVE and not bankroll.is_simulated
    return Strategy.Phase.DRY_RUN if is_real else Strategy.Phase.PRODUCTION


def check_pairing(*, bankroll: Bankroll, pipeline: Pipeline | None) -> None:
    """Hold simulated money and simulated leagues together, and apart from the rest.

    Raises:
        StrategyRefused: one of them is simulated and the other is not.
    """
    if pipeline is not None and bankroll.is_simulated != pipeline.is_simulated:
        raise StrategyRefused(
            f"{bankroll} and {pipeline} do not go together: one of them is simulated"
        )


def check_parameters(*, code: str, parameters: Mapping[str, object]) -> Parameters:
    """Return what a strategy's program is told.

    Raises:
        StrategyRefused: the program has no such parameter, or it cannot have that value.
    """
    try:
        return strategies.read(code, parameters)
    except BadParameters as no:
        raise StrategyRefused(f"parameters: {no}") from no


def check_program(*, code: str, pipeline: Pipeline) -> None:
    """Refuse a program that could bet on nothing that the pipeline foretells.

    Raises:
        StrategyRefused: it does not bet on such markets, or needs features that are not told.
    """
    if program := strategies.REGISTRY.get(code):
        found = program.unfit(
            feature_set=pipeline.feature_set,
            features=feature_sets.named(pipeline.feature_set).names if program.features else (),
            kind=pipeline.market_kind,
        )
        if found:
            raise StrategyRefused(found)


def check_stage(*, stage: str, bankroll: Bankroll, pipeline: Pipeline | None) -> None:
    """Refuse a stage at which the pipeline's events are not looked at: it would never decide.

    A replay looks at its events by itself, at any stage there is; arbitrage looks at no stage.

    Raises:
        StrategyRefused: the stage is not on the ladder of the pipeline's sport.
    """
    if pipeline is None:
        return
    sport, is_simulated = pipeline.sport, pipeline.is_simulated
    offered = list(stages.STAGES)
    if bankroll.replay_id is None:
        offered = queries.stage_names(sport=sport, is_simulated=is_simulated)
    if stage not in offered:
        whose = f"simulated {sport}" if is_simulated else str(sport)
        raise StrategyRefused(
            f"events of {whose} are not looked at at {stage!r}, only at {', '.join(offered)}"
        )


def check_window(*, stage: str, bankroll: Bankroll, least: float | None) -> None:
    """Refuse a window that has closed before the strategy's stage: it would never bet.

    A replay looks at its events by itself, at any stage there is.

    Raises:
        StrategyRefused: the stage comes later than the window's last moment.
    """
    if least is None or bankroll.replay_id is not None or stage not in stages.MINUTES:
        return
    hours = stages.MINUTES[stage] / 60.0
    if least > hours:
        raise StrategyRefused(
            f"min_hours_to_start is {least:g}, but at {stage} no more than {hours:g} are left"
        )


def window_of(strategy: Strategy) -> Window:
    """Read a strategy's row as how long before the start it may bet."""
    return Window(least=strategy.min_hours_to_start, most=strategy.max_hours_to_start)


def rules_of(
    strategy: Strategy,
    *,
    halted_books: frozenset[int],
    forbidden_books: frozenset[tuple[int, str]] = frozenset(),
) -> selecting.Rules:
    """Read a strategy's row as the rules of selection; one query, for its books."""
    books = frozenset(strategy.books.values_list("pk", flat=True))
    return selecting.Rules(
        min_edge=strategy.min_edge,
        max_edge=strategy.max_edge,
        min_probability=strategy.min_probability,
        min_price=strategy.min_price,
        max_price=strategy.max_price,
        max_overround=strategy.max_overround,
        max_price_age=timedelta(seconds=strategy.max_price_age_seconds),
        books=books or None,
        halted_books=halted_books,
        forbidden_books=forbidden_books,
        commission=strategy.commission,
        min_liquidity=None if strategy.min_liquidity is None else float(strategy.min_liquidity),
    )


def caps_of(strategy: Strategy) -> Caps:
    """Read a strategy's row as the caps of its stakes."""
    return Caps(
        stake=strategy.max_stake_share,
        event=strategy.max_event_share,
        day=strategy.max_day_share,
        open=strategy.max_open_share,
        day_bets=strategy.max_day_bets,
    )


def _same(
    existing: Strategy, *, code: str, bankroll: Bankroll, pipeline: Pipeline | None
) -> Strategy:
    found = (existing.code, existing.bankroll_id, existing.pipeline_id)
    if found != (code, bankroll.pk, pipeline.pk if pipeline else None):
        raise StrategyRefused(
            f"the name {existing.name!r} belongs to a strategy of another code, bankroll or model"
        )
    return existing


def _set(strategy: Strategy, limits: dict[str, object]) -> None:
    for key, value in limits.items():
        try:
            field = Strategy._meta.get_field(key)
        except FieldDoesNotExist:
            field = None
        if not isinstance(field, Field) or field.many_to_many or key in _NOT_LIMITS:
            raise StrategyRefused(f"a strategy has no limit {key!r}")
        try:
            value = field.to_python(value)
        except (ValidationError, ArithmeticError) as no:
            raise StrategyRefused(f"{key}: {value!r} does not fit") from no
        if isinstance(value, float) and not math.isfinite(value):
            raise StrategyRefused(f"{key} must be a finite number")
        setattr(strategy, key, value)
    check_parameters(code=strategy.code, parameters=strategy.parameters)
    if strategy.pk is None and strategy.pipeline is not None:
        check_program(code=strategy.code, pipeline=strategy.pipeline)
    if "decide_at_stage" in limits or strategy.pk is None:
        check_stage(
            stage=strategy.decide_at_stage, bankroll=strategy.bankroll, pipeline=strategy.pipeline
        )
    if {"decide_at_stage", "min_hours_to_start"} & set(limits) or strategy.pk is None:
        least = strategy.min_hours_to_start
        check_window(stage=strategy.decide_at_stage, bankroll=strategy.bankroll, least=least)
    try:
        strategy.full_clean(exclude=["bankroll", "pipeline"], validate_unique=False)
    except ValidationError as no:
        raise StrategyRefused(_told(no)) from no


def _told(no: ValidationError) -> str:
    """Name the field before each of its faults; a rule over several names them itself."""
    return "; ".join(
        fault if field == NON_FIELD_ERRORS else f"{field}: {fault}"
        for field, faults in no.message_dict.items()
        for fault in faults
    )
