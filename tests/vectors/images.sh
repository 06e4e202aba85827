#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# images.sh: makes trust/testdata/images and trust/testdata/blobs anew, with the lab's registry and cosign: images and
# files signed in each way that the verifier has to know. New keys each time; the private halves are deleted. The tables
# cases.json are written by hand and stay.
#
# LAB_DIR and REGISTRY_PORT as for tests/lab/registry.sh, which is started and stopped.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/../lab/common.sh"

data=$(cd "$(dirname "$0")/../../trust/testdata" && pwd) lab=$(cd "$(dirname "$0")/../lab" && pwd) work=$(mktemp -d)
export COSIGN_PASSWORD=""
trap '"$lab/registry.sh" down; rm -rf "$work"' EXIT
legacy=(--new-bundle-format=false --use-signing-config=false --tlog-upload=false)

cosign() { "$LAB_BIN/cosign" "$@" >> "$work/log" 2>&1 || die "cosign $*: $(tail -n 3 "$work/log")"; }
sign() { cosign sign --yes --allow-http-registry "$@"; }
attest() { cosign attest --yes --allow-http-registry "$@"; }

# image REPOSITORY: pushes the image there and prints its address.
image() { "$lab/registry.sh" push "$work/content" "shop/$1:1.0"; }

# dump REPOSITORY: what the registry has of it, as trust/testdata/images/REPOSITORY.
dump() { "$(dirname "$0")/dump_image.py" "$LAB_DIR/registry" "shop/$1" "$data/images/$1"; }

make_keys() {
  local name
  for name in a b; do cosign generate-key-pair --output-key-prefix "$work/$name"; done
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/p384.pem" 2>/dev/null
  openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:3072 -out "$work/rsa3072.pem" 2>/dev/null
  openssl genpkey -algorithm ED25519 -out "$work/ed25519.pem"
  for name in p384 rsa3072 ed25519; do
    cosign import-key-pair --key "$work/$name.pem" --output-key-prefix "$work/$name"
  done
  mkdir -p "$data/images/keys"
  cp "$work"/{a,b,p384,rsa3072,ed25519}.pub "$data/images/keys/"
}

# certificate NAME FROM UNTIL: a leaf of the own CA for code signing, and its key as cosign's.
certificate() {
  openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$work/$1.pem" 2>/dev/null
  openssl req -new -key "$work/$1.pem" -subj "/O=Example/CN=release signer" -out "$work/$1.csr"
  cat > "$work/leaf.cnf" <<'END'
basicConstraints = critical,CA:FALSE
keyUsage = critical,digitalSignature
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
subjectAltName = email:release@example.com,URI:https://ci.example.com/release
END
  openssl ca -batch -config "$work/ca.cnf" -name intermediate -in "$work/$1.csr" -out "$work/$1.crt" -notext \
    -startdate "$2" -enddate "$3" -extfile "$work/leaf.cnf" 2>> "$work/log"
  cosign import-key-pair --key "$work/$1.pem" --output-key-prefix "$work/$1"
}

make_pki() {
  local name
  cat > "$work/ca.cnf" <<END
[root]
database = $work/root.db
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
private_key = $work/root.pem
certificate = $work/root.crt
[intermediate]
database = $work/intermediate.db
new_certs_dir = $work
rand_serial = yes
default_md = sha256
policy = any
unique_subject = no
private_key = $work/intermediate.pem
certificate = $work/intermediate.crt
[any]
organizationName = supplied
commonName = supplied
[ca]
basicConstraints = critical,CA:TRUE
keyUsage = critical,keyCertSign,cRLSign
subjectKeyIdentifier = hash
[subca]
basicConstraints = critical,CA:TRUE,pathlen:0
keyUsage = critical,keyCertSign,cRLSign
extendedKeyUsage = codeSigning
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
END
  for name in root intermediate; do
    : > "$work/$name.db"
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out "$work/$name.pem" 2>/dev/null
    openssl req -new -key "$work/$name.pem" -subj "/O=Example/CN=$name" -out "$work/$name.csr"
  done
  openssl ca -batch -config "$work/ca.cnf" -name root -selfsign -in "$work/root.csr" -out "$work/root.crt" -notext \
    -startdate 20200101000000Z -enddate 20600101000000Z -extensions ca 2>> "$work/log"
  openssl ca -batch -config "$work/ca.cnf" -name root -in "$work/intermediate.csr" -out "$work/intermediate.crt" \
    -notext -startdate 20200101000000Z -enddate 20600101000000Z -extensions subca 2>> "$work/log"
  cat "$work/intermediate.crt" "$work/root.crt" > "$work/chain.pem"
  certificate valid 20250101000000Z 20550101000000Z
  certificate expired 20210101000000Z 20220101000000Z
  mkdir -p "$data/images/pki"
  cp "$work"/{root,intermediate,valid,expired}.crt "$data/images/pki/"
}

