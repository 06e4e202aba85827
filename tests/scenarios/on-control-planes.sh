#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# on-control-planes.sh SCENARIOS_TEST: all scenarios under the rights that the chart gives, on a control plane for each
# shard of them, because a controller sees all of its cluster. Fails where the chart lacks a right, and where no
# scenario used one that it gives.
set -euo pipefail
here=$(dirname "$0")
export LAB_AUDIT_POLICY=$here/audit-policy.yaml
KINTSUGI_RIGHTS_DIR=$(mktemp -d)
export KINTSUGI_RIGHTS_DIR
trap 'rm -rf "$KINTSUGI_RIGHTS_DIR"' EXIT

"$here/in-shards.sh" "$1" "$here/../lab/with-control-plane.sh" "$here/under-chart-rights.sh"
"$here/rights.py" "$KINTSUGI_RIGHTS_DIR/rights.json" "$KINTSUGI_RIGHTS_DIR"/*.log --all-used
