#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The chart: what it renders, what it refuses, and that a cluster which enforces the restricted pod security standard
# takes it and gives the controller the rights it needs and no others. Run by with-control-plane.sh.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"
cd "$here/../../charts/kintsugi"
export HELM_CACHE_HOME=$LAB_DIR/helm HELM_CONFIG_HOME=$LAB_DIR/helm HELM_DATA_HOME=$LAB_DIR/helm
helm() { "$LAB_BIN/helm" --kubeconfig "$LAB_DIR/admin.kubeconfig" "$@"; }

own=kintsugi-system
render() { helm template kintsugi . --namespace $own --kube-version 1.34.4 "$@"; }
count() { grep -cx "kind: $1" "$LAB_DIR/rendered.yaml" || true; }
expect() { # KIND NUMBER, in what was rendered last
  [ "$(count "$1")" = "$2" ] || die "$1: expected $2, found $(count "$1")"
}
expect_text() { grep -qF -- "$1" "$LAB_DIR/rendered.yaml" || die "not rendered: $1"; }

# ---- rendering ------------------------------------------------------------------------------------------------

"$here/../../scripts/chart" --check "$LAB_DIR/chart" > "$LAB_DIR/package" || die "$(< "$LAB_DIR/package")"

# A typo, at any depth, and values that cannot work are errors.
for typo in replicas=3 image.tagg=1 signals.tls.secret=x evidence.persistentVolumeClaim.sizes=1 \
  replicaCount=many image.digest=latest signals.port=443 'protectedNamespaces={Shop}' \
  'protectedNamespaces={kube-system}' "protectedNamespaces={$own}"; do
  ! render --set "$typo" > /dev/null 2>&1 || die "--set $typo was accepted"
done

# Several replicas without an election would all lead, and so would an old and a new one during an upgrade. The schema
# says so; where it is skipped the templates do, in words.
refused() { # TEXT OPTION...
  local text=$1
  shift
  ! render "$@" > /dev/null 2>&1 || die "accepted: $*"
  ! render --skip-schema-validation "$@" > /dev/null 2> "$LAB_DIR/refusal" || die "accepted by the templates: $*"
  grep -qF "$text" "$LAB_DIR/refusal" || die "refused with other words: $(< "$LAB_DIR/refusal")"
}
refused 'allows one replica, and replicaCount is 2' --set leaderElection.enabled=false
refused 'needs strategy.type Recreate' --set leaderElection.enabled=false,replicaCount=1,strategy.type=RollingUpdate

render > "$LAB_DIR/rendered.yaml"
for kind in Deployment Service ServiceAccount ClusterRoleBinding RoleBinding PodDisruptionBudget; do
  expect $kind 1
done
expect Role 2
expect ClusterRole 4
expect CustomResourceDefinition 3
expect Secret 2
for kind in NetworkPolicy FlowSchema ServiceMonitor PrometheusRule ConfigMap PersistentVolumeClaim; do
  expect $kind 0
done
expect_text 'helm.sh/resource-policy: keep'

! grep -q 'resources: \[secrets\]' "$LAB_DIR/rendered.yaml" || die "the controller may read Secrets that nobody named"

render --set admission.enabled=true > "$LAB_DIR/rendered.yaml"
expect ValidatingWebhookConfiguration 1
expect Secret 3
expect_text '- --admission-service=kintsugi'
grep -A3 'resources: \[validatingwebhookconfigurations\]' "$LAB_DIR/rendered.yaml" | tr -d '\n' |
  grep -q 'resourceNames: \[kintsugi-admission\] *verbs: \[get, patch\]' || die "other webhooks can be changed"

render --set 'trust.secrets={cosign-pub}' > "$LAB_DIR/rendered.yaml"
grep -A3 'resources: \[secrets\]' "$LAB_DIR/rendered.yaml" | tr -d '\n' |
  grep -q 'resourceNames: *- cosign-pub *verbs: \[get\]' || die "the named Secret cannot be read, or more than that"

