from django.contrib import admin
from django.urls import path
from django.views.generic import RedirectView

from config import dashboard
from config.api import API
from monitoring.admin import jobs

admin.autodiscover()  # here, so that workers and beat do not wait for pages they never show

ADMIN = [
    path(
        "admin/dashboard/panels", admin.site.admin_view(dashboard.fragment), name="dashboard-panels"
    ),
    path("admin/jobs/", admin.site.admin_view(jobs.index), name="jobs"),
    path("admin/jobs/<str:task>/", admin.site.admin_view(jobs.ask), name="job"),
    path("admin/", admin.site.urls),
]
handler404 = "config.api.not_found"
handler500 = "config.api.server_error"
urlpatterns = [path("", RedirectView.as_view(pattern_name="admin:index")), *ADMIN, *API]
