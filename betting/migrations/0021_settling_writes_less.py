"""A settled bet is a new row version in every index of its table, so only those that serve remain.

``bet_selection`` and the bankroll's own stood beside others that find the same rows, books have
too many bets each, and nobody asks for bets by the beginning of ``client_ref``.  The trigger that
keeps an order's steps is asked only where an update touches the order.
"""

import django.db.models.deletion
from django.db import migrations, models

_LIKE = "betting_bet_client_ref_a776cea8_like"
NO_LIKE = f"drop index if exists {_LIKE}"
LIKE = f"create index if not exists {_LIKE} on betting_bet (client_ref varchar_pattern_ops)"

_ORDER = (
    "order_state", "side", "stake", "price", "requested_stake", "requested_price",
    "matched_stake", "matched_price",
)  # fmt: skip
WHERE_TOUCHED = f"""
drop trigger bet_order_steps on betting_bet;
create trigger bet_order_steps before insert on betting_bet
    for each row execute function betting_bet_order_steps();
create trigger bet_order_steps_kept before update on betting_bet
    for each row when (
        (new.status <> old.status and new.status <> 'SETTLED')
        or ({", ".join(f"new.{name}" for name in _ORDER)})
           is distinct from ({", ".join(f"old.{name}" for name in _ORDER)})
    ) execute function betting_bet_order_steps();
"""
ALWAYS = """
drop trigger bet_order_steps on betting_bet;
drop trigger bet_order_steps_kept on betting_bet;
create trigger bet_order_steps before insert or update on betting_bet
    for each row execute function betting_bet_order_steps();
"""


def _without_index(field, to, name):
    """Drop a key's index alone: Django would drop and check the key too."""
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"drop index if exists {name}",
                f"create index if not exists {name} on betting_bet ({field}_id)",
            )
        ],
        state_operations=[
            migrations.AlterField(
                model_name="bet",
                name=field,
                field=models.ForeignKey(
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="bets",
                    to=to,
                ),
            )
        ],
    )


class Migration(migrations.Migration):
    dependencies = [("betting", "0020_commission_and_asked_liability")]

    operations = [
        migrations.RemoveIndex(model_name="bet", name="bet_selection"),
        _without_index("bankroll", "betting.bankroll", "betting_bet_bankroll_id_a1898527"),
        _without_index("book", "markets.book", "betting_bet_book_id_07ac54b5"),
        migrations.RunSQL(NO_LIKE, LIKE),
        migrations.RunSQL(WHERE_TOUCHED, ALWAYS),
    ]
