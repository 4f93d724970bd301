package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// configFile is a configuration file: the tenants that are served, in YAML.
type configFile struct {
	Tenants []tenantConfig `yaml:"tenants"`
}

// maxConfigFile is how large a configuration file may be, in bytes.
const maxConfigFile = 1 << 20

// maxFaults is how many faults of a configuration file are told at once.
const maxFaults = 50

// readConfigFile reads a configuration file. What a tenant leaves out is as defaults has it.
// What is wrong with it is one error that tells all of it, each with its line and field.
func readConfigFile(name string, defaults tenantConfig) (*configFile, *faults, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, nil, fmt.Errorf("--config: %w (%w)", err, errConfig)
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxConfigFile+1))
	if err != nil {
		return nil, nil, fmt.Errorf("--config: %w (%w)", err, errConfig)
	}
	config, faults := parseConfigFile(name, text, defaults)
	if err := faults.err(); err != nil {
		return nil, nil, err
	}
	return config, faults, nil
}

// parseConfigFile reads the text of a configuration file.
func parseConfigFile(name string, text []byte, defaults tenantConfig) (*configFile, *faults) {
	found := &faults{file: name, lines: map[string]int{}}
	config := &configFile{}
	if len(text) > maxConfigFile {
		found.add("", "the file has more than 1 MiB")
		return config, found
	}
	var document, another yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(text))
	err := decoder.Decode(&document)
	switch {
	case errors.Is(err, io.EOF) || err == nil && document.Content[0].ShortTag() == "!!null":
		found.add("tenants", "is missing: the file names nobody to serve")
		return config, found
	case err != nil:
		found.malformed(err)
		return config, found
	}
	r := reader{found, defaults}
	r.value(document.Content[0], "", reflect.ValueOf(config).Elem())
	switch err := decoder.Decode(&another); {
	case errors.Is(err, io.EOF):
	case err != nil:
		found.malformed(err)
	default:
		found.at(another.Line, "", "begins a second document; want one")
	}
	if len(config.Tenants) == 0 && len(found.all) == 0 {
		found.add("tenants", "must name a tenant at least")
	}
	return config, found
}

// faults are what is wrong with a configuration file.
type faults struct {
	file  string
	lines map[string]int // on which a field stands, by its path
	all   []fault
}

type fault struct {
	line int
	text string
}

// add tells of a fault of a field, which may be missing: it is then of the line of what it is
// missing in.
func (f *faults) add(path, what string) {
	line := 0
	for at := path; line == 0 && at != ""; at = at[:max(0, strings.LastIndexAny(at, ".["))] {
		line = f.lines[at]
	}
	f.at(max(line, 1), path, what)
}

func (f *faults) at(line int, path, what string) {
	if path != "" {
		what = path + ": " + what
	}
	f.all = append(f.all, fault{line, what})
}

// malformed tells of text that is no YAML. The library's error says "yaml: line 3: …".
func (f *faults) malformed(err error) {
	line, what := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if n, rest, ok := strings.Cut(strings.TrimPrefix(what, "line "), ": "); ok {
		if at, err := strconv.Atoi(n); err == nil {
			line, what = at, rest
		}
	}
	f.at(line, "", "is no YAML: "+what)
}

// err is all of them, one a line, by their lines; nil where there are none.
func (f *faults) err() error {
	if len(f.all) == 0 {
		return nil
	}
	slices.SortStableFunc(f.all, func(a, b fault) int { return a.line - b.line })
	var text []string
	for _, fault := range f.all[:min(len(f.all), maxFaults)] {
		text = append(text, fmt.Sprintf("%s:%d: %s", f.file, fault.line, fault.text))
	}
	if more := len(f.all) - maxFaults; more > 0 {
		text = append(text, fmt.Sprintf("and %d more", more))
	}
	return fileError(strings.Join(text, "\n"))
}

// fileError says what is wrong with a configuration file, for which --help is no help.
type fileError string

// Error is a line for each fault.
func (e fileError) Error() string { return string(e) }

