// SPDX-License-Identifier: Apache-2.0
//
// conditions TABLE: asks cel-go about each row of trust/testdata/conditions.json, and writes the table to standard
// output with its answers in `cel`: true, false, "error", "not bool" or "syntax". Fails where `expect` is a value that
// cel-go does not give, or where the row is accepted by us and not by cel-go's parser. Numbers are ints where their
// literal is an integer that fits, as ours are.
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/types"
)

type row struct {
	Condition string `json:"condition"`
	Expect    any    `json:"expect"`
	Cel       any    `json:"cel"`
	Note      string `json:"note,omitempty"`
}

type table struct {
	Now           string          `json:"now"`
	PredicateType string          `json:"predicateType"`
	Subject       json.RawMessage `json:"subject"`
	Predicate     json.RawMessage `json:"predicate"`
	Conditions    []row           `json:"conditions"`
}

func numbers(value any) any {
	switch v := value.(type) {
	case json.Number:
		if !strings.ContainsAny(string(v), ".eE") {
			if i, err := v.Int64(); err == nil {
				return i
			}
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = numbers(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = numbers(v[key])
		}
	}
	return value
}

func decode(raw json.RawMessage) any {
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	check(decoder.Decode(&value))
	return numbers(value)
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}

func answer(env *cel.Env, condition string, variables map[string]any) any {
	ast, issues := env.Parse(condition)
	if issues.Err() != nil {
		return "syntax"
	}
	program, err := env.Program(ast)
	if err != nil {
		return "error"
	}
	value, _, err := program.Eval(variables)
	if err != nil {
		return "error"
	}
	if b, ok := value.(types.Bool); ok {
		return bool(b)
	}
	return "not bool"
}

func main() {
	text, err := os.ReadFile(os.Args[1])
	check(err)
	var in table
	check(json.Unmarshal(text, &in))
	now, err := time.Parse(time.RFC3339, in.Now)
	check(err)
	env, err := cel.NewEnv(cel.Variable("predicate", cel.DynType), cel.Variable("predicateType", cel.StringType),
		cel.Variable("subject", cel.DynType), cel.Variable("now", cel.TimestampType))
	check(err)
	variables := map[string]any{"predicate": decode(in.Predicate), "predicateType": in.PredicateType,
		"subject": decode(in.Subject), "now": now}
	wrong := 0
	for i := range in.Conditions {
		one := &in.Conditions[i]
		one.Cel = answer(env, one.Condition, variables)
		value, isValue := one.Expect.(bool)
		agrees := one.Expect == "unsupported" || one.Expect == one.Cel
		if isValue {
			agrees = value == one.Cel
		} else if one.Expect == "error" && one.Note != "" {
			agrees = true // stricter than CEL, and the note says why
		}
		if !agrees {
			wrong++
			fmt.Fprintf(os.Stderr, "%s: expected %v, cel-go says %v\n", one.Condition, one.Expect, one.Cel)
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	check(encoder.Encode(in))
	if wrong > 0 {
		os.Exit(1)
	}
}
