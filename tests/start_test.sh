#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# start_test.sh PROGRAM: fails unless kintsugi-controller ends with status 1 and says why, in a cluster and with --host,
# where a directory of its command line cannot be used. There is neither a cluster nor libvirt here.
set -euo pipefail

program=$1
directory=$(mktemp --directory)
trap 'rm -rf "$directory"' EXIT
mkdir "$directory/good"
: > "$directory/file"
failures=0

# refuses WORDS FLAG PATH [ARGUMENT]...: with that flag the controller does not start, and its log has flag, path and words.
refuses() {
  local words=$1 flag=$2 path=$3 status=0 log
  log=$(KUBECONFIG=$directory/none timeout 10 "$program" --allow-plain-signals --signals-listen 127.0.0.1:0 \
    --metrics-listen 127.0.0.1:0 "${@:2}" 2>&1) || status=$?
  if [ $status != 1 ] || ! grep -F "Could not start" <<< "$log" | grep -F -- "$flag $path: " | grep -qF -- "$words"; then
    echo "status $status and not 1, or no word of $flag $path ($words): $log"
    failures=$((failures + 1))
  fi
}

host=(--host --libvirt-uri "qemu+unix:///system?socket=$directory/none" --state "$directory/state.db")
for kind in cluster host; do
  also=()
  [ $kind = cluster ] || also=("${host[@]}")
  for flag in --playbooks --trust-policies; do
    playbooks=()
    [ "$kind $flag" != "host --trust-policies" ] || playbooks=(--playbooks "$directory/good")
    refuses "No such file" $flag /nonexist "${also[@]}" "${playbooks[@]}"
    refuses "Not a directory" $flag "$directory/file" "${also[@]}" "${playbooks[@]}"
  done
done
[ ! -e "$directory/state.db" ] || { echo "a database was made"; failures=$((failures + 1)); }
[ $failures = 0 ] || exit 1
echo "the controllers say which directory they cannot use"
