// SPDX-License-Identifier: Apache-2.0

// check DIR: goes through DIR/cases.json with sigstore-go's verifier, and prints each verdict, and whether it is the one
// that the table expects.
package main

import (
	"fmt"
	"os"

	"kintsugi/tests/vectors/verdict"
)

func run(c verdict.Case, dir string) error {
	text, err := c.BundleText(dir)
	if err != nil {
		return err
	}
	return c.Verify(dir, text)
}

func main() {
	dir := os.Args[1]
	cases, err := verdict.Cases(dir)
	if err != nil {
		panic(err)
	}
	differences := 0
	for _, c := range cases {
		said, err := "verified", run(c, dir)
		if err != nil {
			said = "refused"
		}
		expected := c.Expect
		if c.SigstoreGo != "" {
			expected = c.SigstoreGo
		}
		mark := "ok"
		if said != expected {
			mark = "DIFFERENT"
			differences++
		}
		fmt.Printf("%-9s %-8s %s: %v\n", mark, said, c.Name, err)
	}
	fmt.Printf("%d passed, %d failed\n", len(cases)-differences, differences)
	if differences > 0 {
		os.Exit(1)
	}
}
