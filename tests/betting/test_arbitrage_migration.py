"""The release before knows no strategy without a pipeline; it gets none, on either side."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from betting.models import Strategy
from tests.betting.arbitrage import a_seeker
from tests.betting.builders import a_pipeline, a_strategy

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def newest():
    """Bring the tables to the newest migration again, whatever happens."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_arbitrage_is_switched_off_for_the_release_before(newest):
    value, seeker, pipeline = a_strategy(), a_seeker(), a_pipeline()
    MigrationExecutor(connection).migrate([("betting", "0017_order_replacements")])
    with connection.cursor() as cursor:
        cursor.execute("select id, is_enabled, pipeline_id from betting_strategy order by id")
        assert cursor.fetchall() == [
            (value.pk, True, pipeline.pk),
            (seeker.pk, False, pipeline.pk),
        ]
    MigrationExecutor(connection).migrate([("betting", "0018_arbitrage")])
    rows = dict(Strategy.objects.values_list("pk", "pipeline"))
    assert rows == {value.pk: pipeline.pk, seeker.pk: None}
