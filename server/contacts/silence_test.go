package contacts

import (
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// TestNowhereToWriteTo holds that this package imports nothing by which a contact could
// get anywhere else than to who asked: no log, file, process or trace, and metrics in
// metrics.go alone, which knows of Stats and of no book.
func TestNowhereToWriteTo(t *testing.T) {
	may := []string{
		"cmp", "context", "errors", "fmt", "slices", "strings", "sync", "sync/atomic", "time",
		"github.com/peopleinsights/peopleinsights/cache",
		"github.com/peopleinsights/peopleinsights/proto/peopleinsights/v1",
	}
	files, err := filepath.Glob("*.go")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, spec := range file.Imports {
			path, _ := strconv.Unquote(spec.Path.Value)
			if name == "metrics.go" {
				if path != "github.com/prometheus/client_golang/prometheus" {
					t.Errorf("%s imports %s", name, path)
				}
			} else if !slices.Contains(may, path) {
				t.Errorf("%s imports %s", name, path)
			}
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if named := regexp.MustCompile(`\.(books|flights|failed|people)\b|\b(book|Owner)\b`).Find(source); named != nil && name == "metrics.go" {
			t.Errorf("%s has %s", name, named)
		}
		if printing := regexp.MustCompile(`\bfmt\.F?[Pp]rint|\bprint(ln)?\(`).Find(source); printing != nil {
			t.Errorf("%s has %s", name, printing)
		}
	}
}
