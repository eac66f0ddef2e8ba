#!/usr/bin/env bash
# Runs the fuzz targets on stable Rust, each for so many seconds from its corpus; what libFuzzer needs
# of the compiler is stable, so no nightly and no cargo-fuzz are needed, but a C++ compiler is. That the
# kept inputs pass is a test (tests/corpus.rs), without any of this.
#
#   run.sh SECONDS [TARGET…]       look for what fails
#   run.sh keep [TARGET…]          add what the last runs found to the corpora, minimised
#   run.sh TARGET FILE…            run the target over these inputs
set -euo pipefail
cd "$(dirname "$0")"
here=$PWD

command -v "${CXX:-c++}" >/dev/null || { echo "fuzzing needs a C++ compiler, such as g++" >&2; exit 1; }
host=$(rustc --print host-tuple)
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/fuzz
# With a target that is named, build scripts and macros are built without these.
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module \
-Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares"
cargo build --quiet --locked -p ikcrm-fuzz --profile fuzz --target "$host" --target-dir "$target"
binary=$target/$host/fuzz/ikcrm-fuzz

all=$(cd corpus && ls)
case ${1:-} in
keep | *[0-9])
    what=$1
    shift
    targets=${*:-$all}
    ;;
*)
    export FUZZ=${1:?give a number of seconds, \"keep\" or a target}
    shift
    exec "$binary" -timeout=10 "$@"
    ;;
esac

failed=()
for name in $targets; do
    export FUZZ=$name
    found=$target/found/$name
    mkdir -p "$found" "$target/failed"
    options=(-timeout=10 -rss_limit_mb=2048 -max_len=4096)
    if [ "$what" = keep ]; then
        # Few and small: one for each piece of code, however often it ran.
        new=$target/new small=$target/small
        rm -rf "$new" "$small"
        mkdir -p "$new" "$small"
        find "$found" -type f -size -121c -exec cp -t "$small" {} +
        "$binary" "${options[@]}" -use_counters=0 -set_cover_merge=1 "$new" "corpus/$name" "$small" \
            >"$target/$name.log" 2>&1
        rm -rf "corpus/$name"
        mv "$new" "corpus/$name"
        echo "$name: $(find "corpus/$name" -type f | wc -l) inputs"
        continue
    fi
    [ -f "dictionaries/$name.dict" ] && options+=("-dict=dictionaries/$name.dict")
    options+=("-artifact_prefix=$target/failed/$name-" -max_total_time="$what" "$found")
    if "$binary" "${options[@]}" "$here/corpus/$name" >"$target/$name.log" 2>&1; then
        echo "$name: $(grep '^Done' "$target/$name.log")"
    else
        cat "$target/$name.log"
        failed+=("$name")
    fi
done
[ ${#failed[@]} = 0 ] || { echo "failed: ${failed[*]}; run one again by: tests/fuzz/run.sh TARGET FILE" >&2; exit 1; }
