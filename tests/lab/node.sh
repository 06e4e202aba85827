#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# A real node for control-plane.sh (run that with WITH_KWOK=0): containerd, runc, CNI plugins, registry.sh,
# kubelet. Containers run, probes probe, exec and logs answer, and images are pulled by digest from the
# registry.
#
#   node.sh install    install the Debian packages that it needs; `up` does so, too
#   node.sh up         start registry, containerd and kubelet; returns when the node is Ready
#   node.sh down       stop and unmount everything, and delete it
#
# Needs root. One per machine: the bridge kintsugi0, the pods' network and the kubelet's port are fixed. Pods
# get addresses from 10.244.0.0/24 through the ptp CNI plugin, so that traffic between pods is routed and the
# host's netfilter rules see it. No NetworkPolicy is enforced until something enforces it (netpol.py). Pods find
# the API server where every pod does, and the registry at 10.243.0.1:REGISTRY_PORT.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

node_ip=10.243.0.1 # on a bridge of its own: the kubelet refuses a loopback address
node_dir=$LAB_DIR/node
socket=$node_dir/containerd.sock

install() {
  "$here/../../scripts/install-packages" containerd runc containernetworking-plugins docker-registry \
    busybox-static curl iptables nftables iproute2 conntrack ethtool procps
}

network() {
  ip link add kintsugi0 type bridge 2>/dev/null ||
    die "kintsugi0 exists: another lab has this machine's one node (take it down, or 'ip link del kintsugi0')"
  ip addr add $node_ip/32 dev kintsugi0
  ip link set kintsugi0 up
  sysctl --quiet --write net.ipv4.ip_forward=1
  lead_pods_to_loopback
  mkdir "$node_dir/cni"
  cat > "$node_dir/cni/10-lab.conflist" <<END
{"cniVersion": "0.4.0", "name": "lab", "plugins": [
  {"type": "ptp", "ipMasq": false, "ipam": {"type": "host-local", "subnet": "10.244.0.0/24",
    "routes": [{"dst": "0.0.0.0/0"}], "dataDir": "$node_dir/ipam"}},
  {"type": "portmap", "capabilities": {"portMappings": true}}]}
END
}

# API server and registry listen on loopback, which in a pod is the pod. No other network reaches loopback for that.
lead_pods_to_loopback() {
  sysctl --values net.ipv4.conf.all.route_localnet > "$node_dir/route_localnet"
  sysctl --quiet --write net.ipv4.conf.all.route_localnet=1
  nft -f - <<END
table ip kintsugi_node {
  chain guard {
    type filter hook prerouting priority raw
    iifname != "lo" ip daddr 127.0.0.0/8 drop
  }
  chain services {
    type nat hook prerouting priority dstnat
    ip saddr 10.244.0.0/24 ip daddr 10.96.0.1 tcp dport 443 dnat to 127.0.0.1:$LAB_PORT
    ip saddr 10.244.0.0/24 ip daddr $node_ip tcp dport $REGISTRY_PORT dnat to 127.0.0.1:$REGISTRY_PORT
  }
}
END
}

forget_loopback() {
  [ ! -e "$node_dir/route_localnet" ] ||
    sysctl --quiet --write "net.ipv4.conf.all.route_localnet=$(< "$node_dir/route_localnet")"
  nft delete table ip kintsugi_node 2>/dev/null || true
}

push_pause_image() ( # a subshell, for the sake of its trap
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  busybox_root "$root" <<'END'
#!/bin/sh
trap "exit 0" TERM INT
while :; do sleep 3600 & wait; done
END
  "$here/registry.sh" push "$root" pause:3 > /dev/null
)

start_containerd() {
  cat > "$node_dir/containerd.toml" <<END
version = 2
root = "$node_dir/containerd"
state = "$node_dir/containerd-state"
[grpc]
  address = "$socket"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$registry/pause:3"
  restrict_oom_score_adj = true  # a machine without CAP_SYS_RESOURCE cannot lower it
  netns_mounts_under_state_dir = true  # so that taking this node down finds its own and no other
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "$node_dir/cni"
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."$registry"]
    endpoint = ["http://$registry"]
  [plugins."io.containerd.grpc.v1.cri".registry.mirrors."$node_registry"]
    endpoint = ["http://$registry"]
