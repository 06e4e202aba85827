# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# shellcheck disable=SC2154  # $here, $registry and the like are common.sh's
# The world of node-scenarios.sh: images, workloads, the controller in pods of its chart, and what is asked of them. To
# be sourced after tests/lab/common.sh; $scratch is a folder that the caller removes.

own=kintsugi-system top=$here/../.. evidence=$LAB_DIR/evidence
declare -A image victim incident

eventually() { # what, command...
  local deadline=$((SECONDS + 60))
  until "${@:2}"; do
    [ "$SECONDS" -lt "$deadline" ] || die "not within a minute: $1"
    sleep 0.1
  done
}
containerd() { ctr -a "$LAB_DIR/node/containerd.sock" -n k8s.io "$@" > /dev/null; }

# ---- images ---------------------------------------------------------------------------------------------------

# A web server whose page says which image it is from. Each image has content of its own: the runtime tells images of
# the same content apart by no name.
content_of() { # text
  local root=$scratch/root
  rm -rf "$root"
  busybox_root "$root" <<'END'
#!/bin/sh
echo "serving on port 8080"
exec httpd -f -p 8080 -h /www
END
  echo "$1" > "$root/www/index.html"
  echo "$root"
}
push() { # name, text: for two platforms; the page is the text
  "$here/registry.sh" push "$(content_of "$2")" "shop/$1:1" --platform linux/amd64 --platform linux/arm64
}
push_signed() { "$here/sign-image.sh" "$scratch/keys" "shop/$1:1" "$(content_of "$2")" 2> "$scratch/cosign.log"; }
digest_in() { echo "sha256:${1##*sha256:}"; }

# The digest of what the signed index has for this machine, and of its config.
platform_manifest() { # name
  curl --fail --silent -H "Accept: application/vnd.oci.image.index.v1+json" \
    "http://$registry/v2/shop/$1/manifests/$(digest_in "${image[$1]}")" | python3 -c '
import json, sys
print(next(m["digest"] for m in json.load(sys.stdin)["manifests"] if m["platform"]["architecture"] == sys.argv[1]))' \
    "$(dpkg --print-architecture)"
}
config() { # name
  curl --fail --silent "http://$registry/v2/shop/$1/manifests/$(platform_manifest "$1")" \
    -H "Accept: application/vnd.oci.image.manifest.v1+json" |
    python3 -c 'import json, sys; print(json.load(sys.stdin)["config"]["digest"])'
}

make_images() {
  local name
  for name in web platform config foreign; do
    image[$name]=$node_registry/shop/$name@$(digest_in "$(push_signed $name "$name, signed")")
  done
  image[unsigned]=$node_registry/shop/unsigned@$(digest_in "$(push unsigned unsigned)")
  # The node keeps what the tag named first.
  push tagged "tagged, unsigned" > /dev/null
  image[tagged]=$node_registry/shop/tagged:1
}

# Has containerd report one image by its platform manifest, under another repository, and another by a digest that is
# not its own: of several names of the same content it reports the first in the alphabet.
rename_images() {
  pull_as "platform@$(platform_manifest platform)" "another.lab/mirror/platform@$(platform_manifest platform)"
  pull_as "foreign@$(digest_in "${image[foreign]}")" "another.lab/mirror/foreign@sha256:$(printf '0%.0s' $(seq 64))"
}
pull_as() { # image, name
  containerd images pull --plain-http "$registry/shop/$1"
  containerd images tag "$registry/shop/$1" "$2"
  containerd images rm "$registry/shop/$1"
}

make_namespaces() {
  kubectl create namespace $own
  kubectl label namespace $own pod-security.kubernetes.io/enforce=restricted
  kubectl create namespace shop
  kubectl create namespace market
  kubectl label namespace shop market kintsugi.dev/protected=true
}

# ---- workloads ------------------------------------------------------------------------------------------------

