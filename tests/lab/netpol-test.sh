#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Proves a NetworkPolicy enforcer with real packets between real pods, on a control plane with a real node.
#
#   netpol-test.sh keep|cut    start netpol.py in that mode, run every case, stop it
#   netpol-test.sh other       run the cases against an enforcer that is already running; what becomes of open
#                              connections is then only reported
set -uo pipefail # a case that fails is counted; the others run
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

case ${1:-} in keep | cut | other) mode=$1 ;; *) usage ;; esac
failures=0
deny_web='{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress]}'

result() { # what, expected, got
  local mark=ok
  [ "$2" = "$3" ] || { mark=FAIL failures=$((failures + 1)); }
  printf '%-4s  %-80s %s\n' "$mark" "$1" "$3"
}

in_pod() { kubectl exec -n "$1" "$2" -- "${@:3}"; } # namespace, pod, command...

connects() { # what, yes|no, namespace, pod, address, port
  local got=no
  ! in_pod "$3" "$4" timeout 1 wget -qO- "http://$5:$6/" > /dev/null 2>&1 || got=yes
  result "$1" "$2" "$got"
}

address() { kubectl get pod -n "$1" "$2" -o jsonpath='{.status.podIP}'; }

settle() { sleep "${SETTLE:-0.5}"; }

policy() { # namespace, name, spec in flow style
  kubectl apply -f - > /dev/null <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: $1, name: $2}
spec: $3
END
}

only_policy() { # as policy
  clear_policies
  policy "$@"
  settle
}

clear_policies() {
  kubectl delete networkpolicy --all --all-namespaces > /dev/null 2>&1
  settle
}

push_image() ( # a subshell, for the sake of its trap
  root=$(mktemp -d)
  trap 'rm -rf "$root"' EXIT
  busybox_root "$root" <<'END'
#!/bin/sh
for port in 8081 8082; do httpd -p $port -h /www; done
echo started
exec httpd -f -p 8080 -h /www
END
  echo hello > "$root/www/index.html"
  "$here/registry.sh" push "$root" netpol-test:1
)

