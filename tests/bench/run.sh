#!/usr/bin/env bash
# Measures OmniRoute beside a direct call of the same upstream, and beside LiteLLM with PEERS=1.
# MODES, LEVELS, ROUNDS and SECS choose what and how long; OUT is where the table is written too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/../shared/bench
[ -f "$tools/bench.py" ] || tools=$here
command -v "${CC:-cc}" >/dev/null || { echo "make bench compiles its load driver: a C compiler is needed." >&2; exit 2; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export BENCH_ROOT=$root BENCH_DATA_DIR=$work/data
BENCH_KEY=$("$here/prepare.sh")
export BENCH_KEY
targets=$work/targets.json
cp "$here/targets.json" "$targets"
only=omniroute-django
if [ "${PEERS:-}" = 1 ]; then
    export PEERS=${BENCH_PEERS:-${TMPDIR:-/tmp}/omniroute-bench-peers}
    "$here/litellm.sh" "$PEERS"
    sed -i "s|^]}$|,$(tr -d '\n' <"$here/litellm.json" | sed 's/[&|]/\\&/g')]}|" "$targets"
    only=omniroute-django,litellm
fi
python=$root/.venv/bin/python
"$python" "$tools/bench.py" "$targets" --only "$only,direct" --modes "${MODES:-chat@1+64,stream@16,paced@64}" \
    --rounds "${ROUNDS:-3}" --secs "${SECS:-3}" --work "${BENCH_WORK:-$work/build}" ${OUT:+--out "$OUT"}
echo "idle worker, resident: $(cat "$BENCH_DATA_DIR/idle-rss" 2>/dev/null || echo unknown) (after warm-up, before load)"
