"""The store's read side: its files and the runs that filled them."""

from models_ml import models
from monitoring.rest.resources import ReadOnlyResource, resource

RESOURCES: dict[str, type[ReadOnlyResource]] = {
    "store-files": resource(
        models.StoreFile,
        fields=[
            "id",
            "part",
            "kind",
            "is_simulated",
            "feature_set",
            "competition",
            "season",
            "schema_version",
            "rows",
            "bytes",
            "sha256",
            "min_known_at",
            "max_known_at",
            "written_at",
            "verified_at",
            "state",
            "note",
        ],
        texts={"sport": "sport.code"},
        filters={"kind": ["exact"], "state": ["exact"], "is_simulated": ["exact"]},
    ),
    "etl-runs": resource(
        models.EtlRun,
        fields=[
            "id",
            "is_simulated",
            "began_at",
            "finished_at",
            "watermark",
            "new_results",
            "new_quotes",
            "rows_computed",
            "rows_kept",
            "seconds",
            "figures",
            "is_rebuild",
            "differences",
        ],
        texts={"sport": "sport.code"},
        filters={"sport__code": ["exact"], "is_simulated": ["exact"], "is_rebuild": ["exact"]},
    ),
}
