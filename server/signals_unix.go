//go:build unix

package main

import (
	"os"
	"syscall"
)

// rotateSignal has the audit log go on in a new file.
var rotateSignal os.Signal = syscall.SIGUSR1
