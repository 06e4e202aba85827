#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# in-shards.sh SCENARIOS_TEST: all scenarios in two processes at once, because most of their time is waiting; those
# that need the machine for themselves (the tag [alone]) come after them, one by one.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# The numbers of the scenarios, which their names begin with. Exits with the number of tests.
{ "$1" --list-test-names-only '~[alone]' || true; } | sed -n 's/^\([0-9]\+\): .*/\1/p' | sort -nu > "$dir/numbers"
[ -s "$dir/numbers" ] || { echo "${0##*/}: $1 has no scenarios" >&2; exit 1; }
pids=()
for shard in 0 1; do
  filter=$(sed -n "$((shard + 1))~2s/.*/&:*~[alone]/p" "$dir/numbers" | paste -sd ,)
  "$1" "$filter" --durations yes > "$dir/said-$shard" 2>&1 &
  pids+=($!)
done
failed=0
for shard in 0 1; do
  wait "${pids[shard]}" || failed=1
  cat "$dir/said-$shard"
done
"$1" '[alone]' --durations yes || failed=1
exit $failed
