"""What a backtest is asked to do: a strategy's numbers, its limits and its money.  Pure.

A plan says what a strategy's row and its bankroll's limits say, under the same names, so that one
can be made of the other.  Amounts are exact: text such as "25.00" in what is read.
"""

import hashlib
import json
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from betting.domain import limits as domain
from betting.domain import selecting, sizing
from betting.domain.limits import COUNTED, GROUPED, RESTS, Bound, Caps, Dimension
from betting.domain.parameters import BadParameters
from betting.domain.phases import Terms
from betting.domain.programs import value
from betting.domain.programs.value import Told

PROGRAMS = (value.PROGRAM.code,)  # those that can be asked of whole arrays
Share = Annotated[float, Field(gt=0, le=1)]
Amount = Annotated[Decimal, Field(gt=0, lt=10**9, decimal_places=2)]
Price = Annotated[Decimal, Field(gt=1, le=10**6, decimal_places=3)]


class BadPlan(ValueError):
    """A plan that cannot be, with what is wrong by name."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(
            "; ".join(f"{name}: {why}" if name else why for name, why in faults.items())
        )
        self.faults = dict(faults)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Limit(_Read):
    """How much a limit allows: a share of the balance, an amount, the less of both; or a number."""

    share: Share | None = None
    amount: Amount | None = None
    number: Annotated[Decimal, Field(gt=0)] | None = None

    @property
    def bound(self) -> Bound:
        return Bound(share=self.share, amount=self.amount, number=self.number)


class Plan(_Read):
    """A strategy's numbers as its row has them, the bankroll's limits, and the money."""

    strategy: str = PROGRAMS[0]
    parameters: dict[str, Any] = Field(default_factory=dict)
    min_edge: Annotated[float, Field(ge=-1, le=10)] = 0.02
    max_edge: Annotated[float, Field(ge=-1, le=1000)] = 0.25
    min_probability: Annotated[float, Field(ge=0, le=1)] = 0.0
    min_price: Price = Decimal("1.30")
    max_price: Price = Decimal("5.00")
    max_overround: Annotated[float, Field(ge=-1, le=10)] = 0.15
    max_price_age_seconds: Annotated[int, Field(ge=0, le=10**9)] = 600
    min_hours_to_start: Annotated[float, Field(ge=0)] | None = None
    max_hours_to_start: Annotated[float, Field(gt=0)] | None = None
    books: tuple[str, ...] = ()  # codes; none: every enabled one
    staking: Literal["FRACTIONAL_KELLY", "SIMULTANEOUS_KELLY", "FLAT", "PERCENT"] = (
        "FRACTIONAL_KELLY"
    )
    kelly_fraction: Share = 0.25
    flat_stake: Amount | None = None
    stake_share: Share | None = None
    commission: Annotated[float, Field(ge=0, lt=1)] = 0.0  # of winnings, at exchanges
    is_drawdown_scaled: bool = False
    is_correlation_discounted: bool = False
    phase_scale: Share = 1.0
    phase_most: Share = 1.0
    allocation: Share = 1.0
    max_stake_share: Share = 0.02
    max_event_share: Share = 0.03
    max_day_share: Share = 0.15
    max_open_share: Share = 0.25
    max_day_bets: Annotated[int, Field(ge=1, le=32_767)] | None = None
    min_stake: Amount = Decimal("1.00")
    stake_step: Amount = Decimal("0.01")
    limits: dict[Dimension, Limit] = Field(default_factory=dict)  # the bankroll's rows
    opening: Amount = Decimal("10000.00")
    currency: Annotated[str, Field(pattern="^[A-Z]{3}$")] = "EUR"
    time_zone: str = "UTC"
    time_scale: Annotated[float, Field(gt=0, le=10**6)] = 1.0

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.strategy not in PROGRAMS:
            raise ValueError(
                f"the strategy {self.strategy!r} cannot be asked of history: {', '.join(PROGRAMS)}"
            )
        if self.max_price < self.min_price:
            raise ValueError("max_price lies below min_price")
        if self.max_edge < self.min_edge:
            raise ValueError("max_edge lies below min_edge")
        if self.staking == sizing.FLAT and self.flat_stake is None:
            raise ValueError("staking FLAT needs flat_stake, an amount")
        if self.staking == sizing.PERCENT and self.stake_share is None:
            raise ValueError("staking PERCENT needs stake_share, a share of 1")
        _check_zone(self.time_zone)
        _check_limits(self.limits)
        try:
            self.told  # noqa: B018
        except BadParameters as no:
            raise ValueError(f"parameters: {no}") from no
        return self

    @property
    def told(self) -> Told:
        """What the program alone is told."""
        return Told.read(self.parameters)

    @property
    def rules(self) -> selecting.Rules:
        """Return the rules of selection; which books is told apart, by their codes."""
        return selecting.Rules(
            min_edge=self.min_edge,
            max_edge=self.max_edge,
            min_probability=self.min_probability,
            min_price=self.min_price,
            max_price=self.max_price,
            max_overround=self.max_overround,
            max_price_age=timedelta(seconds=self.max_price_age_seconds),
            commission=self.commission,
        )

    def method(self, *, market_kind: str) -> sizing.Method:
        """Return its way of staking, as live betting asks it."""
        return sizing.Method(
            staking=self.staking,
            kelly_fraction=self.kelly_fraction,
            flat_stake=self.flat_stake,
            stake_share=self.stake_share,
            min_stake=self.min_stake,
            stake_step=self.stake_step,
            caps=Caps(
                stake=self.max_stake_share,
                event=self.max_event_share,
                day=self.max_day_share,
                open=self.max_open_share,
                day_bets=self.max_day_bets,
            ),
            market_kind=market_kind,
            strategy_id=0,
            terms=Terms(scale=self.phase_scale, most=self.phase_most, allocation=self.allocation),
            is_drawdown_scaled=self.is_drawdown_scaled,
            is_correlation_discounted=self.is_correlation_discounted,
        )

    @property
    def bounds(self) -> dict[Dimension, Bound]:
        """Return the limits of the bankroll's rows."""
        return {dimension: limit.bound for dimension, limit in self.limits.items()}

    def all_limits(self, *, market_kind: str) -> domain.Limits:
        """Return the strategy's caps and the bankroll's rows as one set of limits."""
        return domain.together(caps=self.method(market_kind=market_kind).caps, rows=self.bounds)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON can hold it; the same plan gives the same text."""
        return self.model_dump(mode="json")

    def digest(self) -> str:
        """Return the SHA-256 over everything that it says.

        >>> Plan(min_edge=0.02).digest() == Plan().digest()
        True
        """
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()


def _check_zone(name: str) -> None:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as no:
        raise ValueError(f"{name!r} is no time zone") from no


def _check_limits(rows: Mapping[Dimension, Limit]) -> None:
    if resting := sorted(set(rows) & set(RESTS)):
        raise ValueError(f"{', '.join(resting)}: rests are given by the clock of live betting")
    if grouped := sorted(set(rows) & set(GROUPED)):
        raise ValueError(f"{', '.join(grouped)}: who was in which groups then is not known")
    for dimension, row in rows.items():
        if dimension in COUNTED and (row.number is None or row.share or row.amount):
            raise ValueError(f"{dimension} is limited by a number")
        if dimension not in COUNTED and (row.number is not None or not (row.share or row.amount)):
            raise ValueError(f"{dimension} is limited by a share or an amount, or says nothing")


def read(given: Mapping[str, Any]) -> Plan:
    """Read a plan strictly: unknown names and values that do not fit are refused.

    >>> read({"min_edge": "0.03", "limits": {"DAY": {"amount": "50.00"}}}).bounds
    {<Dimension.DAY: 'DAY'>: Bound(share=None, amount=Decimal('50.00'), number=None)}

    Raises:
        BadPlan: with what is wrong by name.
    """
    try:
        return Plan.model_validate(dict(given))
    except ValidationError as no:
        faults = {
            ".".join(map(str, fault["loc"])): str(fault["msg"]).removeprefix("Value error, ")
            for fault in no.errors()
        }
        raise BadPlan(faults) from no
