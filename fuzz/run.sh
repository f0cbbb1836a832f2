#!/usr/bin/env bash
# Fuzzes each reader for a while, beginning with the fixtures: fuzz/run.sh [SECONDS each, 60]
# Needs cargo-fuzz (cargo install cargo-fuzz) and a nightly toolchain; corpora stay in fuzz/corpus.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
seconds=${1:-60}
# Lines in the traces of crashes; the release that is shipped has none.
export CARGO_PROFILE_RELEASE_DEBUG=line-tables-only CARGO_PROFILE_RELEASE_STRIP=none

seed() {
    local target=$1
    shift
    mkdir -p "fuzz/corpus/$target"
    cp -n "$@" "fuzz/corpus/$target/"
}

seed pdf tests/fixtures/pdf/*.pdf
seed sheet tests/fixtures/sheets/*.{xlsx,xls,ods}
seed delimited tests/fixtures/sheets/*.{csv,tsv,txt}
seed step_files tests/fixtures/sheets/*.rows

# One instance a core, no more memory than a reading process gets (with what the sanitizer needs besides).
for target in pdf sheet html delimited step_files; do
    echo "--- $target"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048 -timeout=20 -max_len=65536 \
        -print_final_stats=1 -verbosity=0
done
