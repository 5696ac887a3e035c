# shellcheck shell=sh
# For tests that compare what compilers make, after `. tests/tap.sh`: one folder of builds for all of them, since most of what each is linked of is the same.

# play_others SOURCE FOLDER THIS-BUILD TARGET FIRST ARGUMENT...: builds TARGET by gcc and clang, at -O0 and at -O3 (but THIS-BUILD), and runs each with the
# arguments: it must print what is in the file FIRST. The builds stay in FOLDER for the next time.
play_others() {
    other_source=$1 other_folder=$2 other_this=$3 other_target=$4 other_first=$5
    shift 5
    mkdir -p "$other_folder"
    for other_compiler in gcc clang; do
        for other_level in 0 3; do
            other_name=$other_compiler-O$other_level
            [ "$other_name" != "$other_this" ] || continue
            if ! command -v "$other_compiler" >/dev/null; then
                tap_skip "$other_name: $other_compiler is not on this machine"
                continue
            fi
            if ! other_build >"$other_first.log"; then
                tap_diag "$(tail -30 "$other_first.log")"
                tap_is "$other_name is built" no yes
                continue
            fi
            "$other_folder/$other_name/$other_target" "$@" >"$other_first.$other_name"
            tap_is "$other_name plays them" $? 0
            tap_is "$other_name: the first digest that differs" "$(diff "$other_first" "$other_first.$other_name" | sed -n 2p)" ""
        done
    done
}

# One at a time: two tests may ask for the same files.
other_build() (
    exec 9>"$other_folder/$other_name.lock" && flock 9 || exit 1
    at=$other_folder/$other_name
    if [ ! -f "$at/build.ninja" ]; then
        rm -rf "$at"
        CC="${CCACHE:-} $other_compiler" meson setup "$at" "$other_source" -Dbuildtype=plain -Doptimization="$other_level" -Db_lundef=false 2>&1 || exit 1
    fi
    ninja -C "$at" "$other_target" 2>&1
)
