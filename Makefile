# The one door to every habit. `make` lists the targets.

# Tools, each pinned here and kept out of go.mod, which they would drown.
BUF         := go run github.com/bufbuild/buf/cmd/buf@v1.75.0
LINT        := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
GOVULNCHECK := go run golang.org/x/vuln/cmd/govulncheck@v1.9.0
KUBESCHEMA  := go run sigs.k8s.io/kubectl-validate@v0.0.4
KUBESCORE   := go run github.com/zegl/kube-score/cmd/kube-score@v1.20.0
DOCKERLINT  := npx --yes dockerfilelint@1.8.0
DOCKERCHECK := npx --yes dockerfile-utils@0.16.3
CYCLONEDX   := go run github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0

FUZZTIME ?= 10s

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-12s %s\n", $$1, $$2}'

.PHONY: demo
demo: ## serve the made-up company
	go run ./server

# What --version says.
VERSION = $(shell git describe --tags --always --dirty)

.PHONY: build
build: ## build bin/people-insights and bin/people: the same bytes from one commit and one Go
	CGO_ENABLED=0 go build -trimpath -buildvcs=true -ldflags "-s -w -X main.version=$(VERSION)" -o bin/people-insights ./server
	CGO_ENABLED=0 go build -trimpath -buildvcs=true -ldflags "-s -w -X main.version=$(VERSION)" -o bin/people ./client/people

.PHONY: reproducible
reproducible: ## build the last commit twice, in two directories and from an empty cache the second time, and compare
	@both=$$(mktemp -d) && trap 'rm -rf "$$both"' EXIT && \
	for one in one another/deeper; do \
		git clone -q . "$$both/$$one" && $(MAKE) -s -C "$$both/$$one" build || exit 1; \
		export GOCACHE="$$both/cache"; \
	done && \
	cd "$$both/one/bin" && sha256sum people-insights people | tee "$$both/sums" && \
	cd "$$both/another/deeper/bin" && sha256sum --check "$$both/sums"

.PHONY: sbom
sbom: ## write what the server and the client are made of to dist/, as CycloneDX
	mkdir -p dist
	CGO_ENABLED=0 $(CYCLONEDX) app -json -licenses -std -main server -output dist/people-insights.cdx.json .
	CGO_ENABLED=0 $(CYCLONEDX) app -json -licenses -std -main client/people -output dist/people.cdx.json .

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

# What is new is made small by 50 tries, not for a minute, which is all the time there is.
FUZZ = go test -run '^$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 50x

.PHONY: fuzz
fuzz: ## fuzz each target for FUZZTIME (10s)
	$(FUZZ) ./cache/typeahead -fuzz '^FuzzSearchMatches$$'
	$(FUZZ) ./server/auth -fuzz '^FuzzToken$$'
	$(FUZZ) ./server/insights -fuzz '^FuzzRequests$$'
	$(FUZZ) ./server/insights -fuzz '^FuzzPageToken$$'
	$(FUZZ) ./server/simulator -fuzz '^FuzzFilter$$'
	$(FUZZ) ./server/simulator -fuzz '^FuzzLoad$$'
	$(FUZZ) ./server/simulator -fuzz '^FuzzParseFault$$'
	$(FUZZ) ./server/simulator -fuzz '^FuzzSearch$$'
	@# Without coverage: to watch Microsoft's SDK, the fuzzer would compile it anew.
	go test -c -o bin/graph.test ./server/graph
	cd server/graph && ../../bin/graph.test -test.run '^$$' -test.fuzz '^FuzzBodies$$' -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 50x -test.fuzzcachedir ../../bin/fuzz
	go test -c -o bin/server.test ./server
	cd server && ../bin/server.test -test.run '^$$' -test.fuzz '^FuzzConfig$$' -test.fuzztime $(FUZZTIME) -test.fuzzminimizetime 50x -test.fuzzcachedir ../bin/fuzz

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

.PHONY: packaging
packaging: ## check the image, the unit and the manifests; needs node and systemd-analyze
	KUBESCHEMA="$(KUBESCHEMA)" KUBESCORE="$(KUBESCORE)" DOCKERLINT="$(DOCKERLINT)" DOCKERCHECK="$(DOCKERCHECK)" sh deploy/lint.sh

.PHONY: vuln
vuln: ## look for known vulnerabilities; needs vuln.go.dev
	$(GOVULNCHECK) ./...

.PHONY: ci
ci: ## what CI runs
	bash .ci/run
