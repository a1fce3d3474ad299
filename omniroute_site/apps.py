from django.apps import AppConfig
from django.db.backends.signals import connection_created
from django.db.models.signals import post_migrate


class SiteConfig(AppConfig):
    name = "omniroute_site"
    verbose_name = "OmniRoute"

    def ready(self) -> None:
        from omniroute_site import checks, postgres, roles

        checks.register_all()
        post_migrate.connect(roles.grant_after_migration, dispatch_uid="roles-granted")
        connection_created.connect(postgres.without_jit, dispatch_uid="postgresql-without-jit")
