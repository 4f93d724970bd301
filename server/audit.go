package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/peopleinsights/peopleinsights/server/audit"
	"github.com/peopleinsights/peopleinsights/server/insights"
)

// auditConfig is whether and where it is written who asked about whom.
type auditConfig struct {
	File     string `name:"audit-log-file" env:"PEOPLE_INSIGHTS_AUDIT_LOG_FILE" help:"File to append a JSON line to for each call: who asked about whom, as keyed hashes. Without one, none is written."`
	KeyFile  string `name:"audit-key-file" env:"PEOPLE_INSIGHTS_AUDIT_KEY_FILE" help:"File with the key of these hashes: 32 bytes or more."`
	Required bool   `name:"audit-required" env:"PEOPLE_INSIGHTS_AUDIT_REQUIRED" help:"Answer no call whose line cannot be written; otherwise lines are lost, and counted."`
}

func (c auditConfig) check() error {
	switch {
	case c.File != "" && c.KeyFile == "":
		return fmt.Errorf("--audit-log-file needs --audit-key-file beside it: a file of %d random bytes or more (%w)", audit.MinKey, errConfig)
	case c.File == "" && (c.KeyFile != "" || c.Required):
		return fmt.Errorf("--audit-key-file and --audit-required need --audit-log-file beside them (%w)", errConfig)
	}
	return nil
}

// open begins the audit log; nil where none is asked for. What it returns ends it.
func (c auditConfig) open(registry prometheus.Registerer, log *slog.Logger) (insights.Audit, func(), error) {
	if c.File == "" {
		return nil, func() {}, nil
	}
	key, err := audit.ReadKey(c.KeyFile)
	if err != nil {
		return nil, nil, fmt.Errorf("--audit-key-file: %w (%w)", err, errConfig)
	}
	written, err := audit.Open(audit.Config{File: c.File, Key: key, Required: c.Required, Registry: registry, Log: log})
	if err != nil {
		return nil, nil, fmt.Errorf("--audit-log-file: %w (%w)", err, errConfig)
	}
	stopRotating := rotate(written, log)
	return written, func() {
		stopRotating()
		if err := written.Close(); err != nil {
			log.Error("the audit log has no good end", slog.Any("error", err))
		}
	}, nil
}

// rotate goes on in a new file whenever the process is told to. What it returns ends that.
func rotate(written *audit.Log, log *slog.Logger) func() {
	signals, ended := make(chan os.Signal, 1), make(chan struct{})
	if rotateSignal != nil {
		signal.Notify(signals, rotateSignal)
	}
	go func() {
		defer close(ended)
		for range signals {
			if err := written.Reopen(); err != nil {
				log.Error("the audit log cannot be opened anew: it goes on in the file before", slog.Any("error", err))
				continue
			}
			log.Info("the audit log is opened anew")
		}
	}()
	return func() { signal.Stop(signals); close(signals); <-ended }
}

// auditHashConfig is what the hashes of people are made of.
type auditHashConfig struct {
	KeyFile string `name:"audit-key-file" required:"" env:"PEOPLE_INSIGHTS_AUDIT_KEY_FILE" help:"File with the key of the audit log."`
	Tenant  string `required:"" env:"PEOPLE_INSIGHTS_TENANT_ID,AZURE_TENANT_ID" help:"The tenant, as the lines of the log have it."`
}

// auditHash says, for each line that it reads, how whoever it names stands in the audit log: by
// id, by address, or as a caller, whom user: or app: begins.
func auditHash(config auditHashConfig, in io.Reader, out io.Writer) error {
	key, err := audit.ReadKey(config.KeyFile)
	if err != nil {
		return fmt.Errorf("--audit-key-file: %w (%w)", err, errConfig)
	}
	hasher, err := audit.NewHasher(key)
	if err != nil {
		return err
	}
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		text := strings.TrimSpace(lines.Text())
		if text == "" {
			return errors.New("an empty line: each must name somebody by id, by address, or as user:ID or app:ID")
		}
		if _, err := fmt.Fprintln(out, hasher.Hash(config.Tenant, audit.KindOf(text), text)); err != nil {
			return err
		}
	}
	return lines.Err()
}
