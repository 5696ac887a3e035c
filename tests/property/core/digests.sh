#!/bin/sh
# usage: digests.sh SOURCE FOLDER OTHER-BUILDS THIS-BUILD CORE_DIGESTS HISTORY_PROPERTY
# Random histories, played again by the core as gcc and clang make it, at -O0 and at -O3: the digest of the state and the hash of all decisions, told every
# thousand records, must be the same. Cores that were saved and loaded at times made them; one that is not must decide the same. THIS-BUILD (gcc-O3) is not made again; the others are made in OTHER-BUILDS and stay for the next time.
set -u
source=$1
folder=$2
others=$3
this=$4
here=$5
history=$6
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
# shellcheck source=tests/other-builds.sh
. "$source/tests/other-builds.sh"
unset CFLAGS LDFLAGS DURE_SEED

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

play_others "$source" "$others" "$this" tests/property/core/core_digests "$folder/first" "$folder/history"
tap_done
