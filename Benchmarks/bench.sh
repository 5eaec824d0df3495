#!/bin/bash
# Builds the benchmarks and, where a Python with torch and peft is named, compares with it.
# Usage: bench.sh        PYTHON=... FLOAT32_FOLDER=... BFLOAT16_FOLDER=... bench.sh
set -euo pipefail
cd "$(dirname "$0")/.."
model=$(Scripts/fetch-model.sh)
swift build -c release --package-path Benchmarks
benchmark=Benchmarks/.build/release/StepBenchmark
if [ -n "${PYTHON:-}" ]; then
  exec "$PYTHON" Benchmarks/compare.py "$benchmark" "$model" \
    "${FLOAT32_FOLDER:?the float32 folder of SmolLM2}" "${BFLOAT16_FOLDER:?the bfloat16 folder of SmolLM2}"
fi
echo "Without PYTHON (with torch and peft, see Benchmarks/README.md) only Fledge is measured."
for type in float32 bfloat16; do "$benchmark" "$model" "$type" 512 6 2; done
