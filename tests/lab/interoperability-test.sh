#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# interoperability-test.sh KINTSUGI: what the real cosign signs is accepted, what it did not sign is refused, and
# cosign itself accepts what was accepted and refuses what was refused: both layouts and attestations, in a registry
# with the referrers API and in one without, and blobs; by cosign 3, and by cosign 2 in its own ways.
set -euo pipefail
# shellcheck source=tests/lab/common.sh
. "$(dirname "$0")/common.sh"

[ $# -eq 1 ] || usage
kintsugi=$(realpath "$1")
export LAB_DIR
LAB_DIR=$(mktemp -d)
touch "$LAB_DIR/.kintsugi-lab"
export COSIGN_PASSWORD=""
trap 'LAB_DIR=$LAB_DIR "$here/registry.sh" down; rm -rf "$LAB_DIR"' EXIT
cd "$LAB_DIR"
cosign() { "$LAB_BIN/cosign" "$@" > cosign.out 2>&1 || die "cosign $1: $(tail -n 3 cosign.out)"; }
cosign2() { "$LAB_BIN/cosign-v2" "$@" > cosign.out 2>&1 || die "cosign 2 $1: $(tail -n 3 cosign.out)"; }
failures=0

"$here/build.sh" cosign cosign-v2 referrers-registry
for key in ours other; do cosign generate-key-pair --output-key-prefix "$key"; done
cosign signing-config create --out no-services.json # bundles without a transparency log, for want of a network
as_tag=(--use-signing-config=false --new-bundle-format=false --tlog-upload=false)
as_bundle=(--signing-config no-services.json)

# expect accepted|refused WHO WHAT COMMAND...
expect() {
  local outcome=accepted status=0
  "${@:4}" > out.log 2>&1 || status=$?
  [ "$status" = 0 ] || outcome=refused
  [ "$status" -lt 126 ] || die "$2 does not run: $(< out.log)"
  [ "$outcome" = "$1" ] && return
  echo "$2: $3 is $outcome, and should be $1: $(tail -n 3 out.log)"
  failures=$((failures + 1))
}

# expect_both accepted|refused WHAT KEY IMAGE [OPTION OF COSIGN]...
expect_both() {
  expect "$1" kintsugi "$2" "$kintsugi" trust verify "$4" --key "$3"
  expect "$1" cosign "$2" "$LAB_BIN/cosign" verify --key "$3" --private-infrastructure --allow-http-registry "${@:5}" "$4"
}

push() { # NAME: an image with content of its own
  mkdir -p "$1/bin"
  echo "$1" > "$1/bin/init"
  "$here/registry.sh" push "$1" "shop/$1:1"
}

digest_of() { # REPOSITORY: of its tag 1
  curl --fail --silent --head --header 'Accept: application/vnd.oci.image.manifest.v1+json' \
    --header 'Accept: application/vnd.docker.distribution.manifest.v2+json' "http://$registry/v2/$1/manifests/1" |
    tr -d '\r' | sed -n 's/^docker-content-digest: //Ip'
}

policy() { # PREDICATE_TYPE: images need an attestation of this type
  cat <<END
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: attested}
spec:
  images: ['**']
  authorities: [{key: {inline: "$(sed ':a;N;$!ba;s/\n/\\n/g' ours.pub)"}}]
  attestations:
    - name: build
      predicateType: $1
END
}

images() { # PREFIX: whether the registry has the referrers API makes no difference
  local image
  image=$(push "$1-unsigned")
  expect_both refused "$1: an unsigned image" ours.pub "$image"

  image=$(push "$1-tag")
  cosign sign --yes --key ours.key "${as_tag[@]}" --allow-http-registry "$image"
  expect_both accepted "$1: tag layout" ours.pub "$image" --new-bundle-format=false
  expect_both refused "$1: tag layout, another key" other.pub "$image" --new-bundle-format=false

  image=$(push "$1-bundle")
  cosign sign --yes --key ours.key "${as_bundle[@]}" --allow-http-registry "$image"
  expect_both accepted "$1: bundle" ours.pub "$image"
  expect_both refused "$1: bundle, another key" other.pub "$image"

  image=$(push "$1-attested")
  echo '{"answer": 42}' > predicate.json
  cosign sign --yes --key ours.key "${as_bundle[@]}" --allow-http-registry "$image"
  policy https://example.com/build > policy.yaml
  expect refused kintsugi "$1: no attestation" "$kintsugi" trust verify "$image" --policy policy.yaml
  cosign attest --yes --key ours.key "${as_bundle[@]}" --type https://example.com/build --predicate predicate.json \
    --allow-http-registry "$image"
  expect accepted kintsugi "$1: attestation" "$kintsugi" trust verify "$image" --policy policy.yaml
  expect accepted cosign "$1: attestation" "$LAB_BIN/cosign" verify-attestation --key ours.pub \
    --private-infrastructure --allow-http-registry --type https://example.com/build "$image"
  policy https://example.com/scan > policy.yaml
  expect refused kintsugi "$1: attestation of another type" "$kintsugi" trust verify "$image" --policy policy.yaml

  # A virtual machine's disk as an artifact, which comes in several parts.
  head -c 9000960 /dev/urandom > disk.raw
  rm -f fetched.raw
  cosign upload blob --files disk.raw "$registry/vm/$1:1"
  image=$registry/vm/$1:1
  expect refused kintsugi "$1: an unsigned disk" "$kintsugi" trust fetch-disk-image "$image" --to fetched.raw --key ours.pub
  [ ! -e fetched.raw ] || die "a refused disk is there"
  image=$registry/vm/$1@$(digest_of "vm/$1")
  cosign sign --yes --key ours.key "${as_bundle[@]}" --allow-http-registry "$image"
  expect accepted kintsugi "$1: a signed disk" "$kintsugi" trust fetch-disk-image "$image" --to fetched.raw --key ours.pub
  cmp disk.raw fetched.raw || die "the disk is another one"
}

