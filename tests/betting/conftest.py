import pytest
from django.db import connection


@pytest.fixture(autouse=True)
def _no_prices_are_left(request):
    """Empty the price history after a test that commits; Django does not, for it is not managed."""
    marker = request.node.get_closest_marker("django_db")
    if marker is None or not marker.kwargs.get("transaction"):
        yield
        return
    request.getfixturevalue("transactional_db")
    yield
    with connection.cursor() as cursor:
        cursor.execute("truncate markets_pricesnapshot")
