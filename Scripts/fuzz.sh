#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Scripts/fuzz.sh [RUNS]       fuzz both readers under AddressSanitizer, RUNS mutated files each (default 20000)
#   Scripts/fuzz.sh --self-test  plant a fault behind the pickle of a checkpoint: it must be found within a minute
#   Scripts/fuzz.sh --coverage   how much of the unpickler 20000 mutated checkpoints reach, line by line
# Needs nothing but the compiler: seeds are made by the fuzzers themselves; the sample pictures and the small files of
# the golden fixtures (BEASTS_FIXTURES, default ../shared/fixtures) are added where they are there. A file that a
# fuzzer stopped at is kept in .build-fuzz/faults.
set -euo pipefail

cd "$(dirname "$0")/.."
scratch=.build-fuzz
fixtures=${BEASTS_FIXTURES:-../shared/fixtures}
# The package has the fuzzers only on request, and no backend is needed. With its own backtraces, a Swift program that
# crashes into a pipe hangs.
export BEASTS_FUZZ=1 BEASTS_BACKENDS=none SWIFT_BACKTRACE=enable=no

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# build FOLDER FLAG...: the fuzzers, instrumented. gold, the usual linker, fails on libFuzzer's debug information.
build() {
    local folder=$1 product
    shift
    for product in fuzz-checkpoint fuzz-picture; do
        swift build -c release --quiet --skip-update --scratch-path "$folder" --product "$product" -Xswiftc -sanitize=fuzzer \
            -Xswiftc -Xclang-linker -Xswiftc -fuse-ld=lld "$@"
    done
}

# seed FOLDER_OF_PROGRAMS: one corpus for each fuzzer in $work.
seed() {
    mkdir -p "$work/checkpoint" "$work/picture"
    "$1/fuzz-checkpoint" --write-seeds "$work/checkpoint"
    "$1/fuzz-picture" --write-seeds "$work/picture"
    local folders=(Examples/pictures)
    if [ -d "$fixtures" ]; then
        folders+=("$fixtures")
        find "$fixtures" -name '*.pth' -size -64k -exec cp --backup=numbered -t "$work/checkpoint" {} +
    fi
    find "${folders[@]}" \( -name '*.jpg' -o -name '*.png' -o -name '*.webp' \) -size -24k \
        -exec cp --backup=numbered -t "$work/picture" {} +
    chmod -R u+w "$work"
}

# run FOLDER_OF_PROGRAMS NAME RUNS [OPTION...]: prints one line of counts; the whole output where it ends badly.
run() {
    local programs=$1 name=$2 runs=$3 log="$work/$2.log"
    shift 3
    mkdir -p "$scratch/faults"
    if ! "$programs/fuzz-$name" -runs="$runs" -max_len=65536 -len_control=0 -timeout=1 -rss_limit_mb=1024 -seed=1 \
        -print_final_stats=1 -artifact_prefix="$scratch/faults/$name-" "$@" "$work/$name" > "$log" 2>&1; then
        tail -n 60 "$log" >&2
        echo "fuzz-$name: a fault was found; its input is in $scratch/faults" >&2
        return 1
    fi
    echo "fuzz-$name: $(sed -nE 's/^stat::number_of_executed_units: +//p' "$log") files, no fault," \
        "$(sed -nE 's/^.* cov: ([0-9]+) .*$/\1/p' "$log" | tail -n 1) edges reached," \
        "peak $(sed -nE 's/^stat::peak_rss_mb: +//p' "$log") MiB"
}

case ${1:-20000} in
--self-test)
    build "$scratch" --sanitize=address
    mkdir "$work/checkpoint"
    "$scratch/release/fuzz-checkpoint" --write-seeds "$work/checkpoint"
    log="$work/planted.log"
    if BEASTS_FUZZ_PLANTED=1 "$scratch/release/fuzz-checkpoint" -max_total_time=60 -max_len=65536 -len_control=0 \
        -seed=1 -artifact_prefix="$work/" "$work/checkpoint" > "$log" 2>&1; then
        echo "fuzz self-test: the planted fault was not found within a minute" >&2
        exit 1
    fi
    grep -q '^the planted fault was met$' "$log" || { tail -n 60 "$log" >&2; exit 1; }
    echo "fuzz self-test: the planted fault was found after $(grep -oE '^#[0-9]+' "$log" | tail -n 1 | tr -d '#') files"
    ;;
--coverage)
    # Coverage alone, without a sanitizer, in its own folder: the flags change every object.
    build "$scratch/coverage" -Xswiftc -profile-generate -Xswiftc -profile-coverage-mapping
    export LLVM_PROFILE_FILE="$work/profile-%m.profraw"
    seed "$scratch/coverage/release"
    run "$scratch/coverage/release" checkpoint 20000
    # Those of the compiler: others may not know its format.
    tools=$(dirname "$(readlink -f "$(command -v swiftc)")")
    "$tools/llvm-profdata" merge -o "$work/profile" "$work"/profile-*.profraw
    "$tools/llvm-cov" report "$scratch/coverage/release/fuzz-checkpoint" -instr-profile="$work/profile" \
        Sources/BeastWeights/Pickle
    ;;
[0-9]*)
    build "$scratch" --sanitize=address
    seed "$scratch/release"
    run "$scratch/release" checkpoint "${1:-20000}"
    run "$scratch/release" picture "${1:-20000}"
    ;;
*)
    echo "usage: Scripts/fuzz.sh [RUNS | --self-test | --coverage]" >&2
    exit 64
    ;;
esac
