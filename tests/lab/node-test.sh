#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What scenarios take for granted of a real node: an image that is pulled by digest, exec, logs, and a
# NetworkPolicy that stops packets. Run by with-control-plane.sh with WITH_NODE=1.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
busybox_root "$root" <<'END'
#!/bin/sh
echo started
exec httpd -f -p 8080 -h /www
END
echo hello > "$root/www/index.html"
push() { "$here/registry.sh" push "$root" "$1" --platform linux/amd64 --platform linux/arm64; }
image=$(push shop/web:1)
[ "$(push shop/web:2)" = "$image" ] ||
  die "the same content has two digests"

kubectl create deployment web --image="$image" --replicas=2
kubectl rollout status deployment/web --timeout=60s
mapfile -t pods < <(kubectl get pods -l app=web -o name)
server=$(kubectl get "${pods[1]}" -o jsonpath='{.status.podIP}')

fetch() { kubectl exec "${pods[0]}" -- timeout 1 wget -qO- "http://$server:8080/"; }
[ "$(kubectl logs "${pods[0]}")" = started ] || die "no logs"
[ "$(fetch)" = hello ] || die "no traffic between pods"
[ "$(kubectl get "${pods[0]}" -o jsonpath='{.status.containerStatuses[0].imageID}')" = "$image" ] ||
  die "the node runs another digest than $image"

"$here/netpol.py" up --established=cut
kubectl create -f - <<'END'
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: deny-all}
spec: {podSelector: {}, policyTypes: [Ingress, Egress]}
END
deadline=$((SECONDS + 10))
while fetch > /dev/null 2>&1; do
  [ "$SECONDS" -lt "$deadline" ] || die "packets pass in spite of a deny-all policy"
done
