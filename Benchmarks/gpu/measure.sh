#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Benchmarks/gpu/measure.sh PREFIX [SECONDS]
# Measures the Vulkan backend installed under PREFIX (`make install PREFIX=...`, with kernel-timing beside the program)
# against PyTorch on the same GPU, in one run: kernels alone, then models. Parts that would begin after SECONDS (default
# 240) are left out, and named. Nothing is downloaded: models have random weights. The machine needs a Vulkan loader and the
# program's libraries (libwebp, libjpeg, libpng, zlib, libdeflate), which may lie in PREFIX/lib/beasts.
set -uo pipefail

prefix=$1 limit=${2:-240}
here=$(dirname "$0")
beasts=$prefix/bin/beasts
library=$prefix/lib/beasts/libBeastsVulkanBackend.so
export LD_LIBRARY_PATH=$prefix/lib/beasts${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}

# part NAME COMMAND...
part() {
    local name=$1
    shift
    if [ $SECONDS -ge "$limit" ]; then
        echo "== $name: left out, $SECONDS s are gone"
        return
    fi
    echo "== $name ($SECONDS s)"
    timeout $((limit - SECONDS + 5)) "$@" 2>&1 || echo "$name: exit code $?"
}

# ViT-B/14 and ViT-L/16 at batch 64, a large square; the first stages of ResNeXt-50 and a VQGAN-sized convolution.
linears="linear:16448,768,2304 linear:16448,768,768 linear:16448,768,3072 linear:16448,3072,768 linear:12608,1024,4096
    linear:4096,4096,4096"
attentions="attention:64,12,257,64 attention:64,16,197,64 attention:4,16,1568,80"
convolutions="conv:64,56,56,128,128,3,1,32 conv:64,14,14,512,512,3,1,32 conv:8,128,128,128,128,3,1,1
    conv:64,224,224,3,64,7,2,1 conv:64,56,56,256,128,1,1,1"

nvidia-smi --query-gpu=name,driver_version --format=csv,noheader 2> /dev/null || echo "no nvidia-smi"
part device "$beasts" backends --verbose
part conformance timeout 60 "$beasts" conformance --backend vulkan
# shellcheck disable=SC2086
part kernels-f16 "$prefix/bin/kernel-timing" "$library" --f16 $linears $attentions $convolutions
# shellcheck disable=SC2086
part pytorch-kernels python3 "$here/torch_kernels.py" $linears $attentions $convolutions
model() {
    part "$1 $2" "$beasts" bench --backend vulkan --model "$1" --random-weights --batch-size 64 --precision "$2" \
        --repeats 3 --ops
}
model dino_s_vitb14 f16
part pytorch-models python3 "$here/torch_models.py"
model dino_s_vitl16 f16
model dino_s_resnext50 f16
# shellcheck disable=SC2086
part kernels-f32 "$prefix/bin/kernel-timing" "$library" $linears $attentions $convolutions
model dino_s_vitb14 f32
model dino_s_resnext50 f32
