#!/bin/sh
# usage: digests.sh SOURCE FOLDER OTHER-BUILDS THIS-BUILD SIM_DIGESTS
# Simulated runs as gcc and clang make them, at -O0 and at -O3: the digest over every decision and the state at the end must be the same. THIS-BUILD is not made
# again; the others are made in OTHER-BUILDS and stay for the next time.
set -u
source=$1
folder=$2
others=$3
this=$4
here=$5
# shellcheck source=tests/tap.sh
. "$source/tests/tap.sh"
# shellcheck source=tests/other-builds.sh
. "$source/tests/other-builds.sh"
unset CFLAGS LDFLAGS DURE_SEED

mkdir -p "$folder"
"$here" >"$folder/first"
tap_is "this build, $this, plays its runs" $? 0
tap_is "all of them" "$(wc -l <"$folder/first" | tr -d ' ')" 10
tap_is "no two have one digest" "$(cut -d ' ' -f 3 "$folder/first" | sort -u | wc -l | tr -d ' ')" 10
"$here" >"$folder/again"
tap_is "a second time the same" "$(diff "$folder/first" "$folder/again")" ""

play_others "$source" "$others" "$this" tests/property/sim/sim_digests "$folder/first"
tap_done
