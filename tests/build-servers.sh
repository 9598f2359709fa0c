#!/usr/bin/env bash
# Builds the servers that the e2e tests drive, once, from Go modules pinned beside this script.
#
#   tests/build-servers.sh [controlplane] [argocd] [flux] [helm]      (all when none is named)
#
# Each goes into a folder of its own in ${DRIFTGATE_TEST_CACHE:-${XDG_CACHE_HOME:-~/.cache}/driftgate-test}, named
# after the hash of its sources: a change of version builds anew, anything else costs milliseconds.
# Progress goes to stderr; stdout has one line for each, "NAME FOLDER", for the harness to read.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${DRIFTGATE_TEST_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/driftgate-test}

say() { printf 'build-servers: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }

need() {
  command -v "$1" >/dev/null || die "$1 is not installed, and $2"
}

names_of() {
  case $1 in
    controlplane) echo etcd kube-apiserver kube-controller-manager kubectl ;;
    argocd)
      echo argocd-application-controller argocd-repo-server argocd-applicationset-controller \
        argocd-git-ask-pass redis git-verify-wrapper.sh
      ;;
    flux) echo kustomize-controller ;;
    # A file of the module's own name is the build itself.
    helm) ;;
    *) die "unknown: $1 (there are controlplane, argocd, flux and helm)" ;;
  esac
}

# What goes into the binary beside its sources: the version that the API server reports.
link_flags() {
  local package=k8s.io/component-base/version version major minor
  case $1 in
    controlplane)
      version=$(awk '$1 == "k8s.io/kubernetes" && !/=>/ { print $2 }' "$here/$1/go.mod")
      IFS=. read -r major minor _ <<<"${version#v}"
      echo "-s -w -X $package.gitVersion=$version -X $package.gitMajor=$major -X $package.gitMinor=$minor"
      ;;
    *) echo "-s -w" ;;
  esac
}

hash_of() {
  local sum
  sum=$(cd "$here/$1" && shopt -s nullglob && cat go.mod go.sum ./*.go ./*.txt | git hash-object --stdin)
  echo "${sum:0:12}"
}

in_module() {
  local module=$1
  shift
  (cd "$here/$module" && GOWORK=off GOFLAGS=-mod=readonly CGO_ENABLED=0 "$@")
}

# What is built: the package in the module's folder, or the tool that it pins.
package_of() {
  case $1 in
    flux) echo github.com/fluxcd/kustomize-controller ;;
    helm) echo helm.sh/helm/v4/cmd/helm ;;
    *) echo . ;;
  esac
}

dir_of() {
  in_module "$1" go list -m -f '{{.Dir}}' "$2"
}

# Source-controller cannot be built from modules, but its definitions are in its archive; what sum it must have is
# pinned beside the module.
source_controller() {
  local module sum answer
  read -r module sum <"$here/flux/source-controller.txt"
  answer=$(cd / && go mod download -json "$module")
  grep -qF "\"Sum\": \"$sum\"" <<<"$answer" || die "$module is not the one that is pinned: $answer"
  sed -n 's/^.*"Dir": "\(.*\)".*$/\1/p' <<<"$answer"
}

copy_crds() {
  local module=$1 target=$2/crds source
  mkdir "$target"
  case $module in
    argocd)
      source=$(dir_of argocd github.com/argoproj/argo-cd/v3)
      cp "$source"/manifests/crds/*-crd.yaml "$target/"
      ;;
    flux)
      source=$(dir_of flux github.com/fluxcd/kustomize-controller)
      cp "$source"/config/crd/bases/*.yaml "$target/"
      source=$(source_controller)
      cp "$source"/config/crd/bases/*.yaml "$target/"
      ;;
  esac
  chmod u+w "$target"/*
}

# Into a folder of its own first: one that carries the final name is whole, whatever happened before.
build() {
  local module=$1 target=$2 name
  work=$(mktemp -d "$cache/.$module.XXXXXX")
  say "building $module (once; minutes on a machine that has never done it)"
  in_module "$module" go build -trimpath -buildvcs=false -ldflags "$(link_flags "$module")" -o "$work/$module" "$(package_of "$module")"
  for name in $(names_of "$module"); do ln -s "$module" "$work/$name"; done
  if [[ $module == argocd || $module == flux ]]; then copy_crds "$module" "$work"; fi
  chmod 755 "$work"
  mv -T "$work" "$target"
  say "$module is ready"
}

ensure() {
  local module=$1 target
  target=$cache/$module-$(hash_of "$module")
  if [[ ! -d $target ]]; then
    need go "the test servers are built with it (1.26 or newer)"
    exec 9>"$cache/.lock"
    # Two checkouts that test at the same time must not build side by side.
    if command -v flock >/dev/null; then flock 9; fi
    if [[ ! -d $target ]]; then build "$module" "$target"; fi
    exec 9>&-
  fi
  echo "$module $target"
}

need git "Argo CD reads its applications with it"
mkdir -p "$cache"
work=
trap 'if [[ -n $work ]]; then rm -rf "$work"; fi' EXIT
if [[ $# -eq 0 ]]; then set -- controlplane argocd flux helm; fi
for module in "$@"; do ensure "$module"; done
