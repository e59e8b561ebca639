"""The programs a strategy's row may name by ``code``, and what each may be told."""

from collections.abc import Mapping

from betting.domain import arbitrage
from betting.domain.parameters import BadParameters, Parameters
from betting.domain.programs import fatigue, value
from betting.domain.programs.base import Program

REGISTRY: dict[str, Program] = {
    program.code: program for program in (value.PROGRAM, fatigue.PROGRAM)
}
WITHOUT_PREDICTIONS = (arbitrage.CODE,)  # they look at prices alone, and decide nothing else


def read(code: str, given: Mapping[str, object]) -> Parameters:
    """Return the parameters of a program as a strategy's row holds them.

    Raises:
        BadParameters: there is no such program, or one of them does not fit it.
    """
    if code in WITHOUT_PREDICTIONS:
        return Parameters.read(given)
    if code not in REGISTRY:
        raise BadParameters({"": f"{code!r} is no strategy: {', '.join(codes())}"})
    return REGISTRY[code].parameters.read(given)


def codes() -> list[str]:
    """Return every code that a row may name, in order."""
    return sorted((*REGISTRY, *WITHOUT_PREDICTIONS))
