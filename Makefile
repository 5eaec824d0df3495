# Everything that one does with the project; `make` alone builds the command line.

SHELL = /bin/bash
SWIFT ?= swift
BIN = .build/release/fledge

TARGET ?= Tokenizers TokenizerFiles Templates Answers DataFiles
SECONDS ?= 60

.PHONY: build test test-traits demo bench fuzz examples format lint check-products check-tokenizers docs dependencies

build: dependencies
	$(SWIFT) build -c release --product fledge

# What the network cannot give is skipped, by name; everything else has to pass.
test: dependencies
	@rm -rf .build/skipped && mkdir -p .build/skipped
	@Scripts/fetch-model.sh > .build/model-path \
		|| echo "checks against SmolLM2 (Scripts/fetch-model.sh failed)" > .build/skipped/model
	@test ! -x Scripts/fetch-reference-data.sh || Scripts/fetch-reference-data.sh > /dev/null \
		|| echo "checks against reference data (Scripts/fetch-reference-data.sh failed)" \
			> .build/skipped/data
	@Scripts/fetch-chat-templates.sh > /dev/null \
		|| echo "renderings of real chat templates (Scripts/fetch-chat-templates.sh failed)" \
			> .build/skipped/templates
	@Scripts/fetch-tokenizers.sh > /dev/null \
		|| echo "published tokenizers (Scripts/fetch-tokenizers.sh failed)" \
			> .build/skipped/tokenizers
	$(SWIFT) build -c release --build-tests
	@set -o pipefail; $(SWIFT) test -c release --skip-build 2>&1 | tee .build/test-log
	@grep -E 'skipped' .build/test-log | sed 's/^[^A-Za-z]*//' > .build/skipped/tests || true
	@cat .build/skipped/* | sed 's/^/skipped: /'

demo: build
	@model=$$(Scripts/fetch-model.sh) && Scripts/demo.sh $(BIN) "$$model"

examples: dependencies
	$(SWIFT) build -c release --package-path Examples/CustomLoop --scratch-path .build-examples
	$(SWIFT) build -c release --package-path Examples/CustomObjective --scratch-path .build-examples
	$(SWIFT) build -c release --package-path Examples/CustomPreference --scratch-path .build-examples
	$(SWIFT) build -c release --package-path Examples/CustomReward --scratch-path .build-examples
	@Scripts/check-data-only.sh .build-examples

# The tests of data files once more, with the libraries that package traits ask for.
test-traits: dependencies
	$(SWIFT) test -c release --traits default,Zstandard --scratch-path .build-traits --filter "DataTests|ColumnarTests"

bench: dependencies
	Benchmarks/bench.sh $(ROWS)

# Inputs that search for what breaks (Fuzz/README.md): TARGET=… SECONDS=…, or INPUT=… to run one again.
fuzz: dependencies
	@Fuzz/fuzz.sh "$(SECONDS)" "$(INPUT)" $(TARGET)

format:
	$(SWIFT) format --in-place --recursive --parallel Sources Tests Fuzz Package.swift

lint:
	$(SWIFT) format lint --strict --recursive --parallel Sources Tests Fuzz Package.swift

# Tokenizers of encoders and llama.cpp's test vectors too, which are a larger download (270 MB).
check-tokenizers: dependencies
	@Scripts/fetch-tokenizers.sh --all > /dev/null
	$(SWIFT) build -c release --build-tests
	$(SWIFT) test -c release --skip-build --filter TokenizeTests

# Every library product by itself, in a package of somebody else.
check-products: dependencies
	@Scripts/check-products.sh

# The documentation of all library products, in .build/docs; warnings are errors.
docs: dependencies
	$(SWIFT) build -c release
	@Scripts/build-docs.sh

dependencies:
	@Scripts/install-dependencies.sh