render --values ci/minimal-values.yaml > "$LAB_DIR/rendered.yaml"
expect Deployment 1
expect Service 1
for kind in ServiceAccount ClusterRole Role Secret PodDisruptionBudget CustomResourceDefinition; do expect $kind 0; done
expect_text --leader-elect=false
expect_text 'type: Recreate'
! grep -q registry "$LAB_DIR/rendered.yaml" || die "registries get credentials that nobody named"
expect_text 'serviceAccountName: someone'
expect_text 'secretName: own-tls'

render --values ci/full-values.yaml > "$LAB_DIR/rendered.yaml"
for kind in Deployment NetworkPolicy FlowSchema ServiceMonitor PersistentVolumeClaim; do expect $kind 1; done
expect RoleBinding 3
expect PrometheusRule "$(find files/rules.yaml 2>/dev/null | wc -l)"
expect ConfigMap $((2 + $(find files/dashboard.json 2>/dev/null | wc -l)))
for text in --allow-http-registry --registry-config=/etc/kintsugi/registry/config.json 'secretName: registry-login' \
  'name: registry-credentials, mountPath: /etc/kintsugi/registry, readOnly: true' '--signals-listen=[::]:8443' 'name: SSL_CERT_FILE' 'mountPath: /etc/ca' \
  'priorityClassName: system-cluster-critical' 'runtimeClassName: gvisor' 'kubernetes.io/os: linux' 'key: dedicated' \
  podAntiAffinity: topologySpreadConstraints: 'team: security' 'release: kube-prometheus-stack' "release: 'kintsugi'" \
  'name: as-text' registry.example.com/tools/kintsugi-controller@sha256:; do
  expect_text "$text"
done
# With crds.keep off, only evidence stays.
[ "$(grep -c 'helm.sh/resource-policy: keep' "$LAB_DIR/rendered.yaml")" = 1 ] || die "crds.keep=false keeps the CRDs"

# For those without helm.
kubectl kustomize . > "$LAB_DIR/rendered.yaml"
for kind in Namespace Deployment Service; do expect $kind 1; done
expect CustomResourceDefinition 3
expect Secret 0

# The chart's resource definitions are crds.yaml, with labels.
render --show-only templates/crds.yaml | kubectl diff -f - > "$LAB_DIR/diff" || true
! grep '^[-+] ' "$LAB_DIR/diff" | grep -vE '^. +(labels:|annotations:|(app\.kubernetes\.io|helm\.sh)/|generation:)' ||
  die "the rendered CRDs differ from crds.yaml"

# Each annotation of Artifact Hub that holds YAML holds YAML, and names the image that is installed.
image=$(render | sed -n 's/^ *image: "\(.*\)"/\1/p')
grep -qF "image: $image" Chart.yaml || die "artifacthub.io/images does not have $image"
python3 "$here/../chart/block.py" artifacthub.io/crdsExamples < Chart.yaml > "$LAB_DIR/examples.yaml"
kubectl create --dry-run=server -f "$LAB_DIR/examples.yaml" > /dev/null || die "artifacthub.io/crdsExamples"

# ---- installing -----------------------------------------------------------------------------------------------

# Helm does not take over what kubectl has made.
kubectl delete -f crds.yaml > /dev/null
kubectl create namespace shop > /dev/null
kubectl create namespace $own --dry-run=client -o yaml |
  kubectl label --local -f - pod-security.kubernetes.io/enforce=restricted -o yaml | kubectl create -f - > /dev/null

install() {
  helm upgrade --install kintsugi "$LAB_DIR"/chart/kintsugi-*.tgz --namespace $own \
    --set 'protectedNamespaces={shop}' --wait --timeout 90s > /dev/null
}
token() { kubectl -n $own get secret kintsugi-signals-tokens -o 'jsonpath={.data.tokens}' | base64 -d; }

