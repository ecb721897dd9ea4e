#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Scripts/uninstall.sh PREFIX DESTDIR
# Removes the files that Scripts/install.sh listed, and the folders of ours that are empty then. Backends that somebody
# else put into lib/beasts stay.
set -euo pipefail

root=$2$1
list=$root/share/beasts/installed-files

if [ ! -f "$list" ]; then
    echo "uninstall: nothing installed by 'make install' in $root" >&2
    exit 0
fi
while read -r path; do
    case $path in
        "" | /* | *..*) ;; # never leave the prefix, whatever the list says
        *) rm -f "$root/$path" ;;
    esac
done < "$list"
rm -f "$list"
for folder in share/beasts/pictures share/beasts share/doc/beasts lib/beasts; do
    if [ -d "$root/$folder" ]; then rmdir --ignore-fail-on-non-empty "$root/$folder"; fi
done
