// SPDX-License-Identifier: Apache-2.0

// keyless FOLDER MANIFEST: signs the image of the file MANIFEST without a long-lived key, with an instance of Sigstore that lives as
// long as the program: a certificate authority with a certificate log, a timestamp authority, and the transparency log of
// sigstore-go's tests. Writes FOLDER/trusted_root.json, as cosign would push them the images FOLDER/NAME, and what
// must be said of each bundle to FOLDER/cases.json.
package main

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"time"
	"unsafe"

	"github.com/digitorus/timestamp"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	commonpb "github.com/sigstore/protobuf-specs/gen/pb-go/common/v1"
	dssepb "github.com/sigstore/protobuf-specs/gen/pb-go/dsse"
	rekorpb "github.com/sigstore/protobuf-specs/gen/pb-go/rekor/v1"
	"github.com/sigstore/rekor/pkg/util"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	sigstoresignature "github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/encoding/protojson"
)

const (
	bundleType  = "application/vnd.dev.sigstore.bundle.v0.3+json"
	payloadType = "application/vnd.in-toto+json"
	indexType   = "application/vnd.oci.image.index.v1+json"
	manifest    = "application/vnd.oci.image.manifest.v1+json"
	emptyType   = "application/vnd.oci.empty.v1+json"
	emptyDigest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
)

var sctExtension = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11129, 2, 4, 2}

// Everything that signs.
type instance struct {
	ca              *root.FulcioCertificateAuthority
	intermediateKey *ecdsa.PrivateKey
	logKey          *ecdsa.PrivateKey // the certificate log's
	virtual         *ca.VirtualSigstore
	timestamper     *root.SigstoreTimestampingAuthority
	timestampKey    *ecdsa.PrivateKey
	digest          string
}

// What one image is signed as.
type signature struct {
	name      string
	email     string
	uri       string
	issuer    string
	late      bool // signed, by all clocks, after the certificate's end
	noSCT     bool
	noEntry   bool
	noTime    bool // no timestamp and no SET
	predicate string
	why       string
}

// A row of cases.json.
type testCase struct {
	Name        string `json:"name"`
	Bundle      string `json:"bundle"`
	Digest      string `json:"digest"`
	TrustedRoot string `json:"trusted_root"`
	Identity    string `json:"identity"`
	Issuer      string `json:"issuer"`
	Expect      string `json:"expect"`
	Why         string `json:"why"`
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

func newInstance(digest string) *instance {
	rootCert, rootKey, err := ca.GenerateRootCa()
	if err != nil {
		panic(err)
	}
	intermediate, key, err := ca.GenerateFulcioIntermediate(rootCert, rootKey)
	if err != nil {
		panic(err)
	}
	timestampKey := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	return &instance{
		timestamper: &root.SigstoreTimestampingAuthority{
			Root: rootCert, Leaf: timestampLeaf(rootCert, rootKey, timestampKey), URI: "https://timestamp.example.com",
			ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
		},
		timestampKey: timestampKey,
		ca: &root.FulcioCertificateAuthority{
			Root: rootCert, Intermediates: []*x509.Certificate{intermediate}, URI: "https://fulcio.example.com",
			ValidityPeriodStart: time.Now().Add(-time.Hour), ValidityPeriodEnd: time.Now().Add(time.Hour),
		},
		intermediateKey: key,
		logKey:          must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		virtual:         must(ca.NewVirtualSigstoreWithExistingRekorEntry()),
		digest:          digest,
	}
}

// The leaf of sigstore-go's own authority has no name, which RFC 5280 does not allow.
func timestampLeaf(parent *x509.Certificate, parentKey, key *ecdsa.PrivateKey) *x509.Certificate {
	usage := must(asn1.Marshal([]asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 8}}))
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "timestamp.example.com"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 37}, Critical: true, Value: usage}},
	}
	return must(x509.ParseCertificate(must(x509.CreateCertificate(rand.Reader, template, parent, key.Public(), parentKey))))
}

func (i *instance) timestamp(signed []byte) []byte {
	hash := sha256.Sum256(signed)
	token := timestamp.Timestamp{
		HashAlgorithm: crypto.SHA256, HashedMessage: hash[:], Time: time.Now(),
		Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2},
	}
	return must(token.CreateResponseWithOpts(i.timestamper.Leaf, i.timestampKey, crypto.SHA256))
}

func logID(key crypto.PublicKey) [32]byte {
	return sha256.Sum256(must(x509.MarshalPKIXPublicKey(key)))
}

