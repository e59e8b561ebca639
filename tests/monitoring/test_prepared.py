import pytest
from django.db import DatabaseError, connection, transaction

from monitoring import prepared

SUM = "SELECT %s::int + %s::int"
KEPT = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE %s"


def kept(statement):
    with connection.cursor() as cursor:
        cursor.execute(KEPT, [statement.replace("%s", "$_")])
        return cursor.fetchone()[0]


@pytest.mark.django_db
class TestAPreparedStatement:
    def test_is_planned_once_and_answers_each_asking(self):
        told = [prepared.rows(SUM, [number, 2]) for number in range(8)]
        assert told == [[(number + 2,)] for number in range(8)]
        assert kept(SUM) == 1

    def test_is_counted_among_the_questions_to_the_tables(self, django_assert_num_queries):
        with django_assert_num_queries(2):
            prepared.rows(SUM, [1, 2])
            prepared.rows(SUM, [3, 4])

    def test_takes_values_for_what_they_are(self):
        text = "'; DROP TABLE monitoring_user; --"
        assert prepared.rows("SELECT %(text)s::text", {"text": text}) == [(text,)]

    def test_is_there_again_after_a_transaction_that_failed(self):
        prepared.rows(SUM, [1, 2])
        with pytest.raises(DatabaseError), transaction.atomic():
            prepared.rows("SELECT 1 / %s::int", [0])
        assert prepared.rows(SUM, [1, 2]) == [(3,)]


@pytest.mark.django_db(transaction=True)
def test_a_statement_outlives_a_column_that_another_session_changes():
    asking = "SELECT x FROM changing WHERE x >= %s::int"
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE changing AS SELECT 7::int AS x")
        assert prepared.rows(asking, [1]) == [(7,)]
        # Inside a block, so that this session takes no notice, as of a migration elsewhere.
        cursor.execute("DO $$ BEGIN ALTER TABLE changing ALTER x TYPE numeric(5, 2); END $$")
    assert [tuple(map(float, row)) for row in prepared.rows(asking, [1])] == [(7.0,)]
