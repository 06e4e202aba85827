#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# What the schemas of charts/kintsugi/crds.yaml accept and refuse, asked of a real API server. Run by
# with-control-plane.sh, which has applied them.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"
cd "$here/../.."
export KUBECACHEDIR=$LAB_DIR/kube-cache # what kubectl remembers of another server on this port has no category

# accepts KIND SPEC, refuses KIND SPEC TEXT: a new object with that spec, as YAML in flow style; TEXT is in the refusal.
create() {
  printf 'apiVersion: kintsugi.dev/v1alpha1\nkind: %s\nmetadata: {name: x}\nspec: %s\n' "$1" "$2" |
    kubectl create --dry-run=server -f - 2>&1
}
accepts() {
  local answer
  answer=$(create "$1" "$2") || die "$1 $2 was refused: $answer"
}
expect_refusal() { # what, TEXT, answer
  [[ $3 == *"$2"* ]] || die "$1 was refused without '$2': $3"
}
refuses() {
  local answer
  ! answer=$(create "$1" "$2") || die "$1 $2 was accepted"
  expect_refusal "$1 $2" "$3" "$answer"
}
# change NAME PATCH, no_change NAME PATCH TEXT: of the incident's spec; change_status, no_status_change likewise.
merge() { kubectl patch incident "$1" --type=merge --patch "$2" "${@:3}" 2>&1; }
change() {
  local answer
  answer=$(merge "$1" "{\"spec\": $2}") || die "the change $2 was refused: $answer"
}
no_change() {
  local answer
  ! answer=$(merge "$1" "{\"spec\": $2}") || die "the change $2 was accepted"
  expect_refusal "the change $2" "$3" "$answer"
}
change_status() {
  local answer
  answer=$(merge "$1" "{\"status\": $2}" --subresource=status) || die "the status $2 was refused: $answer"
}
no_status_change() {
  local answer
  ! answer=$(merge "$1" "{\"status\": $2}" --subresource=status) || die "the status $2 was accepted"
  expect_refusal "the status $2" "$3" "$answer"
}

# ---- the definitions themselves ------------------------------------------------------------------------------

for crd in incidents:kinc playbooks:kpb trustpolicies:ktp; do
  definition=crd/${crd%:*}.kintsugi.dev
  get() { kubectl get "$definition" -o "jsonpath={$1}"; }
  [ -z "$(get '.status.conditions[?(@.type=="NonStructuralSchema")]')" ] || die "$definition is not structural"
  [ "$(get .spec.names.shortNames[*])" = "${crd#*:}" ] || die "$definition: short name"
  [ "$(get .spec.names.categories[*])" = kintsugi ] || die "$definition: category"
  [ "$(get .spec.versions[0].subresources)" = '{"status":{}}' ] || die "$definition: status subresource"
  [ "$(get '.spec.versions[0].additionalPrinterColumns[-1:].name')" = Age ] || die "$definition: Age is not last"
done

# ---- playbooks -----------------------------------------------------------------------------------------------

