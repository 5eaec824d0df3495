#!/bin/bash
# Runs a task of learning from own answers for several seeds and prints a table: the mean reward of the first
# step's answers, and of those of the last three; the divergence from the start, in nats an answer; seconds;
# and the curve, a mean reward for each fifth of the steps.
#
#     Scripts/policy-curves.sh TASK [SEED…]          seeds 1 to 5 when none are given
#
#     grpo   sums of two single digits, judged by rules            Examples/grpo.yaml
#     ppo    beginnings of sentences, judged by a word table       Examples/ppo.yaml, Examples/CustomReward
#     judge  the same, judged by a reward model that is trained   Examples/ppo-judge.yaml after
#            first                                                Examples/mood-reward.yaml
#
# FLEDGE and CUSTOM_REWARD name programs that are built already.
set -euo pipefail
cd "$(dirname "$0")/.."
task=${1:?usage: policy-curves.sh grpo|ppo|judge [SEED…]}
shift
seeds=("$@")
[ ${#seeds[@]} -gt 0 ] || seeds=(1 2 3 4 5)

fledge=${FLEDGE:-.build/release/fledge}
[ "$task" = ppo ] || [ -x "$fledge" ] || make build
case $task in
grpo) program=("$fledge" train) file=Examples/grpo.yaml ;;
judge)
    program=("$fledge" train) file=Examples/ppo-judge.yaml
    [ -f runs/mood-reward/value_head.safetensors ] || "$fledge" train Examples/mood-reward.yaml
    ;;
ppo)
    if [ -z "${CUSTOM_REWARD:-}" ]; then
        swift build -c release --package-path Examples/CustomReward --scratch-path .build-examples
        CUSTOM_REWARD=.build-examples/release/CustomReward
    fi
    program=("$CUSTOM_REWARD") file=Examples/ppo.yaml
    ;;
*)
    echo "There is no task $task: grpo, ppo or judge." >&2
    exit 2
    ;;
esac

# The steps of a run as lines: reward and divergence (0 where nothing is held against).
steps() {
    awk -F'[:,]' '
        /"log_history"/ { inside = 1 }
        inside && /^ *"kl":/ { kl = $2 }
        inside && /^ *"reward":/ { reward = $2; seen = 1 }
        inside && /^ *"step":/ { if (seen) print reward + 0, kl + 0; seen = 0 }' "$1"
}

printf '| seed | reward at first | in the end | divergence | seconds | curve |\n'
printf '|---|---|---|---|---|---|\n'
for seed in "${seeds[@]}"; do
    folder=runs/curves/$task-$seed
    log=$(mktemp)
    begin=$(date +%s)
    "${program[@]}" "$file" seed="$seed" output_dir="$folder" > "$log" 2>&1 || {
        cat "$log" >&2
        exit 1
    }
    seconds=$(($(date +%s) - begin))
    rm -f "$log"
    steps "$folder/trainer_state.json" | awk -v seed="$seed" -v seconds="$seconds" '
        { reward[NR] = $1; kl[NR] = $2 }
        function mean(from, to,   sum, i) {
            for (i = from; i <= to; i++) sum += reward[i]
            return sum / (to - from + 1)
        }
        END {
            from = 1
            for (part = 1; part <= 5; part++) {
                to = int(NR * part / 5)
                curve = curve (part > 1 ? " " : "") sprintf("%.2f", mean(from, to))
                from = to + 1
            }
            printf "| %s | %.2f | %.2f | %.1f | %d | %s |\n", seed, reward[1], mean(NR - 2, NR),
                (kl[NR - 2] + kl[NR - 1] + kl[NR]) / 3, seconds, curve
        }'
done
