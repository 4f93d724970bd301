package main

import (
	"fmt"
	"io"
)

// checkConfig is which configuration file is to be checked.
type checkConfig struct {
	File    string        `arg:"" help:"The configuration file."`
	Listen  string        `default:"127.0.0.1:50051" env:"PEOPLE_INSIGHTS_LISTEN" help:"Address that it would be served on: beyond this machine, each tenant has to say whose tokens it takes."`
	Held    heldConfig    `embed:""`
	Traffic trafficConfig `embed:""`
}

// check tells what is wrong with a configuration file, and the files that it names, as the
// service would; nothing is asked of the network.
func check(config checkConfig, out io.Writer) error {
	plans, err := serveConfig{ConfigFile: config.File, Listen: config.Listen, Held: config.Held, Traffic: config.Traffic}.plans(nil)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%s can be served: %d tenants.\n%s", config.File, len(plans), aboutPlans(plans))
	return nil
}
