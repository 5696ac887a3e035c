#!/bin/sh
# usage: digests.sh SOURCE FOLDER THIS-BUILD CORE_DIGESTS HISTORY_PROPERTY
# Random histories, played again by the core as gcc and clang make it, at -O0 and at -O3: the digest of the state and the hash of all decisions, told every
# thousand records, must be the same. Cores that were saved and loaded at times made them; one that is not must decide the same. THIS-BUILD (gcc-O3) is not made again; the others are made in FOLDER and stay for the next time.
set -u
source=$1
folder=$2
this=$3
here=$4
history=$5
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
unset CFLAGS LDFLAGS DURE_SEED

build() { # compiler, level: says what went wrong
    at=$folder/$1-O$2
    if [ ! -f "$at/build.ninja" ]; then
        rm -rf "$at"
        CC="${CCACHE:-} $1" meson setup "$at" "$source" -Dbuildtype=plain -Doptimization="$2" -Db_lundef=false >"$folder/log" 2>&1 || { cat "$folder/log"; return 1; }
    fi
    ninja -C "$at" tests/property/core/core_digests >"$folder/log" 2>&1 || { tail -30 "$folder/log"; return 1; }
}

mkdir -p "$folder"
rm -f "$folder/history"
DURE_HISTORY=$folder/history "$history" 12 >"$folder/log" 2>&1
tap_is "the histories" $? 0
"$here" "$folder/history" >"$folder/first"
tap_is "this build, $this, plays them" $? 0
"$here" "$folder/history" renamed >"$folder/renamed"
tap_is "with other names for the nodes it plays them" $? 0
decisions() { cut -d ' ' -f 2,4 "$1"; }
if [ "$(decisions "$folder/first")" = "$(decisions "$folder/renamed")" ]; then same=yes; else same=no; fi
tap_is "and decides the same" $same yes
if cmp -s "$folder/first" "$folder/renamed"; then named=no; else named=yes; fi
tap_is "though the names are in its state" $named yes
said=$("$here" "$folder/history" strict 2>&1 >/dev/null)
tap_is "a core that is never saved and loaded decides as these histories say" "$said" ""
rm -f "$folder/fresh"
DURE_SEED=fresh DURE_HISTORY=$folder/fresh "$history" 6 >"$folder/log" 2>&1
played=$?
seed=$(head -1 "$folder/log") # says how to have it again
tap_is "histories of a fresh seed: $seed" $played 0
said=$("$here" "$folder/fresh" strict 2>&1 >/dev/null)
tap_is "the same holds for them: $seed" "$said" ""
if [ "$(wc -l <"$folder/first")" -ge 24 ]; then told=yes; else told=no; fi
tap_is "there are digests to compare" $told yes

for compiler in gcc clang; do
    for level in 0 3; do
        name=$compiler-O$level
        [ "$name" != "$this" ] || continue
        if ! command -v $compiler >/dev/null; then
            tap_skip "$name: $compiler is not on this machine"
            continue
        fi
        said=$(build $compiler $level) || tap_diag "$said"
        "$folder/$name/tests/property/core/core_digests" "$folder/history" >"$folder/digests"
        tap_is "$name plays them" $? 0
        tap_is "$name: the first digest that differs" "$(diff "$folder/first" "$folder/digests" | sed -n 2p)" ""
    done
done
tap_done