func (i *instance) trustedRoot() []byte {
	id := logID(i.logKey.Public())
	logs := map[string]*root.TransparencyLog{hex.EncodeToString(id[:]): {
		BaseURL: "https://ctlog.example.com", ID: id[:], HashFunc: crypto.SHA256, PublicKey: i.logKey.Public(),
		SignatureHashFunc: crypto.SHA256, ValidityPeriodStart: time.Now().Add(-time.Hour),
		ValidityPeriodEnd: time.Now().Add(time.Hour),
	}}
	rekor := i.virtual.RekorLogs()
	for id, log := range rekor {
		log.ID = must(hex.DecodeString(id)) // the tests' own has the hexadecimal text
	}
	tr := must(root.NewTrustedRoot(root.TrustedRootMediaType01, []root.CertificateAuthority{i.ca}, logs,
		[]root.TimestampingAuthority{i.timestamper}, rekor))
	return must(tr.MarshalJSON())
}

// An RFC 6962 timestamp of the log over a certificate that has none yet, as the value of its extension.
func (i *instance) sct(before *x509.Certificate) []byte {
	issuer := sha256.Sum256(i.ca.Intermediates[0].RawSubjectPublicKeyInfo)
	head := binary.BigEndian.AppendUint64(nil, uint64(time.Now().UnixMilli()))
	tbs := before.RawTBSCertificate
	signed := append([]byte{0, 0}, head...)
	signed = append(signed, 0, 1)
	signed = append(signed, issuer[:]...)
	signed = append(signed, byte(len(tbs)>>16), byte(len(tbs)>>8), byte(len(tbs)))
	signed = append(append(signed, tbs...), 0, 0)
	hash := sha256.Sum256(signed)
	sig := must(ecdsa.SignASN1(rand.Reader, i.logKey, hash[:]))

	id := logID(i.logKey.Public())
	sct := append(append([]byte{0}, id[:]...), head...)
	sct = append(sct, 0, 0, 4, 3)
	sct = append(binary.BigEndian.AppendUint16(sct, uint16(len(sig))), sig...)
	item := append(binary.BigEndian.AppendUint16(nil, uint16(len(sct))), sct...)
	return must(asn1.Marshal(append(binary.BigEndian.AppendUint16(nil, uint16(len(item))), item...)))
}

func (i *instance) leaf(s signature, key *ecdsa.PrivateKey) *x509.Certificate {
	start := time.Now().Add(-time.Minute)
	if s.late {
		start = start.Add(-11 * time.Minute)
	}
	template := &x509.Certificate{
		SerialNumber: must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))),
		NotBefore:    start, NotAfter: start.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
		ExtraExtensions: []pkix.Extension{
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 1}, Value: []byte(s.issuer)},
			{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8},
				Value: must(asn1.MarshalWithParams(s.issuer, "utf8"))},
		},
	}
	if s.email != "" {
		template.EmailAddresses = []string{s.email}
	} else {
		template.URIs = []*url.URL{must(url.Parse(s.uri))}
	}
	issue := func() *x509.Certificate {
		return must(x509.ParseCertificate(must(x509.CreateCertificate(
			rand.Reader, template, i.ca.Intermediates[0], key.Public(), i.intermediateKey))))
	}
	cert := issue()
	if s.noSCT {
		return cert
	}
	template.ExtraExtensions = append(template.ExtraExtensions, pkix.Extension{Id: sctExtension, Value: i.sct(cert)})
	return issue()
}

// The proof of sigstore-go's log is of no tree of RFC 6962, and its checkpoint of another size: this is one of a tree
// with one leaf, signed with the same key, which that log keeps to itself.
func (i *instance) proofOfOnlyLeaf(body []byte) *rekorpb.InclusionProof {
	field := reflect.ValueOf(i.virtual).Elem().FieldByName("rekorKey")
	key := *(**ecdsa.PrivateKey)(unsafe.Pointer(field.UnsafeAddr()))
	signer := must(sigstoresignature.LoadECDSASignerVerifier(key, crypto.SHA256))
	root := sha256.Sum256(append([]byte{0}, body...))
	note := must(util.CreateAndSignCheckpoint(context.Background(), "rekor.localhost", 123, 1, root[:], signer))
	return &rekorpb.InclusionProof{TreeSize: 1, RootHash: root[:], Checkpoint: &rekorpb.Checkpoint{Envelope: string(note)}}
}

