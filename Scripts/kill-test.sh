#!/bin/sh
# Kills runs at random moments (kill -9), starts them again until they are done, and compares what they
# leave with a run that nobody touched: weights, optimizer states, logs. All stages, all kinds of tuning,
# tiny models; a few minutes for a hundred results.
#
#     Scripts/kill-test.sh [RESULTS] [SEED]
set -eu
cd "$(dirname "$0")/.."
results=${1:-100}
seed=${2:-$(date +%s)}
swift build -c release --build-tests
echo "seed $seed"
FLEDGE_KILLS=$results FLEDGE_KILL_SEED=$seed \
    swift test -c release --skip-build --filter KillTests
