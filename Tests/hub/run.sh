#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
#   Tests/hub/run.sh FOLDER_OF_THE_RELEASE_BUILD [--full] [--proof N]... [--filter TEXT]
# Proves on loopback what docs/hub.md promises, against a hub that fails on demand, Python's huggingface_hub and curl.
# Environments with huggingface_hub are made once, in ~/.cache/beasts-hub-proofs or where BEASTS_HUB_ENVIRONMENTS says.
# One line a case, and at the end `hub: N passed, N failed, N skipped`. --full adds the proofs that take long.
set -euo pipefail
exec python3 -B "$(dirname "$0")/run.py" "$@"