namespaces() {
  local namespace
  for namespace in np-a np-b; do
    kubectl create namespace $namespace > /dev/null
    kubectl label namespace $namespace team=${namespace#np-} > /dev/null
  done
  for namespace in np-a np-b; do
    until kubectl get serviceaccount -n $namespace default > /dev/null 2>&1; do sleep 0.1; done
  done
}

pods() { # image
  local namespace pod
  for namespace in np-a np-b; do
    for pod in web client other; do
      cat <<END
apiVersion: v1
kind: Pod
metadata: {name: $pod, namespace: $namespace, labels: {app: $pod}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
  - name: c
    image: $1
    ports: [{name: http, containerPort: 8080}, {name: admin, containerPort: 8081}]
    readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1, timeoutSeconds: 1}
    livenessProbe: {httpGet: {port: 8080}, periodSeconds: 1, timeoutSeconds: 1, failureThreshold: 3}
---
END
    done
  done | kubectl apply -f - > /dev/null
  for namespace in np-a np-b; do
    kubectl wait -n $namespace --for=condition=Ready pod --all --timeout=60s > /dev/null ||
      die "the pods are not Ready"
  done
  web_a=$(address np-a web) client_a=$(address np-a client) other_a=$(address np-a other)
  web_b=$(address np-b web) client_b=$(address np-b client)
}

no_policy() {
  connects "no policy: same namespace" yes np-a client "$web_a" 8080
  connects "no policy: other namespace" yes np-b client "$web_a" 8080
}

deny_all() {
  local ready='{.status.containerStatuses[0].ready} {.status.containerStatuses[0].restartCount}'
  only_policy np-a deny "$deny_web"
  connects "deny-all on np-a/web: into it, same namespace" no np-a client "$web_a" 8080
  connects "deny-all on np-a/web: into it, other namespace" no np-b client "$web_a" 8080
  connects "deny-all on np-a/web: out of it" no np-a web "$client_a" 8080
  connects "deny-all on np-a/web: between other pods of np-a" yes np-a client "$other_a" 8080
  connects "deny-all on np-a/web: the web of np-b" yes np-a client "$web_b" 8080
  sleep 4 # longer than three failing probes
  result "probes under deny-all: Ready, no restart" "true 0" \
    "$(kubectl get pod -n np-a web -o jsonpath="$ready")"
  result "exec under deny-all" in "$(in_pod np-a web sh -c 'echo in' 2>&1)"
  result "logs under deny-all" started "$(kubectl logs -n np-a web 2>&1 | head -n 1)"
}

policies_add_up() {
  only_policy np-a deny "$deny_web"
  policy np-a open-8080 '{podSelector: {}, ingress: [{ports: [{port: 8080}]}]}'
  settle
  connects "deny-all and a policy that allows 8080: 8080" yes np-b client "$web_a" 8080
  connects "deny-all and a policy that allows 8080: 8081" no np-b client "$web_a" 8081
  connects "deny-all and a policy that allows 8080: out of it" no np-a web "$client_a" 8080
}

peers() {
  only_policy np-a egress '{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [
    {to: [{namespaceSelector: {matchLabels: {team: b}}}], ports: [{port: 8081}]}]}'
  connects "egress only to namespace b, port 8081: that" yes np-a client "$web_b" 8081
  connects "egress only to namespace b, port 8081: b, port 8080" no np-a client "$web_b" 8080
  connects "egress only to namespace b, port 8081: a, port 8081" no np-a client "$web_a" 8081
  connects "egress only to namespace b, port 8081: into it" yes np-a other "$client_a" 8080

  only_policy np-a both '{podSelector: {matchLabels: {app: web}}, ingress: [
    {from: [{namespaceSelector: {matchLabels: {team: b}},
             podSelector: {matchExpressions: [{key: app, operator: NotIn, values: [client]}]}}]}]}'
  connects "ingress from (namespace b and app not client): np-b/other" yes np-b other "$web_a" 8080
  connects "ingress from (namespace b and app not client): np-b/client" no np-b client "$web_a" 8080
  connects "ingress from (namespace b and app not client): np-a/other" no np-a other "$web_a" 8080
  connects "ingress only, by default of the types: out of it" yes np-a web "$client_b" 8080
}

blocks() {
  only_policy np-a block "{podSelector: {matchLabels: {app: web}}, ingress: [
    {from: [{ipBlock: {cidr: 10.244.0.0/16, except: [$client_a/32]}}]}]}"
  connects "ipBlock 10.244.0.0/16 except np-a/client: np-a/other" yes np-a other "$web_a" 8080
  connects "ipBlock 10.244.0.0/16 except np-a/client: np-a/client" no np-a client "$web_a" 8080

  only_policy np-a block "{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [
    {to: [{ipBlock: {cidr: 0.0.0.0/0, except: [$web_b/32]}}]}]}"
  connects "egress to 0.0.0.0/0 except np-b/web: np-a/web" yes np-a client "$web_a" 8080
  connects "egress to 0.0.0.0/0 except np-b/web: np-b/web" no np-a client "$web_b" 8080
}

ports() {
  only_policy np-a named '{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: admin}]}]}'
  connects "ingress to the port named admin (8081): 8081" yes np-b client "$web_a" 8081
  connects "ingress to the port named admin (8081): 8080" no np-b client "$web_a" 8080

  only_policy np-a named '{podSelector: {matchLabels: {app: client}}, policyTypes: [Egress], egress: [
    {to: [{podSelector: {}}], ports: [{port: admin}]}]}'
  connects "egress to the port named admin in np-a: np-a/web 8081" yes np-a client "$web_a" 8081
  connects "egress to the port named admin in np-a: np-a/web 8080" no np-a client "$web_a" 8080
  connects "egress to the port named admin in np-a: np-b/web 8081" no np-a client "$web_b" 8081

  only_policy np-a range '{podSelector: {matchLabels: {app: web}}, ingress: [
    {ports: [{port: 8081, endPort: 8090}]}]}'
  connects "ingress to 8081-8090: 8082" yes np-b client "$web_a" 8082
  connects "ingress to 8081-8090: 8080" no np-b client "$web_a" 8080

  only_policy np-a udp '{podSelector: {matchLabels: {app: web}}, ingress: [
    {ports: [{protocol: UDP, port: 8080}]}]}'
  connects "ingress to 8080/UDP: 8080/TCP" no np-b client "$web_a" 8080
}

