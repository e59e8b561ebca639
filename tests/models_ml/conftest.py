import pytest


@pytest.fixture(scope="session", autouse=True)
def _months_of_the_worlds(request):
    """Make the price partitions once; each test would otherwise make and drop its own.

    A run of tests without a database gets none.
    """
    if not any(item.get_closest_marker("django_db") for item in request.session.items):
        return
    from markets.services import partitions

    request.getfixturevalue("django_db_setup")
    django_db_blocker = request.getfixturevalue("django_db_blocker")
    months = [(year, month) for year in range(2021, 2025) for month in range(1, 13)]
    with django_db_blocker.unblock():
        partitions.ensure(months=months)


@pytest.fixture(autouse=True)
def _artefacts_of_its_own(settings, tmp_path):
    """Give each test an artefact folder of its own, and no estimator of another's."""
    from models_ml.services import loading, serving

    settings.ARTEFACT_DIR = tmp_path / "artefacts"
    loading.forget()
    serving.forget()
    yield
    loading.forget()
    serving.forget()
