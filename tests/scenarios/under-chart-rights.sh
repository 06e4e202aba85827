#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# under-chart-rights.sh SCENARIOS_TEST [CATCH OPTION]...: runs scenarios whose controllers have the rights that the
# chart gives, as helm renders it, and fails where they asked for more. Without options, that is for all scenarios, it
# also fails where a right of the chart was not used. Run by with-control-plane.sh with LAB_AUDIT_POLICY.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"
scenarios=$here/../scenarios
export HELM_CACHE_HOME=$LAB_DIR/helm HELM_CONFIG_HOME=$LAB_DIR/helm HELM_DATA_HOME=$LAB_DIR/helm
export KINTSUGI_CHART_RIGHTS=$LAB_DIR/chart-rights.json

[ $# -gt 0 ] || usage
[ -n "${LAB_AUDIT_POLICY:-}" ] || die "set LAB_AUDIT_POLICY to $scenarios/audit-policy.yaml"
"$here/build.sh" helm > /dev/null
"$LAB_BIN/helm" template kintsugi "$here/../../charts/kintsugi" --kube-version 1.34.4 --namespace srun-system \
  --set 'fullnameOverride=srun,protectedNamespaces={srun-shop}' \
  --show-only templates/rbac.yaml --show-only templates/serviceaccount.yaml |
  kubectl apply --dry-run=client --validate=false -o json -f - > "$KINTSUGI_CHART_RIGHTS"
"$@"
all=()
[ $# -gt 1 ] || all=(--all-used)
"$scenarios/rights.py" "$KINTSUGI_CHART_RIGHTS" "$LAB_DIR/audit.log" "${all[@]}"
