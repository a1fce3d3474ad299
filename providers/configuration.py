"""Rows that requests obey, and the stamp that tells every worker when one of them changed.

Requests read an in-memory snapshot, never the database. A model whose rows belong in that snapshot inherits from
`Configuration`; each committed change of such a row moves the one `ConfigurationStamp`, in the same transaction, and
every worker that sees the stamp move reads the rows again (`combos.snapshot`). A change made with plain SQL is not
noticed: call `touch()` after it.
"""

from typing import Any, TypeVar

from django.db import models
from django.db.models.signals import post_delete, post_save

Row = TypeVar("Row", bound=models.Model, covariant=True)


class ConfigurationStamp(models.Model):
    """One row. Its version grows with every change of the configuration."""

    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_configuration_stamp")]

    def __str__(self) -> str:
        return f"configuration {self.version}"


class ConfigurationQuerySet(models.QuerySet[Row]):
    """Bulk verbs send no signals, so they move the stamp themselves."""

    def update(self, **values: Any) -> int:
        changed = super().update(**values)
        if changed:
            touch()
        return changed

    def bulk_create(self, *args: Any, **options: Any) -> list[Row]:
        created = super().bulk_create(*args, **options)
        touch()
        return created

    def bulk_update(self, *args: Any, **options: Any) -> int:
        changed = super().bulk_update(*args, **options)
        touch()
        return changed


class Configuration(models.Model):
    """Base of every model whose rows requests obey."""

    objects = ConfigurationQuerySet.as_manager()

    class Meta:
        abstract = True


class Singleton(Configuration):
    """A small group of typed settings, kept as one row whose defaults are the product's."""

    id = models.PositiveSmallIntegerField(primary_key=True, editable=False)

    class Meta:
        abstract = True
        constraints = [models.CheckConstraint(condition=models.Q(pk=1), name="one_row_of_%(class)s")]

    @classmethod
    def load(cls) -> Any:
        """The row, or its defaults while nobody has saved one."""
        return cls.objects.filter(pk=1).first() or cls(id=1)


def touch() -> None:
    """Tell every worker to read the configuration again."""
    if not ConfigurationStamp.objects.filter(pk=1).update(version=models.F("version") + 1):
        ConfigurationStamp.objects.get_or_create(pk=1, defaults={"version": 1})


def version() -> int:
    return ConfigurationStamp.objects.filter(pk=1).values_list("version", flat=True).first() or 0


def watch() -> None:
    """Connect the signals; called once, when the app is ready."""
    post_save.connect(_moved, dispatch_uid="configuration-saved")
    post_delete.connect(_moved, dispatch_uid="configuration-deleted")


def follow(model: type[models.Model], ignoring: frozenset[str] = frozenset()) -> None:
    """Let the stamp follow a model that is not ours, except for changes of the `ignoring` fields alone."""

    def moved(update_fields: frozenset[str] | None = None, **_: Any) -> None:
        if update_fields is None or not update_fields <= ignoring:
            touch()

    post_save.connect(moved, sender=model, weak=False, dispatch_uid=f"followed-{model._meta.label}")


def _moved(sender: type[models.Model], **_: Any) -> None:
    if issubclass(sender, Configuration):
        touch()
