#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# host_service_test.sh PROGRAM: systemd takes the host's unit as it is shipped and finds it well shut in, and PROGRAM
# takes the flags that the unit gives it.
set -euo pipefail
program=$1
unit=$(dirname "$0")/../packaging/kintsugi-host.service
# By systemd's own measure, in tenths; what is above 2.0 has lost one of its fences.
most_exposed=20
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*" >&2; exit 1; }

sed "s#^ExecStart=/usr/local/bin/kintsugi-controller #ExecStart=$program #" "$unit" > "$work/kintsugi-host.service"
said=$(systemd-analyze verify --man=no --recursive-errors=no "$work/kintsugi-host.service" 2>&1) || fail "$said"
[ -z "$said" ] || fail "systemd: $said"
systemd-analyze security --offline=true --threshold=$most_exposed --no-pager "$work/kintsugi-host.service" > "$work/fences" ||
  fail "$(grep -E '✗|exposure' "$work/fences")"

# The words have no quotes. A directory that is not there ends the program before it does anything.
read -rd '' -a command < <(sed -n '/^ExecStart=/,/[^\\]$/p' "$unit" |
  sed "s/\\\\$//; s/^ExecStart=//; s#/etc/kintsugi/playbooks#$work/none#"; printf '\0')
[ "${#command[@]}" -gt 10 ] || fail "ExecStart has ${#command[@]} words"
if said=$("$program" "${command[@]:1}" 2>&1); then fail "started without playbooks"; fi
[[ $said == *"--playbooks $work/none: "* ]] || fail "$said"
if said=$("$program" "${command[@]:1}" --unknown 2>&1); then fail "takes any flag"; fi
[[ $said == *--unknown* ]] || fail "$said"
echo "systemd takes the unit, and the program its flags"
