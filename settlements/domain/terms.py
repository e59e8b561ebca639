"""What a book's rules say where books differ: data, read strictly, one version never edited.

Every term has the value that most of the trade uses, so a rule set names only what it does
otherwise.  Amounts and shares are exact: text such as "0.05" in what is read.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Share = Annotated[Decimal, Field(ge=0, lt=1)]


class BadTerms(ValueError):
    """A term that there is not, or a value that it cannot have."""

    def __init__(self, faults: Mapping[str, str]) -> None:
        super().__init__(
            "; ".join(f"{name}: {why}" if name else why for name, why in faults.items())
        )
        self.faults = dict(faults)


class _Read(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Commission(_Read):
    """What a book takes.  ``rate`` is of the base, ``discount`` a share of the rate."""

    base: Literal["NONE", "EACH_WIN", "MARKET_NET", "STAKE", "RETURNS"] = "NONE"
    rate: Share = Decimal(0)
    discount: Annotated[Decimal, Field(ge=0, le=1)] = Decimal(0)
    #: The rate that came with the bet, from an account or a file, goes before ``rate``.
    is_of_bet: bool = False

    @property
    def net_rate(self) -> Decimal:
        return self.rate * (1 - self.discount)


class Step(_Read):
    """A withdrawn price up to and with ``to`` takes ``deduction`` of the winnings."""

    to: Annotated[Decimal, Field(gt=1)]
    deduction: Share


class EachWay(_Read):
    """Each-way terms by how many run: from ``runners`` on, until the next one."""

    runners: Annotated[int, Field(ge=1, le=60)]
    places: Annotated[int, Field(ge=1, le=12)]
    fraction: Annotated[Decimal, Field(gt=0, le=1)]


#: Deductions by the withdrawn price as the Tattersalls committee's rule has them, in the steps
#: that most British books publish.
RULE_4 = tuple(
    Step(to=Decimal(to), deduction=Decimal(pence).scaleb(-2))
    for to, pence in (
        ("1.12", 90), ("1.19", 85), ("1.27", 80), ("1.33", 75), ("1.44", 70), ("1.57", 65),
        ("1.66", 60), ("1.83", 55), ("1.99", 50), ("2.24", 45), ("2.59", 40), ("2.79", 35),
        ("3.39", 30), ("4.19", 25), ("5.40", 20), ("6.99", 15), ("10.99", 10),
    )
)  # fmt: skip


class Terms(_Read):
    """A rule set's terms.

    ``tie``                a two-way market on the winner, drawn
    ``dead_heat``          more winners than places: stakes shared, or all paid in full
    ``sets_needed``        played to the end before a player gave up; None: the whole match
    ``abandoned``          everything void, or what was decided by then stands
    ``postponed_hours``    within which a match put off is still bet on; 0: void at once
    ``non_runner``         how prices struck before a withdrawal are lowered
    ``least_reduction``    withdrawn runners below it (a share) lower no price of a win market
    ``reduced_places``     decimals that a reduced price is rounded to; None: not at all
    ``least_deduction``    rule 4 in all below it is waived
    ``rounding``           of a bet's profit, once: to the cent
    ``without_price``      a bet at a starting price that was never formed
    """

    tie: Literal["PUSH", "LOST"] = "PUSH"
    dead_heat: Literal["SHARED", "IN_FULL"] = "SHARED"
    sets_needed: Annotated[int, Field(ge=0, le=5)] | None = 1
    abandoned: Literal["VOID", "DECIDED_STANDS"] = "VOID"
    postponed_hours: Annotated[int, Field(ge=0, le=24 * 14)] = 0
    non_runner: Literal["NONE", "RULE_4", "REDUCTION_FACTOR"] = "NONE"
    rule_4: tuple[Step, ...] = RULE_4
    most_deduction: Share = Decimal("0.90")
    least_deduction: Share = Decimal(0)
    least_reduction: Share = Decimal("0.025")
    reduced_places: Annotated[int, Field(ge=2, le=6)] | None = 2
    each_way: tuple[EachWay, ...] = ()
    commission: Commission = Commission()
    rounding: Literal["HALF_EVEN", "HALF_UP", "DOWN"] = "HALF_EVEN"
    without_price: Literal["VOID", "AS_ZERO"] = "VOID"

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        prices = [step.to for step in self.rule_4]
        if prices != sorted(set(prices)):
            raise ValueError("rule_4: prices that rise from step to step")
        fields = [one.runners for one in self.each_way]
        if len(set(fields)) != len(fields):
            raise ValueError("each_way: one line for each number of runners")
        return self

    @classmethod
    def read(cls, told: object) -> Self:
        """Return terms from what a rule set's row holds.

        Raises:
            BadTerms: and names each term that does not fit, with what was expected.
        """
        if not isinstance(told, Mapping):
            raise BadTerms({"": f"expected terms with their values, not {told!r:.60}"})
        try:
            return cls.model_validate(dict(told))
        except ValidationError as no:
            raise BadTerms(dict(_fault(error) for error in no.errors(include_url=False))) from no

    def told(self) -> dict[str, Any]:
        """Return the terms that differ from the usual ones, as a row holds them."""
        return self.model_dump(mode="json", exclude_defaults=True)

    def each_way_of(self, *, runners: int) -> EachWay | None:
        """Return the place terms of a race of so many; None where there are none.

        >>> lines = [EachWay(runners=8, places=3, fraction="0.2")]
        >>> Terms(each_way=lines).each_way_of(runners=9).places
        3
        """
        fitting = [one for one in self.each_way if one.runners <= runners]
        return max(fitting, key=lambda one: one.runners, default=None)


def _fault(error: Any) -> tuple[str, str]:
    name = ".".join(str(part) for part in error["loc"])
    return name, f"{error['msg']}, not {error['input']!r:.60}" if name else str(error["msg"])
