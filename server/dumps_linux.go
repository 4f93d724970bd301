package main

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// forbidDumps keeps people from coming to rest on disk in a dump of the process's memory, and
// other processes of its user from reading that memory. Where a sandbox forbids to set the
// limit, and it is zero already, all is well.
//
// The files of the process in /proc are root's from then on.
func forbidDumps() error {
	var failed error
	var core unix.Rlimit
	if err := unix.Setrlimit(unix.RLIMIT_CORE, &core); err != nil {
		if unix.Getrlimit(unix.RLIMIT_CORE, &core) != nil || core.Cur != 0 {
			failed = fmt.Errorf("core dumps cannot be switched off: %w", err)
		}
	}
	if err := unix.Prctl(unix.PR_SET_DUMPABLE, 0, 0, 0, 0); err != nil {
		failed = errors.Join(failed, fmt.Errorf("memory cannot be kept from debuggers: %w", err))
	}
	return failed
}
