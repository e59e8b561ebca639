"""The programs a strategy's row may name by ``code``, and what each may be told."""

from collections.abc import Mapping

from betting.domain.parameters import BadParameters, Parameters
from betting.domain.programs import fatigue, value
from betting.domain.programs.base import Program

REGISTRY: dict[str, Program] = {
    program.code: program for program in (value.PROGRAM, fatigue.PROGRAM)
}


def read(code: str, given: Mapping[str, object]) -> Parameters:
    """Return the parameters of a program as a strategy's row holds them.

    Raises:
        BadParameters: there is no such program, or one of them does not fit it.
    """
    if code not in REGISTRY:
        raise BadParameters({"": f"{code!r} is no strategy: {', '.join(sorted(REGISTRY))}"})
    return REGISTRY[code].parameters.read(given)
