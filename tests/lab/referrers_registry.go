// SPDX-License-Identifier: Apache-2.0

// A registry in memory that has the referrers API of OCI distribution 1.1, which Debian's has not.
package main

import (
	"log"
	"net/http"
	"os"

	"github.com/google/go-containerregistry/pkg/registry"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("referrers-registry ADDRESS:PORT")
	}
	log.Fatal(http.ListenAndServe(os.Args[1], registry.New(registry.WithReferrersSupport(true))))
}
