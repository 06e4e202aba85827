module kintsugi.dev/tests/vectors/import

go 1.26

require (
	github.com/google/go-containerregistry v0.20.3
	github.com/sigstore/policy-controller v0.13.1
)

require github.com/opencontainers/go-digest v1.0.0 // indirect
