package main

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// forbidding has this test's binary forbid dumps, and say whether they are.
const forbidding = "PEOPLE_TEST_FORBIDS_DUMPS"

// TestDumpsAreForbidden asks the kernel of a process that has forbidden dumps: this one goes on
// as it is.
func TestDumpsAreForbidden(t *testing.T) {
	if os.Getenv(forbidding) != "" {
		before, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := forbidDumps(); err != nil {
			t.Fatal(err)
		}
		after, err := unix.PrctlRetInt(unix.PR_GET_DUMPABLE, 0, 0, 0, 0)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Println("dumpable", before, "then", after)
		return
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDumpsAreForbidden$", "-test.v")
	child.Env = append(os.Environ(), forbidding+"=1")
	said, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "dumpable 1 then 0") {
		t.Errorf("%v: %s", err, said)
	}
}

// TestServerDumpsNothing starts the server where cores may have any size.
func TestServerDumpsNothing(t *testing.T) {
	var before unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_CORE, &before); err != nil {
		t.Fatal(err)
	}
	if before.Max == 0 {
		t.Skip("no process may dump core here")
	}
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{Cur: before.Max, Max: before.Max}); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Setrlimit(unix.RLIMIT_CORE, &before) }()
	b := newBirdcage(t, "")
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", b.process.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max core file size"); ok {
			if fields := strings.Fields(rest); len(fields) < 2 || fields[0] != "0" || fields[1] != "0" {
				t.Errorf("the server may dump %q", strings.TrimSpace(rest))
			}
			return
		}
	}
	t.Errorf("the kernel says nothing of core dumps:\n%s", limits)
}
