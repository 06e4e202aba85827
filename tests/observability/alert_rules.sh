#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# alert_rules.sh: the rules are well-formed, each alert has its labels, annotations, a section in the runbook, and a
# unit test in which it fires and one in which it does not; increase() stands over de-instanced series only.
set -euo pipefail
cd "$(dirname "$0")"
rules=../../charts/kintsugi/files/rules.yaml
runbook=../../docs/runbooks.md
tests=alert_tests.yaml

promtool check rules "$rules"
promtool test rules "$tests"

fail() { echo "$1"; exit 1; }
mapfile -t alerts < <(sed -n 's/^ *- alert: //p' "$rules")
[ ${#alerts[@]} -gt 0 ] || fail "$rules has no alerts"
for alert in "${alerts[@]}"; do
  text=$(awk -v alert="$alert" '/^ *- (alert|record):/ { on = ($3 == alert) } on' "$rules")
  for key in severity summary description runbook_url; do
    grep -q " $key: " <<< "$text" || fail "$alert has no $key"
  done
  grep -q "runbooks.md#${alert,,}$" <<< "$text" || fail "$alert: its runbook_url does not end in runbooks.md#${alert,,}"
  grep -qx "## $alert" "$runbook" || fail "$alert has no section in $runbook"
  grep -A1 "alertname: $alert$" "$tests" | grep -q 'exp_alerts: \[\]' || fail "$alert has no test in which it is silent"
  grep -A1 "alertname: $alert$" "$tests" | grep -q 'exp_alerts:$' || fail "$alert has no test in which it fires"
done
! grep -nE 'increase\((kintsugi_|[a-z]+_[a-z]+_)' "$rules" || fail "increase() over a series with an instance"
echo "${#alerts[@]} alerts are complete and tested"
