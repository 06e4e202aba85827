#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# in-shards.sh SCENARIOS_TEST [COMMAND...]: all scenarios in two processes at once, because most of their time is
# waiting; those that need the machine for themselves (the tag [alone]) come after them, one by one. Each process is
# run by COMMAND, if given, which makes a world for it.
set -euo pipefail
scenarios_test=$1
scenarios=("${@:2}" "$scenarios_test")
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

names() { "$scenarios_test" --list-test-names-only "$@" || true; } # it exits with their number
names '~[alone]' | sed 's/,/\\,/g' > "$dir/names"
pids=()
for shard in 0 1; do
  sed -n "$((shard + 1))~2p" "$dir/names" > "$dir/names-$shard"
  "${scenarios[@]}" --input-file "$dir/names-$shard" > "$dir/said-$shard" 2>&1 &
  pids+=($!)
done
failed=0
for shard in 0 1; do
  wait "${pids[shard]}" || failed=1
  cat "$dir/said-$shard"
  names --input-file "$dir/names-$shard" >> "$dir/run"
done
[ "$(wc -l < "$dir/run")" = "$(wc -l < "$dir/names")" ] || { echo "${0##*/}: not all scenarios ran" >&2; exit 1; }
"${scenarios[@]}" '[alone]' || failed=1
exit $failed
