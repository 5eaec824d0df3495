#!/bin/bash
# Builds the benchmarks, prints the table of the README, the kernels by themselves, and where the time of
# a step goes.
# Usage: bench.sh [ROW …]
#        PYTHON=… FLOAT32_FOLDER=… BFLOAT16_FOLDER=… bench.sh [ROW …]   # with the peers, see README.md
set -euo pipefail
cd "$(dirname "$0")/.."
GGUF=$(Scripts/fetch-model.sh)
swift build -c release --product fledge
swift build -c release --package-path Benchmarks
DATA=$(Scripts/fetch-reference-data.sh | tail -n 1 | sed 's/ is there already$//')
export GGUF DATA BENCHMARKS=Benchmarks/.build/release FLEDGE=.build/release/fledge
"${PYTHON:-python3}" Benchmarks/table.py "$@"
[ $# -eq 0 ] || exit 0
echo
TOKENIZERS=$(Scripts/fetch-tokenizers.sh)
export TOKENIZERS
"${PYTHON:-python3}" Benchmarks/preprocess.py || echo "The comparison of preprocessing needs LLaMA-Factory."
echo
"${PYTHON:-python3}" Benchmarks/encode.py || echo "The comparison of tokenizers needs the tokenizers library."
echo
"$BENCHMARKS/KernelBenchmark"
for type in float32 bfloat16; do
  echo
  echo "A LoRA step of 512 tokens in $type, by operation:"
  "$BENCHMARKS/StepBenchmark" "$GGUF" "$type" 512 5 2 --profile
done
