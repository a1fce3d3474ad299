#!/usr/bin/env bash
# A fresh data directory whose node `mock` is the benchmark's upstream. Prints the API key to use.
set -euo pipefail
cd "$BENCH_ROOT"
export DATA_DIR=$BENCH_DATA_DIR
manage() { .venv/bin/python manage.py "$@"; }
manage migrate -v0
manage shell -v0 -c "
from django.conf import settings
from providers import connections, keyring
from providers.models import ProviderConnection, ProviderNode
keyring.open_vault(settings.DATA_DIR)
node = ProviderNode(name='Mock', prefix='mock', base_url='http://127.0.0.1:9901/v1', allow_private_network=True)
connections.save_node(node)
connections.connect(ProviderConnection(provider=node.provider_ptr, name='main'), 'sk-upstream')
"
manage apikey create bench
