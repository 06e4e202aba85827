// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"strings"
)

// mutator changes JSON texts: most often one value in its tree, sometimes the bytes.
type mutator struct {
	random *rand.Rand
	values []any // of all seeds, to be put where they do not belong
}

func newMutator(random *rand.Rand, seeds []seed) *mutator {
	m := &mutator{random: random}
	for _, s := range seeds {
		if tree, err := parse(s.text); err == nil {
			visit(tree, func(place) {}, func(value any) { m.values = append(m.values, value) })
		}
	}
	return m
}

func parse(text []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var tree any
	return tree, decoder.Decode(&tree)
}

// A place is where a value stands: a member of an object or an item of a list.
type place struct {
	object map[string]any
	key    string
	list   []any
	index  int
}

func (p place) get() any {
	if p.object != nil {
		return p.object[p.key]
	}
	return p.list[p.index]
}

func (p place) set(value any) {
	if p.object != nil {
		p.object[p.key] = value
	} else {
		p.list[p.index] = value
	}
}

// clone shares nothing with its original, which may be put below itself.
func clone(value any) any {
	switch node := value.(type) {
	case map[string]any:
		copied := make(map[string]any, len(node))
		for key, member := range node {
			copied[key] = clone(member)
		}
		return copied
	case []any:
		copied := make([]any, len(node))
		for i, item := range node {
			copied[i] = clone(item)
		}
		return copied
	}
	return value
}

func visit(tree any, at func(place), of func(any)) {
	of(tree)
	switch node := tree.(type) {
	case map[string]any:
		for key, value := range node {
			at(place{object: node, key: key})
			visit(value, at, of)
		}
	case []any:
		for i, value := range node {
			at(place{list: node, index: i})
			visit(value, at, of)
		}
	}
}

// change returns another text, made by one to three changes.
func (m *mutator) change(text []byte) []byte {
	if m.random.IntN(8) == 0 {
		return m.changeBytes(bytes.Clone(text))
	}
	tree, err := parse(text)
	if err != nil {
		return m.changeBytes(bytes.Clone(text))
	}
	for count := 1 + m.random.IntN(3)*m.random.IntN(2); count > 0; count-- {
		m.changeTree(tree)
	}
	changed, err := json.Marshal(tree)
	if err != nil {
		return text
	}
	if m.random.IntN(20) == 0 {
		return m.repeatMember(changed)
	}
	return changed
}

// anyValue is one of some seed.
func (m *mutator) anyValue() any {
	return clone(m.values[m.random.IntN(len(m.values))])
}

func (m *mutator) changeTree(tree any) {
	var places []place
	visit(tree, func(p place) { places = append(places, p) }, func(any) {})
	if len(places) == 0 {
		return
	}
	p := places[m.random.IntN(len(places))]
	switch m.random.IntN(10) {
	case 0:
		if p.object != nil {
			delete(p.object, p.key)
		} else {
			p.set(nil)
		}
	case 1:
		p.set(m.anyValue())
	case 2: // exchange with another place
		other := places[m.random.IntN(len(places))]
		mine, theirs := clone(p.get()), clone(other.get())
		p.set(theirs)
		other.set(mine)
	case 3:
		m.changeKey(p)
	default:
		p.set(m.changeValue(p.get()))
	}
}

func (m *mutator) changeKey(p place) {
	if p.object == nil {
		return
	}
	value := p.object[p.key]
	switch m.random.IntN(4) {
	case 0:
		delete(p.object, p.key)
		p.object[strings.ToUpper(p.key[:1])+p.key[1:]] = value
	case 1: // protobuf's own name of a field: both are read
		var name strings.Builder
		for _, c := range p.key {
			if c >= 'A' && c <= 'Z' {
				name.WriteByte('_')
			}
			name.WriteString(strings.ToLower(string(c)))
		}
		delete(p.object, p.key)
		p.object[name.String()] = value
	case 2:
		p.object["unknown"+strconv.Itoa(m.random.IntN(10))] = clone(value)
	case 3:
		delete(p.object, p.key)
		p.object[p.key+" "] = value
	}
}

func (m *mutator) changeValue(value any) any {
	switch v := value.(type) {
	case string:
		return m.changeText(v)
	case json.Number:
		return []any{json.Number("0"), json.Number("-1"), v + "0", v.String(), json.Number("1e3"),
			json.Number("18446744073709551616")}[m.random.IntN(6)]
	case bool:
		return !v
	case []any:
		switch m.random.IntN(4) {
		case 0:
			return append(append([]any{}, v...), clone(v).([]any)...)
		case 1:
			return []any{}
		case 2:
			reversed := append([]any{}, v...)
			m.random.Shuffle(len(reversed), func(i, j int) { reversed[i], reversed[j] = reversed[j], reversed[i] })
			return reversed
		default:
			return append(append([]any{}, v...), m.anyValue())
		}
	case map[string]any:
		return []any{map[string]any{}, nil, []any{v}, "text"}[m.random.IntN(4)]
	}
	return m.anyValue()
}

// A text is most often base64 here: what it holds is changed, or how it is written.
func (m *mutator) changeText(text string) any {
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return []any{strconv.FormatInt(number+1, 10), strconv.FormatInt(-number, 10), "0", json.Number(text), "0" + text,
			" " + text, "+" + text, text + ".0"}[m.random.IntN(8)]
	}
	decoded, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(decoded) == 0 || m.random.IntN(10) == 0 {
		return string(m.changeBytes([]byte(text)))
	}
	switch m.random.IntN(8) {
	case 0:
		return base64.URLEncoding.EncodeToString(decoded)
	case 1:
		return base64.RawStdEncoding.EncodeToString(decoded)
	case 2:
		return text + "\n"
	case 3:
		if tree, err := parse(decoded); err == nil { // JSON within: a statement, a log entry
			m.changeTree(tree)
			if changed, err := json.Marshal(tree); err == nil {
				return base64.StdEncoding.EncodeToString(changed)
			}
		}
	case 4:
		if decoded[0] == 0x30 { // DER within: bytes after its end
			return base64.StdEncoding.EncodeToString(append(decoded, 0, 0))
		}
	}
	return base64.StdEncoding.EncodeToString(m.changeBytes(decoded))
}

func (m *mutator) changeBytes(text []byte) []byte {
	if len(text) == 0 {
		return []byte{byte(m.random.IntN(256))}
	}
	at := m.random.IntN(len(text))
	switch m.random.IntN(6) {
	case 0:
		return text[:at]
	case 1:
		return append(text[:at], text[at+1:]...)
	case 2:
		return append(text[:at:at], append([]byte{byte(m.random.IntN(256))}, text[at:]...)...)
	case 3:
		end := at + m.random.IntN(len(text)-at)
		return append(text[:end:end], text[at:]...)
	default:
		text[at] ^= 1 << m.random.IntN(8)
		return text
	}
}

// repeatMember writes one member of an object twice, which a tree cannot say.
func (m *mutator) repeatMember(text []byte) []byte {
	var starts []int
	for i := 0; i+1 < len(text); i++ {
		if text[i] == '{' && text[i+1] == '"' {
			starts = append(starts, i+1)
		}
	}
	if len(starts) == 0 {
		return text
	}
	at := starts[m.random.IntN(len(starts))]
	end := at + 1 + bytes.IndexByte(text[at+1:], '"') + 1
	member := string(text[at:end]) + `:"x",`
	return append(text[:at:at], append([]byte(member), text[at:]...)...)
}
