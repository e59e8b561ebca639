import pytest


@pytest.fixture
def source(db):
    from tests.markets.builders import a_source  # models are read only once Django is set up

    return a_source()
