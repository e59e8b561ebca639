import pytest

from models_ml.models import Pipeline
from models_ml.services import in_turn
from monitoring.errors import Cancelled, Refused

PIPELINES = [Pipeline(code=code) for code in ("first", "second", "third")]


class Following:
    """Progress that is called off once so many pipelines are done."""

    def __init__(self, *, stops_at: int | None = None) -> None:
        self.told: list[tuple[int, int | None, str]] = []
        self.stops_at = stops_at

    def raise_if_cancelled(self) -> None:
        if len(self.told) == self.stops_at:
            raise Cancelled("asked for")

    def progress(self, *, done: int, total: int | None = None, message: str = "") -> None:
        self.told.append((done, total, message))


def but_the_second(pipeline: Pipeline) -> str:
    if pipeline.code == "second":
        raise Refused("not this one")
    return pipeline.code.upper()


class TestEach:
    def test_one_that_is_refused_takes_no_others_turn(self):
        found = in_turn.each(PIPELINES, but_the_second)
        assert found == (["FIRST", "THIRD"], {"second": "not this one"})

    def test_tells_how_many_are_done_before_each(self):
        following = Following()
        in_turn.each(PIPELINES, but_the_second, progress=following)
        assert following.told == [(0, 3, "first"), (1, 3, "second"), (2, 3, "third")]

    def test_stops_between_two_where_it_is_called_off(self):
        done = []
        with pytest.raises(Cancelled):
            in_turn.each(PIPELINES, done.append, progress=Following(stops_at=2))
        assert done == PIPELINES[:2]

    def test_a_fault_rises_at_once(self):
        done = []

        def fault(pipeline: Pipeline) -> None:
            done.append(pipeline)
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            in_turn.each(PIPELINES, fault)
        assert done == PIPELINES[:1]