# expect_both2 accepted|refused WHAT KEY IMAGE: cosign 2 and Kintsugi
expect_both2() {
  expect "$1" kintsugi "$2" "$kintsugi" trust verify "$4" --key "$3"
  expect "$1" 'cosign 2' "$2" "$LAB_BIN/cosign-v2" verify --key "$3" --private-infrastructure --allow-http-registry "$4"
}

# An authority of one's own, and a leaf that may sign code.
own_authority() {
  openssl ecparam -name prime256v1 -genkey -noout -out own-ca.pem
  openssl req -x509 -new -key own-ca.pem -days 2 -subj '/CN=Own CA' \
    -addext keyUsage=critical,keyCertSign -out own-ca.crt
  openssl ecparam -name prime256v1 -genkey -noout -out leaf.pem
  openssl req -new -key leaf.pem -subj '/CN=release' -out leaf.csr
  printf 'keyUsage=critical,digitalSignature\nextendedKeyUsage=codeSigning\nsubjectAltName=email:release@example.com\n' \
    > leaf.ext
  openssl x509 -req -in leaf.csr -CA own-ca.crt -CAkey own-ca.pem -days 1 -extfile leaf.ext -out leaf.crt
} 2> openssl.out

certificate_policy() { # SUBJECT
  cat <<END
apiVersion: kintsugi.dev/v1alpha1
kind: TrustPolicy
metadata: {name: own}
spec:
  images: ['**']
  authorities: [{certificate: {chain: {inline: "$(sed ':a;N;$!ba;s/\n/\\n/g' own-ca.crt)"}, subject: $1}}]
END
}

images_of_cosign2() {
  local image
  image=$(push v2-tag)
  expect_both2 refused 'v2: an unsigned image' ours.pub "$image"
  cosign2 sign --yes --key ours.key --tlog-upload=false --allow-http-registry "$image"
  expect_both2 accepted 'v2: tag layout' ours.pub "$image"
  expect_both2 refused 'v2: tag layout, another key' other.pub "$image"

  policy https://example.com/build > policy.yaml
  expect refused kintsugi 'v2: no attestation' "$kintsugi" trust verify "$image" --policy policy.yaml
  cosign2 attest --yes --key ours.key --tlog-upload=false --type https://example.com/build --predicate predicate.json \
    --allow-http-registry "$image"
  expect accepted kintsugi 'v2: attestation' "$kintsugi" trust verify "$image" --policy policy.yaml
  expect accepted 'cosign 2' 'v2: attestation' "$LAB_BIN/cosign-v2" verify-attestation --key ours.pub \
    --private-infrastructure --allow-http-registry --type https://example.com/build "$image"

  image=$(push v2-certificate)
  own_authority
  cosign2 import-key-pair --key leaf.pem --output-key-prefix leaf
  cosign2 sign --yes --key leaf.key --cert leaf.crt --cert-chain own-ca.crt --tlog-upload=false \
    --allow-http-registry "$image"
  certificate_policy release@example.com > policy.yaml
  expect accepted kintsugi 'v2: own authority' "$kintsugi" trust verify "$image" --policy policy.yaml
  certificate_policy somebody@example.com > policy.yaml
  expect refused kintsugi 'v2: own authority, somebody else' "$kintsugi" trust verify "$image" --policy policy.yaml
}

blob_of_cosign2() {
  local outcome key file
  cosign2 sign-blob --yes --key ours.key --tlog-upload=false --output-signature blob.sig blob
  for case in 'accepted ours.pub blob' 'refused other.pub blob' 'refused ours.pub other-blob'; do
    read -r outcome key file <<< "$case"
    expect "$outcome" kintsugi "v2: $file by $key" "$kintsugi" trust verify-blob "$file" --signature blob.sig --key "$key"
    expect "$outcome" 'cosign 2' "v2: $file by $key" "$LAB_BIN/cosign-v2" verify-blob --key "$key" \
      --private-infrastructure --signature blob.sig "$file"
  done
}

"$here/registry.sh" up
images plain
images_of_cosign2
curl --fail --silent "http://$registry/v2/shop/plain-bundle/tags/list" | grep -q '"sha256-' ||
  die "Debian's registry has no fallback tag: the referrers were somewhere else"
"$here/registry.sh" down
"$here/registry.sh" up --referrers
images api
if curl --fail --silent "http://$registry/v2/shop/api-bundle/tags/list" | grep -q '"sha256-'; then
  die "the registry with the referrers API has a fallback tag: the API was not used"
fi

echo content > blob
echo other > other-blob
cosign sign-blob --yes --key ours.key "${as_bundle[@]}" --bundle blob.json blob
for case in 'accepted ours.pub blob' 'refused other.pub blob' 'refused ours.pub other-blob'; do
  read -r outcome key file <<< "$case"
  expect "$outcome" kintsugi "blob: $file by $key" "$kintsugi" trust verify-blob "$file" --bundle blob.json --key "$key"
  expect "$outcome" cosign "blob: $file by $key" "$LAB_BIN/cosign" verify-blob --key "$key" --private-infrastructure \
    --bundle blob.json "$file"
done

blob_of_cosign2

[ "$failures" = 0 ] || die "$failures differences"
echo "cosign $(cat "$LAB_BIN/.cosign.version"), cosign $(cat "$LAB_BIN/.cosign-v2.version") and Kintsugi agree"
