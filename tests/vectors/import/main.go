// SPDX-License-Identifier: Apache-2.0

// Which images the globs of policy-controller select, and which texts Go's regular expressions match in part:
// writes trust/testdata/import/meanings.json.
package main

import (
	"encoding/json"
	"os"
	"regexp"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/sigstore/policy-controller/pkg/apis/glob"
)

type row struct {
	Glob    string   `json:"glob"`
	Invalid bool     `json:"invalid,omitempty"`
	Matches []string `json:"matches"`          // images of which every digest is selected
	Partly  []string `json:"partly,omitempty"` // images of which some are
}

// As the webhook does: the image as a Pod names it, then its Name() against the glob.
func selects(pattern, image string) bool {
	ref, err := name.ParseReference(image)
	if err != nil {
		panic(err)
	}
	matches, err := glob.Match(pattern, ref.Name())
	if err != nil {
		panic(err)
	}
	return matches
}

type regexRow struct {
	Pattern string   `json:"pattern"`
	Matches []string `json:"matches"`
}

func main() {
	digests := []string{
		"sha256:" + "0000000000000000000000000000000000000000000000000000000000000000",
		"sha256:" + "5504f2a95018e3d8a52d80d9e1a128c6ea337581808ff9fe96f5628ce2336350",
		"sha256:" + "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb",
		"sha256:" + "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	}
	names := []string{
		"nginx", "library/app", "shop/web", "shop/web/api", "docker.io/shop/demo", "index.docker.io/shop/app-x",
		"ghcr.io/shop", "ghcr.io/shop/web", "ghcr.io/shop/website", "ghcr.io/shop/web/api", "ghcr.io/shop/a/b/c",
		"ghcr.io/shop/app-b-prod", "ghcr.io/shop/appb", "ghcr.io/shop/app", "ghcr.io/other/web", "gcr.io/shop/web",
		"prefix-ghcr.io/shop/web", "registry.example.com/shop/web", "eu.registry.example.com/shop/web",
		"registry.example.com:5000/shop/web", "localhost:5000/shop/web", "localhost:5000/web",
		"registry.k8s.io/pause", "demo.example.com/web", "quay.io/demo/x", "quay.io/x/demo-app", "quay.io/x/y/demo",
		"1.dkr.ecr.us-east-1.amazonaws.com/shop/web", "web.example.com/web",
	}
	globs := []string{
		"*", "*/*", "**", "*/**", "**/**", "**/*", "**/web", "**/web*", "**/web**", "**/web@*", "**/shop/*",
		"**demo**", "**demo*",
		"ghcr.io/**", "ghcr.io/*", "ghcr.io/*/*", "ghcr.io/shop/*", "ghcr.io/shop/**", "ghcr.io/shop/web",
		"ghcr.io/shop/web*",
		"ghcr.io/shop/web**", "ghcr.io/shop/web:*", "ghcr.io/shop/web:**", "ghcr.io/shop/web:latest",
		"ghcr.io/shop/web@*",
		"ghcr.io/shop/web@**", "ghcr.io/shop/web@sha256:*", "ghcr.io/shop/web@sha256:**",
		"ghcr.io/shop/web:1@*", "ghcr.io/shop/web*:*", "ghcr.io/shop/*:*",
		"ghcr.io/shop/*:**", "ghcr.io/shop/**:*", "**:*", "**@*", "*@*", "ghcr.io/shop/web@" + digests[1],
		"ghcr.io/shop/web*@" + digests[1],
		"ghcr.io/shop/web@" + digests[1][:70], "ghcr.io/shop/app*b*", "ghcr.io/shop/app*prod*",
		"ghcr.io/shop/app*b*@*", "ghcr.io/shop/*app*", "ghcr.io/shop/app*b**",
		"ghcr.io/shop/app-*-p*", "ghcr.io/shop/app*f", "ghcr.io/shop/app*-prod", "ghcr.io/shop/w*b/api*",
		"ghcr.io/**/api*", "ghcr.io/**/web*", "ghcr.io/shop/**/c*", "ghcr.io/shop/**/**",
		"ghcr.io/**/**/c*", "ghcr.io/***", "ghcr.io/shop/***", "ghcr.io**", "ghc**", "ghcr.io*",
		"ghcr*/shop/web*", "gh**/web*", "ghcr.io/sh**op/web*", "ghcr.io/s*/w*",
		"index.docker.io/**", "index.docker.io/*/*", "index.docker.io/library/*",
		"index.docker.io/library/nginx*", "index.docker.io/nginx*", "index.docker.io/shop/*",
		"docker.io/**", "docker.io/shop/*", "*.docker.io/**", "*.io/**", "*.io/shop/*", "*.example.com/**",
		"*.example.com/shop/*", "*example.com/**", "registry.*.com/**",
		"shop/*", "shop/web*", "shop/**", "nginx", "nginx*", "nginx**", "foo", "cafe", "localhost/**",
		"localhost/shop/*", "localhost:5000/**", "localhost:*/**", "localhost:5000/web*",
		"registry.example.com:5000/**", "registry.example.com/**", "*/shop/*", "*/shop/**", "*/web*",
		"*/*/*", "**/*/web*", "GHCR.io/**", "ghcr.io/Shop/*", "ghcr.io//*", "ghcr.io/", "/ghcr.io/**",
		"ghcr.io/shop/web/",
		".+", "[a-z]*", "ghcr.io/shop/we?", "", " ", "ghcr.io/shop/#", "ghcr.io/shop/web@",
		"ghcr.io/shop/*@sha256:5*", "ghcr.io/shop/*5*", "ghcr.io/shop/*sha256*",
		"*.dkr.ecr.us-east-1.amazonaws.com/**", "*.dkr.ecr.*.amazonaws.com/**",
		"ghcr.io/shop/web:5504*", "ghcr.io/shop/web*:v1*", "ghcr.io/shop/web*:5*", "ghcr.io/shop/a*/b/c*",
		"**/a/b/c*", "**/localhost/web*", "**/shop/web/api@*",
	}
	out := map[string]any{}
	var rows []row
	for _, g := range globs {
		r := row{Glob: g, Matches: []string{}}
		if _, err := glob.Compile(g); err != nil || g == "" {
			r.Invalid = true
			rows = append(rows, r)
			continue
		}
		for _, n := range names {
			count := 0
			for _, d := range digests {
				if selects(g, n+":v1@"+d) {
					count++
				}
			}
			if count == len(digests) {
				r.Matches = append(r.Matches, n)
			} else if count > 0 {
				r.Partly = append(r.Partly, n)
			}
		}
		rows = append(rows, r)
	}
	out["images"] = names
	out["globs"] = rows

	texts := []string{
		"", "a", "b", "ab", "abc", "xabcx", "foo", "foobar", "barfoo", "FOO", "foo\nbar", "\nfoo", "foo\n",
		"a|b", "$", "a$", "a\\", "a\\$", "^a", "aa",
		"https://github.com/shop/web", "https://github.com/shop/web/x", "http://github.com/shop/web",
		"https://githubXcom/shop/web", "xhttps://github.com/shop/web", "me@example.com",
		"me@example.com.evil.org", "ü", "xüx",
	}
	patterns := []string{
		"a", "^a", "a$", "^a$", "^a|b$", "^(a|b)$", "(^a|b$)", "^a.*", ".*a$", ".*", "^.*$", "^", "$", "^$",
		"", "foo", "(?i)foo", "^(?i)foo$", "(?m)^foo$", "^(?m)foo$", "(?s)foo.bar", "foo.bar", "^foo\\nbar$",
		"a\\$", "^a\\$", "a\\\\$", "^a\\\\$", "a\\\\\\$", "^*a$", "a$*", "^+a", "^^a$$", "[$]", "^[$]$",
		"[^$]$", "a|b", "^a|^b", "a$|b$", "\\Aa\\z", "a\\z", "\\Aa", "^a{2}$", "^a{1,2}$", "{2}a", "^{2}a",
		"^{,2}", "a)(b", "(a", "[a", "a\\", "\\Qa", "\\Qa\\E", "\\C", "*a", "+", "?",
		"^https://github\\.com/shop/", "https://github.com/shop/.*", "^https://github.com/shop/[^/]+$",
		"@example\\.com$", "^.+@example\\.com$", "(?P<n>a)", "\\pL", "\\p{Greek}", "a{1001}", "(?=a)", "\\1",
		"(?:a)", "^(?:a|b)", "\\bfoo\\b", "ü", "^.$", "x*", "^x*", "x*$", "(?U)a+", "a**",
	}
	var rrows []regexRow
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		r := regexRow{Pattern: p}
		if err == nil {
			r.Matches = []string{}
			for _, t := range texts {
				if re.MatchString(t) {
					r.Matches = append(r.Matches, t)
				}
			}
		}
		rrows = append(rrows, r)
	}
	out["texts"] = texts
	out["patterns"] = rrows
	e := json.NewEncoder(os.Stdout)
	e.SetIndent("", " ")
	e.SetEscapeHTML(false)
	e.Encode(out)
}
