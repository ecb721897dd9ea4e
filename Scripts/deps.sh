#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Installs the named Debian packages that are missing; says nothing when none is. Without root it prints the command
# to run and fails. On other systems it says what is needed and goes on: the build tells what is really missing.
set -euo pipefail

[ $# -gt 0 ] || exit 0

if ! command -v dpkg-query > /dev/null; then
    echo "Not a Debian system: beasts needs what Debian calls $*" >&2
    exit 0
fi

missing=()
for package in "$@"; do
    # One line for each architecture a package is installed for.
    dpkg-query --show --showformat='${db:Status-Status}\n' "$package" 2> /dev/null | grep -qx installed ||
        missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "Some Debian packages are missing. Run this and try again:" >&2
    echo "sudo apt-get install -y ${missing[*]}" >&2
    exit 1
fi

echo "Installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# Another apt-get may hold the package lists for a moment. A failed update alone is no reason to stop: the lists that
# are there may do.
for _ in 1 2 3 4 5 6; do
    if apt-get update -qq < /dev/null > "$log" 2>&1; then break; fi
    grep -q 'Could not get lock' "$log" || break
    sleep 5
done
if ! apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "${missing[@]}" \
    < /dev/null >> "$log" 2>&1; then
    cat "$log" >&2
    echo "Could not install ${missing[*]}" >&2
    exit 1
fi
