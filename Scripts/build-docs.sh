#!/bin/bash
# Builds the documentation of every library product from its catalogue and the modules of a release
# build, with DocC's warnings as errors.
#
# usage: Scripts/build-docs.sh [folder of the release build] [output folder]
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${1:-$root/.build/release}
output=${2:-$root/.build/docs}
target=$(swiftc -print-target-info | sed -n 's/^ *"unversionedTriple": "\(.*\)",*/\1/p' | head -1)

# The C modules that interfaces are compiled against: those of the build, and those of the system.
search=()
for map in "$build"/*.build/module.modulemap "${build%/*}"/checkouts/Yams/Sources/CYaml/include/*.modulemap \
    "${build%/*}"/checkouts/FlyingFox/CSystemLinux/include/*.modulemap; do
    [ ! -f "$map" ] || search+=(-Xcc "-fmodule-map-file=$map")
done
for folder in COpenBLAS CZlib CZstd; do search+=(-I "$root/Sources/$folder"); done

rm -rf "$output"
mkdir -p "$output"
failed=0
for catalogue in "$root"/Sources/*/*.docc; do
    module=$(basename "$catalogue" .docc)
    mkdir -p "$output/symbols/$module"
    swift symbolgraph-extract -module-name "$module" -target "$target" \
        -I "$build/Modules" "${search[@]}" -minimum-access-level public -skip-inherited-docs \
        -output-dir "$output/symbols/$module" > "$output/$module.symbols.log" 2>&1 \
        || { cat "$output/$module.symbols.log" >&2; failed=1; }
done
# Names of other modules are shown without a link.
grep -rhoE '"pathComponents":\["[A-Za-z0-9]+"\]' "$output/symbols" \
    | sed "s/.*\[\"\(.*\)\"\]/'\1'/" | sort -u > "$output/names"
sed -e "s/\$/ doesn't exist at/" "$output/names" > "$output/foreign"
sed -e "s/\$/ can't be linked to in a partial documentation build/" "$output/names" >> "$output/foreign"

for catalogue in "$root"/Sources/*/*.docc; do
    module=$(basename "$catalogue" .docc)
    docc convert "$catalogue" --additional-symbol-graph-dir "$output/symbols/$module" \
        --fallback-display-name "$module" --fallback-bundle-identifier "$module" \
        --output-dir "$output/$module.doccarchive" > "$output/$module.log" 2>&1 \
        || { cat "$output/$module.log" >&2; failed=1; continue; }
    # Parameters whose names say all have no lines of their own here.
    if grep -E '^(warning|error): ' "$output/$module.log" | grep -v 'is missing documentation$' \
        | grep -vFf "$output/foreign" >&2; then
        echo "error: the documentation of $module has warnings: $output/$module.log" >&2
        failed=1
    fi
done
exit $failed
