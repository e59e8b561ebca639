"""What a check may say.  Pure: no Django, no clock."""

import enum
from dataclasses import dataclass


class Severity(enum.StrEnum):
    """How soon a person must act: P0 now, P1 within the hour, P2 today, P3 this week, P4 note."""

    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"
    P4 = "P4"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found wrong with one subject; a healthy subject yields nothing.

    ``subject`` is "app_label.Model:pk", or "" when the whole system is meant.
    """

    severity: Severity
    summary: str
    subject: str = ""
