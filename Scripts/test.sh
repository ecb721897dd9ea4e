#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Scripts/test.sh FOLDER_OF_THE_RELEASE_BUILD
# Runs the parts of the tests, all of them even when one fails: the conformance suite and the small models with their
# golden outputs on each backend, the golden fixtures, downloads, `swift test`, and a short run of the fuzzers. For each part
# it prints `count NAME PASSED FAILED SKIPPED`, and at the end `summary: N passed, N failed, N skipped`. Fails when
# anything failed or a part that could run ran nothing.
#
# The large folder of golden fixtures is no part of the repository: BEASTS_FIXTURES names it, default ../shared/fixtures.
# BEASTS_FUZZ_RUNS sets how many mutated files each fuzzer makes (2000).
set -euo pipefail

beasts=$1/beasts
fixtures=${BEASTS_FIXTURES:-../shared/fixtures}
# Colours and progress would get into the lines that are read below.
export NO_COLOR=1 TERM=dumb

log=$(mktemp)
trap 'rm -f "$log"' EXIT
total_passed=0 total_failed=0 total_skipped=0 broken=0

# Runs a command, shows its output and keeps it in $log; the exit code is left in $status.
run() {
    echo "== $*"
    status=0
    "$@" < /dev/null 2>&1 | tee "$log" || status=${PIPESTATUS[0]}
}

# count NAME PASSED FAILED SKIPPED. A part that failed without naming a case (it did not build, it crashed) counts as
# one failure, and so does a part that ran nothing.
count() {
    local name=$1 passed=$2 failed=$3 skipped=$4
    if [ "$status" -ne 0 ] && [ "$failed" -eq 0 ]; then
        echo "$name: ended with exit code $status" >&2
        failed=1
    elif [ $((passed + failed)) -eq 0 ]; then
        echo "$name: no case was run" >&2
        failed=1
    fi
    [ "$status" -eq 0 ] && [ "$failed" -eq 0 ] || broken=1
    echo "count $name $passed $failed $skipped"
    total_passed=$((total_passed + passed))
    total_failed=$((total_failed + failed))
    total_skipped=$((total_skipped + skipped))
}

# The number in front of a word, in the last line of $log that begins with a prefix; 0 where there is none.
number() {
    local prefix=$1 word=$2
    { grep "^$prefix" "$log" || true; } | tail -n 1 | sed -nE "s/^.*[ :]([0-9]+) $word.*$/\1/p" | grep . || echo 0
}

# The sum of all that makes a run fail, in the closing line that begins with a prefix.
failures() {
    local prefix=$1
    echo $(($(number "$prefix" failed) + $(number "$prefix" crashed) + $(number "$prefix" hung) +
        $(number "$prefix" 'unexpected passes')))
}

# fixtures NAME BACKEND FOLDER
fixtures() {
    local name=$1 backend=$2 folder=$3 passed failed
    run "$beasts" conformance --backend "$backend" --fixtures "$folder"
    passed=$(number fixtures: passed)
    failed=$(failures fixtures:)
    echo "$name: $((passed + failed)) cases ran"
    count "$name" "$passed" "$failed" \
        $(($(number fixtures: 'not supported yet') + $(number fixtures: optional)))
}

# conformance NAME BACKEND [OPTION...]
conformance() {
    local name=$1 backend=$2
    run "$beasts" conformance --backend "$backend" "${@:3}"
    count "$name" "$(number conformance: passed)" "$(failures conformance:)" "$(number conformance: unsupported)"
}

conformance conformance reference
conformance openblas openblas
conformance dnnl dnnl
# Both of its ways to multiply, whichever this processor would choose.
BEASTS_DNNL_LINEAR=onednn conformance dnnl-onednn dnnl
BEASTS_DNNL_LINEAR=own conformance dnnl-own dnnl
# Reduced precision too, on rounded numbers where the processor has no instructions for it.
BEASTS_BFLOAT16=emulated conformance dnnl-bfloat16 dnnl

