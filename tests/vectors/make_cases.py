#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""make_cases.py CRATES GO_MODULES INDEX FOLDER

Copies public bundles to FOLDER (trust/testdata/conformance), byte for byte, and writes FOLDER/cases.json. CRATES has
the unpacked crates, GO_MODULES is github.com/sigstore of a Go module cache, INDEX has the cases that were taken from
sigstore-conformance itself. trust/testdata/README.md names the sources.
"""

import base64
import hashlib
import json
import os
import shutil
import sys

ACTIONS = "https://token.actions.githubusercontent.com"
GITHUB = "https://github.com/login/oauth"
BEACON = (
    "https://github.com/sigstore-conformance/extremely-dangerous-public-oidc-beacon/.github/workflows/"
    "extremely-dangerous-oidc-beacon.yml@refs/heads/main"
)
SIGSTORE_JS = "https://github.com/sigstore/sigstore-js/.github/workflows/release.yml@refs/heads/main"
CONDA = "https://github.com/prefix-dev/sigstore-example/.github/workflows/action.yaml@refs/heads/main"
JKU, WILLIAM = "jku@goto.fi", "william@yossarian.net"
A_TXT = "sha256:a0cfc71271d6e278e57cd332ff957c3f7043fdda354c4cbb190a30d56efa01bf"

VERIFY = "crate:sigstore-verify-0.15.1/test_data/"
BUNDLES = VERIFY + "bundles/"
FIXTURES = "crate:sigstore-bundle-0.15.1/tests/fixtures/"
RS = "crate:sigstore-0.15.0/tests/data/"
GO = "go:sigstore-go@v1.2.2/"
GO_DATA = GO + "pkg/testing/data/bundles/"
PROTO = "go:protobuf-specs@v0.5.1/gen/pb-rust/sigstore-protobuf-specs/assets/"

ROOTS = {
    "public-good": "crate:sigstore-trust-root-0.15.1/src/trusted_root.json",
    "public-good-2023": GO + "pkg/testing/data/trusted-roots/public-good.json",
    "staging": "crate:sigstore-trust-root-0.15.1/src/trusted_root_staging.json",
    "github": "crate:sigstore-trust-root-0.15.1/src/trusted_root_github.json",
    "scaffolding": GO + "pkg/testing/data/trusted-roots/scaffolding.json",
    "public-key-validity": GO + "pkg/testing/data/trusted-roots/public-key-validity.json",
}

# name, bundle, trusted root, (identity, issuer) or key, artifact or None for what the bundle names, expect, why
CASES = [
    # sigstore-conformance
    ("happy-path", FIXTURES + "happy-path.json", "public-good", (BEACON, ACTIONS), "a.txt", "verified",
     "DSSE, dsse 0.0.1 entry with SET and inclusion proof"),
    ("rekor2-happy-path", VERIFY + "timestamps/valid_bundle.json", VERIFY + "timestamps/valid_trusted_root.json",
     (BEACON, ACTIONS), "a.txt", "verified", "Rekor v2 hashedrekord 0.0.2 entry, time from an RFC 3161 timestamp"),
    ("invalid-ct-key_fail", VERIFY + "invalid-ct-key_fail/bundle.sigstore.json",
     VERIFY + "invalid-ct-key_fail/trusted_root.json", (BEACON, ACTIONS), "a.txt", "refused",
     "the trusted root's certificate log has another key than the one that signed the SCT"),
    ("managed-key-happy-path", VERIFY + "managed-key/bundle.sigstore.json", "public-good",
     VERIFY + "managed-key/key.pub", "a.txt", "verified", "a key's signature with log entry and timestamp"),
    ("managed-key-wrong-key_fail", VERIFY + "managed-key/bundle.sigstore.json", "public-good",
     GO + "pkg/testing/data/public-keys/public-key-validity.pem", "a.txt", "refused", "another key's signature"),
    ("managed-key-and-trusted-root", "index:bundle.sigstore.json", "index:trusted_root.json", "index:key.pub", "a.txt",
     "verified", "a key's signature, no log entry, a trusted root that names no logs"),
    ("intoto-canonical-log-entry", "index:bundle.sigstore.json", "index:trusted_root.json", "index:key.pub", "a.txt",
     "verified", "the canonical intoto 0.0.2 entry has the payload's hash and not the payload"),
    ("dsse-statement-missing-type_fail", "index:bundle.sigstore.json", "index:trusted_root.json", "index:key.pub",
     "a.txt", "refused", "the signed in-toto statement has no _type"),
    ("dsse-statement-unknown-type_fail", "index:bundle.sigstore.json", "index:trusted_root.json", "index:key.pub",
     "a.txt", "refused", "the signed in-toto statement is of an unknown version"),
    ("rekor2-dsse-happy-path", "index:bundle.sigstore.json", "staging", (BEACON, ACTIONS), "a.txt", "verified",
     "Rekor v2 dsse 0.0.2 entry"),
    ("rekor2-dsse-mismatch-sig_fail", "index:bundle.sigstore.json", "staging", (BEACON, ACTIONS), "a.txt", "refused",
     "the envelope's signature is good, but not the one that was logged"),
    ("sct-multi-intermediate", VERIFY + "sct-multi-intermediate/staging_bundle.sigstore.json", "staging",
     ("https://github.com/sigstore/root-signing-staging/.github/workflows/custom-test.yml@refs/heads/main", ACTIONS),
     None, "verified", "the SCT covers one of several intermediates of the same name"),
    # sigstore-python
    ("python-v3", FIXTURES + "bundle_v3.json", "staging", (WILLIAM, GITHUB), None, "verified", "v0.3, staging, email"),
    ("python-rekor2-message", VERIFY + "upstream/sigstore-python/staging-rekor-v2.txt.sigstore.json", "staging",
     (JKU, GITHUB), VERIFY + "upstream/sigstore-python/staging-rekor-v2.txt", "verified", "Rekor v2, staging, email"),
    ("python-rekor2-dsse", VERIFY + "upstream/sigstore-python/a.dsse.staging-rekor-v2.txt.sigstore.json", "staging",
     (BEACON, ACTIONS), "a.txt", "verified", "DSSE recorded as a Rekor v2 hashedrekord 0.0.2 over its PAE"),
    ("python-github-whl", BUNDLES + "bundle_v3_github.whl.sigstore", "public-good",
     ("https://github.com/trailofbits/rfc8785.py/.github/workflows/release.yml@refs/tags/v0.1.2", ACTIONS), None,
     "verified", "v0.2, hashedrekord 0.0.1 with SET and inclusion proof"),
    ("python-no-signed-time_fail", BUNDLES + "bundle_v3_no_signed_time.txt.sigstore.json", "public-good",
     (WILLIAM, GITHUB), None, "refused", "integratedTime without SET, and no timestamp: nothing signed tells the time"),
    ("python-no-checkpoint_fail", BUNDLES + "bundle_no_checkpoint.txt.sigstore", "staging", (WILLIAM, GITHUB), None,
     "refused", "v0.2 whose inclusion proof has no checkpoint"),
    ("python-no-log-entry_fail", BUNDLES + "bundle_no_log_entry.txt.sigstore", "public-good",
     ("alex.cameron@trailofbits.com", "https://accounts.google.com"), None, "refused", "no log entry"),
    ("python-no-cert_fail", BUNDLES + "bundle_no_cert_v1.txt.sigstore", "public-good", (WILLIAM, GITHUB), None,
     "refused", "an empty certificate chain"),
    ("python-invalid-version_fail", BUNDLES + "bundle_invalid_version.txt.sigstore", "staging", (WILLIAM, GITHUB),
     None, "refused", "an unknown mediaType"),
    ("python-cve-2022-36056_fail", BUNDLES + "bundle_cve_2022_36056.txt.sigstore", "staging", (WILLIAM, GITHUB), None,
     "refused", "CVE-2022-36056: the log entry is another signature's"),
    # sigstore-rust, sigstore-rs
    ("cosign-v3-blob", BUNDLES + "cosign-v3-blob.sigstore.json", "public-good", ("w.vollprecht@gmail.com", GITHUB),
     BUNDLES + "cosign-v3-blob.txt", "verified", "cosign sign-blob: SET, inclusion proof and timestamp"),
    ("conda", BUNDLES + "conda-attestation.sigstore.json", "public-good", (CONDA, ACTIONS),
     BUNDLES + "signed-package-2.1.0-hb0f4dca_0.conda", "verified", "DSSE with a custom predicate"),
    ("conda-rekor2", BUNDLES + "conda-attestation-rekor2.sigstore.json", "staging", (JKU, GITHUB),
     BUNDLES + "signed-package-2.1.0-hb0f4dca_0.conda", "verified", "DSSE as a Rekor v2 hashedrekord, email"),
    ("kubewarden-image", RS + "bundle_v03.json", "public-good",
     ("https://github.com/kubewarden/kubewarden-controller/.github/workflows/release.yml@refs/tags/v1.34.0", ACTIONS),
     None, "verified", "cosign sign of an image: predicate cosign/sign/v1, SET, inclusion proof and timestamp"),
    ("npm-sigstore-5", RS + "npm_slsa_bundle_v03.json", "public-good", (SIGSTORE_JS, ACTIONS), None, "verified",
     "npm provenance v1, subject by SHA-512"),
    ("github-release_fail", BUNDLES + "github-private-attestation.sigstore.json", "github",
     ("https://dotcom.releases.github.com", "https://dotcom.releases.github.com"), None, "refused",
     "GitHub's own authority: neither SCT, issuer extension nor log entry"),
    # sigstore-go, cosign, protobuf-specs
    ("sigstore-js-2.0.0", GO_DATA + "sigstore.js@2.0.0-provenance.sigstore.json", "public-good",
     (SIGSTORE_JS, ACTIONS), None, "verified", "npm provenance v1, v0.1, intoto 0.0.2 with inclusion proof"),
    ("sigstore-js-2.0.0-root-2023", GO_DATA + "sigstore.js@2.0.0-provenance.sigstore.json", "public-good-2023",
     (SIGSTORE_JS, ACTIONS), None, "verified", "the same with the trusted root of sigstore-go's tests"),
    ("dsse", GO_DATA + "dsse.sigstore.json", "public-good", ("brian@dehamer.com", GITHUB), None, "verified",
     "v0.1, intoto 0.0.2 with SET only"),
    ("dsse-2sigs_fail", GO_DATA + "dsse-2sigs.sigstore.json", "public-good", ("brian@dehamer.com", GITHUB), None,
     "refused", "an envelope with two signatures"),
    ("othername", GO_DATA + "othername.sigstore.json", "scaffolding", ("foo!oidc.local", "http://oidc.local:8080"),
     None, "verified", "Fulcio's otherName identity"),
    ("othername-email_fail", GO_DATA + "othername.sigstore.json", "scaffolding",
     ("foo@oidc.local", "http://oidc.local:8080"), None, "refused", "an otherName is no email address"),
    ("public-key-timestamp", GO_DATA + "public-key-validity.sigstore.json", "public-key-validity",
     GO + "pkg/testing/data/public-keys/public-key-validity.pem", b"test content", "verified",
     "a key's signature with a timestamp, no log; sigstore-go refuses it for a key valid until 1970-01-01T00:00:01Z"),
    ("npm-provenance", GO + "examples/bundle-provenance.json", "public-good", (SIGSTORE_JS, ACTIONS), None, "verified",
     "npm provenance v0.2, v0.1, intoto 0.0.2 with SET only"),
    ("npm-publish", GO + "examples/bundle-publish.json", "public-good", GO + "examples/publish_key.pub", None,
     "verified", "npm's key: publish attestation, intoto 0.0.2 with SET only"),
    ("cosign-oci-attestation", "go:cosign/v3@v3.1.3/pkg/cosign/testdata/oci-attestation.sigstore.json", "public-good",
     ("cody@soyland.com", GITHUB), None, "verified", "cosign attest of an image"),
    ("protobuf-specs-a", PROTO + "a.txt.sigstore", "public-good", ("a@tny.town", GITHUB), PROTO + "a.txt", "verified",
     "v0.2, hashedrekord 0.0.1, email"),
]

# Where sigstore-go v1.2.2 says otherwise: of a Rekor v2 log it takes hashedrekord 0.0.2 only, and it hashes an entry
# that it composes anew instead of canonicalizedBody.
EXCEPTIONS = {
    "intoto-canonical-log-entry": {"sigstore_go": "refused"},
    "rekor2-dsse-happy-path": {"sigstore_go": "refused"},
}


class Table:
    def __init__(self, crates, modules, index, folder):
        self.crates, self.modules, self.index, self.folder = crates, modules, index, folder
        self.rows = []

    def path(self, source, case):
        kind, _, name = source.partition(":")
        return {
            "crate": lambda: os.path.join(self.crates, name),
            "go": lambda: os.path.join(self.modules, name),
            "index": lambda: os.path.join(self.index, case, name),
        }[kind]()

    def take(self, source, case, name):
        target = os.path.join(self.folder, case, name)
        os.makedirs(os.path.dirname(target), exist_ok=True)
        shutil.copyfile(self.path(source, case), target)
        os.chmod(target, 0o644)
        return f"{case}/{name}"

    def artifact(self, artifact, case, bundle):
        if artifact == "a.txt":
            return {"artifact": "a.txt"}
        if isinstance(artifact, bytes):
            with open(os.path.join(self.folder, case, "artifact"), "wb") as file:
                file.write(artifact)
            return {"artifact": f"{case}/artifact"}
        if artifact:
            return {"artifact": self.take(artifact, case, "artifact")}
        return {"digest": digest_of(bundle)}

    def add(self, case, source, root, signer, artifact, expect, why):
        row = {"name": case, "bundle": self.take(source, case, "bundle.sigstore.json")}
        with open(self.path(source, case), encoding="utf-8") as file:
            row.update(self.artifact(artifact, case, json.load(file)))
        row["trusted_root"] = f"roots/{root}.json" if root in ROOTS else self.take(root, case, "trusted_root.json")
        if isinstance(signer, tuple):
            row["identity"], row["issuer"] = signer
        else:
            row["key"] = self.take(signer, case, "key.pub")
        row.update(expect=expect, why=why)
        self.rows.append(row)
        if expect == "verified":
            self.refusals(row)

    def refusals(self, row):
        """What must be refused with the same bundle."""

        def variant(suffix, why, **changes):
            other = {key: value for key, value in row.items() if key not in changes or changes[key]}
            other.update({key: value for key, value in changes.items() if value})
            other.update(name=f"{row['name']}+{suffix}", expect="refused", why=why)
            self.rows.append(other)

        variant("other-artifact", "another artifact", artifact=None, digest="sha256:" + "1" * 64)
        if "key" in row:
            variant("other-key", "another key", key="roots/other.pub")
            return
        variant("other-identity", "another identity with the right one as its prefix", identity=row["identity"] + "x")
        variant("shorter-identity", "the identity's beginning only", identity=row["identity"][:-1])
        variant("other-issuer", "another issuer", issuer="https://issuer.example.com")
        variant("other-root", "another instance's trusted root", trusted_root="roots/github.json")


def digest_of(bundle):
    """The digest that a bundle is about, as algorithm:hex."""
    if "dsseEnvelope" in bundle:
        subjects = json.loads(base64.b64decode(bundle["dsseEnvelope"]["payload"]))["subject"]
        for subject in subjects:
            for algorithm in ("sha256", "sha512"):
                if algorithm in subject["digest"]:
                    return f"{algorithm}:{subject['digest'][algorithm]}"
    return "sha256:" + base64.b64decode(bundle["messageSignature"]["messageDigest"]["digest"]).hex()


def main():
    table = Table(*sys.argv[1:])
    for name, source in ROOTS.items():
        table.take(source, "roots", name + ".json")
    shutil.copyfile(os.path.join(table.folder, "../other.pub"), os.path.join(table.folder, "roots/other.pub"))
    table.take(VERIFY + "managed-key/artifact.txt", ".", "a.txt")
    with open(os.path.join(table.folder, "a.txt"), "rb") as file:
        assert "sha256:" + hashlib.sha256(file.read()).hexdigest() == A_TXT
    for case in CASES:
        table.add(*case)
    for row in table.rows:
        row.update(EXCEPTIONS.get(row["name"], {}))
    with open(os.path.join(table.folder, "cases.json"), "w", encoding="utf-8") as file:
        json.dump(table.rows, file, indent=1)
        file.write("\n")


main()