# A TCP connection from np-b/client to np-a/web on port 9000 that carries a line a second; np-a/web counts the
# lines.
open_connection() {
  in_pod np-a web sh -c '(tail -f /dev/null | nc -l -p 9000 > /tmp/received) > /dev/null 2>&1 < /dev/null &'
  sleep 0.5
  in_pod np-b client sh -c "(while sleep 1; do echo line; done | nc $web_a 9000) > /dev/null 2>&1 < /dev/null &"
  sleep 3
}

close_connection() {
  # shellcheck disable=SC2016  # the pod's shell expands it
  local end='kill $(ps | grep "[9]000" | sed "s/^ *//;s/ .*//")'
  in_pod np-b client sh -c "$end" 2>/dev/null
  in_pod np-a web sh -c "$end" 2>/dev/null
}

received() { in_pod np-a web wc -l /tmp/received | cut -d' ' -f1; }

goes_on() {
  local before
  before=$(received)
  sleep 4
  if [ "$(received)" -gt "$before" ]; then echo yes; else echo no; fi
}

open_connections() {
  local got expected
  clear_policies
  open_connection
  result "an open connection, no policy: lines arrive" yes "$(goes_on)"
  only_policy np-a open-9000 '{podSelector: {matchLabels: {app: web}}, policyTypes: [Ingress, Egress],
    ingress: [{ports: [{port: 9000}]}]}'
  result "an open connection that a policy allows: lines arrive" yes "$(goes_on)"
  only_policy np-a deny "$deny_web"
  got=$(goes_on)
  case $mode in keep) expected=yes ;; cut) expected=no ;; *) expected=$got ;; esac
  result "an open connection under deny-all: lines arrive" "$expected" "$got"
  connects "a new connection under the same deny-all" no np-b client "$web_a" 8080
  clear_policies
  sleep 4 # the sender's next retransmission
  result "the same connection after the policy is gone: lines arrive" yes "$(goes_on)"
  close_connection
}

# The process that answers on port 8080 at the address.
server_at() {
  local pid
  for pid in $(pgrep -f '^httpd -f -p 8080'); do
    if nsenter -t "$pid" -n ip -o address | grep -q "inet $1/"; then echo "$pid" && return; fi
  done
}

# From the start of `kubectl apply` of a deny policy to the first connection that fails, tried every 5 ms from
# the network namespace of np-b/client.
reaction() {
  local failed=$scratch/failed from applied
  clear_policies
  nsenter -t "$(server_at "$client_b")" -n python3 - "$web_a" > "$failed" <<'END' &
import socket, sys, time
end = time.time() + 20
while time.time() < end:
    began = time.time_ns()
    try:
        socket.create_connection((sys.argv[1], 8080), timeout=0.15).close()
    except OSError:
        print(began)
        break
    time.sleep(0.005)
END
  local prober=$!
  settle
  from=$(date +%s%N)
  policy np-a deny "$deny_web"
  applied=$(date +%s%N)
  wait "$prober"
  if [ -s "$failed" ]; then
    echo "$((($(cat "$failed") - from) / 1000000)) ms, of which kubectl apply $(((applied - from) / 1000000)) ms"
  else
    echo "not within 20 s"
  fi
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; [ "$mode" = other ] || "$here/netpol.py" down' EXIT
if [ "$mode" != other ]; then "$here/netpol.py" up --established="$mode" || exit 1; fi
namespaces
pods "$(push_image)"
for group in no_policy deny_all policies_add_up peers blocks ports open_connections; do $group; done
for n in 1 2 3 4 5; do echo "      reaction $n: $(reaction)"; done
clear_policies
kubectl delete namespace np-a np-b > /dev/null
echo "$failures failed"
[ "$failures" = 0 ]
