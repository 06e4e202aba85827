#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# start_test.sh PROGRAM: fails unless kintsugi-controller says why it does not start: with status 2 where its command line
# makes no sense, with status 1 where a directory of it cannot be used. There is neither a cluster nor libvirt here.
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

# makes_no_sense WORDS ARGUMENT...: the controller ends with status 2, and says those words.
makes_no_sense() {
  local words=$1 status=0 said
  said=$(KUBECONFIG=$directory/none timeout 10 "$program" "${@:2}" 2>&1) || status=$?
  if [ $status != 2 ] || ! grep -qF -- "$words" <<< "$said"; then
    echo "status $status and not 2, or not '$words' for ${*:2}: $said"
    failures=$((failures + 1))
  fi
}

state=(--state "$directory/state.db")
hypervisor=(--allow-plain-signals --host "${state[@]}" --playbooks "$directory/good")
makes_no_sense "signals need --signals-tls-cert" --leader-elect=false
makes_no_sense "plain HTTP only on loopback" --allow-plain-signals --signals-listen 0.0.0.0:8443
makes_no_sense "go together" --signals-tls-cert "$directory/file"
makes_no_sense "need --signals-token-file" --signals-tls-cert "$directory/file" --signals-tls-key "$directory/file"
makes_no_sense "--admission-url" --allow-plain-signals --admission-url http://127.0.0.1:1
makes_no_sense "--admission-after" --allow-plain-signals --admission-after soon
makes_no_sense "--host needs --state" --allow-plain-signals --host
makes_no_sense "--host needs --playbooks" --allow-plain-signals --host "${state[@]}"
makes_no_sense "--host has no --admission" "${hypervisor[@]}" --admission
makes_no_sense "requires --host" --allow-plain-signals "${state[@]}"
for uri in "" qemu qemu:/system xen:///system test:///default qemux:///system "not a uri"; do
  makes_no_sense "--libvirt-uri: expected" "${hypervisor[@]}" --libvirt-uri "$uri"
done
makes_no_sense "--no-such-flag" --allow-plain-signals --no-such-flag

host=(--host --libvirt-uri "qemu+unix:///system?socket=$directory/none" "${state[@]}")
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
echo "the controllers say what they cannot start with"
