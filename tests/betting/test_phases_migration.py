"""What may not stake whole does not begin to, on either side of the migration."""

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from betting.models import Strategy
from tests.betting.builders import a_strategy

pytestmark = pytest.mark.django_db(transaction=True)

#: As processes of the release before write them: columns that came later are not named.
OLD_ROW = """
insert into betting_strategy (
    name, code, bankroll_id, pipeline_id, is_enabled, decide_at_stage, min_edge, max_edge,
    min_probability, min_price, max_price, max_overround, max_price_age_seconds, kelly_fraction,
    max_stake_share, max_event_share, max_day_share, max_open_share, min_stake, stake_step)
select name || ' too', code, bankroll_id, pipeline_id, is_enabled, decide_at_stage, min_edge,
    max_edge, min_probability, min_price, max_price, max_overround, max_price_age_seconds,
    kelly_fraction, max_stake_share, max_event_share, max_day_share, max_open_share, min_stake,
    stake_step
from betting_strategy limit 1
"""


def migrate(name: str) -> None:
    MigrationExecutor(connection).migrate([("betting", name)])


@pytest.fixture
def newest():
    """Bring the tables to the newest migration again, whatever happens."""
    yield
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


def test_the_release_before_stakes_nothing_of_what_is_held_back(newest):
    whole = a_strategy()
    held = [a_strategy(phase="DRY_RUN"), a_strategy(phase="MICRO"), a_strategy(allocation=0.3)]
    migrate("0010_paper_twins")
    with connection.cursor() as cursor:
        cursor.execute("select id from betting_strategy where is_enabled")
        assert cursor.fetchall() == [(whole.pk,)]
        cursor.execute(OLD_ROW)
    migrate("0011_phases")
    rows = Strategy.objects.values_list("phase", "allocation").distinct()
    assert list(rows) == [("PRODUCTION", 1.0)]
    assert Strategy.objects.count() == len(held) + 2
