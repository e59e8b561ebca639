import os
from importlib import import_module

import django
from django.core.wsgi import get_wsgi_application

from config import early

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()
import_module("config.urls")  # every page, before the first request and not by it
early.wait()
application = get_wsgi_application()
