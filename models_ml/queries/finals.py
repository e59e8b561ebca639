"""When the last look at an event is: one answer for the store, for examples and for checks."""

from models_ml.domain import stages
from models_ml.models import Ladder


def final_minutes(*, sport_id: int, is_simulated: bool) -> float:
    """Return how many minutes before its start a sport's events are looked at for the last time.

    By the sport's own ladder, or by the common final stage where it has none.
    """
    ladder = Ladder.objects.filter(sport_id=sport_id, is_simulated=is_simulated).first()
    if ladder is None or not ladder.stages:
        return stages.STAGES[stages.FINAL_STAGE].total_seconds() / 60
    return float(ladder.stages[-1]["minutes"])
