"""Everything that is not on the short path: the dashboard, the login, the management API."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView

from omniroute_site.api import api, no_such_path
from omniroute_site.error_pages import not_offered

urlpatterns = [
    path("", RedirectView.as_view(pattern_name="admin:index"), name="front"),
    path("admin/", admin.site.urls),
    path("accounts/password/reset/", not_offered),
    path("accounts/email/", not_offered),
    path("accounts/", include("allauth.account.urls")),
    path("i18n/", include("django.conf.urls.i18n")),
    path("api", no_such_path),
    path("api/", api.urls),
]

handler400 = "omniroute_site.error_pages.bad_request"
handler404 = "omniroute_site.error_pages.page_not_found"
handler500 = "omniroute_site.error_pages.server_error"
