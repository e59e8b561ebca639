"""Making a plan for a backtest: a strategy's row, its bankroll's limits, and what is asked instead.

A spec is what a backtest's row keeps: whose probabilities, which events, when decided, and the
plan.  It is read strictly, whoever wrote it.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from django.db.models import Sum

import betting.domain
import settlements.domain
from betting.models import Bankroll, Bet, Strategy
from betting.queries import risk
from betting.services import allotting
from monitoring.errors import Refused
from settlements.domain.backtesting import plans
from settlements.domain.backtesting.plans import BadPlan, Plan
from settlements.services import histories, probabilities

_SPEC = ("source", "since", "until", "competitions", "stage", "latency_seconds", "plan")
_OF_A_ROW = (
    "min_edge", "max_edge", "min_probability", "min_price", "max_price", "max_overround",
    "max_price_age_seconds", "min_hours_to_start", "max_hours_to_start", "staking",
    "kelly_fraction", "flat_stake", "stake_share", "commission", "is_drawdown_scaled",
    "is_correlation_discounted", "max_stake_share", "max_event_share", "max_day_share",
    "max_open_share", "max_day_bets", "min_stake", "stake_step", "parameters",
)  # fmt: skip


class BacktestRefused(Refused):
    """This backtest cannot be."""


@dataclass(frozen=True, slots=True)
class Spec:
    """Everything that a backtest is asked for."""

    asked: histories.Asked
    plan: Plan

    def as_dict(self) -> dict[str, Any]:
        """Return it as a row keeps it."""
        return {
            "source": self.asked.source.name,
            "is_simulated": self.asked.source.is_simulated,
            "since": self.asked.since.isoformat(),
            "until": self.asked.until.isoformat(),
            "competitions": list(self.asked.competitions),
            "stage": self.asked.stage,
            "latency_seconds": self.asked.latency.total_seconds(),
            "plan": self.plan.as_dict(),
        }


def read(given: Mapping[str, Any]) -> Spec:
    """Read a spec strictly.

    Raises:
        BacktestRefused: an unknown name, a value that does not fit, upside-down dates.
        UnknownSource: nobody of that name tells probabilities.
    """
    if unknown := sorted(set(given) - {*_SPEC, "is_simulated"}):
        raise BacktestRefused(f"a backtest is not asked for {', '.join(unknown)}")
    source = probabilities.named(
        str(given.get("source", "market")), is_simulated=bool(given.get("is_simulated", False))
    )
    since, until = (
        moment(given.get("since"), name="since"),
        moment(given.get("until"), name="until"),
    )
    if until <= since:
        raise BacktestRefused(f"until {until:%Y-%m-%d} is not after since {since:%Y-%m-%d}")
    asked = histories.Asked(
        source=source,
        since=since,
        until=until,
        competitions=tuple(sorted(set(given.get("competitions") or ()))),
        stage=str(given.get("stage") or histories.stages.FINAL_STAGE),
        latency=_latency(given.get("latency_seconds", 0)),
    )
    histories.check(asked)
    found = Spec(asked, plan_from(given.get("plan") or {}))
    check_text(found.as_dict())
    return found


def check_text(told: Any) -> None:
    """Refuse characters that a column of JSON may not hold.

    Raises:
        BacktestRefused: a null character, or one that takes two in UTF-16.
    """
    text = json.dumps(told, default=str)
    if re.search(r"\\u0000|\\ud[89a-f]", text):
        raise BacktestRefused("a name or a value holds a character that is no text")


def plan_from(given: Mapping[str, Any]) -> Plan:
    """Read a plan.

    Raises:
        BacktestRefused: and names everything that does not fit.
    """
    try:
        return plans.read(given)
    except BadPlan as no:
        raise BacktestRefused(str(no)) from no


def plan_of(strategy: Strategy, **instead: Any) -> Plan:
    """Return a strategy's row, its bankroll's limits and money as a plan; ``instead`` go before.

    The money is what the bankroll began with: its balance without what bets have made of it.

    Raises:
        BacktestRefused: its program cannot be asked of history, or a value does not fit.
    """
    bankroll = strategy.bankroll
    rows = risk.in_force([bankroll])[bankroll.pk]
    terms = allotting.terms_of(strategy)
    given: dict[str, Any] = {name: getattr(strategy, name) for name in _OF_A_ROW}
    given |= {
        "strategy": strategy.code,
        "books": sorted(strategy.books.values_list("code", flat=True)),
        "phase_scale": terms.scale,
        "phase_most": terms.most,
        "allocation": terms.allocation,
        "limits": {
            row.dimension: {"share": row.share, "amount": row.amount, "number": row.number}
            for row in rows.values()
            if row.dimension not in plans.RESTS
        },
        "opening": _opening(bankroll),
        "currency": bankroll.currency,
        "time_zone": bankroll.time_zone,
        "time_scale": risk.time_scales([bankroll])[bankroll.pk],
    }
    return plan_from({**given, **instead})


def named(name: str) -> tuple[Strategy | None, Plan]:
    """Return a strategy by its name with its plan; a program's code gives a plan without a row.

    Raises:
        BacktestRefused: there is neither, or its program cannot be asked of history.
    """
    found = Strategy.objects.select_related("bankroll", "pipeline").filter(name=name).first()
    if found is not None:
        return found, plan_of(found)
    if name in plans.PROGRAMS:
        return None, plan_from({"strategy": name})
    rows = Strategy.objects.filter(code__in=plans.PROGRAMS, bankroll__replay=None)
    known = ", ".join([*plans.PROGRAMS, *rows.order_by("name").values_list("name", flat=True)])
    raise BacktestRefused(f"there is no strategy {name!r}; there are: {known}")


def source_of(strategy: Strategy) -> str:
    """Return the name of the probabilities that a strategy decides on."""
    if strategy.bankroll.replay_id is not None:
        return f"replay:{strategy.bankroll.replay_id}"
    assert strategy.pipeline is not None  # of the programs that are asked of history
    return f"predictions:{strategy.pipeline.code}"


def moment(given: object, *, name: str = "a moment") -> datetime:
    """Read a day or a moment; UTC where it says no zone.

    Raises:
        BacktestRefused: it is neither.
    """
    if isinstance(given, datetime):
        found = given
    elif isinstance(given, date):
        found = datetime.combine(given, time.min)
    else:
        try:
            found = datetime.fromisoformat(str(given))
        except ValueError as no:
            raise BacktestRefused(f"{name}: {given!r} is no day such as 2024-01-31") from no
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _latency(given: object) -> timedelta:
    try:
        return timedelta(seconds=float(str(given)))
    except (ValueError, OverflowError) as no:
        raise BacktestRefused(f"latency_seconds: {given!r} is no number of seconds") from no


def _opening(bankroll: Bankroll) -> Decimal:
    made = Bet.objects.filter(bankroll=bankroll, status=Bet.Status.SETTLED)
    opening = bankroll.balance - (made.aggregate(sum=Sum("profit"))["sum"] or Decimal(0))
    return opening if opening > 0 else Plan.model_fields["opening"].default


@cache
def code_version() -> str:
    """Return the hash of everything that says which bets are made of a history."""
    sums = hashlib.sha256()
    for package in (betting.domain, settlements.domain):
        for path in sorted(Path(package.__path__[0]).rglob("*.py")):
            sums.update(path.name.encode() + b"\0" + path.read_bytes())
    return sums.hexdigest()