# Vulkan on whatever device is here: everything, watched by the validation layer, and once more for data hazards, in two
# shuffled orders; what has a form of its own for GPUs in that form, with staged transfers and small ranges as GPUs need
# them; then the proof that the layer would speak.
if "$beasts" backends --json 2> /dev/null | grep -q '"name" : "vulkan"'; then
    conformance vulkan vulkan --validation 1 --shuffle 1
    conformance vulkan-hazards vulkan --validation sync --shuffle 2
    export BEASTS_VULKAN_MEMORY=staged BEASTS_VULKAN_RANGE=1048576
    for op in attention matmul linear conv2d conv3d top_k; do
        conformance "vulkan-tiled-$op" vulkan --variant tiled --validation sync --filter "$op"
    done
    unset BEASTS_VULKAN_MEMORY BEASTS_VULKAN_RANGE
    fixtures models-vulkan vulkan Tests/Goldens/models
    run "$beasts" conformance --backend vulkan --validation-self-test
    count vulkan-self-test "$(grep -c '^validation self-test: .*VUID-VkBufferCreateInfo-size-00912' "$log" || true)" 0 0
else
    echo "vulkan: MISSING, since it was left out of the build"
    echo "count vulkan 0 0 0"
fi

fixtures models reference Tests/Goldens/models
fixtures models-openblas openblas Tests/Goldens/models
fixtures models-dnnl dnnl Tests/Goldens/models

if [ -d "$fixtures" ]; then
    fixtures fixtures reference "$fixtures"
    fixtures fixtures-dnnl dnnl "$fixtures"
elif [ -n "${BEASTS_FIXTURES:-}" ]; then
    echo "fixtures: BEASTS_FIXTURES names $fixtures, which is no folder" >&2
    status=1
    count fixtures 0 0 0
else
    echo "fixtures: MISSING and left out, since $fixtures is no folder; BEASTS_FIXTURES may name another"
    echo "count fixtures 0 0 0"
fi

# Downloads, against a hub that fails on demand, Python's huggingface_hub and curl.
run Tests/hub/run.sh "$1"
count hub "$(number hub: passed)" "$(number hub: failed)" "$(number hub: skipped)"

# Swift Testing names failed and skipped tests one by one and counts all of them in its closing line ("Test run with
# 12 tests in 3 suites passed"); XCTest counts everything in its closing line ("Executed 4 tests, with 1 test skipped
# and 2 failures"), of which the last one is the sum.
run swift test
ran=$(sed -nE 's/^.* Test run with ([0-9]+) tests?.* (passed|failed) after .*$/\1/p' "$log" | tail -n 1)
failed=$(grep -E '^[^ ]+ Test .+ failed after [0-9.]+ seconds with [^"]*issues?.*\.$' "$log" |
    grep -cvE '^[^ ]+ Test (run with|case passing) ' || true)
skipped=$(grep -cE '^[^ ]+ Test .+ skipped(: ".*")?\.?$' "$log" || true)
passed=$((${ran:-0} - failed - skipped))
executed=$({ grep -E '^[[:space:]]*Executed [0-9]+ tests?, with ' "$log" || true; } | tail -n 1)
if [ -n "$executed" ]; then
    xctest_ran=$(sed -nE 's/.*Executed ([0-9]+) tests?.*/\1/p' <<< "$executed")
    xctest_failed=$(sed -nE 's/.* ([0-9]+) failures?.*/\1/p' <<< "$executed")
    xctest_skipped=$(sed -nE 's/.* ([0-9]+) tests? skipped.*/\1/p' <<< "$executed")
    failed=$((failed + ${xctest_failed:-0}))
    skipped=$((skipped + ${xctest_skipped:-0}))
    passed=$((passed + ${xctest_ran:-0} - ${xctest_failed:-0} - ${xctest_skipped:-0}))
fi
[ "$passed" -ge 0 ] || passed=0
count swift-test "$passed" "$failed" "$skipped"

# A short run of each fuzzer, and the proof that it would find something.
run Scripts/fuzz.sh "${BEASTS_FUZZ_RUNS:-2000}"
count fuzz "$(grep -cE '^fuzz-[a-z]+: .* no fault' "$log" || true)" 0 0
run Scripts/fuzz.sh --self-test
count fuzz-self-test "$(grep -cE '^fuzz self-test: .* was found after' "$log" || true)" 0 0

echo "summary: $total_passed passed, $total_failed failed, $total_skipped skipped"
exit "$broken"
