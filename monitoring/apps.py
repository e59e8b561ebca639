from django.apps import AppConfig
from django.utils.module_loading import autodiscover_modules


class MonitoringConfig(AppConfig):
    name = "monitoring"
    verbose_name = "Monitoring"

    def ready(self) -> None:
        """Collect every app's ``tasks.py`` and ``monitors.py``, as the admin collects ``admin.py``.

        This is how monitoring comes to look at every app while importing none, and how every
        process, not only a worker, knows which tasks may be asked for.
        """
        autodiscover_modules("tasks")
        autodiscover_modules("monitors")
