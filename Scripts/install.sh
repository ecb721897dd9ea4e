#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Scripts/install.sh FOLDER_OF_THE_RELEASE_BUILD PREFIX DESTDIR
# Installs the program, its backends, the Swift runtime libraries they need, the sample pictures and the completions.
# What was installed is listed in share/beasts/installed-files, one path below PREFIX a line, for Scripts/uninstall.sh.
# shellcheck disable=SC2016 # $ORIGIN is for the dynamic linker, not for the shell.
set -euo pipefail

bin=$1 prefix=$2 destdir=$3
root=$destdir$prefix
list=share/beasts/installed-files

fail() {
    echo "install: $*" >&2
    exit 1
}

case $prefix in /*) ;; *) fail "PREFIX must be an absolute path, not '$prefix'" ;; esac
[ -x "$bin/beasts" ] || fail "$bin/beasts is missing; run 'make build' first"

shopt -s nullglob
backends=("$bin"/libBeasts*Backend.so)
[ ${#backends[@]} -gt 0 ] || fail "no libBeasts*Backend.so in $bin; run 'make build' first"

# The runtime libraries are looked for beside the program's backends, wherever the whole was moved to.
has_runpath() { readelf -d "$1" | grep -E 'RUNPATH|RPATH' | grep -qF -- "$2"; }
has_runpath "$bin/beasts" '$ORIGIN/../lib/beasts' ||
    fail "$bin/beasts was not linked to find its libraries in ../lib/beasts; build it with 'make build'"
for backend in "${backends[@]}"; do
    has_runpath "$backend" '$ORIGIN' || fail "$backend was not linked to find its libraries beside itself"
done

# Every library of the folder that libswiftCore.so comes from, as far as the program and the backends need it.
needed=$(ldd "$bin/beasts" "${backends[@]}" | sed -nE 's/^[[:space:]]*.* => (\/.*) \(0x[0-9a-f]+\)$/\1/p' | sort -u)
core=$(grep -m 1 '/libswiftCore\.so$' <<< "$needed") || core=
runtime=()
if [ -n "$core" ]; then
    while read -r library; do
        if [ "$(dirname "$library")" = "$(dirname "$core")" ]; then runtime+=("$library"); fi
    done <<< "$needed"
fi

# An older installation goes first, so that none of its files is left behind.
[ ! -f "$root/$list" ] || "$(dirname "$0")/uninstall.sh" "$prefix" "$destdir"
mkdir -p "$root/share/beasts"
: > "$root/$list"

# place MODE SOURCE PATH_BELOW_PREFIX
place() {
    echo "$3" >> "$root/$list"
    install -D -m "$1" "$2" "$root/$3"
}

place 755 "$bin/beasts" bin/beasts
for library in "${backends[@]}" ${runtime[@]+"${runtime[@]}"}; do
    place 644 "$library" "lib/beasts/$(basename "$library")"
done
for picture in Examples/pictures/*; do
    place 644 "$picture" "share/beasts/pictures/$(basename "$picture")"
done
place 644 LICENSE share/doc/beasts/LICENSE

completion=$(mktemp)
trap 'rm -f "$completion"' EXIT
for shell in bash zsh fish; do
    case $shell in
        bash) path=share/bash-completion/completions/beasts ;;
        zsh) path=share/zsh/site-functions/_beasts ;;
        fish) path=share/fish/vendor_completions.d/beasts.fish ;;
    esac
    "$bin/beasts" --generate-completion-script "$shell" > "$completion"
    place 644 "$completion" "$path"
done

echo "Installed beasts in $root ($(wc -l < "$root/$list") files)"