make_predicates() {
  echo '{"builder":{"id":"https://ci.example.com/builder"},"buildType":"https://ci.example.com/make","invocation":{"configSource":{"uri":"git+https://git.example.com/shop","digest":{"sha1":"da39a3ee5e6b4b0d3255bfef95601890afd80709"},"entryPoint":"make"}}}' > "$work/slsa02.json"
  echo '{"buildDefinition":{"buildType":"https://ci.example.com/make","externalParameters":{"source":"git+https://git.example.com/shop"}},"runDetails":{"builder":{"id":"https://ci.example.com/builder"}}}' > "$work/slsa1.json"
  echo '{"invocation":{"uri":"https://ci.example.com/scans/1"},"scanner":{"uri":"https://scanner.example.com","version":"1.0","db":{"uri":"","version":""},"result":{"findings":[]}},"metadata":{"scanStartedOn":"2026-01-01T00:00:00Z","scanFinishedOn":"2026-01-01T00:01:00Z"}}' > "$work/vuln.json"
  echo '{"spdxVersion":"SPDX-2.3","dataLicense":"CC0-1.0","SPDXID":"SPDXRef-DOCUMENT","name":"shop","documentNamespace":"https://example.com/shop","creationInfo":{"created":"2026-01-01T00:00:00Z","creators":["Tool: example"]},"packages":[]}' > "$work/spdx.json"
  echo '{"bomFormat":"CycloneDX","specVersion":"1.5","version":1,"components":[]}' > "$work/cyclonedx.json"
  echo '{"reviewed":true}' > "$work/custom.json"
}

bundle_images() {
  local address name bundle=(--signing-config "$work/empty.json")
  cosign signing-config create --out "$work/empty.json"
  address=$(image one-bundle)
  sign --key "$work/a.key" "${bundle[@]}" "$address"
  address=$(image bundle-and-tag)
  sign --key "$work/a.key" "${bundle[@]}" "$address"
  sign --key "$work/b.key" "${legacy[@]}" "$address"
  address=$(image two-bundles)
  sign --key "$work/a.key" "${bundle[@]}" "$address"
  sign --key "$work/b.key" "${bundle[@]}" "$address"
  address=$(image attestation-only)
  attest --key "$work/a.key" "${bundle[@]}" --type slsaprovenance --predicate "$work/slsa02.json" "$address"
  address=$(image bundle-and-attestation)
  attest --key "$work/a.key" "${bundle[@]}" --type slsaprovenance1 --predicate "$work/slsa1.json" "$address"
  sign --key "$work/a.key" "${bundle[@]}" "$address"
  address=$(image annotated)
  sign --key "$work/a.key" "${bundle[@]}" -a env=prod "$address"
  sign --key "$work/a.key" "${legacy[@]}" -a env=prod "$address"
  for name in p384 rsa3072 ed25519; do
    address=$(image "bundle-$name")
    sign --key "$work/$name.key" "${bundle[@]}" "$address"
  done
}

legacy_attestations() {
  local address type
  address=$(image attestations)
  for type in slsaprovenance=slsa02 slsaprovenance1=slsa1 vuln=vuln spdxjson=spdx cyclonedx=cyclonedx \
    https://example.com/review/v1=custom; do
    attest --key "$work/a.key" "${legacy[@]}" --type "${type%=*}" --predicate "$work/${type#*=}.json" "$address"
  done
}

pki_images() {
  local address name
  for name in valid expired; do
    address=$(image "pki-$name")
    sign --key "$work/$name.key" --certificate "$work/$name.crt" --certificate-chain "$work/chain.pem" \
      "${legacy[@]}" "$address"
    address=$(image "pki-$name-bundle")
    sign --key "$work/$name.key" --certificate "$work/$name.crt" --certificate-chain "$work/chain.pem" \
      --signing-config "$work/empty.json" "$address"
  done
}

sign_blobs() {
  local name
  mkdir -p "$data/blobs"
  echo "an artifact" > "$data/blobs/artifact.txt"
  cp "$work/a.key" "$work/p256.key"
  for name in p256 p384 ed25519 rsa3072; do
    cosign sign-blob --yes --key "$work/$name.key" --signing-config "$work/empty.json" \
      --bundle "$data/blobs/$name.sigstore.json" "$data/blobs/artifact.txt"
  done
  cp "$work/a.pub" "$data/blobs/p256.pub"
  cp "$work"/{p384,ed25519,rsa3072}.pub "$data/blobs/"
}

"$lab/registry.sh" up
find "$data/images" "$data/blobs" -mindepth 1 ! -name cases.json ! -path "$data/images/keyless*" -delete 2>/dev/null || true
mkdir -p "$work/content/bin"
echo "shop" > "$work/content/bin/init"
make_keys
make_pki
make_predicates
bundle_images
legacy_attestations
sign_blobs
pki_images
for repository in "$LAB_DIR"/registry/docker/registry/v2/repositories/shop/*/; do dump "$(basename "$repository")"; done
