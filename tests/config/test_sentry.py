import json

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope
from sentry_sdk.transport import Transport

from config.environment import Environment
from config.settings_parts import sentry
from monitoring.errors import Refused


class Letterbox(Transport):
    """Keeps on this machine what would be sent."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[str] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        self.letters += [item.payload.get_bytes().decode() for item in envelope.items]


@pytest.fixture
def letterbox():
    box = Letterbox()
    environment = Environment(
        sentry_dsn="https://canary-dsn-key@sentry.invalid/1",
        secret_key="canary-secret-key",
        metrics_token="canary-metrics-token",
        database_url="postgresql://app:canary%2Fpassword@db.invalid/closingline",
    )
    with sentry_sdk.isolation_scope():
        sentry.start(environment, transport=box)
        yield box
    sentry_sdk.get_client().close()
    sentry_sdk.init()


def send(fault: Exception, **local_variables: object) -> None:
    token = local_variables  # its name alone makes it a secret
    try:
        raise fault
    except Exception as error:
        sentry_sdk.capture_exception(error)
    assert token is local_variables


class TestStart:
    def test_sends_a_fault_with_its_place(self, letterbox):
        send(ZeroDivisionError("division by zero"))
        [letter] = letterbox.letters
        event = json.loads(letter)
        assert event["exception"]["values"][0]["type"] == "ZeroDivisionError"
        assert event["environment"] == "test"

    def test_sends_nothing_that_tells_who_a_person_is(self, letterbox):
        assert not sentry_sdk.get_client().should_send_default_pii()

    def test_never_sends_a_refusal(self, letterbox):
        class LimitReached(Refused):
            pass

        send(LimitReached("the day's limit is reached"))
        assert letterbox.letters == []

    @pytest.mark.parametrize(
        "text",
        [
            "could not connect: canary-secret-key",
            "GET /metrics Authorization: Bearer canary-metrics-token",
            "postgresql://app:canary%2Fpassword@db.invalid/closingline refused",
            "password authentication failed for canary/password",
            "https://canary-dsn-key@sentry.invalid/1",
        ],
    )
    def test_removes_every_secret_wherever_it_stands(self, letterbox, text):
        sentry_sdk.set_extra("what was said", {"deep": [text]})
        sentry_sdk.add_breadcrumb(message=text)
        send(RuntimeError(text), value=text)
        assert letterbox.letters
        assert "canary" not in "".join(letterbox.letters).replace(__name__, "")


class TestScrubber:
    def test_hides_values_by_the_names_they_stand_under(self):
        scrubber = sentry.Scrubber([])
        names = ("api_key", "Authorization", "password", "sentry_dsn", "Cookie", "clientSecret")
        assert scrubber.clean(dict.fromkeys(names, "x")) == dict.fromkeys(names, "[redacted]")

    def test_leaves_the_rest_as_it_was(self):
        event = {"level": "error", "count": 3, "tags": ["a", None, 1.5]}
        assert sentry.Scrubber(["unrelated"]).clean(event) == event

    def test_does_not_replace_what_is_too_short_to_be_a_secret(self):
        assert sentry.Scrubber(["a", ""]).text("banana") == "banana"
