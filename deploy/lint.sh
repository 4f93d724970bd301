#!/bin/sh
# Checks the image, the unit and the manifests with tools of others. Nothing is built or
# started. `make packaging` runs it, and says which versions of the tools.
#
# Prints one line for each kind of thing that is checked, and stops with 1 at the first
# that is wrong.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

# quiet runs a command, and shows what it says only if it fails.
quiet() {
    what=$1
    shift
    if ! "$@" >"$work/said" 2>&1; then
        cat "$work/said" >&2
        echo "WRONG  $what" >&2
        exit 1
    fi
    echo "ok     $what"
}

# hadolint and docker build --check would find more: the one is no Go or npm program, the
# other asks a daemon.
quiet "the Dockerfile is one (dockerfile-utils)" $DOCKERCHECK lint "$here/docker/Dockerfile"
quiet "the Dockerfile keeps to good habits (dockerfilelint)" $DOCKERLINT "$here/docker/Dockerfile"
# Nothing that git keeps may be left out of the image's build: its version would end in -dirty.
quiet ".dockerignore leaves out nothing that git keeps" sh -c 'cd "$1/.." && test -z "$(git ls-files --cached --ignored --exclude-from=.dockerignore | tee /dev/stderr)"' - "$here"

# systemd wants the program to be there; any will do.
sed "s|/usr/local/bin/people-insights$|/bin/sh|" "$here/systemd/people-insights.service" >"$work/people-insights.service"
quiet "the unit is one, with settings that systemd knows" sh -c 'systemd-analyze verify "$1" 2>&1 | tee "$2"; ! grep . "$2"' - "$work/people-insights.service" "$work/complaints"
# It counts 1.1 of 10, most of which is that the service is on the network; the rest is
# room for what a newer systemd counts besides.
quiet "the unit is exposed to little (systemd-analyze security)" systemd-analyze security --offline=true --threshold=13 "$work/people-insights.service"

manifests=$(ls "$here"/kubernetes/*.yaml | grep -v kustomization)
quiet "the manifests fit the schemas of Kubernetes 1.30 (kubectl-validate)" $KUBESCHEMA --version 1.30 $manifests
quiet "the manifests keep to good habits (kube-score)" $KUBESCORE score --exit-one-on-warning $manifests
quiet "the kustomization has every manifest" sh -c 'cd "$1/kubernetes" && for file in *.yaml; do test "$file" = kustomization.yaml || grep -qx "  - $file" kustomization.yaml || { echo "$file is left out"; exit 1; }; done' - "$here"
