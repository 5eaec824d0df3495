#!/bin/bash
# Builds fuzz targets with libFuzzer and the address sanitizer and runs each for some seconds.
# Usage: fuzz.sh SECONDS INPUT TARGET …     INPUT is a file to run again, or empty.
set -euo pipefail
cd "$(dirname "$0")/.."
seconds=$1 input=$2
shift 2
build=.build-fuzz
binaries=$build/release
# The flags stand here and not in the package, since they are the fuzzer's, not the library's.
flags=(-c release --package-path Fuzz --scratch-path "$build"
    -Xswiftc -sanitize=fuzzer,address -Xswiftc -use-ld=lld)
for target in "$@"; do
    "${SWIFT:-swift}" build "${flags[@]}" --product "$target"
done
# An error of Swift's runtime ends by an illegal instruction; the sanitizer shows where it was.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_leaks=0:handle_sigill=1:allocator_may_return_null=0}
for target in "$@"; do
    if [ -n "$input" ]; then
        "$binaries/$target" "$input"
        continue
    fi
    corpus=$build/corpus/$target
    mkdir -p "$corpus" "$build/seeds/$target"
    echo "$target: $seconds s" >&2
    FUZZ_SEEDS=$build/seeds/$target "$binaries/$target" -max_total_time="$seconds" -timeout=20 \
        -rss_limit_mb=3000 -malloc_limit_mb=1000 -max_len=32768 -print_final_stats=1 \
        -artifact_prefix="$build/$target-" "$corpus" "$build/seeds/$target"
done
