"""Everything that is not on the short path: the dashboard, the login, the management API."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from omniroute_site.api import api

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="front"),
    path("admin/", admin.site.urls),
    path("accounts/", include("allauth.account.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api/", api.urls),
]