func (i *instance) sign(s signature) []byte {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cert := i.leaf(s, key)
	payload := []byte(fmt.Sprintf(`{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":"%s"},`+
		`"annotations":{}}],"predicateType":"%s","predicate":{}}`, strings.TrimPrefix(i.digest, "sha256:"), s.predicate))
	hash := sha256.Sum256(dsse.PAE(payloadType, payload))
	sig := must(ecdsa.SignASN1(rand.Reader, key, hash[:]))
	material := &bundlepb.VerificationMaterial{
		Content: &bundlepb.VerificationMaterial_Certificate{Certificate: &commonpb.X509Certificate{RawBytes: cert.Raw}},
	}
	if !s.noEntry {
		envelope := &dsse.Envelope{PayloadType: payloadType, Payload: base64.StdEncoding.EncodeToString(payload),
			Signatures: []dsse.Signature{{Sig: base64.StdEncoding.EncodeToString(sig)}}}
		entry := must(i.virtual.GenerateTlogEntry(cert, envelope, sig, time.Now().Unix(), true)).TransparencyLogEntry()
		entry.KindVersion = &rekorpb.KindVersion{Kind: "dsse", Version: "0.0.1"}
		entry.InclusionProof = i.proofOfOnlyLeaf(entry.CanonicalizedBody)
		material.TlogEntries = []*rekorpb.TransparencyLogEntry{entry}
	}
	if !s.noTime {
		material.TimestampVerificationData = &bundlepb.TimestampVerificationData{Rfc3161Timestamps: []*commonpb.RFC3161SignedTimestamp{
			{SignedTimestamp: i.timestamp(sig)}}}
	}
	return must(protojson.Marshal(&bundlepb.Bundle{
		MediaType: bundleType, VerificationMaterial: material,
		Content: &bundlepb.Bundle_DsseEnvelope{DsseEnvelope: &dssepb.Envelope{
			Payload: payload, PayloadType: payloadType, Signatures: []*dssepb.Signature{{Sig: sig}}}},
	}))
}

func digestOf(data []byte) string {
	hash := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(hash[:])
}

func write(data []byte, path ...string) {
	name := strings.ReplaceAll(filepath.Join(path...), ":", "-")
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		panic(err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil {
		panic(err)
	}
}

type object = map[string]any

// Writes the bundle as a referrer of the image, found by the fallback tag, and the image's own manifest.
func (i *instance) store(folder string, bundle []byte, predicate string, image []byte) {
	referrer := must(json.Marshal(object{
		"schemaVersion": 2, "mediaType": manifest, "artifactType": bundleType,
		"config":  object{"mediaType": emptyType, "digest": emptyDigest, "size": 2},
		"layers":  []object{{"mediaType": bundleType, "digest": digestOf(bundle), "size": len(bundle)}},
		"subject": object{"mediaType": manifest, "digest": i.digest, "size": len(image)},
		"annotations": object{"dev.sigstore.bundle.content": "dsse-envelope",
			"dev.sigstore.bundle.predicateType": predicate},
	}))
	index := must(json.Marshal(object{"schemaVersion": 2, "mediaType": indexType, "manifests": []object{{
		"mediaType": manifest, "digest": digestOf(referrer), "size": len(referrer), "artifactType": bundleType}}}))
	write(bundle, folder, "blobs", digestOf(bundle))
	write(referrer, folder, "manifests", digestOf(referrer))
	write(index, folder, "tags", i.digest)
	write(image, folder, "manifests", i.digest)
	write(image, folder, "tags", "1.0")
}

func main() {
	folder, image := os.Args[1], must(os.ReadFile(os.Args[2]))
	i := newInstance(digestOf(image))
	const predicate, issuer = "https://sigstore.dev/cosign/sign/v1", "https://issuer.example.com"
	workflow := "https://ci.example.com/shop/.github/workflows/release.yml@refs/heads/main"
	var cases []testCase
	for _, s := range []signature{
		{name: "uri", uri: workflow, why: "certificate with SCT, log entry with inclusion proof, timestamp"},
		{name: "email", email: "release@example.com", why: "the same for an email address"},
		{name: "attestation", uri: workflow, predicate: "https://slsa.dev/provenance/v1",
			why: "a good bundle, but of an attestation: no image signature"},
		{name: "late", uri: workflow, late: true, why: "log entry and timestamp after the certificate's end"},
		{name: "no-sct", uri: workflow, noSCT: true, why: "no signed certificate timestamp"},
		{name: "no-log-entry", uri: workflow, noEntry: true, why: "a timestamp, but no log entry"},
		{name: "no-time", uri: workflow, noTime: true, why: "inclusion proof only, and no timestamp"},
	} {
		s.issuer = issuer
		if s.predicate == "" {
			s.predicate = predicate
		}
		bundle := i.sign(s)
		i.store(filepath.Join(folder, s.name), bundle, s.predicate, image)
		expect := "verified"
		if s.late || s.noSCT || s.noEntry || s.noTime {
			expect = "refused"
		}
		cases = append(cases, testCase{
			Name: s.name, Bundle: strings.ReplaceAll(filepath.Join(s.name, "blobs", digestOf(bundle)), ":", "-"),
			Digest: i.digest, TrustedRoot: "trusted_root.json", Identity: s.email + s.uri, Issuer: s.issuer,
			Expect: expect, Why: s.why,
		})
	}
	write(append(must(json.MarshalIndent(cases, "", " ")), '\n'), folder, "cases.json")
	write(i.trustedRoot(), folder, "trusted_root.json")
}