// Unwrap makes it an error of the configuration.
func (e fileError) Unwrap() error { return errConfig }

// reader reads YAML into values. It is stricter than the library: what it does not know is a
// fault, and so is a value of another kind.
type reader struct {
	*faults
	tenant tenantConfig // what a tenant is before anything is read of it
}

func (r reader) value(node *yaml.Node, path string, into reflect.Value) {
	if path != "" {
		r.lines[path] = node.Line
	}
	switch {
	case node.Kind == yaml.AliasNode || node.Anchor != "":
		r.at(node.Line, path, "anchors and aliases are not taken: write it out")
		return
	case node.Style&yaml.TaggedStyle != 0:
		r.at(node.Line, path, "tags are not taken: write the value without "+node.Tag)
		return
	case node.ShortTag() == "!!null":
		return // as if it were left out
	}
	if into.Kind() == reflect.Pointer {
		if into.IsNil() {
			into.Set(reflect.New(into.Type().Elem()))
		}
		into = into.Elem()
	}
	switch into.Kind() {
	case reflect.Struct:
		r.fields(node, path, into)
	case reflect.Slice:
		r.list(node, path, into)
	default:
		r.scalar(node, path, into)
	}
}

// fields reads a mapping.
func (r reader) fields(node *yaml.Node, path string, into reflect.Value) {
	if node.Kind != yaml.MappingNode {
		r.at(node.Line, path, "must be a mapping, of names and values")
		return
	}
	places, known := map[string]reflect.Value{}, []string(nil)
	for i := range into.NumField() {
		name := into.Type().Field(i).Tag.Get("yaml")
		places[name], known = into.Field(i), append(known, name)
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		place, ok := places[key.Value]
		switch {
		case !ok || key.Kind != yaml.ScalarNode:
			what := fmt.Sprintf("there is no %.60q here; there are %s", key.Value, strings.Join(known, ", "))
			if strings.HasSuffix(key.Value, "secret") || strings.HasSuffix(key.Value, "password") {
				what = "secrets do not stand in this file: name a file that holds it, by " + key.Value + "_file"
			}
			r.at(key.Line, path, what)
		case seen[key.Value]:
			r.at(key.Line, at, "stands here twice")
		default:
			seen[key.Value] = true
			r.value(value, at, place)
			r.lines[at] = key.Line
		}
	}
}

// list reads a sequence.
func (r reader) list(node *yaml.Node, path string, into reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		r.at(node.Line, path, "must be a list")
		return
	}
	into.Set(reflect.MakeSlice(into.Type(), len(node.Content), len(node.Content)))
	for i, item := range node.Content {
		if tenant, ok := into.Index(i).Addr().Interface().(*tenantConfig); ok {
			*tenant = r.tenant
		}
		at := fmt.Sprintf("%s[%d]", path, i)
		if item.ShortTag() == "!!null" {
			r.at(item.Line, at, "is empty")
		}
		r.value(item, at, into.Index(i))
	}
}

// scalar reads a text, a number, a duration, or whether something is so.
func (r reader) scalar(node *yaml.Node, path string, into reflect.Value) {
	want, text := "", node.Value
	if node.Kind != yaml.ScalarNode {
		r.at(node.Line, path, "must be one value")
		return
	}
	switch to := into.Addr().Interface().(type) {
	case *string:
		*to = text
	case *bool:
		if *to = text == "true"; !*to && text != "false" {
			want = "true or false"
		}
	case *time.Duration:
		d, err := time.ParseDuration(text)
		if *to = d; err != nil {
			want = "a duration such as 90s or 10m"
		}
	case *int, *int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if into.SetInt(n); err != nil {
			want = "a whole number"
		}
	case *float64:
		x, err := strconv.ParseFloat(text, 64)
		if *to = x; err != nil {
			want = "a number"
		}
	default:
		panic(fmt.Sprintf("a configuration of type %T", to))
	}
	if want != "" {
		r.at(node.Line, path, fmt.Sprintf("must be %s, not %.60q", want, text))
	}
}
