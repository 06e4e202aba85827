#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What scenarios take for granted of a control plane whose nodes are kwok's. Run by with-control-plane.sh.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

kubectl create deployment web --image=registry.example.com/web:1 --replicas=3
kubectl rollout status deployment/web --timeout=60s

victim=$(kubectl get pods -l app=web -o jsonpath='{.items[0].metadata.name}')
kubectl label pod "$victim" app- # its ReplicaSet lets go of it and makes another
kubectl wait --for=jsonpath='{.status.readyReplicas}'=3 deployment/web --timeout=60s
[ "$(kubectl get pods --no-headers | wc -l)" = 4 ] || die "a replacement beside the victim was expected"

kubectl create job once --image=registry.example.com/once:1
kubectl wait --for=condition=Complete job/once --timeout=60s

! kubectl auth can-i delete pods --as=system:serviceaccount:default:default ||
  die "RBAC lets anybody delete pods"
! "$here/control-plane.sh" up 2>/dev/null || die "a second control plane came up on the same ports"
