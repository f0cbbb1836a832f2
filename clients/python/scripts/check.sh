#!/usr/bin/env bash
# All that the Python client must pass, in a virtual environment of its own that is gone afterwards:
#
#     scripts/check.sh [path/to/lekalo]
#
# With a program, its demo is started for the tests that want a server, and its server for a short soak; else LEKALO_ADDR
# may name a running demo; with neither, those tests are skipped. PYTHON is the interpreter, python3 by default.
set -euo pipefail
lekalo=${1:+$(realpath "$1")}
cd "$(dirname "${BASH_SOURCE[0]}")/.."

dir=$(mktemp -d /tmp/lekalo-python-XXXXXX)
chmod 755 "$dir" # as root, the demo's PostgreSQL runs as another account
server=
stop() {
    if [[ -n $server ]]; then
        kill -TERM "$server" 2>/dev/null || true
        wait "$server" || true
        server=
    fi
}
# shellcheck disable=SC2317
finish() {
    stop
    rm -rf "$dir"
}
trap finish EXIT
# A server on the demo's data; LEKALO_ADDR is its address then.
start() {
    "$lekalo" "$@" --data-dir "$dir/data" --addr 127.0.0.1:0 >/dev/null 2>"$dir/log" &
    server=$!
    for _ in {1..600}; do
        ! grep -q '^listening on ' "$dir/log" || break
        kill -0 "$server" 2>/dev/null || break
        sleep 0.1
    done
    LEKALO_ADDR=$(sed -n 's/^listening on //p' "$dir/log")
    if [[ -z $LEKALO_ADDR ]]; then
        cat "$dir/log" >&2
        exit 1
    fi
    export LEKALO_ADDR
}

"${PYTHON:-python3}" -m venv "$dir/venv"
PATH="$dir/venv/bin:$PATH"
export PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
python --version
pip install --quiet ".[dev]" # as users get it, not from src

ruff check --no-cache
ruff format --no-cache --check
mypy --cache-dir "$dir/mypy"
python scripts/generate_stubs.py --check
python scripts/generate_sync.py --check

[[ -z $lekalo ]] || start demo

pytest --quiet -p no:cacheprovider

# The conversations of examples/, KIND.TENANT.LANGUAGE.txt, each to its end: the number of an application, or after a no
# the call-back, which is told none.
heard() {
    local measured wanted='(№|No\.) [0-9A-F]{8}'
    [[ $1 != no.* ]] || wanted='\+996[0-9]{9}'
    tee "$dir/said"
    grep -qE "$wanted" "$dir/said" || { echo "error: $1 came to no application" >&2; exit 1; }
    measured=$(grep -c 📐 "$dir/said" || true) # only measure.* offers it
    [[ $measured == "$([[ $1 == measure.* ]] && echo 1 || echo 0)" ]] || { echo "error: $1 went astray" >&2; exit 1; }
    [[ $1 != *.five_deluxe.* ]] || ! grep -wE 'сом|som' "$dir/said" || { echo "error: $1 shows prices" >&2; exit 1; }
}
play() {
    local name tenant language
    name=$(basename "$1")
    IFS=. read -r _ tenant language _ <<<"$name"
    echo "--- $name"
    python examples/bot.py --tenant "$tenant" --language "$language" <"$1" | heard "$name"
}
if [[ -n ${LEKALO_ADDR:-} ]]; then
    for script in examples/*.txt; do
        play "$script"
    done
    python examples/bot_async.py "камри 70 2018" Айбек "0555 123 456" | heard bot_async.py
else
    echo "no server: the conversations were not played"
fi

# The soak, short: too short for memory that grows slowly, long enough for what is lost. The demo has no admin port.
if [[ -n $lekalo ]]; then
    stop
    start serve --embedded --admin-addr 127.0.0.1:0
    LEKALO_API_KEY=$("$lekalo" key issue --role admin --name soak --embedded --data-dir "$dir/data")
    export LEKALO_API_KEY
    admin=$(sed -n 's/^metrics, health and more at //p' "$dir/log")
    python examples/soak.py --admin "$admin" --seconds 20 --seed 3 || { cat "$dir/log" >&2; exit 1; }
else
    echo "no program: the soak was not run"
fi
