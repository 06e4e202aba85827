#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager, kube-scheduler,
# and (WITH_KWOK=1, the default) kwok, which plays three nodes, so that pods become Ready without containers.
#
#   control-plane.sh up      start it; prints the path of the administrator's kubeconfig
#   control-plane.sh down    stop it, and the node, registry, enforcer and machines beside it, and delete LAB_DIR
#
# LAB_BIN   where build.sh put the programs    (default $HOME/.cache/kintsugi-lab/bin)
# LAB_DIR   data, certificates, logs           (default /tmp/kintsugi-lab; absent or empty before `up`)
# LAB_PORT  the API server's port              (default 16443; the others take LAB_PORT+1 to +4)
# WITH_KWOK=0 leaves kwok out, for a real node (node.sh)
# LAB_AUDIT_POLICY  a policy file: the API server writes what it lets through to LAB_DIR/audit.log
# LAB_APISERVER_FLAGS  more flags for the API server, split at blanks
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

etcd_client=http://127.0.0.1:$((LAB_PORT + 1)) etcd_peer=http://127.0.0.1:$((LAB_PORT + 2))
pki=$LAB_DIR/pki

new_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$pki/$1.key"; }

issue() { # name, subject, subjectAltName
  new_key "$1"
  openssl req -new -key "$pki/$1.key" -subj "$2" |
    openssl x509 -req -CA "$pki/ca.crt" -CAkey "$pki/ca.key" -days 30 -out "$pki/$1.crt" \
      -extfile <(printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth,clientAuth\n' "$3")
}

certificates() {
  mkdir "$pki"
  new_key ca
  openssl req -x509 -new -key "$pki/ca.key" -subj /CN=lab-ca -days 30 -out "$pki/ca.crt"
  new_key service-accounts
  openssl pkey -in "$pki/service-accounts.key" -pubout -out "$pki/service-accounts.pub"
  issue apiserver /CN=kube-apiserver \
    DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc,IP:127.0.0.1,IP:10.96.0.1,IP:10.244.0.1
  issue admin /O=system:masters/CN=admin DNS:admin
  issue controller-manager /CN=system:kube-controller-manager DNS:controller-manager
  issue scheduler /CN=system:kube-scheduler DNS:scheduler
  issue node-0 /O=system:nodes/CN=system:node:node-0 DNS:node-0,IP:127.0.0.1
}

kubeconfig() { # user
  cat > "$LAB_DIR/$1.kubeconfig" <<END
apiVersion: v1
kind: Config
clusters: [{name: lab, cluster: {server: "https://127.0.0.1:$LAB_PORT", certificate-authority: $pki/ca.crt}}]
users: [{name: $1, user: {client-certificate: $pki/$1.crt, client-key: $pki/$1.key}}]
contexts: [{name: lab, context: {cluster: lab, user: $1}}]
current-context: lab
END
}

start_etcd() {
  start etcd "$LAB_BIN/etcd" --data-dir "$LAB_DIR/etcd" --unsafe-no-fsync \
    --listen-client-urls "$etcd_client" --advertise-client-urls "$etcd_client" \
    --listen-peer-urls "$etcd_peer" --initial-advertise-peer-urls "$etcd_peer" \
    --initial-cluster "default=$etcd_peer"
}

start_apiserver() {
  # shellcheck disable=SC2086  # flags, split at blanks
  start kube-apiserver "$LAB_BIN/kube-apiserver" --etcd-servers "$etcd_client" \
    --bind-address 127.0.0.1 --advertise-address 127.0.0.1 --secure-port "$LAB_PORT" \
    --endpoint-reconciler-type none \
    --tls-cert-file "$pki/apiserver.crt" --tls-private-key-file "$pki/apiserver.key" \
    --client-ca-file "$pki/ca.crt" --service-account-issuer https://kubernetes.default.svc \
    --service-account-key-file "$pki/service-accounts.pub" \
    --service-account-signing-key-file "$pki/service-accounts.key" \
    --kubelet-client-certificate "$pki/admin.crt" --kubelet-client-key "$pki/admin.key" \
    --kubelet-preferred-address-types InternalIP --service-cluster-ip-range 10.96.0.0/16 \
    --authorization-mode Node,RBAC --allow-privileged \
    ${LAB_AUDIT_POLICY:+--audit-policy-file "$LAB_AUDIT_POLICY" --audit-log-path "$LAB_DIR/audit.log"} \
    ${LAB_APISERVER_FLAGS:-}
}

start_controllers() {
  start kube-controller-manager "$LAB_BIN/kube-controller-manager" \
    --kubeconfig "$LAB_DIR/controller-manager.kubeconfig" \
    --bind-address 127.0.0.1 --secure-port "$((LAB_PORT + 3))" --leader-elect=false \
    --use-service-account-credentials --kube-api-qps 200 --kube-api-burst 400 \
    --service-account-private-key-file "$pki/service-accounts.key" --root-ca-file "$pki/ca.crt" \
    --allocate-node-cidrs --cluster-cidr 10.244.0.0/16
  start kube-scheduler "$LAB_BIN/kube-scheduler" --kubeconfig "$LAB_DIR/scheduler.kubeconfig" \
    --bind-address 127.0.0.1 --secure-port "$((LAB_PORT + 4))" --leader-elect=false
}

start_kwok() {
  start kwok "$LAB_BIN/kwok" --kubeconfig "$LAB_DIR/admin.kubeconfig" --manage-all-nodes \
    --config "$LAB_BIN/kwok-stages.yaml" --node-lease-duration-seconds 40
  local n
  for n in 0 1 2; do
    cat <<END
apiVersion: v1
kind: Node
metadata:
  name: kwok-$n
  labels: {kubernetes.io/hostname: kwok-$n, kubernetes.io/os: linux, kubernetes.io/arch: amd64}
status:
  allocatable: {cpu: "256", memory: 1Ti, pods: "10000"}
  capacity: {cpu: "256", memory: 1Ti, pods: "10000"}
---
END
  done | kubectl create --validate=ignore -f - > /dev/null
}

up() {
  [ -x "$LAB_BIN/kwok" ] || die "no programs in $LAB_BIN: run './run lab build' first"
  command -v openssl > /dev/null || die "openssl is missing: run './run setup' first"
  local port
  for port in $(seq "$LAB_PORT" "$((LAB_PORT + 4))"); do
    ! port_taken "$port" || die "port $port is taken: set LAB_PORT to the first of five free ones"
  done
  rmdir "$LAB_DIR" 2>/dev/null || [ ! -e "$LAB_DIR" ] ||
    die "$LAB_DIR exists: run '$0 down' first, or set LAB_DIR"
  mkdir -m 700 "$LAB_DIR"
  touch "$LAB_DIR/.kintsugi-lab"
  certificates 2> "$LAB_DIR/certificates.log" || die "no certificates; see $LAB_DIR/certificates.log"
  local user
  for user in admin controller-manager scheduler node-0; do kubeconfig "$user"; done

  start_etcd
  start_apiserver
  wait_for kube-apiserver kubectl get --raw /readyz
  running etcd || die "etcd ended; see $LAB_DIR/etcd.log" # or another's etcd answered
  start_controllers
  [ "${WITH_KWOK:-1}" != 1 ] || start_kwok
  wait_for kube-controller-manager kubectl get serviceaccount default # without it a bare pod is refused
  echo "$LAB_DIR/admin.kubeconfig"
}

down() {
  [ -e "$LAB_DIR" ] || return 0
  [ -e "$LAB_DIR/.kintsugi-lab" ] || die "$LAB_DIR is not a lab's: it stays" # never delete another folder
  [ ! -e "$LAB_DIR/node" ] || "$here/node.sh" down
  [ ! -e "$LAB_DIR/netpol.pid" ] || "$here/netpol.py" down
  [ ! -e "$LAB_DIR/vm" ] || "$here/vm.sh" down
  local file
  for file in "$LAB_DIR"/*.pid; do
    [ ! -e "$file" ] || stop "$(basename "$file" .pid)"
  done
  rm -rf "$LAB_DIR"
}

case ${1:-} in up | down) "$1" ;; *) usage ;; esac
