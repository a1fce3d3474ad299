#!/usr/bin/env bash
# Starts the gateway that is measured; notes how much memory its worker holds before the first request.
cd "$BENCH_ROOT" || exit 1
export DATA_DIR=$BENCH_DATA_DIR
.venv/bin/python manage.py up --port 9931 &
up=$!
trap 'kill -TERM $up; wait $up' TERM INT
until worker=$(pgrep -f 'manage.py web .*--port=9931' | head -n 1) && curl -sf http://127.0.0.1:9931/readyz >/dev/null; do sleep 0.2; done
awk '/VmRSS/ {printf "%.1f MiB\n", $2 / 1024}' "/proc/$worker/status" >"$DATA_DIR/idle-rss"
wait $up
