#!/bin/bash
# Builds the example that uses tokenizer and data pipeline alone, runs it, and shows that it links
# neither OpenBLAS nor LAPACK nor a kernel.
#
# usage: Scripts/check-data-only.sh [build folder]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/.build-examples}
example=$root/Examples/DataOnly
swift build -c release --package-path "$example" --scratch-path "$build"
program=$(swift build -c release --package-path "$example" --scratch-path "$build" --show-bin-path)/DataOnly
(cd "$root" && "$program")
libraries=$(ldd "$program")
if grep -iE 'openblas|lapack|cblas' <<< "$libraries"; then
    echo "error: DataOnly links OpenBLAS" >&2
    exit 1
fi
kernels=$(nm "$program" | grep -cE ' [TtDdBb] (fledge_|\$s12FledgeTensor)' || true)
if [ "$kernels" -gt 0 ]; then
    echo "error: DataOnly links $kernels symbols of tensors and kernels" >&2
    exit 1
fi
echo "DataOnly links neither OpenBLAS nor kernels: $(($(stat -c %s "$program") / 1024)) KB"
