
import billing.models.keys
import billing.models.settings
import billing.money
import django.core.validators
import django.db.models.deletion
import uuid
from decimal import Decimal
from django.conf import settings
from django.db import migrations, models


def carry_over(apps, schema_editor):
    """Admin keys keep their scope, money keeps its value, and what was used before is in the sums of its day."""
    for key in apps.get_model('billing', 'ApiKey').objects.filter(is_admin=True):
        key.scopes = ['inference', 'manage']
        key.save(update_fields=['scopes'])
    for budget in apps.get_model('billing', 'Budget').objects.all():
        budget.limit_usd = budget.limit_before
        budget.save(update_fields=['limit_usd'])
    execute = schema_editor.execute
    execute('UPDATE usage_records SET cost_usd = CAST(ROUND(cost_before * 10000000000) AS BIGINT)')
    execute('UPDATE usage_records SET list_cost_usd = cost_usd')
    execute(ATTEMPTS)
    is_sqlite = schema_editor.connection.vendor == 'sqlite'
    moment = 'started_at' if is_sqlite else "started_at AT TIME ZONE 'UTC'"
    nobody = "'" + '0' * 32 + "'" if is_sqlite else "CAST('00000000-0000-0000-0000-000000000000' AS uuid)"
    execute(DAYS.format(moment=moment, nobody=nobody))


TOKENS = 'uncached_input_tokens, cache_read_tokens, cache_write_tokens, output_tokens, reasoning_tokens'
ZEROS = 'cache_write_1h_tokens, audio_input_tokens, audio_output_tokens, image_input_tokens, cache_saved_usd'
ATTEMPTS = f"""
    INSERT INTO usage_attempts (
        request_id, number, started_at, provider, connection, model, status, kind, header_ms, first_event_ms, total_ms,
        {TOKENS}, {ZEROS}, cost_usd, list_cost_usd, is_estimated, cost_source
    )
    SELECT request_id, attempts, started_at, provider, connection, model, status, '', header_ms, first_event_ms, total_ms,
        {TOKENS}, 0, 0, 0, 0, 0, cost_usd, list_cost_usd, is_estimated, cost_source
    FROM usage_records WHERE attempts > 0
"""
SUMS = ', '.join(f'SUM({name})' for name in TOKENS.split(', '))
DAYS = f"""
    INSERT INTO usage_days (
        day, provider, connection, model, combo, dialect, api_key_id, api_key_name, user_id, user_name, team_id, team_name,
        {TOKENS}, {ZEROS}, cost_usd, list_cost_usd,
        requests, failed, hung_up, fell_back, attempts, failed_attempts, unpriced, estimated,
        total_ms, first_events, first_event_ms
    )
    SELECT DATE({{moment}}), provider, connection, model, combo, dialect,
        COALESCE(api_key_id, {{nobody}}), MAX(api_key_name), 0, '', 0, '',
        {SUMS}, 0, 0, 0, 0, 0, SUM(cost_usd), SUM(list_cost_usd),
        COUNT(*), SUM(CASE WHEN status >= 400 AND status <> 499 THEN 1 ELSE 0 END),
        SUM(CASE WHEN status = 499 THEN 1 ELSE 0 END), SUM(CASE WHEN attempts > 1 THEN 1 ELSE 0 END),
        SUM(attempts), SUM(CASE WHEN attempts > 1 THEN attempts - 1 ELSE 0 END),
        SUM(CASE WHEN cost_source = 'unknown' THEN 1 ELSE 0 END), SUM(CASE WHEN is_estimated THEN 1 ELSE 0 END),
        SUM(total_ms), COUNT(first_event_ms), COALESCE(SUM(first_event_ms), 0)
    FROM usage_records
    GROUP BY DATE({{moment}}), provider, connection, model, combo, dialect, COALESCE(api_key_id, {{nobody}})
"""