workload() { # namespace, name, replicas
  cat <<END
apiVersion: v1
kind: Service
metadata: {namespace: $1, name: $2}
spec: {selector: {app: $2}, ports: [{port: 80, targetPort: 8080}]}
---
apiVersion: apps/v1
kind: Deployment
metadata: {namespace: $1, name: $2}
spec:
  replicas: $3
  selector: {matchLabels: {app: $2}}
  template:
    metadata: {labels: {app: $2}}
    spec:
      terminationGracePeriodSeconds: 1
      containers:
      - name: server
        image: $4
        readinessProbe: {httpGet: {port: 8080}, periodSeconds: 1}
---
END
}

open_shops() {
  local name
  {
    for name in web config; do workload shop $name 2 "${image[$name]}"; done
    for name in tagged platform foreign unsigned; do workload shop $name 1 "${image[$name]}"; done
    workload shop neighbour 1 "${image[web]}"
    workload market leaky 1 "${image[web]}"
    # The first selects by a label that quarantine takes away, the second selects whatever it wears.
    policy shop allow-web '{matchLabels: {app: web}}'
    policy market allow-all '{}'
  } | kubectl apply -f -
  kubectl wait --for=condition=Available deployments --all -n shop --timeout=180s
  kubectl wait --for=condition=Available deployments --all -n market --timeout=180s
  [ "$(page "$(address shop app=tagged)")" = "tagged, unsigned" ] || die "not what the tag named"
  image[pinned]=$node_registry/shop/tagged@$(digest_in "$(push_signed tagged "tagged, signed")")
}
policy() { # namespace, name, pod selector
  cat <<END
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {namespace: $1, name: $2}
spec: {podSelector: $3, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
---
END
}

pods() { kubectl -n "$1" get pods -l "$2" --sort-by=.metadata.name -o "jsonpath={.items[*].metadata.name}"; }
address() { kubectl -n "$1" get pods -l "$2" -o 'jsonpath={.items[0].status.podIP}'; }
page() { curl --silent --max-time 5 "http://$1:8080/"; }                     # as the node sees it
in_pod() { kubectl -n "$1" exec "$2" -- "${@:3}"; }                          # namespace, pod, command...
reach() { # namespace, pod, address: yes or no
  in_pod "$1" "$2" sh -c "timeout 1 wget -qO- http://$3:8080/ > /dev/null 2>&1 && echo yes || echo no"
}
reaches() { [ "$(reach "$@")" = yes ]; }
cannot_reach() { [ "$(reach "$@")" = no ]; }
image_ids() { # namespace, selector
  kubectl -n "$1" get pods -l "$2" -o 'jsonpath={.items[*].status.containerStatuses[*].imageID}'
}

# Without its name an image is reported by its config. The kubelet asks again when something about the pod changes.
unname_running_image() { # name, pod that stays
  containerd images rm "${image[$1]}"
  kubectl -n shop debug "$2" --image="${image[web]}" --profile=general --attach=false -- sleep 0
  eventually "$2 reports its image by config" reports "$2" "$(config "$1")"
}
reports() { [ "$(kubectl -n shop get pod "$1" -o 'jsonpath={.status.containerStatuses[0].imageID}')" = "$2" ]; }

# ---- the controller -------------------------------------------------------------------------------------------

install_controller() { # program
  local digest volume
  "$top/scripts/controller-image" "$1" "$scratch/image.tar" > /dev/null
  digest=$(digest_in "$("$here/registry.sh" push "$scratch/image.tar" kintsugi-controller:test)")
  mkdir "$evidence"
  volume='{capacity: {storage: 10Gi}, accessModes: [ReadWriteMany], local: {path: '$evidence'}, nodeAffinity: {required:
    {nodeSelectorTerms: [{matchExpressions: [{key: kubernetes.io/hostname, operator: In, values: [node-0]}]}]}}}'
  printf 'apiVersion: v1\nkind: PersistentVolume\nmetadata: {name: evidence}\nspec: %s\n' "$volume" |
    kubectl create -f -
  HELM_CACHE_HOME=$scratch/helm HELM_CONFIG_HOME=$scratch/helm HELM_DATA_HOME=$scratch/helm \
    "$LAB_BIN/helm" --kubeconfig "$KUBECONFIG" install kintsugi "$top/charts/kintsugi" --namespace $own \
    --set crds.enabled=false --set "image.registry=$registry,image.digest=$digest" \
    --set 'protectedNamespaces={shop,market}' --set evidence.persistentVolumeClaim.enabled=true \
    --set 'extraArgs={--allow-http-registry}' \
    --set 'hostAliases[0].ip=10.243.0.1,hostAliases[0].hostnames[0]=registry.lab' --wait --timeout 180s > /dev/null
}

