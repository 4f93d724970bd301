# The one door to every habit. `make` lists the targets.

# Tools, each pinned here and kept out of go.mod, which they would drown.
BUF         := go run github.com/bufbuild/buf/cmd/buf@v1.75.0
LINT        := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0

FUZZTIME ?= 10s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-10s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## serve the made-up company
	go run ./server

.PHONY: test
test: ## run the tests, as the README says
	go test ./...

.PHONY: race
race: ## run the tests under the race detector
	go test -race ./...

SOAKSTEPS ?= 150

.PHONY: soak
soak: ## change, fail and load a tenant for some minutes, and compare everybody at the end
	go test ./server -run '^TestSoak$$' -v -count=1 -timeout 60m -soak.steps $(SOAKSTEPS) -soak.people 5000

RANKPEOPLE ?= 10000

.PHONY: rank
rank: ## measure how soon type-ahead has whom people type for
	go test ./server -run '^TestRank$$' -v -count=1 -timeout 20m -args -rank.people $(RANKPEOPLE)

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (10s)
	go test ./cache/typeahead -run '^$$' -fuzz '^FuzzSearchMatches$$' -fuzztime $(FUZZTIME)
	go test ./server/simulator -run '^$$' -fuzz '^FuzzFilter$$' -fuzztime $(FUZZTIME)
	go test ./server/simulator -run '^$$' -fuzz '^FuzzLoad$$' -fuzztime $(FUZZTIME)
	go test ./server/simulator -run '^$$' -fuzz '^FuzzParseFault$$' -fuzztime $(FUZZTIME)

BENCHPEOPLE ?= 100000

.PHONY: bench
bench: ## run the benchmarks, and type-ahead beside other engines at BENCHPEOPLE (100000)
	go test -run '^$$' -bench . ./cache/typeahead ./server/simulator
	go -C cache/typeahead/peers run . -people $(BENCHPEOPLE)

.PHONY: lint
lint: ## vet, golangci-lint (the walls of the house among it), buf lint
	go vet ./...
	$(LINT) run ./...
	$(BUF) lint

.PHONY: breaking
breaking: ## compare the contract with each version of itself in the history
	@then=$$(mktemp -d) && trap 'rm -rf "$$then"' EXIT && \
	for commit in $$(git log --format=%h -- proto buf.yaml); do \
		rm -rf "$$then"/* && git archive "$$commit" proto buf.yaml | tar -x -C "$$then" && \
		$(BUF) breaking --against "$$then" || exit 1; \
		echo "the contract breaks nothing of $$commit"; \
	done

.PHONY: generate
generate: ## make the Go of the contract anew
	$(BUF) generate --template proto/buf.gen.yaml

.PHONY: monitoring
monitoring: ## check the alerts and the dashboard against a scrape; needs promtool and node
	@scrape=$$(mktemp) && trap 'rm -f "$$scrape"' EXIT && \
		go test ./server -run '^TestMetricsTellWhatHappens$$' -count=1 -args -scrape "$$scrape" && \
		sh deploy/check.sh "$$scrape"

.PHONY: vuln
vuln: ## look for known vulnerabilities; needs vuln.go.dev
	$(GOVULNCHECK) ./...

.PHONY: ci
ci: ## what CI runs
	bash .ci/run
