"""Whether the best prices of several books pay more than all stakes, and if not, why not.  Pure.

A board is what the books quote of one market: one event, one kind, one line.  Legs stand at books
of the same settling terms alone; where nobody says by which terms a book settles, none is taken.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from betting.domain import selecting
from markets.domain import kinds

CODE = "arbitrage"
MIN_RETURN, MAX_RETURN = 0.005, 0.05  # of a strategy as it is made; above it a price is wrong

ALREADY_TAKEN = "ALREADY_TAKEN"
FAILED_TOO_OFTEN = "FAILED_TOO_OFTEN"
NO_VENUE = "NO_VENUE"
BOOK_UNDERROUND = "BOOK_UNDERROUND"
RULES_UNKNOWN = "RULES_UNKNOWN"
RULES_DIFFER = "RULES_DIFFER"
RETURN_TOO_SMALL = "RETURN_TOO_SMALL"
PALPABLE_ERROR = "PALPABLE_ERROR"
SPLIT_TOO_COARSE = "SPLIT_TOO_COARSE"
FOUND = "FOUND"
HEDGE_TOO_DEAR = "HEDGE_TOO_DEAR"
NO_HEDGE = "NO_HEDGE"
HEDGES_USED_UP = "HEDGES_USED_UP"
LEG_NOT_TAKEN = "LEG_NOT_TAKEN"

#: Kinds of which exactly one of two or three answers wins, or all stakes come back.
KINDS = tuple(kind for kind in kinds.ROLES if kinds.sums_to(kind=kind) == 1)


@dataclass(frozen=True, slots=True)
class Offer:
    """A price that a book quotes for a selection; ``mark``: why it may not be taken, or ""."""

    selection_id: int
    book_id: int
    price: Decimal
    commission: Decimal = Decimal("0")  # of what is won
    mark: str = ""
    book: str = ""  # its code

    @property
    def net(self) -> Decimal:
        """Return the price that is left once commission is taken off the winnings.

        >>> Offer(1, 1, Decimal("3.00"), commission=Decimal("0.05")).net
        Decimal('2.9000')
        """
        return 1 + (self.price - 1) * (1 - self.commission)


@dataclass(frozen=True, slots=True)
class Bounds:
    """The least and the greatest guaranteed return that is taken."""

    least: float = MIN_RETURN
    most: float = MAX_RETURN


@dataclass(frozen=True, slots=True)
class Sight:
    """What was made of a board: the legs, the return, and the reason against them ("": none).

    ``failed`` are all reasons that stood; without a price for each selection there are no legs.
    """

    reason: str
    legs: tuple[Offer, ...] = ()
    guaranteed: Fraction | None = None
    failed: tuple[str, ...] = ()


def guaranteed(offers: Iterable[Offer]) -> Fraction:
    """Return what a unit staked brings whoever wins, net of commission: 1 / Σ(1/price) − 1.

    >>> two = [Offer(1, 1, Decimal("2.10")), Offer(2, 2, Decimal("2.05"))]
    >>> round(float(guaranteed(two)), 4)
    0.0373
    """
    return 1 / sum((1 / Fraction(offer.net) for offer in offers), Fraction(0)) - 1


def look(
    *,
    selections: Sequence[int],
    offers: Sequence[Offer],
    terms: Mapping[int, str],
    bounds: Bounds,
) -> Sight:
    """Return the best legs of a board that may be taken together, or why there are none.

    ``terms`` says by which terms each book settles the market, "" or nothing where unknown.
    """
    free = [offer for offer in offers if not offer.mark]
    alike = _best_alike(selections, free, terms)
    if alike and _is_enough(alike, bounds):
        return _sight(PALPABLE_ERROR if _is_absurd(alike, bounds) else "", alike)
    mixed = _best(selections, free)
    if mixed and _is_enough(mixed, bounds):
        is_unknown = any(not terms.get(offer.book_id) for offer in mixed)
        reason = RULES_UNKNOWN if is_unknown else RULES_DIFFER
        return _sight(reason, mixed, *([PALPABLE_ERROR] if _is_absurd(mixed, bounds) else []))
    quoted = _best(selections, offers)
    if quoted is None:
        return Sight(selecting.MARKET_INCOMPLETE, failed=(selecting.MARKET_INCOMPLETE,))
    if _is_enough(quoted, bounds):
        first, *others = dict.fromkeys(offer.mark for offer in quoted if offer.mark)
        return _sight(first, quoted, *others)
    return _sight(RETURN_TOO_SMALL, alike or mixed or quoted)


def in_order(*, legs: Sequence[Offer], offers: Iterable[Offer]) -> list[Offer]:
    """Return the legs in the order of sending: the one that is least likely to be taken first.

    That is the price which stands out most above the next best one of its selection at another
    book: such a price is the likeliest to be gone, late or wrong.  Where it is not taken nothing
    else is sent.  A price that no other book comes beside stands out most.

    >>> legs = [Offer(1, 1, Decimal("2.10")), Offer(2, 2, Decimal("2.20"))]
    >>> board = [*legs, Offer(1, 3, Decimal("2.08")), Offer(2, 3, Decimal("2.00"))]
    >>> [leg.selection_id for leg in in_order(legs=legs, offers=board)]
    [2, 1]
    """
    board = list(offers)

    def stands_out(leg: Offer) -> tuple[bool, Fraction, int]:
        others = [
            offer.net
            for offer in board
            if offer.selection_id == leg.selection_id
            and offer.book_id != leg.book_id
            and not offer.mark
        ]
        beyond = Fraction(leg.net) / Fraction(max(others)) if others else Fraction(0)
        return bool(others), -beyond, leg.selection_id

    return sorted(legs, key=stands_out)


def terms_of(*, told: str, push_rule: str, overtime_rule: str) -> str:
    """Return by which terms a book settles, "" where nobody says.

    What an operator said of the kind counts; else a book's own rules on pushes and on overtime,
    where both are written down.

    >>> terms_of(told="", push_rule="Stake back", overtime_rule="")
    ''
    >>> terms_of(told="90 minutes", push_rule="", overtime_rule="")
    '90 minutes'
    """
    if told:
        return _plain(told)
    written = _plain(push_rule), _plain(overtime_rule)
    return " | ".join(written) if all(written) else ""


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _best(selections: Sequence[int], offers: Iterable[Offer]) -> tuple[Offer, ...] | None:
    """Return the best offer of each selection, the lowest book id of equals; None: one has none."""
    best: dict[int, Offer] = {}
    for offer in offers:
        found = best.get(offer.selection_id)
        if found is None or (offer.net, -offer.book_id) > (found.net, -found.book_id):
            best[offer.selection_id] = offer
    if any(selection not in best for selection in selections):
        return None
    return tuple(best[selection] for selection in selections)


def _best_alike(
    selections: Sequence[int], offers: Sequence[Offer], terms: Mapping[int, str]
) -> tuple[Offer, ...] | None:
    """Return the best legs at books of the same terms."""
    known = sorted({terms[offer.book_id] for offer in offers if terms.get(offer.book_id)})
    found = [
        legs
        for term in known
        if (legs := _best(selections, (o for o in offers if terms.get(o.book_id) == term)))
    ]
    return max(found, key=guaranteed, default=None)


def _is_enough(legs: Sequence[Offer], bounds: Bounds) -> bool:
    found = guaranteed(legs)
    return found > 0 and found >= Fraction(str(bounds.least))


def _is_absurd(legs: Sequence[Offer], bounds: Bounds) -> bool:
    return guaranteed(legs) > Fraction(str(bounds.most))


def _sight(reason: str, legs: tuple[Offer, ...], *others: str) -> Sight:
    failed = tuple(code for code in (reason, *others) if code)
    return Sight(reason, legs, guaranteed(legs), failed)
