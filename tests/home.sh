# shellcheck shell=sh
# A home of its own for a test that is a script and runs a daemon: `. tests/home.sh` after `build` is set.
# Gives $dure and $work; at the end the daemon is stopped and the folder removed.

dure=${build:?}/dure
work=$(mktemp -d "${TMPDIR:-/tmp}/dure-test-XXXXXX")
export DURE_STATE="$work/state" HOME="$work/home" XDG_STATE_HOME="$work/xdg" TZ=Asia/Seoul LC_ALL=C.UTF-8
unset XDG_RUNTIME_DIR DURE_SOCKET NO_COLOR COLUMNS
mkdir -p "$HOME"
home_leave() {
    timeout 60 "$dure" down >/dev/null 2>&1
    rm -rf "$work"
}
trap home_leave EXIT
# Four nodes of eight emulated GPUs in two racks, as $work/fleet.yaml: owner o, site s, group g.
home_small_fleet() {
    cat >"$work/fleet.yaml" <<'SPEC'
kind: Fleet
version: 1
name: small
zone: Asia/Seoul
models: [{name: b200, memory: 180GiB, power: 1000W, nvlink: node}]
owners: [{name: o}]
sites: [{name: s, region: a, latitude: 37.0, longitude: 127.0, engine: emulated}]
groups:
  - {name: g, owner: o, site: s, model: b200, nodes: 'a-[01-04]', cpus: 128, memory: 2TiB, disk: 1TiB, power: 10kW,
     levels: [{name: rack, holds: 2}, {name: node, holds: 8}], status: assumed}
SPEC
}