for file in playbooks/shipped/*.yaml charts/kintsugi/examples/*.yaml; do
  kubectl apply -f "$file" > /dev/null || die "$file was refused"
done
[ "$(kubectl get kintsugi -o name | wc -l)" = 4 ] || die "the category does not show what was applied"
kubectl delete kintsugi --all > /dev/null

playbook() { echo "{signals: [{source: falco}], mode: ${2:-full}, steps: [$1]}"; }
accepts Playbook '{signals: [{source: falco}]}'
accepts Playbook '{signals: [{source: falco}, {source: generic}, {source: alertmanager}]}'
accepts Playbook '{signals: [{source: falco}], steps: []}'
accepts Playbook '{signals: [{source: falco, rules: ["Reverse*"], tags: [T1059], minSeverity: error}], mode: observe}'
accepts Playbook "$(playbook 'contain: {}' contain-only)"
accepts Playbook "$(playbook 'collect: {logs: false, deadlineSeconds: 3600}')"
accepts Playbook "$(playbook 'collect: {memory: false, disks: true, screenshot: false, guestFacts: true}')"
accepts Playbook "$(playbook '{contain: {pause: false}}, {collect: {memoryDumpClaim: dumps}}')"
accepts Playbook "$(playbook '{contain: {forensics: tools, requireApproval: true}}, {redeploy: {harden: [runAsNonRoot,
  dropCapabilities], recreate: true, suspectImage: true, trustPolicy: a.b}}, {verify: {}}, {release: {}}')"
accepts Playbook '{signals: [{source: falco}], targets: {namespaceSelector: {matchLabels: {a/b: ""}}, podSelector:
  {matchExpressions: [{key: x, operator: In, values: [one]}, {key: z, operator: Exists}]}}}'
for guard in 1 100000 1% 100% 030%; do
  accepts Playbook "{signals: [{source: falco}], guards: {maxUnavailable: $guard}}"
done

refuses Playbook '{}' 'spec.signals: Required'
refuses Playbook '{signals: []}' 'at least 1 items'
refuses Playbook '{signals: [{source: snort}]}' 'supported values: "falco", "generic", "alertmanager"'
refuses Playbook '{signals: [{source: falco, rules: [""]}]}' 'at least 1 chars'
refuses Playbook '{signals: [{source: falco, rules: ["a\tb"]}]}' 'should match'
refuses Playbook '{signals: [{source: falco}], mode: "off"}' 'supported values'
refuses Playbook '{signals: [{source: falco}], stepz: []}' 'unknown field "spec.stepz"'
refuses Playbook '{signals: [{source: falco}], mode: full}' 'a playbook that acts needs steps'
refuses Playbook "$(playbook '')" 'a playbook that acts needs steps'
refuses Playbook "$(playbook 'collect: {}' contain-only)" 'mode contain-only needs a step contain'
refuses Playbook "$(playbook '{}')" 'at least 1 properties'
refuses Playbook "$(playbook 'contain:')" 'must be of type object'
refuses Playbook "$(playbook '{contain: {}, collect: {}}')" 'at most 1 item'
refuses Playbook "$(playbook '{contain: {}}, {contain: {}}')" 'at most once'
refuses Playbook "$(playbook '{collect: {}}, {contain: {}}')" 'the order is'
refuses Playbook "$(playbook '{redeploy: {}}')" 'need a step contain'
refuses Playbook "$(playbook '{collect: {}}, {release: {}}')" 'need a step contain'
refuses Playbook "$(playbook '{contain: {}}, {verify: {}}')" 'verify needs a step redeploy'
refuses Playbook "$(playbook 'contain: {unverifiedReplacement: block}')" 'unknown field'
refuses Playbook "$(playbook '{contain: {}}, {redeploy: {}}, {verify: {requireApproval: true}}')" 'unknown field'
refuses Playbook "$(playbook 'contain: {forensics: Tools}')" 'should match'
refuses Playbook "$(playbook 'collect: {memoryDumpClaim: A/b}')" 'should match'
refuses Playbook "$(playbook 'collect: {deadlineSeconds: 0}')" 'greater than or equal to 1'
refuses Playbook "$(playbook 'collect: {deadlineSeconds: 3601}')" 'less than or equal to 3600'
refuses Playbook "$(playbook 'collect: {memory: all}')" 'boolean'
refuses Playbook "$(playbook '{contain: {}}, {redeploy: {harden: [runAsNonRoot, runAsNonRoot]}}')" 'Duplicate'
refuses Playbook "$(playbook '{contain: {}}, {release: {victim: restore}}')" 'supported values'
for guard in 0 100001 0% 101% ten; do
  refuses Playbook "{signals: [{source: falco}], guards: {maxUnavailable: $guard}}" maxUnavailable
done
refuses Playbook '{signals: [{source: falco}], targets: {podSelector: {matchExpressions: [{key: x, operator: In}]}}}' \
  'In and NotIn need values'
refuses Playbook '{signals: [{source: falco}], targets: {podSelector: {matchLabels: {a: "b c"}}}}' 'should match'

# ---- trust policies ------------------------------------------------------------------------------------------

policy() { echo "{images: [$1], authorities: [$2]}"; }
digest=sha256:$(printf '0%.0s' $(seq 64))
accepts TrustPolicy "$(policy 'r.example/**, "r.example:5000/shop/*-web", "**"' 'key: {inline: PEM}')"
accepts TrustPolicy "$(policy r/a '{name: k, key: {file: /keys/a.pub}}, {keyless: {issuer: https://i, subject: s/*}}')"
accepts TrustPolicy "$(policy r/a 'keyless: {issuerPattern: https://.*, subjectPattern: .*, claims: {runnerEnvironment: x},
  trustedRoots: [{inline: JSON}, {file: /root.json}, {configMapRef: {name: r}}]}')"
accepts TrustPolicy "{images: [r/a], authorities: [key: {configMapRef: {name: k, key: x}}],
  revoked: {keys: [\"$digest\"], digests: [\"$digest\"]}}"

accepts TrustPolicy "$(policy r/a 'certificate: {chain: {configMapRef: {name: c}}, subject: a@b}')"
refuses TrustPolicy "$(policy r/a 'certificate: {subject: a@b}')" 'certificate.chain: Required'
refuses TrustPolicy "$(policy r/a 'certificate: {chain: {file: /c}}')" 'exactly one of subject and subjectPattern'
accepts TrustPolicy "{images: [r/a], authorities: [key: {inline: PEM}],
  attestations: [{predicateType: slsaprovenance1, provenance: {builder: b}, conditions: [a]}]}"
refuses TrustPolicy "{images: [r/a], authorities: [key: {inline: PEM}], attestations: [{name: a}]}" 'predicateType: Required'
refuses TrustPolicy '{authorities: [key: {inline: PEM}]}' 'spec.images: Required'
refuses TrustPolicy "$(policy '' 'key: {inline: PEM}')" 'at least 1 items'
refuses TrustPolicy '{images: [r/a], authorities: []}' 'at least 1 items'
refuses TrustPolicy "$(policy r/a:1 'key: {inline: PEM}')" 'should match'
refuses TrustPolicy "$(policy "\"r/a@$digest\"" 'key: {inline: PEM}')" 'should match'
refuses TrustPolicy "$(policy nginx 'key: {inline: PEM}')" 'should match'
refuses TrustPolicy "$(policy r/a 'name: nobody')" 'exactly one of key, keyless and certificate'
refuses TrustPolicy "$(policy r/a '{key: {inline: PEM}, keyless: {issuer: i, subject: s}}')" 'exactly one of key'
refuses TrustPolicy "$(policy r/a 'key: {}')" 'at least 1 properties'
refuses TrustPolicy "$(policy r/a 'key: {inline: PEM, file: /a}')" 'at most 1 item'
refuses TrustPolicy "$(policy r/a 'key: {file: a.pub}')" 'should match'
refuses TrustPolicy "$(policy r/a 'key: {configMapRef: {key: x}}')" 'configMapRef.name: Required'
accepts TrustPolicy "$(policy r/a 'key: {secretRef: {name: k}}')"
refuses TrustPolicy "$(policy r/a 'key: {secretRef: {key: x}}')" 'secretRef.name: Required'
refuses TrustPolicy "$(policy r/a 'key: {secretRef: {name: k}, inline: PEM}')" 'at most 1 item'
refuses TrustPolicy "$(policy r/a 'keyless: {issuer: i}')" 'exactly one of subject and subjectPattern'
refuses TrustPolicy "$(policy r/a 'keyless: {issuer: i, issuerPattern: i, subject: s}')" 'exactly one of issuer'
refuses TrustPolicy "$(policy r/a 'keyless: {issuer: i, subject: s, trustedRoots: []}')" 'at least 1 items'
refuses TrustPolicy "$(policy r/a 'keyless: {issuer: i, subject: s, trustedRoots: [{}]}')" 'at least 1 properties'
refuses TrustPolicy "$(policy r/a 'keyless: {issuer: i, subject: s, trustedRoots: [{file: a}]}')" 'should match'
refuses TrustPolicy '{images: [r/a], authorities: [key: {inline: PEM}], revoked: {keys: [sha256:00]}}' 'should match'
accepts TrustPolicy "{images: [r/a], mode: warn, require: all, authorities: [{key: {inline: PEM}, annotations: {a: b}}],
  signedReference: {match: repository, remap: [{prefix: m/a, signedPrefix: r}]}, pinnedDigests: [{image: r/a:1, digest: '$digest'}],
  revoked: {signedAfter: 2026-01-01T00:00:00Z, identities: [{subject: a@b}, {issuer: i, subjectPattern: .*, since: 2026-01-01T00:00:00Z}]}}"
rest='images: [r/a], authorities: [key: {inline: PEM}]'
accepts TrustPolicy "{$rest, freshness: {minimumAge: 1d, maximumAge: 90d, minimumVersion: 1.0.0, notOlderThanRunning: true}}"
refuses TrustPolicy "{$rest, freshness: {notOlderThanRunning: always}}" 'must be of type boolean'
accepts TrustPolicy "{$rest, signatureRepository: 's.example:5000/sigs'}"
refuses TrustPolicy "{$rest, signatureRepository: 's.example/sigs:1'}" 'should match'
refuses TrustPolicy "{$rest, mode: observe}" 'Unsupported value'
refuses TrustPolicy "{$rest, require: 2}" 'must be of type string'
refuses TrustPolicy "{$rest, signedReference: {}}" 'match: Required'
refuses TrustPolicy "{$rest, signedReference: {match: repository, remap: [{prefix: a}]}}" 'signedPrefix: Required'
refuses TrustPolicy "{$rest, pinnedDigests: [{image: r/a}]}" 'digest: Required'
refuses TrustPolicy "{$rest, pinnedDigests: [{image: r/a, digest: 'sha512:00'}]}" 'should match'
refuses TrustPolicy "{$rest, revoked: {identities: [{issuer: i}]}}" 'exactly one of subject'
refuses TrustPolicy "{$rest, revoked: {identities: [{subject: a, issuer: i, issuerPattern: i}]}}" 'at most one of issuer'
refuses TrustPolicy "{$rest, revoked: {signedAfter: yesterday}}" 'date-time'

# ---- incidents -----------------------------------------------------------------------------------------------

target='{kind: Pod, namespace: shop, name: web-7d9c5b6f4-x2lqk, uid: 5b1c1f1e-3b0e-4f0e-9d55-0c8a3f6a2f11}'
accepts Incident "{target: $target, playbook: p}"
refuses Incident "{target: $target}" 'spec.playbook: Required'
refuses Incident '{playbook: p}' 'spec.target: Required'
for field in kind namespace name uid; do
  without=$(sed -E "s/$field: [^,}]+(, )?//" <<< "$target")
  refuses Incident "{target: $without, playbook: p}" "spec.target.$field: Required"
done
refuses Incident "{target: ${target/uid: /uid: /}, playbook: p}" 'should match'
refuses Incident "{target: $target, playbook: p, mode: all}" 'supported values'
refuses Incident "{target: $target, playbook: p, origin: {severity: fatal}}" 'supported values'
refuses Incident "{target: $target, playbook: p, origin: {detectedTime: yesterday}}" 'date-time'
refuses Incident "{target: $target, playbook: p, approvals: [{step: reboot, decision: approve}]}" 'supported values'
refuses Incident "{target: $target, playbook: p, release: {victim: forget}}" 'supported values'
refuses Incident "{target: $target, playbook: p, plan: []}" 'unknown field'

incident=inc-0123456789abcdef0123-1
python3 tests/chart/incident.py "$incident" spec | kubectl create -f - > /dev/null
python3 tests/chart/incident.py by-hand by-hand | kubectl create -f - > /dev/null

no_change $incident '{"target": {"uid": "another"}}' 'spec.target: Invalid value: "object": is immutable'
no_change $incident '{"owner": {"name": "another"}}' 'spec.owner: Invalid value: "object": is immutable'
no_change $incident '{"origin": {"summary": "nothing happened"}}' 'spec.origin: Invalid value: "object": is immutable'
no_change $incident '{"playbook": "another"}' 'spec.playbook: Invalid value: "string": is immutable'
no_change $incident '{"playbookHash": "0"}' 'spec.playbookHash: Invalid value: "string": is immutable'
no_change $incident '{"mode": "observe"}' 'spec.mode: Invalid value: "string": is immutable'
for field in owner origin playbookHash mode; do
  no_change $incident "{\"$field\": null}" 'only hold, approvals and release'
done
no_change by-hand '{"mode": "full"}' 'only hold, approvals and release'

change $incident '{"hold": true}'
change $incident '{"hold": null}'
change $incident '{"release": {"victim": "restore", "by": "ann", "reason": "a drill", "time": "2026-01-01T00:00:00Z"}}'
change $incident '{"release": {"victim": "delete"}}'
approve='{"step": "redeploy", "decision": "approve", "by": "ann", "reason": "seen", "time": "2026-01-01T00:00:00.1Z"}'
deny=${approve/approve/deny}
change $incident "{\"approvals\": [$approve]}"
change $incident "{\"approvals\": [$approve, $deny]}"
no_change $incident "{\"approvals\": [$approve]}" 'neither changed nor removed'
no_change $incident "{\"approvals\": [$deny, $approve, $approve]}" 'neither changed nor removed'
no_change $incident '{"approvals": []}' 'neither changed nor removed'
no_change $incident '{"approvals": null}' 'approvals cannot be taken back'

# A status that uses every field, and every bound.
python3 tests/chart/incident.py "$incident" status > "$LAB_DIR/status.json"
sent=$(python3 tests/chart/incident.py "$incident" digest < "$LAB_DIR/status.json")
kubectl patch incident $incident --subresource=status --type=merge --patch-file "$LAB_DIR/status.json" > /dev/null
stored=$(kubectl get incident $incident -o json | python3 tests/chart/incident.py "$incident" digest)
[ "$sent" = "$stored" ] || die "the API server stored another status than it was sent"
change_status $incident '{"times": {"recovered": null}}'
for stamp in detected contained closed; do
  no_status_change $incident "{\"times\": {\"$stamp\": \"2026-02-02T00:00:00Z\"}}" 'is written once'
  no_status_change $incident "{\"times\": {\"$stamp\": null}}" 'stay once they are there'
done
no_status_change $incident '{"stage": "Fine"}' 'supported values'
no_status_change $incident '{"conditions": [{"type": "Contained", "status": "Yes", "reason": "R", "message": "",
  "lastTransitionTime": "2026-01-01T00:00:00Z"}]}' 'supported values'
no_status_change $incident '{"journal": [{"id": "a", "kind": "patch", "resource": "pods", "namespace": "shop",
  "name": "web-1", "state": "planned", "body": {"op": "test"}}]}' 'must be of type string'
entry='{"time": "2026-01-01T00:00:00Z", "actor": "a", "message": "m"}'
no_status_change $incident "{\"timeline\": [$entry$(printf ", $entry%.0s" $(seq 200))]}" 'at most 200 items'

# What a person sees of it, in a terminal of 80 columns.
change_status $incident '{"stage": "Redeploying"}'
widest=$(kubectl get kinc | awk '{ sub(/ +$/, ""); if (length > n) n = length } END { print n }')
[ "$widest" -le 80 ] || die "the printer columns take $widest columns"
echo "the schemas accept and refuse what they should"
