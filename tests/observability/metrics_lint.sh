#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# metrics_lint.sh SAMPLE_METRICS: promtool's linter (promlint) has nothing against the exposition, neither before
# the first incident nor after many.
set -euo pipefail
for incidents in 0 500; do
  "$1" $incidents | promtool check metrics
done
echo "promtool has nothing against the metrics"
