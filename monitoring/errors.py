"""The base classes that tell an expected "no" and an outside fault from our own fault."""


class Refused(Exception):
    """The system declined to act, and was right to.

    A refusal answers 409 to an API caller and a warning to an operator; it is never sent to
    Sentry and never opens an incident.  Raise a subclass, defined beside what raises it.
    """


class OutsideFailed(Exception):
    """Something that is not ours did not answer, or answered badly."""


class TemporarilyFailed(OutsideFailed):
    """The same call may succeed later: it is worth another try."""


class PermanentlyFailed(OutsideFailed):
    """The same call will fail again until somebody changes something."""


class Cancelled(Exception):
    """Somebody asked this run to stop, and it did so at a safe point."""
