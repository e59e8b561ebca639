"""What the pages of betting share."""

from typing import Any

from betting.models import Bankroll
from monitoring.desk import asking, chips
from monitoring.desk.actions import Asked, Done

DECIDE = "betting.tasks.decide_due"
EVENT = "selection__market__event__competition"


def origin(bankroll: Bankroll) -> Any:
    """Return whose money it is: real, simulated, or a replay's."""
    return chips.origin(
        is_simulated=bankroll.is_simulated, is_replay=bankroll.kind == Bankroll.Kind.REPLAY
    )


def decide(asked: Asked) -> Done:
    """Ask for what waits to be decided and placed."""
    return asking.ask(asked, task=DECIDE)
