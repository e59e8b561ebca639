"""The admin site as an app: the desk's own site in the place of the theme's."""

from django.contrib.admin.apps import SimpleAdminConfig  # config.urls finds the pages


class DeskConfig(SimpleAdminConfig):
    default_site = "config.site.Site"
