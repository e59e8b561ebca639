"""References say on which question their scores are; those of lines and places were of who wins."""

from django.db import migrations, models

SCORED_ON_THEIR_OWN = """
update models_ml_driftreference reference set market_kind = pipeline.market_kind
from models_ml_modelversion version
join models_ml_pipeline pipeline on pipeline.id = version.pipeline_id
where version.id = reference.version_id
  and (pipeline.market_kind in ('MATCH_ODDS', 'MONEYLINE', 'WIN', 'PLAYER_TOTAL')
       or (pipeline.market_kind = 'TOTAL' and pipeline.target = 'TOTAL'))
"""


class Migration(migrations.Migration):
    dependencies = [("models_ml", "0005_walks")]

    operations = [
        migrations.AddField(
            model_name="driftreference",
            name="market_kind",
            field=models.CharField(db_default="", default="", max_length=20),
        ),
        migrations.RunSQL(SCORED_ON_THEIR_OWN, migrations.RunSQL.noop),
    ]
