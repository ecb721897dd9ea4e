# SPDX-License-Identifier: MIT
# `make help` lists what there is to do.

PREFIX  ?= /usr/local
DESTDIR ?=
BIN     := .build/release

# Debian packages that `demo` and `test` need, and those for `format` and `lint`. If you have the libraries from
# elsewhere: `make build DEPS=`.
DEPS        := libjpeg-dev libpng-dev libwebp-dev zlib1g-dev libdeflate-dev pkg-config libdnnl-dev libopenblas0-pthread \
               libcurl4-openssl-dev libssl-dev \
               glslang-tools libvulkan-dev mesa-vulkan-drivers vulkan-validationlayers
FORMAT_DEPS := clang-format
# Programs that tests run beside ours, wherever they come from.
TEST_DEPS    = $(shell python3 -c 'import ensurepip' 2> /dev/null || echo python3 python3-venv) \
               $(shell command -v curl > /dev/null || echo curl) $(shell command -v openssl > /dev/null || echo openssl)

# An installed program finds its backends and the Swift runtime in ../lib/beasts.
BUILD_FLAGS := -Xlinker -rpath -Xlinker '$$ORIGIN/../lib/beasts'

SWIFT_SOURCES := $(wildcard Package.swift Sources Tests Examples Benchmarks Plugins)
C_SOURCES      = $(shell find Sources Tests -name '*.c' -o -name '*.h' -o -name '*.comp' -o -name '*.glsl')

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help deps format-deps test-deps build demo test proofs fuzz bench format lint install uninstall clean print-deps

help: ## Show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

deps: ## Install the Debian packages that are missing (as root), or say which
	@Scripts/deps.sh $(DEPS)

format-deps:
	@Scripts/deps.sh $(FORMAT_DEPS)

test-deps:
	@Scripts/deps.sh $(TEST_DEPS)

print-deps: ## Print the Debian packages that demo and test need, on one line
	@echo $(DEPS)

# The first build takes minutes and shows its progress; later ones speak only when something is wrong.
build: deps ## Build the program and the backends, optimised
	@command -v swift > /dev/null || \
	    { echo "beasts needs Swift 6.3 or later on the PATH: https://www.swift.org/install" >&2; exit 1; }
	@if [ -x $(BIN)/beasts ]; then quiet=--quiet; else quiet=; fi; swift build -c release $$quiet $(BUILD_FLAGS)

demo: build ## Embed the sample pictures, draw their nearest neighbours, complete pictures, generate new ones
	@mkdir -p demo-output
	$(BIN)/beasts embed Examples/pictures -o demo-output/embeddings.npy
	$(BIN)/beasts neighbours demo-output/embeddings.npy --queries 6 --count 5 --sheet demo-output/neighbours.png
	$(BIN)/beasts complete cub_mae_vitt8 Examples/pictures/*_1.* -o demo-output/completed.png
	$(BIN)/beasts generate cub_gpt --count 16 --seed 1 -o demo-output/generated.png
	$(BIN)/beasts complete cub_gpt Examples/pictures/*_1.* --samples 3 -o demo-output/continued.png

test: test-deps build ## Run the conformance suite, the golden fixtures and the unit tests
	@Scripts/test.sh $(BIN)

proofs: test-deps build ## Prove downloads at full length: kills, faults, huggingface_hub, curl (two minutes)
	@Tests/hub/run.sh $(BIN) --full

fuzz: deps ## Feed mutated checkpoints and pictures to their readers (RUNS=N each, default 20000)
	@Scripts/fuzz.sh $(RUNS)

bench: build ## Time `beasts embed` on the sample pictures, and the built-in model by `beasts bench`
	@Benchmarks/embed.sh $(BIN)
	@$(BIN)/beasts bench --batch-size 1,8 --limit

format: format-deps ## Format all Swift and C sources in place
	@swift format format --in-place --parallel --recursive $(SWIFT_SOURCES)
	@clang-format -i $(C_SOURCES)

lint: format-deps ## Check the format of all Swift and C sources
	@swift format lint --strict --parallel --recursive $(SWIFT_SOURCES)
	@clang-format --dry-run -Werror $(C_SOURCES)

install: ## Install what `make build` made under PREFIX (default /usr/local; DESTDIR is put in front)
	@Scripts/install.sh "$(BIN)" "$(PREFIX)" "$(DESTDIR)"

uninstall: ## Remove what `make install` put there
	@Scripts/uninstall.sh "$(PREFIX)" "$(DESTDIR)"

clean: ## Remove everything that was built or written by these targets
	@rm -rf .build .build-* demo-output
