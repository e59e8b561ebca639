"""What bets on a market stand in a bankroll, to tell the bets that lower what it can cost."""

from collections.abc import Sequence

from betting.domain import halts, selecting
from betting.models import Bankroll, Bet, Decision
from markets.models import Selection


class OpenPositions:
    """The open bets of a bankroll on the markets of a batch; ``take`` counts what goes on."""

    def __init__(self, *, bankroll: Bankroll, decisions: Sequence[Decision | Bet]) -> None:
        kinds = {d.selection.market_id: d.selection.market.kind for d in decisions}
        self._outcomes: dict[int, list[int | None]] = {market_id: [] for market_id in kinds}
        self._positions: dict[int, list[halts.Position]] = {market_id: [] for market_id in kinds}
        listed = Selection.objects.filter(market_id__in=kinds).order_by("pk")
        for market_id, selection_id in listed.values_list("market_id", "pk"):
            self._outcomes[market_id].append(selection_id)
        for market_id, outcomes in self._outcomes.items():
            if len(outcomes) != selecting.SELECTIONS_OF.get(kinds[market_id]):
                outcomes.append(None)  # one that is not listed may win
        standing = Bet.objects.open().filter(bankroll=bankroll, selection__market_id__in=kinds)
        for market_id, selection_id, side, price, stake in standing.values_list(
            "selection__market_id", "selection_id", "side", "price", "stake"
        ):
            position = halts.Position(selection_id, side == Bet.Side.LAY, price, stake)
            self._positions[market_id].append(position)

    def lowers(self, decision: Decision | Bet) -> bool:
        """Tell whether the decision's bet would make the worst loss of its market smaller."""
        market_id = decision.selection.market_id
        return halts.lowers(
            bet=_position(decision),
            positions=self._positions[market_id],
            outcomes=self._outcomes[market_id],
        )

    def take(self, decision: Decision) -> None:
        """Count a bet that goes on, so that the next of the batch sees it."""
        self._positions[decision.selection.market_id].append(_position(decision))


def _position(decision: Decision | Bet) -> halts.Position:
    assert decision.price is not None  # asked before: only bets have one, and every bet has
    is_lay = isinstance(decision, Bet) and decision.side == Bet.Side.LAY
    return halts.Position(decision.selection_id, is_lay, decision.price, decision.stake)
