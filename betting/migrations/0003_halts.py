from django.db import migrations, models
from django.db.models import F, Q

# A version that knows no leagues, models, bankrolls or ends must never bet where a halt stands:
# each becomes one that it knows, the strictest where it has none like it.
AS_BEFORE = """
update betting_tradinghalt set lifted_at = expires_at, lifted_by = 'clock',
    lift_reason = 'its time was over'
where lifted_at is null and expires_at <= now();
update betting_tradinghalt set reason = lower(scope) || ' ' || scope_id || ': ' || reason,
    scope = 'ALL', scope_id = null
where scope in ('COMPETITION', 'MODEL', 'BANKROLL');
update betting_tradinghalt h set lifted_at = now(), lifted_by = 'migration',
    lift_reason = 'one like it stands'
where lifted_at is null and exists (
    select from betting_tradinghalt o where o.lifted_at is null and o.id < h.id
        and o.scope = h.scope and o.scope_id is not distinct from h.scope_id);
"""


class Migration(migrations.Migration):
    dependencies = [("betting", "0002_staking")]

    operations = [
        migrations.AlterField(
            model_name="tradinghalt",
            name="scope",
            field=models.CharField(
                choices=[
                    ("ALL", "Everything"),
                    ("SPORT", "Sport"),
                    ("COMPETITION", "Competition"),
                    ("BOOK", "Book"),
                    ("STRATEGY", "Strategy"),
                    ("MODEL", "Model"),
                    ("BANKROLL", "Bankroll"),
                ],
                default="ALL",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="tradinghalt",
            name="rule",
            field=models.CharField(blank=True, db_default="", default="", max_length=30),
        ),
        migrations.AddField(
            model_name="tradinghalt",
            name="is_reduce_only",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="tradinghalt",
            name="expires_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="tradinghalt",
            constraint=models.UniqueConstraint(
                condition=Q(lifted_at__isnull=True),
                fields=("scope", "scope_id", "rule"),
                name="halt_once_per_scope_and_rule",
                nulls_distinct=False,
            ),
        ),
        migrations.RemoveConstraint(model_name="tradinghalt", name="halt_once_per_scope"),
        migrations.AddConstraint(
            model_name="tradinghalt",
            constraint=models.CheckConstraint(
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("set_at")),
                name="halt_ends_after_it_began",
            ),
        ),
        migrations.RunSQL(migrations.RunSQL.noop, reverse_sql=AS_BEFORE),
    ]
