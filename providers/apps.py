from django.apps import AppConfig


class ProvidersConfig(AppConfig):
    name = "providers"
    verbose_name = "Connect"

    def ready(self) -> None:
        from providers import checks, configuration

        configuration.watch()
        checks.register_all()