# As docs/install.md has the first recovery.
configure_controller() {
  kubectl -n $own create configmap cosign-pub --from-file="$scratch/keys/cosign.pub"
  sed "s|registry.example.com|$node_registry|" "$top/charts/kintsugi/examples/trust-policy.yaml" |
    kubectl -n $own apply -f -
  sed 's/quietSeconds: 60/quietSeconds: 3/' "$top/playbooks/shipped/shell-in-container.yaml" |
    kubectl -n $own apply -f -
  eventually "the workload is prepared" prepared shop.web
}
prepared() {
  kubectl -n $own get configmap kintsugi-readiness -o "jsonpath={.data['${1/./\\.}']}" 2> /dev/null |
    grep -qF '"prepared":true'
}

# Sends standard input to a replica, by the name in its certificate; standard output is the answer.
post() { # token
  local host=kintsugi.$own.svc
  kubectl -n $own get secret kintsugi-signals-tls -o 'jsonpath={.data.ca\.crt}' | base64 -d > "$scratch/ca.crt"
  curl --silent --show-error --max-time 20 --cacert "$scratch/ca.crt" \
    --connect-to "$host:8443:$(address $own app.kubernetes.io/name=kintsugi):8443" \
    --header "Authorization: Bearer $1" --header "Content-Type: application/json" --data-binary @- \
    "https://$host:8443/v1/signals/falco"
}

falco_event() { # namespace, pod
  local uid container now
  read -r uid container < <(kubectl -n "$1" get pod "$2" \
    -o 'jsonpath={.metadata.uid} {.status.containerStatuses[0].containerID}')
  container=${container#*://}
  now=$(date +%s%N)
  cat <<END
{"hostname": "node-0", "priority": "Notice", "rule": "Terminal shell in container", "source": "syscall",
 "output": "A shell was spawned in a container with an attached terminal", "tags": ["container", "shell"],
 "time": "$(date -u +%Y-%m-%dT%H:%M:%S.%NZ)",
 "output_fields": {"container.id": "${container:0:12}", "evt.time": $now, "k8s.ns.name": "$1",
   "k8s.pod.name": "$2", "k8s.pod.uid": "$uid", "proc.cmdline": "nc"}}
END
}

# Sets incident[NAME] for each NAMESPACE/NAME, whose first pod is the victim.
breach() {
  local target events token names i=0
  events=$(for target in "$@"; do falco_event "${target%/*}" "${victim[${target#*/}]}" && echo ,; done)
  token=$(kubectl -n $own get secret kintsugi-signals-tokens -o 'jsonpath={.data.tokens}' | base64 -d)
  post "${token#falco }" <<< "[${events%,}]" > "$scratch/answer"
  mapfile -t names < <(grep -oE 'inc-[0-9a-f]+-1' "$scratch/answer")
  [ ${#names[@]} = $# ] || die "not all have opened an incident: $(< "$scratch/answer")"
  for target in "$@"; do incident[${target#*/}]=${names[i++]}; done
}

condition() { # name, type: "STATUS REASON"
  kubectl -n $own get incident "${incident[$1]}" \
    -o "jsonpath={.status.conditions[?(@.type=='$2')]['status','reason']}"
}
message() { # name, type
  kubectl -n $own get incident "${incident[$1]}" -o "jsonpath={.status.conditions[?(@.type=='$2')].message}"
}
# shellcheck disable=SC2053  # a glob
is() { [[ $(condition "$1" "$2") == $3 ]]; } # name, type, glob
expect_is() { is "$@" || die "$1: $2 is $(condition "$1" "$2"): $(message "$1" "$2")"; }
