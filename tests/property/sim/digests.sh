#!/bin/sh
# usage: digests.sh SOURCE FOLDER THIS-BUILD SIM_DIGESTS
# Simulated runs as gcc and clang make them, at -O0 and at -O3: the digest over every decision and the state at the end must be the same. THIS-BUILD is not made
# again; the others are made in FOLDER and stay for the next time.
set -u
source=$1
folder=$2
this=$3
here=$4
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
unset CFLAGS LDFLAGS DURE_SEED

build() { # compiler, level: says what went wrong
    at=$folder/$1-O$2
    if [ ! -f "$at/build.ninja" ]; then
        rm -rf "$at"
        CC="${CCACHE:-} $1" meson setup "$at" "$source" -Dbuildtype=plain -Doptimization="$2" -Db_lundef=false >"$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
    fi
    ninja -C "$at" tests/property/sim/sim_digests >"$folder/log" 2>&1 || { tail -30 "$folder/log"; return 1; }
}

mkdir -p "$folder"
"$here" >"$folder/first"
tap_is "this build, $this, plays its runs" $? 0
tap_is "all of them" "$(wc -l <"$folder/first" | tr -d ' ')" 10
tap_is "no two have one digest" "$(cut -d ' ' -f 3 "$folder/first" | sort -u | wc -l | tr -d ' ')" 10
"$here" >"$folder/again"
tap_is "a second time the same" "$(diff "$folder/first" "$folder/again")" ""

for compiler in gcc clang; do
    for level in 0 3; do
        name=$compiler-O$level
        [ "$name" != "$this" ] || continue
        if ! command -v $compiler >/dev/null; then
            tap_skip "$name: $compiler is not on this machine"
            continue
        fi
        said=$(build $compiler $level) || tap_diag "$said"
        "$folder/$name/tests/property/sim/sim_digests" >"$folder/digests"
        tap_is "$name plays them" $? 0
        tap_is "$name: the first digest that differs" "$(diff "$folder/first" "$folder/digests" | sed -n 2p)" ""
    done
done
tap_done
