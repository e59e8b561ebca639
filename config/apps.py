import gc

from django.apps import AppConfig


class ClosingLineConfig(AppConfig):
    name = "config"
    verbose_name = "Closing Line"

    def ready(self) -> None:
        from config import pipeline

        pipeline.connect()
        gc.freeze()  # what is imported stays: it is never looked through, nor copied by a fork
        gc.enable()
