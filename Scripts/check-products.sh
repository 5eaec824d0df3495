#!/bin/bash
# Builds a package of somebody else against every library product, runs it, and shows that the
# tokenizer and the data pipeline link neither OpenBLAS nor the kernels.
#
# usage: Scripts/check-products.sh [build folder]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
package=$root/Tests/OutsidePackage
build=${1:-$root/.build/outside}

products=$(sed -n 's/^ *\.library(name: "\(\w*\)".*/\1/p' "$root/Package.swift")
swift build -c release --package-path "$package" --scratch-path "$build"
bin=$(swift build -c release --package-path "$package" --scratch-path "$build" --show-bin-path)

failed=0
complain() {
    echo "error: $*" >&2
    failed=1
}

for product in $products; do
    program=$bin/Uses$product
    if [ ! -x "$program" ]; then
        complain "$product has no program in Tests/OutsidePackage"
        continue
    fi
    "$program" > /dev/null || complain "the program that uses $product fails"
    libraries=$(readelf -d "$program" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p')
    linked=$(grep -ciE 'openblas|lapack|cblas' <<< "$libraries" || true)
    symbols=$(nm "$program" 2> /dev/null | grep -cE ' [TtDdBb] (fledge_|\$s12FledgeTensor)' || true)
    case $product in
    FledgeCore | FledgeJinja | FledgeTokenize | FledgeColumnar | FledgeData) expected=no ;;
    *) expected=yes ;;
    esac
    if [ "$linked" -gt 0 ] || [ "$symbols" -gt 0 ]; then found=yes; else found=no; fi
    # The model can be linked without being called; only the other direction is a promise.
    if [ $expected = no ] && [ $found = yes ]; then
        complain "$product links OpenBLAS ($linked) or $symbols symbols of tensors and kernels"
    fi
    printf '%-16s %-4s OpenBLAS, %5d tensor and kernel symbols, %6d KB\n' "$product" \
        "$([ "$linked" -gt 0 ] && echo with || echo no)" "$symbols" \
        $(($(stat -c %s "$program") / 1024))
done
"$bin/Conformers" || complain "a conformer from outside fails"
# The check itself: what computes has to be seen.
kernels=$(nm "$bin/UsesFledgeTensor" | grep -c ' [Tt] fledge_' || true)
[ "$kernels" -gt 0 ] || complain "the kernels are not seen in FledgeTensor"
exit $failed
