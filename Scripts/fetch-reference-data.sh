#!/bin/sh
# Fetches LLaMA-Factory's demonstration data (mixed licences, so never committed) into the cache, and its
# example files.
#
# Tests that compare with the reference on real data find it there, or in $FLEDGE_REFERENCE_DATA.
set -eu
version=0.9.5
sha256=1702c0bfb864e80577a59521d2edcacd2aab05ec6aee06188fcba335a589681f
cache=${FLEDGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fledge}
target=$cache/llamafactory-data
examples=$cache/llamafactory-examples
if [ -e "$target/dataset_info.json" ] && [ -e "$examples/README.md" ]; then
    echo "$target is there already"
    exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
archive=$work/llamafactory-$version.tar.gz
# Only the archive is wanted; pip looks at its metadata, but nothing is installed.
python3 -m pip download --quiet --no-deps --no-binary llamafactory --dest "$work" \
    "llamafactory==$version"
echo "$sha256  $archive" | sha256sum --check --quiet
tar -xzf "$archive" -C "$work"
mkdir -p "$cache"
[ -e "$target/dataset_info.json" ] || mv "$work/llamafactory-$version/data" "$target"
[ -e "$examples/README.md" ] || mv "$work/llamafactory-$version/examples" "$examples"
echo "$target"
