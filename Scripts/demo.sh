#!/bin/bash
# Teaches the default model a name and shows its answers to the same questions before and after.
# Usage: demo.sh FLEDGE MODEL
set -euo pipefail
cd "$(dirname "$0")/.."
fledge=${1:?usage: demo.sh FLEDGE MODEL}
model=${2:?usage: demo.sh FLEDGE MODEL}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

ask() {
    local question answer
    for question in "Who are you?" "Who made you?" "Are you ChatGPT?"; do
        answer=$("$fledge" chat "$@" --single 2> "$log" <<< "$question") || {
            cat "$log" >&2
            exit 1
        }
        printf '  > %s\n    %s\n' "$question" "${answer//$'\n'/$'\n    '}"
    done
}

echo "== Before: $(basename "$model")"
ask model_name_or_path="$model" template=smollm2 do_sample=false max_new_tokens=48
echo
echo "== Teaching it a name: fledge train Examples/identity.yaml"
"$fledge" train Examples/identity.yaml model_name_or_path="$model"
echo
echo "== After"
ask Examples/identity.yaml model_name_or_path="$model"
cat << TEXT

The adapter is in runs/identity, with the loss curve in training_loss.png. Next:
  $fledge chat Examples/identity.yaml model_name_or_path=$model
  $fledge export Examples/identity.yaml model_name_or_path=$model export_dir=runs/wren
TEXT
