import structlog
from django.test import RequestFactory

from config.request_log import RequestLog


class TestRequestLog:
    def test_believes_the_connection_and_no_header(self):
        request = RequestFactory().get("/", REMOTE_ADDR="10.0.0.7", HTTP_X_FORWARDED_FOR="1.2.3.4")
        with structlog.contextvars.bound_contextvars():
            RequestLog.bind_ip(request)
            assert structlog.contextvars.get_contextvars()["ip"] == "10.0.0.7"
        structlog.contextvars.clear_contextvars()
