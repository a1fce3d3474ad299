from django.apps import AppConfig


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = "Money"

    def ready(self) -> None:
        from django.contrib.auth import get_user_model

        from billing import checks
        from providers import configuration

        checks.register_all()
        configuration.follow(get_user_model(), ignoring=frozenset({"last_login"}))
