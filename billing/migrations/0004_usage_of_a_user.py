"""Requests from before they said whose they were: those of the owner their key has now."""

from django.db import migrations, models


def name_the_owners(apps, schema_editor):
    keys = apps.get_model('billing', 'ApiKey').objects.filter(owner__isnull=False)
    records, days = (apps.get_model('billing', name).objects for name in ('UsageRecord', 'DailyUsage'))
    for key, owner, name in keys.values_list('pk', 'owner_id', 'owner__username'):
        user = {'user_id': owner, 'user_name': name}
        records.filter(api_key_id=key, user_id__isnull=True).update(**user)
        told = days.filter(api_key_id=key, user_id=owner).values_list('day', flat=True)
        days.filter(api_key_id=key, user_id=0).exclude(day__in=list(told)).update(**user)


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0003_money'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='usagerecord',
            index=models.Index(fields=['user_id', 'started_at'], name='usage_of_a_user'),
        ),
        migrations.RunPython(name_the_owners, migrations.RunPython.noop),
    ]
