#!/usr/bin/env bash
# The one test command: installs what is missing, builds, runs every test program, ends with "N passed, N failed".
#
#   ./test.sh                    everything
#   ./test.sh --room Bff         the tests of one room (a folder name below tests/FeedMall.*Tests)
#   ./test.sh --class '*Like*'   the test classes whose full name fits
#
# Results of the last run lie in artifacts/test-results (xUnit XML, one file for each test program).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

programs=(FeedMall.Tests FeedMall.IntegrationTests FeedMall.BrowserTests)
node_folder=tests/FeedMall.IntegrationTests/node
results=artifacts/test-results
limit_minutes=15 # for one test program; a hang then counts as a failure

usage() { sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; }
say() { printf '\n== %s\n' "$*"; }
fail() { printf 'test.sh: %s\n' "$*" >&2; exit 1; }

filter=()
while [ $# -gt 0 ]; do
  case "$1" in
    --room) [ $# -ge 2 ] || fail "--room needs a name"
      filter+=(-namespace "*.$2" -namespace "*.$2.*"); shift 2 ;;
    --class) [ $# -ge 2 ] || fail "--class needs a pattern"
      filter+=(-class "$2"); shift 2 ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; fail "unknown argument: $1" ;;
  esac
done

# --- what the tests need from the system ---------------------------------------------------------------------------

missing=()
need() { # need PACKAGES CONDITION...: the Debian packages when the condition does not hold
  local packages=$1; shift
  # shellcheck disable=SC2206 # several packages in one word are meant to be split
  "$@" >/dev/null 2>&1 || missing+=($packages)
}
has_file() { compgen -G "$1" >/dev/null; }
has_sqlite() { has_file '/usr/lib/*/libsqlite3.so.0' || has_file '/lib/*/libsqlite3.so.0'; }

install_missing() {
  need libsqlite3-0 has_sqlite
  need postgresql has_file '/usr/lib/postgresql/*/bin/initdb'
  need redis-server command -v redis-benchmark
  need curl command -v curl
  need nodejs command -v node
  need npm command -v npm
  # Debian's own Python, whatever stands first in the PATH: the packages belong to it.
  need 'python3-grpcio python3-grpc-tools' /usr/bin/python3 -c 'import grpc, grpc_tools.protoc'
  need chromium command -v chromium
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}" || fail "could not install ${missing[*]}"; fi
  fetch_exporter || fail "could not fetch $exporter"

  # The programs that check the container files; the files are also checked without them.
  missing=()
  need docker-compose eval 'command -v docker-compose || docker compose version'
  need kubernetes-client command -v kubectl
  if [ ${#missing[@]} -gt 0 ]; then apt_install "${missing[@]}" || say "going on without ${missing[*]}"; fi
}

as=()
apt_update() {
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null || { echo "this needs root, and there is no sudo" >&2; return 1; }
    as=(sudo)
  fi
  command -v apt-get >/dev/null || { echo "there is no apt-get here" >&2; return 1; }
  ${as[@]+"${as[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null | tail -n 1
}

apt_install() {
  say "installing $*"
  apt_update || return 1
  ${as[@]+"${as[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" </dev/null 2>&1 |
    grep --line-buffered -E '^(Setting up|E:|W:)' || return 1
}

# Only its program, kept below artifacts/: as an installed package it would begin to listen on every address of this machine.
exporter=prometheus-redis-exporter
fetch_exporter() {
  local folder=artifacts/tools
  export PATH="$PATH:$PWD/$folder/usr/bin"
  ! command -v "$exporter" >/dev/null || return 0
  say "fetching $exporter"
  mkdir -p "$folder"
  (cd "$folder" && rm -f ./*.deb && { apt-get download -q "$exporter" || { apt_update && apt-get download -q "$exporter"; }; } && dpkg -x "$exporter"_*.deb .) </dev/null >"$folder/fetch.log" 2>&1 ||
    { tail -n 3 "$folder/fetch.log" >&2; return 1; }
}

install_node_packages() {
  [ -f "$node_folder/package-lock.json" ] || return 0
  local stamp="$node_folder/node_modules/.installed-from" wanted
  wanted=$(sha256sum <"$node_folder/package-lock.json")
  [ "$(cat "$stamp" 2>/dev/null)" != "$wanted" ] || return 0
  say "installing node packages"
  (cd "$node_folder" && npm ci --no-audit --no-fund --loglevel=error </dev/null)
  printf '%s\n' "$wanted" >"$stamp"
}

prepare_environment() {
  command -v dotnet >/dev/null || fail "please install the .NET 10 SDK: 'dotnet' is not on the PATH"
  # Build and packages want a home; a build machine may have none, or one that is read-only.
  if [ -z "${HOME:-}" ] || [ ! -w "$HOME" ]; then
    mkdir -p artifacts/home
    HOME=$PWD/artifacts/home
  fi
  export HOME DOTNET_NOLOGO=1 DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1 DOTNET_CLI_UI_LANGUAGE=en
  # No compiler or build server outlives the run.
  export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false
}

# --- build and run ---------------------------------------------------------------------------------------------------

build() {
  say "restoring packages"
  dotnet restore FeedMall.sln -v quiet </dev/null || fail "the packages could not be restored"
  say "building (every warning is an error)"
  dotnet build FeedMall.sln --no-restore -warnaserror -v quiet -clp:NoSummary </dev/null || fail "the build failed"
}

run() { # run PROGRAM: leaves PROGRAM.xml (the runner's own account) and PROGRAM.exit in the results folder
  local program=$1 started=$SECONDS code=0
  say "$program"
  timeout --kill-after=15 "${limit_minutes}m" dotnet "artifacts/bin/$program/debug/$program.dll" \
    -quiet -noLogo -noColor -noAutoReporters -xml "$results/$program.xml" ${filter[@]+"${filter[@]}"} </dev/null || code=$?
  printf '%s\n' "$code" >"$results/$program.exit"
  printf '%s: %s s\n' "$program" "$((SECONDS - started))"
}

prepare_environment
install_missing
install_node_packages
build
rm -rf "$results"
mkdir -p "$results"
for program in "${programs[@]}"; do run "$program"; done

say "all"
# With a filter a program may have nothing to run; in a full run that is a failure.
if [ ${#filter[@]} -gt 0 ]; then export SOME_MAY_BE_EMPTY=1; fi
exec bash tests/sum-up.sh "$results" "${programs[@]}"