class Migration(migrations.Migration):

    dependencies = [
        ('billing', '0002_what_was_tried'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='CallBody',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('request_id', models.CharField(max_length=40, unique=True, verbose_name='request')),
                ('created_at', models.DateTimeField(db_index=True, verbose_name='time')),
                ('request_body', models.TextField(blank=True, verbose_name='request')),
                ('response_body', models.TextField(blank=True, verbose_name='answer')),
            ],
            options={
                'verbose_name': 'logged call',
                'verbose_name_plural': 'logged calls',
                'db_table': 'call_bodies',
                'ordering': ['-created_at'],
            },
        ),
        migrations.CreateModel(
            name='Team',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('name', models.CharField(max_length=100, unique=True, verbose_name='name')),
                ('created_at', models.DateTimeField(auto_now_add=True, verbose_name='created')),
            ],
            options={
                'verbose_name': 'team',
                'verbose_name_plural': 'teams',
                'db_table': 'teams',
                'ordering': ['name'],
            },
        ),
        migrations.CreateModel(
            name='UsageAttempt',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uncached_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='input')),
                ('cache_read_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache read')),
                ('cache_write_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache write')),
                ('cache_write_1h_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache write, 1 h')),
                ('output_tokens', models.PositiveBigIntegerField(default=0, verbose_name='output')),
                ('reasoning_tokens', models.PositiveBigIntegerField(default=0, verbose_name='reasoning')),
                ('audio_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='audio in')),
                ('audio_output_tokens', models.PositiveBigIntegerField(default=0, verbose_name='audio out')),
                ('image_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='images in')),
                ('cost_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it costs: nothing where another request costs nothing.', max_digits=18, verbose_name='cost, US$')),
                ('list_cost_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it would cost by the token.', max_digits=18, verbose_name='at list price, US$')),
                ('cache_saved_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), max_digits=18, verbose_name='saved by the prompt cache, US$')),
                ('is_estimated', models.BooleanField(default=False, verbose_name='estimated')),
                ('cost_source', models.CharField(choices=[('vendor', "The vendor's own figure"), ('genai-prices', 'genai-prices'), ('catalogue', 'Catalogue'), ('operator', 'Operator'), ('unknown', 'Unknown price'), ('nothing', 'Nothing used')], default='nothing', max_length=20, verbose_name='cost from')),
                ('price_version', models.PositiveBigIntegerField(null=True, verbose_name='price version')),
                ('request_id', models.CharField(max_length=40, verbose_name='request')),
                ('number', models.PositiveSmallIntegerField(verbose_name='attempt')),
                ('started_at', models.DateTimeField(db_index=True, verbose_name='time')),
                ('provider', models.CharField(max_length=60, verbose_name='provider')),
                ('connection', models.CharField(max_length=100, verbose_name='connection')),
                ('model', models.CharField(max_length=200, verbose_name='model')),
                ('status', models.PositiveSmallIntegerField(verbose_name='status')),
                ('kind', models.CharField(blank=True, max_length=40, verbose_name='kind of failure')),
                ('header_ms', models.PositiveIntegerField(null=True, verbose_name='headers, ms')),
                ('first_event_ms', models.PositiveIntegerField(null=True, verbose_name='first event, ms')),
                ('total_ms', models.PositiveIntegerField(verbose_name='total, ms')),
            ],
            options={
                'verbose_name': 'attempt',
                'verbose_name_plural': 'attempts',
                'db_table': 'usage_attempts',
                'ordering': ['request_id', 'number'],
            },
        ),
        migrations.AlterModelOptions(
            name='budget',
            options={'ordering': ['level', 'api_key', 'user', 'team', 'period'], 'verbose_name': 'budget', 'verbose_name_plural': 'budgets'},
        ),
        migrations.AddField(
            model_name='apikey',
            name='allowed_models',
            field=models.JSONField(blank=True, default=list, verbose_name='models'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='allowed_providers',
            field=models.JSONField(blank=True, default=list, verbose_name='providers'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='ip_ranges',
            field=models.JSONField(blank=True, default=list, verbose_name='addresses'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='last_used_at',
            field=models.DateTimeField(blank=True, editable=False, null=True, verbose_name='last used'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='max_concurrent',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='requests at once'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='requests_per_minute',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='requests a minute'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='scopes',
            field=models.JSONField(default=billing.models.keys.only_inference, verbose_name='may'),
        ),
        migrations.AddField(
            model_name='apikey',
            name='tokens_per_minute',
            field=models.PositiveIntegerField(blank=True, null=True, validators=[django.core.validators.MinValueValidator(1)], verbose_name='tokens a minute'),
        ),
        migrations.AddField(
            model_name='budget',
            name='level',
            field=models.CharField(choices=[('key', 'API key'), ('user', 'User'), ('team', 'Team'), ('global', 'Everybody')], default='key', max_length=10, verbose_name='for'),
        ),
        migrations.AddField(
            model_name='budget',
            name='user',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to=settings.AUTH_USER_MODEL, verbose_name='user'),
        ),
        migrations.AddField(
            model_name='budget',
            name='warn_percent',
            field=models.PositiveSmallIntegerField(default=80, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(100)], verbose_name='warn at, %'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='audio_input_per_million',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Empty: as input.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='audio in'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='audio_output_per_million',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Empty: as output.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='audio out'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='cache_write_1h_per_million',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Kept for an hour. Empty: as cache write.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='cache write, 1 h'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='image_input_per_million',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Empty: as input.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='images in'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='per_request',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='US$ for each request, beside its tokens. Empty: nothing.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='each request'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='tiers',
            field=models.JSONField(blank=True, default=list, help_text='Prices that hold above so many prompt tokens.', verbose_name='long prompts'),
        ),
        migrations.AddField(
            model_name='pricing',
            name='version',
            field=models.PositiveBigIntegerField(default=0, editable=False, help_text='The change of price that made it what it is.', verbose_name='version'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='audio_input_tokens',
            field=models.PositiveBigIntegerField(default=0, verbose_name='audio in'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='audio_output_tokens',
            field=models.PositiveBigIntegerField(default=0, verbose_name='audio out'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='cache_saved_usd',
            field=billing.money.MoneyField(decimal_places=10, default=Decimal('0'), max_digits=18, verbose_name='saved by the prompt cache, US$'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='cache_write_1h_tokens',
            field=models.PositiveBigIntegerField(default=0, verbose_name='cache write, 1 h'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='image_input_tokens',
            field=models.PositiveBigIntegerField(default=0, verbose_name='images in'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='list_cost_usd',
            field=billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it would cost by the token.', max_digits=18, verbose_name='at list price, US$'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='price_version',
            field=models.PositiveBigIntegerField(null=True, verbose_name='price version'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='team_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='team_name',
            field=models.CharField(blank=True, max_length=100, verbose_name='team'),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='user_id',
            field=models.BigIntegerField(null=True),
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='user_name',
            field=models.CharField(blank=True, max_length=150, verbose_name='user'),
        ),
        migrations.AlterField(
            model_name='budget',
            name='api_key',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to='billing.apikey', verbose_name='API key'),
        ),
        migrations.AlterField(
            model_name='pricing',
            name='cache_write_per_million',
            field=models.DecimalField(blank=True, decimal_places=6, help_text='Kept for 5 minutes. Empty: as input.', max_digits=14, null=True, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='cache write'),
        ),
        migrations.AlterField(
            model_name='usagerecord',
            name='cost_source',
            field=models.CharField(choices=[('vendor', "The vendor's own figure"), ('genai-prices', 'genai-prices'), ('catalogue', 'Catalogue'), ('operator', 'Operator'), ('unknown', 'Unknown price'), ('nothing', 'Nothing used')], default='nothing', max_length=20, verbose_name='cost from'),
        ),
        migrations.CreateModel(
            name='BillingSettings',
            fields=[
                ('id', models.PositiveSmallIntegerField(editable=False, primary_key=True, serialize=False)),
                ('time_zone', models.CharField(default='UTC', help_text='Days, weeks and months of budgets and reports begin at midnight there.', max_length=60, validators=[billing.models.settings.check_time_zone], verbose_name='time zone')),
                ('allows_unknown_prices', models.BooleanField(default=False, help_text='Whether a request with a budget may ask a model that has no price. Its cost is not counted.', verbose_name='allow unknown prices')),
                ('assumed_output_tokens', models.PositiveIntegerField(default=4096, help_text='Tokens that a budget reserves for an answer whose client gives no limit of its own.', validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(1000000)], verbose_name='longest answer assumed')),
                ('usage_days', models.PositiveIntegerField(default=365, help_text='0: for ever. The sums of each day stay in any case.', validators=[django.core.validators.MaxValueValidator(36500)], verbose_name='keep requests, days')),
                ('body_days', models.PositiveIntegerField(default=7, help_text='Of prompts and answers, where ENABLE_REQUEST_LOGS keeps them.', validators=[django.core.validators.MaxValueValidator(36500)], verbose_name='keep bodies, days')),
            ],
            options={
                'verbose_name': 'money settings',
                'verbose_name_plural': 'money settings',
                'db_table': 'billing_settings',
                'abstract': False,
                'constraints': [models.CheckConstraint(condition=models.Q(('pk', 1)), name='one_row_of_billingsettings')],
            },
        ),
        migrations.CreateModel(
            name='DailyUsage',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('uncached_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='input')),
                ('cache_read_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache read')),
                ('cache_write_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache write')),
                ('cache_write_1h_tokens', models.PositiveBigIntegerField(default=0, verbose_name='cache write, 1 h')),
                ('output_tokens', models.PositiveBigIntegerField(default=0, verbose_name='output')),
                ('reasoning_tokens', models.PositiveBigIntegerField(default=0, verbose_name='reasoning')),
                ('audio_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='audio in')),
                ('audio_output_tokens', models.PositiveBigIntegerField(default=0, verbose_name='audio out')),
                ('image_input_tokens', models.PositiveBigIntegerField(default=0, verbose_name='images in')),
                ('cost_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it costs: nothing where another request costs nothing.', max_digits=18, verbose_name='cost, US$')),
                ('list_cost_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it would cost by the token.', max_digits=18, verbose_name='at list price, US$')),
                ('cache_saved_usd', billing.money.MoneyField(decimal_places=10, default=Decimal('0'), max_digits=18, verbose_name='saved by the prompt cache, US$')),
                ('day', models.DateField(verbose_name='day')),
                ('provider', models.CharField(blank=True, max_length=60, verbose_name='provider')),
                ('connection', models.CharField(blank=True, max_length=100, verbose_name='connection')),
                ('model', models.CharField(blank=True, max_length=200, verbose_name='model')),
                ('combo', models.CharField(blank=True, max_length=100, verbose_name='combo')),
                ('dialect', models.CharField(max_length=20, verbose_name='dialect')),
                ('api_key_id', models.UUIDField(default=uuid.UUID('00000000-0000-0000-0000-000000000000'))),
                ('api_key_name', models.CharField(blank=True, max_length=100, verbose_name='API key')),
                ('user_id', models.BigIntegerField(default=0)),
                ('user_name', models.CharField(blank=True, max_length=150, verbose_name='user')),
                ('team_id', models.BigIntegerField(default=0)),
                ('team_name', models.CharField(blank=True, max_length=100, verbose_name='team')),
                ('requests', models.PositiveBigIntegerField(default=0, verbose_name='requests')),
                ('failed', models.PositiveBigIntegerField(default=0, verbose_name='failed')),
                ('hung_up', models.PositiveBigIntegerField(default=0, verbose_name='hung up')),
                ('fell_back', models.PositiveBigIntegerField(default=0, verbose_name='fell back')),
                ('attempts', models.PositiveBigIntegerField(default=0, verbose_name='attempts')),
                ('failed_attempts', models.PositiveBigIntegerField(default=0, verbose_name='failed attempts')),
                ('unpriced', models.PositiveBigIntegerField(default=0, verbose_name='at an unknown price')),
                ('estimated', models.PositiveBigIntegerField(default=0, verbose_name='estimated')),
                ('total_ms', models.PositiveBigIntegerField(default=0, verbose_name='total, ms')),
                ('first_events', models.PositiveBigIntegerField(default=0, verbose_name='first events')),
                ('first_event_ms', models.PositiveBigIntegerField(default=0, verbose_name='first events, ms')),
            ],
            options={
                'verbose_name': 'usage of a day',
                'verbose_name_plural': 'usage by day',
                'db_table': 'usage_days',
                'ordering': ['-day'],
                'indexes': [models.Index(fields=['api_key_id', 'day'], name='days_of_a_key'), models.Index(fields=['user_id', 'day'], name='days_of_a_user'), models.Index(fields=['team_id', 'day'], name='days_of_a_team')],
                'constraints': [models.UniqueConstraint(fields=('day', 'api_key_id', 'provider', 'model', 'connection', 'combo', 'dialect', 'user_id', 'team_id'), name='one_row_per_day_and_use')],
            },
        ),
        migrations.CreateModel(
            name='FormerKey',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(editable=False, max_length=64, unique=True)),
                ('shown_prefix', models.CharField(editable=False, max_length=20)),
                ('ends_at', models.DateTimeField()),
                ('api_key', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='former_keys', to='billing.apikey')),
            ],
            options={
                'verbose_name': 'former key',
                'verbose_name_plural': 'former keys',
                'db_table': 'api_key_former',
                'ordering': ['-ends_at'],
            },
        ),
        migrations.CreateModel(
            name='PriceChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('provider', models.CharField(max_length=60, verbose_name='provider')),
                ('model_id', models.CharField(max_length=200, verbose_name='model id')),
                ('prices', models.JSONField(help_text='By field, as text. Empty: the price was removed.', verbose_name='prices')),
                ('source', models.CharField(max_length=60, verbose_name='source')),
                ('changed_at', models.DateTimeField(verbose_name='since')),
                ('changed_by', models.CharField(blank=True, max_length=150, verbose_name='by')),
            ],
            options={
                'verbose_name': 'change of price',
                'verbose_name_plural': 'changes of price',
                'db_table': 'price_changes',
                'ordering': ['-pk'],
                'indexes': [models.Index(fields=['provider', 'model_id', '-id'], name='changes_of_a_price')],
            },
        ),
        migrations.AddField(
            model_name='apikey',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='api_keys', to='billing.team', verbose_name='team'),
        ),
        migrations.AddField(
            model_name='budget',
            name='team',
            field=models.ForeignKey(blank=True, null=True, on_delete=django.db.models.deletion.CASCADE, related_name='budgets', to='billing.team', verbose_name='team'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('user', 'period'), name='one_budget_per_user_and_period'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(fields=('team', 'period'), name='one_budget_per_team_and_period'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.UniqueConstraint(condition=models.Q(('level', 'global')), fields=('period',), name='one_global_budget_per_period'),
        ),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(condition=models.Q(models.Q(('api_key__isnull', False), ('level', 'key'), ('team__isnull', True), ('user__isnull', True)), models.Q(('api_key__isnull', True), ('level', 'user'), ('team__isnull', True), ('user__isnull', False)), models.Q(('api_key__isnull', True), ('level', 'team'), ('team__isnull', False), ('user__isnull', True)), models.Q(('api_key__isnull', True), ('level', 'global'), ('team__isnull', True), ('user__isnull', True)), _connector='OR'), name='budget_is_for_one'),
        ),
        migrations.AddConstraint(
            model_name='usageattempt',
            constraint=models.UniqueConstraint(fields=('request_id', 'number'), name='one_row_per_attempt'),
        ),
        migrations.RemoveConstraint(model_name='budget', name='budget_is_not_negative'),
        migrations.RenameField(model_name='budget', old_name='limit_usd', new_name='limit_before'),
        migrations.RenameField(model_name='usagerecord', old_name='cost_usd', new_name='cost_before'),
        migrations.AddField(
            model_name='budget',
            name='limit_usd',
            field=billing.money.MoneyField(decimal_places=6, default=Decimal(0), max_digits=14, validators=[django.core.validators.MinValueValidator(Decimal('0'))], verbose_name='limit, US$'),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='usagerecord',
            name='cost_usd',
            field=billing.money.MoneyField(decimal_places=10, default=Decimal('0'), help_text='What it costs: nothing where another request costs nothing.', max_digits=18, verbose_name='cost, US$'),
        ),
        migrations.RunPython(carry_over, migrations.RunPython.noop),
        migrations.RemoveField(model_name='budget', name='limit_before'),
        migrations.RemoveField(model_name='usagerecord', name='cost_before'),
        migrations.RemoveField(model_name='apikey', name='is_admin'),
        migrations.AddConstraint(
            model_name='budget',
            constraint=models.CheckConstraint(
                condition=models.Q(limit_usd__gte=Decimal(0)), name='budget_is_not_negative'
            ),
        ),
    ]
