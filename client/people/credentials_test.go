package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTokensAreRead takes tokens from a file and from the environment.
func TestTokensAreRead(t *testing.T) {
	file := func(text string) string {
		name := filepath.Join(t.TempDir(), "token")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	for _, row := range []struct {
		what, file, variable, want string
		bad                        string // what an error says
	}{
		{"a file", file("abc\n"), "", "abc", ""},
		{"a file before the environment", file("abc"), "def", "abc", ""},
		{"the environment", "", "def", "def", ""},
		{"nothing", "", "", "", ""},
		{"an empty file", file("\n"), "", "", "must hold one token"},
		{"a file of two lines", file("secret\nsecret"), "", "", "must hold one token"},
		{"no file", "/nonexistent/token", "", "", "--token-file"},
	} {
		t.Setenv(tokenVariable, row.variable)
		read := flags{TokenFile: row.file}.token()
		if read == nil {
			if row.want != "" || row.bad != "" {
				t.Errorf("%s: no token", row.what)
			}
			continue
		}
		got, err := read(t.Context())
		if got != row.want || (err == nil) != (row.bad == "") || err != nil && (!strings.Contains(err.Error(), row.bad) || strings.Contains(err.Error(), "secret")) {
			t.Errorf("%s: %q, %v; want %q, %q", row.what, got, err, row.want, row.bad)
		}
	}
	if _, err := (flags{CertFile: "x"}).trust(); err == nil || !strings.Contains(err.Error(), "go together") {
		t.Errorf("a certificate without its key: %v", err)
	}
}
