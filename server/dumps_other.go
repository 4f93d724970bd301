//go:build !linux

package main

// forbidDumps does nothing: whoever runs the service elsewhere than on Linux forbids core dumps.
func forbidDumps() error { return nil }
