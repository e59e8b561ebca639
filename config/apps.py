from django.apps import AppConfig


class ClosingLineConfig(AppConfig):
    name = "config"
    verbose_name = "Closing Line"
