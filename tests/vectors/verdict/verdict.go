// SPDX-License-Identifier: Apache-2.0

// Package verdict asks sigstore-go's verifier, with the options of its conformance client.
package verdict

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/sigstore/sigstore-go/pkg/bundle"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/verify"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
)

// Case is a row of a table of bundles.
type Case struct {
	Name        string `json:"name"`
	Bundle      string `json:"bundle"`
	Artifact    string `json:"artifact"`
	Digest      string `json:"digest"`
	TrustedRoot string `json:"trusted_root"`
	Key         string `json:"key"`
	Identity    string `json:"identity"`
	Issuer      string `json:"issuer"`
	Expect      string `json:"expect"`
	SigstoreGo  string `json:"sigstore_go"` // its verdict where it is not "expect"
}

func artifactOf(c Case, dir string) (verify.ArtifactPolicyOption, error) {
	if c.Digest == "" {
		file, err := os.Open(filepath.Join(dir, c.Artifact))
		return verify.WithArtifact(file), err
	}
	algorithm, text, _ := strings.Cut(c.Digest, ":")
	digest, err := hex.DecodeString(text)
	return verify.WithArtifactDigest(algorithm, digest), err
}

func keyMaterial(path string) (root.TrustedMaterial, error) {
	pem, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	key, err := cryptoutils.UnmarshalPEMToPublicKey(pem)
	if err != nil {
		return nil, err
	}
	return root.NewTrustedPublicKeyMaterial(func(string) (root.TimeConstrainedVerifier, error) {
		verifier, err := signature.LoadDefaultVerifier(key)
		return root.NewExpiringKey(verifier, time.Time{}, time.Time{}), err
	}), nil
}

func options(tr root.TrustedMaterial, b *bundle.Bundle, keyed bool) ([]verify.VerifierOption, error) {
	timed := false
	var result []verify.VerifierOption
	timestamps, err := b.Timestamps()
	if err != nil {
		return nil, err
	}
	if !keyed && len(tr.TimestampingAuthorities()) > 0 && len(timestamps) > 0 { // a key needs no time either
		timed = true
		result = append(result, verify.WithSignedTimestamps(1))
	}
	entries, err := b.TlogEntries()
	if err != nil {
		return nil, err
	}
	if len(tr.RekorLogs()) > 0 && (!keyed || len(entries) > 0) { // nor a log
		result = append(result, verify.WithTransparencyLog(1))
		if b.HasInclusionPromise() {
			timed = true
			result = append(result, verify.WithIntegratedTimestamps(1))
		}
	}
	if keyed && !timed { // a key is in force at any time
		result = append(result, verify.WithNoObserverTimestamps())
	}
	return result, nil
}

// Cases reads DIR/cases.json.
func Cases(dir string) ([]Case, error) {
	text, err := os.ReadFile(filepath.Join(dir, "cases.json"))
	if err != nil {
		return nil, err
	}
	var cases []Case
	return cases, json.Unmarshal(text, &cases)
}

// BundleText is the row's own bundle.
func (c Case) BundleText(dir string) ([]byte, error) {
	return os.ReadFile(filepath.Join(dir, c.Bundle))
}

// Verify says why this bundle is refused for the row's artifact, key or identity, and roots; nil: it is verified.
func (c Case) Verify(dir string, text []byte) error {
	b := new(bundle.Bundle)
	if err := b.UnmarshalJSON(text); err != nil {
		return fmt.Errorf("bundle: %w", err)
	}
	artifact, err := artifactOf(c, dir)
	if err != nil {
		return fmt.Errorf("artifact: %w", err)
	}
	var materials root.TrustedMaterialCollection
	var policies []verify.PolicyOption
	var config []verify.VerifierOption
	if c.Key != "" {
		key, err := keyMaterial(filepath.Join(dir, c.Key))
		if err != nil {
			return fmt.Errorf("key: %w", err)
		}
		materials = append(materials, key)
		policies = append(policies, verify.WithKey())
	} else {
		identity, err := verify.NewShortCertificateIdentity(c.Issuer, "", c.Identity, "")
		if err != nil {
			return fmt.Errorf("identity: %w", err)
		}
		policies = append(policies, verify.WithCertificateIdentity(identity))
		config = append(config, verify.WithSignedCertificateTimestamps(1))
	}
	if c.TrustedRoot != "" {
		trusted, err := root.NewTrustedRootFromPath(filepath.Join(dir, c.TrustedRoot))
		if err != nil {
			return fmt.Errorf("trusted root: %w", err)
		}
		materials = append(materials, trusted)
	}
	times, err := options(materials, b, c.Key != "")
	if err != nil {
		return fmt.Errorf("timestamps: %w", err)
	}
	verifier, err := verify.NewVerifier(materials, append(config, times...)...)
	if err != nil {
		return fmt.Errorf("verifier: %w", err)
	}
	_, err = verifier.Verify(b, verify.NewPolicy(artifact, policies...))
	return err
}
