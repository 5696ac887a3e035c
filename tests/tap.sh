# shellcheck shell=sh
# TAP for tests that are scripts: `. tests/tap.sh`, then checks, then `tap_done`.

tap_checks=0
tap_failures=0

# tap_ok NAME COMMAND...: passes if the command does.
tap_ok() {
    tap_name=$1
    shift
    tap_checks=$((tap_checks + 1))
    if "$@"; then
        echo "ok $tap_checks - $tap_name"
    else
        echo "not ok $tap_checks - $tap_name"
        echo "failed: $*" | sed 's/^/#   /'
        tap_failures=$((tap_failures + 1))
    fi
}

# tap_not NAME COMMAND...: passes if the command fails.
tap_not() {
    tap_name=$1
    shift
    tap_ok "$tap_name" tap_fails "$@"
}

tap_fails() {
    ! "$@"
}

# tap_is NAME GOT WANT
tap_is() {
    tap_ok "$1" [ "$2" = "$3" ]
}

# tap_has NAME TEXT NEEDLE
tap_has() {
    tap_ok "$1" tap_contains "$2" "$3"
}

tap_contains() {
    case $1 in
    *"$2"*) return 0 ;;
    esac
    return 1
}

tap_skip() {
    tap_checks=$((tap_checks + 1))
    echo "ok $tap_checks # SKIP $1"
}

tap_diag() {
    echo "$1" | sed 's/^/# /'
}

tap_done() {
    echo "1..$tap_checks"
    [ "$tap_failures" -eq 0 ] && [ "$tap_checks" -gt 0 ]
}
