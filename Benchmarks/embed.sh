#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Benchmarks/embed.sh FOLDER_OF_THE_RELEASE_BUILD
# Pictures a second of `beasts embed` on the sample pictures with the reference backend and the built-in model: median
# of five runs after one that is not counted, the start of the program included.
set -euo pipefail
export LC_ALL=C

beasts=$1/beasts
pictures=Examples/pictures
runs=5

output=$(mktemp -d)
trap 'rm -rf "$output"' EXIT
count=$(find "$pictures" -name '*.png' -o -name '*.jpg' | wc -l)

embed() {
    "$beasts" embed "$pictures" -o "$output/embeddings.npy" --backend reference --quiet < /dev/null > "$output/log" 2>&1
}

embed || {
    cat "$output/log" >&2
    exit 1
}
for _ in $(seq "$runs"); do
    begin=$EPOCHREALTIME
    embed
    awk -v begin="$begin" -v end="$EPOCHREALTIME" 'BEGIN { print end - begin }' >> "$output/seconds"
done

sort -n "$output/seconds" | awk -v count="$count" '
    { seconds[NR] = $1 }
    END {
        printf "embed, reference, %d pictures: %.1f pictures/s median of %d runs (%.1f to %.1f)\n",
            count, count / seconds[int((NR + 1) / 2)], NR, count / seconds[NR], count / seconds[1]
    }'
echo "peer: none yet, so this figure stands alone"
processor=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
commit=$(git rev-parse --short HEAD 2> /dev/null || echo unknown)
echo "on: $processor, $(nproc) cores, commit $commit"
