#!/usr/bin/env bash
# Installs LiteLLM into $1/litellm with a configuration that points at the benchmark's upstream, unless it is there.
set -euo pipefail
home=$1/litellm
[ -x "$home/venv/bin/litellm" ] && exit 0
mkdir -p "$home/home"
python3 -m venv "$home/venv"
"$home/venv/bin/pip" install -q --disable-pip-version-check 'litellm[proxy]==1.106.2'
cat >"$home/config.yaml" <<'Y'
model_list:
  - model_name: bench
    litellm_params: {model: openai/bench, api_base: "http://127.0.0.1:9901/v1", api_key: sk-upstream}
  - model_name: bench-n32-d20
    litellm_params: {model: openai/bench-n32-d20, api_base: "http://127.0.0.1:9901/v1", api_key: sk-upstream}
litellm_settings: {telemetry: false}
general_settings: {master_key: sk-bench}
Y
