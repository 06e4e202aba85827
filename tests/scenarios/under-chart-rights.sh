#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# under-chart-rights.sh SCENARIOS_TEST [CATCH OPTION]...: runs scenarios whose controllers have the rights that the
# chart gives, as helm renders it, and fails where they asked for more. Run by with-control-plane.sh with
# LAB_AUDIT_POLICY. Where KINTSUGI_RIGHTS_DIR is set, the rights and what was used of them are left there instead, for
# somebody who sees more runs than this one.
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
  --set 'fullnameOverride=srun,protectedNamespaces={srun-shop},trust.secrets={trust-keys},admission.enabled=true,kubevirt.enabled=true' \
  --show-only templates/rbac.yaml --show-only templates/serviceaccount.yaml |
  kubectl apply --dry-run=client --validate=false -o json -f - > "$KINTSUGI_CHART_RIGHTS"
"$@"
if [ -n "${KINTSUGI_RIGHTS_DIR:-}" ]; then
  cp "$KINTSUGI_CHART_RIGHTS" "$KINTSUGI_RIGHTS_DIR/rights.json"
  cp "$LAB_DIR/audit.log" "$KINTSUGI_RIGHTS_DIR/$LAB_PORT.log"
else
  "$scenarios/rights.py" "$KINTSUGI_CHART_RIGHTS" "$LAB_DIR/audit.log"
fi