install || die "not installed: $(kubectl -n $own get events -o 'jsonpath={.items[*].message}')"
before=$(token)
[[ $before =~ ^falco\ [A-Za-z0-9]{48}$ ]] || die "the token for falco was not made"
certificate() { kubectl -n $own get secret kintsugi-signals-tls -o "jsonpath={.data['$1']}" | base64 -d; }
certificate 'ca\.crt' > "$LAB_DIR/ca.crt"
certificate 'tls\.crt' | openssl verify -CAfile "$LAB_DIR/ca.crt" -verify_hostname kintsugi.$own.svc > /dev/null ||
  die "the certificate is not for the service's name"
install
[ "$(token)" = "$before" ] || die "an upgrade has made another token"

read_only=$(kubectl -n $own get pods \
  -o 'jsonpath={.items[*].spec.containers[*].securityContext.readOnlyRootFilesystem}')
[ "$read_only" = "true true" ] || die "the root file system can be written"

# ---- rights ---------------------------------------------------------------------------------------------------

rules=$(kubectl get clusterroles,roles -A -l app.kubernetes.io/part-of=kintsugi -o 'jsonpath={.items[*].rules}')
[[ $rules == *pods/exec* && $rules != *'"*"'* ]] || die "a role has a wildcard"

# One line of "yes|no NAMESPACE VERB RESOURCE[.GROUP][/SUBRESOURCE] [NAME]" to a SubjectAccessReview about $user.
user=system:serviceaccount:$own:kintsugi
review() {
  local namespace=$2 verb=$3 resource=${4%/*} sub="" name=${5:-}
  [[ $4 != */* ]] || sub=${4#*/}
  local group=${resource#*.}
  [ "$group" != "$resource" ] || group=""
  echo "---
apiVersion: authorization.k8s.io/v1
kind: SubjectAccessReview
spec:
  user: $user
  resourceAttributes: {namespace: $namespace, verb: $verb, group: \"$group\", resource: ${resource%%.*},
    subresource: \"$sub\", name: \"$name\"}"
}
# Standard input is such lines. All are asked in one go.
check_rights() {
  local lines line words answers
  mapfile -t lines
  mapfile -t answers < <(for line in "${lines[@]}"; do
    read -ra words <<< "$line"
    review "${words[@]}"
  done | kubectl create -f - -o 'jsonpath={.status.allowed}{"\n"}')
  [ ${#answers[@]} = ${#lines[@]} ] || die "${#answers[@]} answers to ${#lines[@]} questions about rights"
  for i in "${!lines[@]}"; do
    [ "${lines[i]%% *} ${answers[i]}" = "yes true" ] || [ "${lines[i]%% *} ${answers[i]}" = "no false" ] ||
      die "rights of $user: ${lines[i]}: allowed is ${answers[i]}"
  done
}

{
  for resource in namespaces pods services deployments.apps replicasets.apps networkpolicies.networking.k8s.io \
    endpointslices.discovery.k8s.io; do
    for verb in list watch; do echo "yes default $verb $resource"; done
  done
  for resource in pods deployments.apps networkpolicies.networking.k8s.io; do echo "yes default get $resource"; done
  for right in 'patch pods' 'create pods' 'delete pods' 'get pods/log' 'get pods/exec' 'create pods/exec' \
    'list events' 'patch deployments.apps' 'create networkpolicies.networking.k8s.io' \
    'update networkpolicies.networking.k8s.io'; do
    echo "yes shop $right"
    echo "no default $right"
    echo "no kube-system $right"
  done
  for right in 'create incidents.kintsugi.dev' 'patch incidents.kintsugi.dev' 'delete incidents.kintsugi.dev' \
    'update incidents.kintsugi.dev/status' 'watch playbooks.kintsugi.dev' 'watch trustpolicies.kintsugi.dev' \
    'create configmaps' 'patch configmaps' 'create leases.coordination.k8s.io' \
    'update leases.coordination.k8s.io kintsugi-controller' 'create events.events.k8s.io'; do
    echo "yes $own $right"
    echo "no shop $right"
  done
  for right in 'get secrets' 'create serviceaccounts' 'delete deployments.apps' 'patch services' 'update pods' \
    'delete networkpolicies.networking.k8s.io' 'create roles.rbac.authorization.k8s.io' \
    'patch nodes' 'patch namespaces'; do
    echo "no shop $right"
    echo "no $own $right"
  done
  for right in 'patch pods' 'create pods/exec' 'patch playbooks.kintsugi.dev' 'patch trustpolicies.kintsugi.dev' \
    'update incidents.kintsugi.dev' 'delete configmaps' \
    'update leases.coordination.k8s.io'; do
    echo "no $own $right"
  done
} > "$LAB_DIR/rights"
check_rights < "$LAB_DIR/rights"

# People: through the cluster's own roles, and through those of the chart.
for binding in clusterrole=view,vera clusterrole=edit,eddie clusterrole=kintsugi-edit,rita role=kintsugi-responder,rita; do
  role=${binding%,*}
  kubectl -n $own create rolebinding "${binding/[=,]/-}" "--$role" --user "${binding#*,}" > /dev/null
done
looks=("list incidents.kintsugi.dev" "watch playbooks.kintsugi.dev" "get trustpolicies.kintsugi.dev")
decides=("create incidents.kintsugi.dev" "patch incidents.kintsugi.dev" "update incidents.kintsugi.dev")
nobody=("delete incidents.kintsugi.dev" "update incidents.kintsugi.dev/status" "patch playbooks.kintsugi.dev"
  "patch trustpolicies.kintsugi.dev")
check_user() { # USER; standard input: as check_rights, without the namespace
  user=$1
  check_rights < <(while read -r answer right; do echo "$answer $own $right"; done)
}
check_user vera < <(printf 'yes %s\n' "${looks[@]}"; printf 'no %s\n' "${decides[@]}" "${nobody[@]}")
check_user eddie < <(printf 'yes %s\n' "${looks[@]}" "${decides[@]}"; printf 'no %s\n' "${nobody[@]}")
check_user rita < <(printf 'yes %s\n' "${looks[@]}" "${decides[@]}" 'list configmaps' \
  'get configmaps kintsugi-readiness' 'get configmaps kintsugi-ledger-'{0,9,a,f}
  printf 'no %s\n' "${nobody[@]}" 'get secrets' 'patch configmaps' 'get configmaps kintsugi')
user=system:serviceaccount:$own:kintsugi

# ---- everything on, and away with it --------------------------------------------------------------------------

# Without what needs the Prometheus operator, and a runtime that the nodes do not have.
helm upgrade kintsugi . --namespace $own --values ci/full-values.yaml --set 'protectedNamespaces={shop}' \
  --set serviceMonitor.enabled=false,prometheusRule.enabled=false,runtimeClassName=,crds.keep=true > /dev/null ||
  die "the cluster refuses the full values"

# From a rolling update to none.
helm upgrade kintsugi . --namespace $own --set leaderElection.enabled=false,replicaCount=1 > /dev/null ||
  die "leader election cannot be switched off"

helm uninstall kintsugi --namespace $own --wait > /dev/null
[ "$(kubectl get crds -o name | grep -c kintsugi.dev)" = 3 ] || die "the resource definitions went with the release"
[ -z "$(kubectl get clusterroles -l app.kubernetes.io/part-of=kintsugi -o name)" ] || die "a role has stayed"

kubectl apply -k . > /dev/null 2>&1 || die "kubectl apply -k"
kubectl -n $own rollout status deployment/kintsugi --timeout 60s > /dev/null
check_rights <<< 'no shop patch pods'
kubectl -n shop create rolebinding kintsugi-recover \
  --clusterrole kintsugi-recover --serviceaccount $own:kintsugi > /dev/null
check_rights <<< 'yes shop patch pods'
echo "the chart installs with least privilege, and refuses what cannot work"
