// SPDX-License-Identifier: Apache-2.0

// differential JUDGE TESTDATA SECONDS FOUND: changes bundles that are good in many ways, asks sigstore-go and Kintsugi's
// verifier about each, and fails where Kintsugi accepts one that sigstore-go refuses. Such a bundle is written to the
// folder FOUND. Where Kintsugi refuses what sigstore-go accepts it is stricter: that is counted by its reason, and the
// first of each reason is written to FOUND as well.
//
// JUDGE is the program trust-judge, TESTDATA the folder of tables.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"time"

	"kintsugi/tests/vectors/verdict"
)

// A seed is a row of a table whose bundle both accept.
type seed struct {
	table string
	index int
	row   verdict.Case
	text  []byte
}

// The other verifier, as a process that answers line by line.
type judge struct {
	in  io.Writer
	out *bufio.Reader
}

func start(program, data string) (*judge, error) {
	command := exec.Command(program, data)
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	return &judge{in, bufio.NewReader(out)}, command.Start()
}

// "verified", or "refused REASON".
func (j *judge) ask(s seed, text []byte) (string, error) {
	_, err := fmt.Fprintf(j.in, "%s %d %s\n", s.table, s.index, base64.StdEncoding.EncodeToString(text))
	if err != nil {
		return "", err
	}
	line, err := j.out.ReadString('\n')
	return strings.TrimSpace(line), err
}

func seeds(data string, kintsugi *judge) ([]seed, error) {
	var found []seed
	for _, table := range []string{"conformance", "blobs", "images/keyless"} {
		dir := filepath.Join(data, table)
		rows, err := verdict.Cases(dir)
		if err != nil {
			return nil, err
		}
		for index, row := range rows {
			text, err := row.BundleText(dir)
			if err != nil {
				return nil, err
			}
			s := seed{table, index, row, text}
			said, err := kintsugi.ask(s, text)
			if err != nil {
				return nil, err
			}
			if said == "verified" && row.Verify(dir, text) == nil {
				found = append(found, s)
			}
		}
	}
	return found, nil
}

type counts struct {
	asked, bothAccept, bothRefuse int
	stricter, laxer               map[string]int // by reason
	findings                      int
}

// A refusal by sigstore-go that is no finding where Kintsugi accepts.
type explained struct {
	refusal string // in sigstore-go's words
	needs   string // in the bundle
	why     string
}

var explanations = []explained{
	// The certificates that a timestamp brings along are signed by nobody. Kintsugi does not look at them: the
	// root's own count.
	{"certificate embedded in the TSR does not match", "", "certificates in a timestamp"},
	{"error parsing response into Timestamp", "", "certificates in a timestamp"},
	{"pkcs7: No certificate for signer", "", "certificates in a timestamp"},
	// What was asked for is the key, and it has signed.
	{"expected key signature, not certificate", "", "a certificate beside a signature by the given key"},
	// A witness that the root does not know, or not at that time, is no evidence, and harms none.
	{"threshold not met for verified log entry integrated timestamps", "", "an entry of an unknown log beside a good one"},
	{"threshold not met for verified signed timestamps", "inclusionPromise", "a timestamp outside of its authority's time beside a log's"},
}

func explanation(theirs error, text []byte) string {
	for _, one := range explanations {
		if strings.Contains(theirs.Error(), one.refusal) && bytes.Contains(text, []byte(one.needs)) {
			return one.why
		}
	}
	return ""
}

func (c *counts) compare(said string, theirs error, text []byte) (finding string) {
	c.asked++
	accepted := said == "verified"
	switch {
	case accepted && theirs == nil:
		c.bothAccept++
	case !accepted && theirs != nil:
		c.bothRefuse++
	case accepted:
		if why := explanation(theirs, text); why != "" {
			c.laxer[why]++
			break
		}
		c.findings++
		return "accepted-" + strconv.Itoa(c.findings)
	default:
		reason := strings.TrimPrefix(said, "refused ")
		c.stricter[reason]++
		if c.stricter[reason] <= 3 {
			return "stricter-" + reason + "-" + strconv.Itoa(c.stricter[reason])
		}
	}
	return ""
}

func (c *counts) print() {
	fmt.Printf("%d bundles: both accept %d, both refuse %d, accepted by Kintsugi alone %d\n", c.asked, c.bothAccept,
		c.bothRefuse, c.findings)
	printCounts("refused by Kintsugi alone", c.stricter)
	printCounts("accepted by Kintsugi alone, explained", c.laxer)
}

func printCounts(what string, counts map[string]int) {
	reasons := make([]string, 0, len(counts))
	for reason := range counts {
		reasons = append(reasons, reason)
	}
	sort.Strings(reasons)
	for _, reason := range reasons {
		fmt.Printf("%s: %d %s\n", what, counts[reason], reason)
	}
}

func keep(found, name string, s seed, text []byte, theirs error) error {
	note := fmt.Sprintf("%s %d (%s): sigstore-go says: %v\n", s.table, s.index, s.row.Name, theirs)
	if err := os.WriteFile(filepath.Join(found, name+".txt"), []byte(note), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(found, name+".json"), text, 0o644)
}

func run(program, data, found string, seconds int) (*counts, error) {
	kintsugi, err := start(program, data)
	if err != nil {
		return nil, err
	}
	all, err := seeds(data, kintsugi)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no bundle that both accept in %s", data)
	}
	number := uint64(time.Now().UnixNano())
	fmt.Printf("%d good bundles, seed %d\n", len(all), number)
	mutator := newMutator(rand.New(rand.NewPCG(number, 0)), all)
	c := &counts{stricter: map[string]int{}, laxer: map[string]int{}}
	for end := time.Now().Add(time.Duration(seconds) * time.Second); time.Now().Before(end); {
		s := all[mutator.random.IntN(len(all))]
		text := mutator.change(s.text)
		said, err := kintsugi.ask(s, text)
		if err != nil {
			return c, fmt.Errorf("the judge ended: %w", err)
		}
		theirs := s.row.Verify(filepath.Join(data, s.table), text)
		if name := c.compare(said, theirs, text); name != "" {
			if err := keep(found, name, s, text, theirs); err != nil {
				return c, err
			}
		}
	}
	return c, nil
}

func main() {
	if len(os.Args) != 5 {
		fmt.Fprintln(os.Stderr, "differential JUDGE TESTDATA SECONDS FOUND")
		os.Exit(2)
	}
	seconds, err := strconv.Atoi(os.Args[3])
	if err == nil {
		err = os.MkdirAll(os.Args[4], 0o755)
	}
	var c *counts
	if err == nil {
		c, err = run(os.Args[1], os.Args[2], os.Args[4], seconds)
	}
	if c != nil {
		c.print()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || c.findings > 0 {
		os.Exit(1)
	}
}