END
  start containerd containerd --config "$node_dir/containerd.toml"
  wait_for containerd test -S "$socket"
}

start_kubelet() {
  cat > "$node_dir/kubelet.yaml" <<END
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: $LAB_DIR/pki/ca.crt}
authorization: {mode: Webhook}
tlsCertFile: $LAB_DIR/pki/node-0.crt
tlsPrivateKeyFile: $LAB_DIR/pki/node-0.key
address: $node_ip
healthzPort: 0
containerRuntimeEndpoint: unix://$socket
cgroupDriver: cgroupfs
failSwapOn: false
failCgroupV1: false
makeIPTablesUtilChains: false
resolvConf: ""
enforceNodeAllocatable: []
evictionHard: {nodefs.available: 1%, imagefs.available: 1%, nodefs.inodesFree: 1%}
imageGCHighThresholdPercent: 100
serializeImagePulls: false
staticPodPath: $node_dir/static-pods
podLogsDir: $node_dir/pod-logs
END
  mkdir "$node_dir/static-pods"
  start kubelet "$LAB_BIN/kubelet" --config "$node_dir/kubelet.yaml" \
    --kubeconfig "$LAB_DIR/node-0.kubeconfig" --root-dir "$node_dir/kubelet" --hostname-override node-0 --node-ip $node_ip
  wait_for kubelet kubectl get node node-0
  wait_for kubelet kubectl wait --for=condition=Ready node/node-0 --timeout=10s
}

up() {
  [ "$(id -u)" = 0 ] || die "needs root"
  [ -x "$LAB_BIN/kubelet" ] || die "no kubelet in $LAB_BIN: run './run lab build' first"
  [ -e "$LAB_DIR/admin.kubeconfig" ] || die "no control plane in $LAB_DIR: run control-plane.sh up first"
  [ ! -e "$node_dir" ] || die "$node_dir exists: run '$0 down' first"
  install
  mkdir "$node_dir"
  network
  running registry || "$here/registry.sh" up
  push_pause_image
  start_containerd
  start_kubelet
}

# What still runs ends by its own word; their shims end with them.
end_tasks() {
  local task
  for task in $(ctr -a "$socket" -n k8s.io tasks ls -q 2>/dev/null); do
    ctr -a "$socket" -n k8s.io tasks delete -f "$task" > /dev/null 2>&1 || true
  done
}

down() {
  [ -e "$node_dir" ] || return 0
  # The orderly way first, so that the CNI plugins tidy up: no new pods, and a moment for the present ones to end.
  if running kube-apiserver && running kubelet; then
    kubectl cordon node-0 > /dev/null 2>&1 || true
    kubectl delete pods --all --all-namespaces --grace-period=1 --timeout=10s > /dev/null 2>&1 || true
  fi
  stop kubelet
  ! running containerd || end_tasks
  stop containerd
  "$here/registry.sh" down

  local mount
  while read -r mount; do umount -l "$mount" 2>/dev/null || true; done \
    < <(awk -v dir="$node_dir/" 'index($2, dir) == 1 {print $2}' /proc/mounts | sort -r)
  forget_loopback
  ip link del kintsugi0 2>/dev/null || true
  find /var/log/containers -lname "$node_dir/*" -delete 2>/dev/null || true
  { grep -lsF "$node_dir/" /var/lib/cni/results/* || true; } | xargs -r rm -f
  find /sys/fs/cgroup -mindepth 2 -depth -type d \( -path '*/kubepods*' -o -path '*/k8s.io*' \) \
    -exec rmdir {} + 2>/dev/null || true
  rm -rf "$node_dir"
}

case ${1:-} in install | up | down) "$1" ;; *) usage ;; esac
