//go:build !unix

package main

import "os"

// rotateSignal is none: the audit log goes on in its file until the server stops.
var rotateSignal os.Signal
