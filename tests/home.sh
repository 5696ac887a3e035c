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
