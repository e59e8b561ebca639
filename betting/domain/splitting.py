"""Splitting money over the outcomes of a market so that the worst of them brings the most.

Pure and exact: whole minor units, prices as fractions, what is won rounded down to the unit.

Source: the split in proportion to 1/price makes all outcomes equal; on a grid of stakes the best
one is the least stakes that reach some return, which is what is searched here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class Slot:
    """An outcome: what it returns already, and at which net price more may be staked on it.

    ``net`` None: nothing more can be staked.  Stakes are 0, or from ``least`` to ``most`` in
    whole steps.
    """

    net: Decimal | None = None
    paid: Decimal = Decimal("0.00")
    step: Decimal = CENT
    least: Decimal = CENT
    most: Decimal | None = None  # None: as much as there is


@dataclass(frozen=True, slots=True)
class Split:
    """Stakes by outcome, and what each outcome brings in all, net and signed."""

    stakes: tuple[Decimal, ...]
    profits: tuple[Decimal, ...]

    @property
    def worst(self) -> Decimal:
        return min(self.profits)

    @property
    def best(self) -> Decimal:
        return max(self.profits)

    @property
    def total(self) -> Decimal:
        return sum(self.stakes, Decimal("0.00"))


def returns(*, stake: Decimal, net: Decimal) -> Decimal:
    """Return what a stake returns where it wins, rounded down to the cent.

    >>> returns(stake=Decimal("48.78"), net=Decimal("2.10"))
    Decimal('102.43')
    """
    return _money(floor(_cents(stake) * Fraction(net)))


def split(*, slots: Sequence[Slot], total: Decimal, sunk: Decimal = Decimal("0.00")) -> Split:
    """Return the stakes, ``total`` at most, of which the worst outcome brings the most.

    ``sunk`` is what was staked before.  Of splits that are equally good the cheapest; nothing
    at all where no stake is better.

    Two books at 2.10 and 2.05, a hundred: 1/2.10 + 1/2.05 = .964, so 3.73 % whoever wins.

    >>> found = split(
    ...     slots=[Slot(Decimal("2.10")), Slot(Decimal("2.05"))], total=Decimal("100.00"))
    >>> [str(stake) for stake in found.stakes], [str(profit) for profit in found.profits]
    (['49.40', '50.60'], ['3.74', '3.73'])
    """
    grid = [_Grid.of(slot) for slot in slots]
    lost = _cents(sunk)
    stakes = [0] * len(grid)
    worst, spent = min(one.returns(0) for one in grid) - lost, 0
    if sum(1 / one.net for one in grid if one.net is not None) < 1:
        for found in _descending(grid, _cents(total)):
            reached = min(one.returns(stake) for one, stake in zip(grid, found, strict=True))
            profit = reached - lost - sum(found)
            if (profit, -sum(found)) > (worst, -spent):
                worst, stakes, spent = profit, found, sum(found)
            if _bound(grid, reached) - lost <= worst:
                break
    outlay = lost + sum(stakes)
    profits = (one.returns(stake) - outlay for one, stake in zip(grid, stakes, strict=True))
    return Split(tuple(map(_money, stakes)), tuple(map(_money, profits)))


@dataclass(frozen=True, slots=True)
class _Grid:
    """A slot in minor units."""

    net: Fraction | None
    paid: int
    step: int
    least: int
    most: int | None

    @classmethod
    def of(cls, slot: Slot) -> "_Grid":
        step = _cents(slot.step)
        return cls(
            net=None if slot.net is None else Fraction(slot.net),
            paid=_cents(slot.paid),
            step=step,
            least=max(step, ceil(Fraction(_cents(slot.least), step)) * step),
            most=None if slot.most is None else _cents(slot.most) // step * step,
        )

    def returns(self, stake: int) -> int:
        return self.paid if self.net is None else self.paid + floor(stake * self.net)

    def needs(self, asked: int) -> int | None:
        """Return the least stake that returns so much; None: there is none."""
        if asked <= self.paid:
            return 0
        if self.net is None:
            return None
        stake = ceil((asked - self.paid) / self.net / self.step) * self.step
        stake = max(stake, self.least)
        return None if self.most is not None and stake > self.most else stake

    def below(self, stake: int) -> int | None:
        """Return what the next smaller stake returns; None: there is none."""
        if not stake:
            return None
        return self.returns(stake - self.step if stake > self.least else 0)


def _descending(grid: Sequence[_Grid], total: int) -> Iterator[list[int]]:
    """Yield each set of least stakes within the total that reach some return, the greatest first.

    Whatever stakes there are, one of these reaches as much and costs no more.
    """
    asked: int | None = _highest(grid, total)
    while asked is not None:
        stakes = _needs(grid, asked)
        assert stakes is not None  # what a greater return is reached with also reaches this one
        yield stakes
        lower = [one.below(stake) for one, stake in zip(grid, stakes, strict=True)]
        asked = max((value for value in lower if value is not None), default=None)


def _highest(grid: Sequence[_Grid], total: int) -> int:
    """Return the greatest return that the total reaches on every outcome."""
    low = 0
    high = max(one.paid + (floor(total * one.net) if one.net else 0) for one in grid) + 1
    while high - low > 1:
        middle = (low + high) // 2
        found = _needs(grid, middle)
        if found is None or sum(found) > total:
            high = middle
        else:
            low = middle
    return low


def _needs(grid: Sequence[_Grid], asked: int) -> list[int] | None:
    found = [one.needs(asked) for one in grid]
    return None if None in found else [stake for stake in found if stake is not None]


def _bound(grid: Sequence[_Grid], reached: int) -> Fraction:
    """Return what no split that returns at most so much on its worst outcome can bring more than.

    It grows with the return, as the reciprocals of the prices come to less than one.
    """
    costs = (Fraction(max(0, reached - one.paid)) / one.net for one in grid if one.net is not None)
    return reached - sum(costs, Fraction(0))


def _cents(money: Decimal) -> int:
    return int(money.scaleb(2))


def _money(cents: int) -> Decimal:
    return Decimal(cents).scaleb(-2).quantize(CENT)
