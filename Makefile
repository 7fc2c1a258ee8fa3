# make demo     builds the programs and runs the monitor on five real minutes of ECG
# make ward     the central station with eight beds, in the browser, until Ctrl-C
# make test     builds and runs all tests
# make build    ecgmond and ecgmon into .build/release
# make install  into PREFIX (with DESTDIR, for packagers)
# make deb      a Debian package of all of it, into .build (OUTPUT=FOLDER: elsewhere)
# make fuzz     every interface for outside bytes under libFuzzer and the address sanitizer, FUZZ_SECONDS (60) each
# make sanitize the tests under the address and the thread sanitizers
# make benchmark  each stage of the monitor against its threshold
# make compare  the monitor beside other programs on the same input (downloads them from PyPI)
# make proto    regenerates the Swift and Python code of the wire protocol's schema
# Tests and programs share one optimised build: what is installed is what was tested. (`swift test` would add
# -enable-testing a second time, and a different command line rebuilds everything; hence --disable-testable-imports.)

SWIFT ?= swift
FLAGS := -c release -Xswiftc -enable-testing
BIN := .build/release
PREFIX ?= /usr/local
DESTDIR ?=
DOC ?= $(PREFIX)/share/doc/ecgmon
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

BUILD_PACKAGES := libzmq3-dev librabbitmq-dev libopenblas-dev libsystemd-dev libsodium-dev libsqlite3-dev
# For the examples in Python, their schema compiler, the checks of the unit file, and the tests that cut a network.
TEST_PACKAGES := $(BUILD_PACKAGES) python3-zmq python3-protobuf protobuf-compiler systemd iproute2 util-linux

# The browser that the central station is looked at with, and letters for it.
OFFERED_TEST_PACKAGES := chromium fonts-dejavu-core

# What the tests of the Python package, the example in C++, man pages and the Debian package need, where apt has them.
OFFERED_TEST_PACKAGES += g++ libprotobuf-dev python3-pip python3-venv python3-setuptools groff bash-completion
# The broker of a cluster. The tests start nodes of their own; the service that comes with it is not needed
# (systemctl disable --now rabbitmq-server).
OFFERED_TEST_PACKAGES += rabbitmq-server openssl

# What the Debian package is made with.
DEB_PACKAGES := dpkg-dev binutils patchelf python3 lintian

# An interpreter with what the bridges are checked with, from PyPI (clients/python/pyproject.toml, extra "test").
TEST_PYTHON := .build/python

# Downloads are tested in a separate process, which is retried once if it hangs: alongside hundreds of other tests,
# URLSession has been seen to wait for ever.
DOWNLOAD_TESTS = timeout -k 5 180 $(SWIFT) test $(FLAGS) --disable-testable-imports --skip-build --filter DataFetch

.PHONY: demo ward benchmark compare test fuzz sanitize build install install-built deb proto
.PHONY: need-swift need-build-packages need-test-packages need-test-python

demo: build
	$(BIN)/ecgmon demo

ward: build
	$(BIN)/ecgmon demo --serve

# The benchmarks are a package of their own. BENCHMARK=update writes new thresholds.
BENCHMARK ?= check
BENCHMARKS = $(SWIFT) package --package-path Benchmarks --scratch-path .build/benchmarks --disable-sandbox \
    --allow-writing-to-package-directory benchmark

benchmark: need-swift need-build-packages
	$(BENCHMARKS) thresholds $(BENCHMARK) --path Benchmarks/Thresholds --no-progress

COMPARE := .build/compare

compare: build
	python3 -m venv $(COMPARE)
	$(COMPARE)/bin/pip install --quiet --upgrade -r Benchmarks/compare/requirements.txt
	$(COMPARE)/bin/python Benchmarks/compare/compare.py

test: need-swift need-test-packages need-test-python
	@echo "== building and running all tests (optimised; the first build takes a few minutes)"
	$(SWIFT) test $(FLAGS) --disable-testable-imports --skip DataFetch
	$(DOWNLOAD_TESTS) || $(DOWNLOAD_TESTS)

# libFuzzer comes with the compiler. -sanitize=fuzzer would put its main into every program, so only its archive is
# linked. Its -timeout works on the main thread alone, which the test runner occupies: a target that hangs is ended
# from outside.
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= wire published wfdb edf snapshot configuration weights keys history acknowledged http station cluster
FUZZ_BUILD := .build/fuzz
FUZZ_ARCHIVE = $(firstword $(wildcard $(dir $(realpath $(shell command -v $(SWIFT))))../lib/clang/*/lib/linux/libclang_rt.fuzzer_no_main-$(shell uname -m).a))

fuzz: need-swift need-test-packages
	@echo "== building the fuzz targets"
	ECGMON_FUZZ=build $(SWIFT) build --product ecg-monitorPackageTests --scratch-path $(FUZZ_BUILD) $(FLAGS) --sanitize=address \
	    -Xswiftc -sanitize-coverage=edge,inline-8bit-counters,pc-table,trace-cmp \
	    -Xlinker $(FUZZ_ARCHIVE) -Xlinker -lstdc++
	@for target in $(FUZZ_TARGETS); do \
	    echo "== $$target, $(FUZZ_SECONDS) s"; \
	    mkdir -p $(FUZZ_BUILD)/corpus/$$target $(FUZZ_BUILD)/found; \
	    ECGMON_FUZZ=$$target ECGMON_FUZZ_ARGUMENTS="-max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 \
	        -malloc_limit_mb=256 -print_final_stats=1 -verbosity=1 -artifact_prefix=$(FUZZ_BUILD)/found/$$target- \
	        $(FUZZ_BUILD)/corpus/$$target Tests/FuzzTests/Corpus/$$target" \
	        SWIFT_BACKTRACE=enable=no ASAN_OPTIONS=detect_leaks=0 \
	        timeout -s ABRT $$(($(FUZZ_SECONDS) + 60)) $(FUZZ_BUILD)/release/ecg-monitorPackageTests.xctest --testing-library swift-testing --filter 'fuzz\(\)' \
	        > $(FUZZ_BUILD)/$$target.log 2>&1 || { tail -40 $(FUZZ_BUILD)/$$target.log; exit 1; }; \
	    grep -E 'DONE|stat::number_of_executed|stat::peak_rss' $(FUZZ_BUILD)/$$target.log; \
	done

# The daemon and the tool that the tests start are built with the sanitizer, too. The thread sanitizer runs only the
# tests that use threads: everything else is single-threaded, and training under it takes hours.
sanitize: need-swift need-test-packages
	@echo "== the tests under the address sanitizer"
	ASAN_OPTIONS=detect_leaks=0 SWIFT_BACKTRACE=enable=no $(SWIFT) test $(FLAGS) --disable-testable-imports \
	    --sanitize=address --scratch-path .build/address --skip DataFetch
	@echo "== the tests of sockets, clients and the daemon under the thread sanitizer"
	TSAN_OPTIONS="halt_on_error=1 ignore_noninstrumented_modules=1 suppressions=$(CURDIR)/Tests/thread-sanitizer.txt" \
	    SWIFT_BACKTRACE=enable=no $(SWIFT) test $(FLAGS) --disable-testable-imports \
	    --sanitize=thread --scratch-path .build/thread --filter 'ZeroMQTests|ECGWireTests|DaemonTests'

build: need-swift need-build-packages
	@echo "== building ecgmond and ecgmon (the first build takes a few minutes)"
	$(SWIFT) build $(FLAGS) --product ecgmond
	$(SWIFT) build $(FLAGS) --product ecgmon

need-swift:
	@command -v $(SWIFT) >/dev/null || { echo "Swift 6.2 or later is needed: https://www.swift.org/install/linux"; exit 1; }

# Installs the packages of $(1) that are missing, with apt, and lists them.
define install_missing
	@missing=""; for package in $(1); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' || missing="$$missing $$package"; \
	done; \
	if [ -n "$$missing" ]; then \
	    echo "== installing$$missing (apt-get)"; \
	    $(SUDO) apt-get update -qq && \
	    DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$missing; \
	fi
endef

# Installs those of $(1) that apt offers.
define install_offered
	@for package in $(1); do \
	    dpkg-query -W -f='$${Status}' $$package 2>/dev/null | grep -q 'install ok installed' && continue; \
	    $(SUDO) apt-get update -qq; \
	    if apt-cache show $$package >/dev/null 2>&1; then \
	        echo "== installing $$package (apt-get)"; \
	        DEBIAN_FRONTEND=noninteractive $(SUDO) apt-get install -y -qq --no-install-recommends $$package; \
	    else \
	        echo "== apt has no $$package: the tests that need it are skipped"; \
	    fi; \
	done
endef

need-build-packages:
	$(call install_missing,$(BUILD_PACKAGES))

need-test-packages:
	$(call install_missing,$(TEST_PACKAGES))
	$(call install_offered,$(OFFERED_TEST_PACKAGES))

# Made once; without the net, or without python3-venv, the tests that need it are skipped.
need-test-python:
	@[ -e $(TEST_PYTHON)/complete ] || { \
	    echo "== installing clients/python[test] into $(TEST_PYTHON) (PyPI)"; \
	    { python3 -m venv --system-site-packages $(TEST_PYTHON) && \
	      $(TEST_PYTHON)/bin/pip install --quiet 'clients/python[test]' && \
	      $(TEST_PYTHON)/bin/pip uninstall --quiet --yes ecg-monitor && touch $(TEST_PYTHON)/complete; } || \
	    { rm -rf $(TEST_PYTHON); echo "== it cannot be had: the tests of the bridges are skipped"; }; }

install: build install-built

deb: build
	$(call install_missing,$(DEB_PACKAGES))
	sh Config/packaging/make-deb.sh $(OUTPUT)

# Installs what has already been built. An existing configuration is kept.
install-built:
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/ecgmon/models $(DESTDIR)$(PREFIX)/share/ecgmon/Fixtures
	install -d $(DESTDIR)$(PREFIX)/share/ecgmon/monitoring
	install -d $(DESTDIR)$(DOC) $(DESTDIR)/etc/ecgmon $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 755 $(BIN)/ecgmond $(BIN)/ecgmon $(DESTDIR)$(PREFIX)/bin
	install -m 644 Config/models/* $(DESTDIR)$(PREFIX)/share/ecgmon/models
	install -m 644 Config/monitoring/* $(DESTDIR)$(PREFIX)/share/ecgmon/monitoring
	install -m 644 Fixtures/* $(DESTDIR)$(PREFIX)/share/ecgmon/Fixtures
	install -m 644 README.md LICENSE Docs/*.md $(DESTDIR)$(DOC)
	[ -e $(DESTDIR)/etc/ecgmon/ecgmond.toml ] || install -m 644 Config/ecgmond.toml $(DESTDIR)/etc/ecgmon
	sed 's|/usr/share/doc/ecgmon|$(DOC)|; s|/usr/bin/|$(PREFIX)/bin/|' Systemd/ecgmond.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/ecgmond.service
	sed 's|/usr/share/doc/ecgmon|$(DOC)|; s|/usr/bin/|$(PREFIX)/bin/|' Systemd/ecgmond@.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/ecgmond@.service
	install -m 644 Systemd/ecgmon.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/ecgmon.conf
	install -m 644 Systemd/ecgmon.tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/ecgmon.conf
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions
	install -d $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	for program in ecgmon ecgmond; do \
	    $(BIN)/$$program --generate-completion-script bash | sed '1{/^#!/d}' > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/$$program && \
	    $(BIN)/$$program --generate-completion-script zsh > $(DESTDIR)$(PREFIX)/share/zsh/vendor-completions/_$$program && \
	    $(BIN)/$$program --generate-completion-script fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/$$program.fish \
	        || exit 1; \
	done
	@if command -v python3 >/dev/null; then \
	    $(BIN)/ecgmon --experimental-dump-help | python3 Config/packaging/man-pages.py $(DESTDIR)$(PREFIX)/share/man 1 && \
	    $(BIN)/ecgmond --experimental-dump-help | python3 Config/packaging/man-pages.py $(DESTDIR)$(PREFIX)/share/man 8; \
	else \
	    echo "== no man pages: they need python3"; \
	fi

# The generated file is committed; run this only after changing the schema. Building the plugin takes a few minutes.
PROTOC_PLUGIN := .build/protoc-gen-swift/release/protoc-gen-swift
proto: build need-test-packages
	$(SWIFT) build -c release --package-path .build/checkouts/swift-protobuf --scratch-path .build/protoc-gen-swift \
	    --product protoc-gen-swift
	protoc -I Sources/ECGWire --plugin=protoc-gen-swift=$(PROTOC_PLUGIN) \
	    --swift_opt=Visibility=Public,UseAccessLevelOnImports=true --swift_out=Sources/ECGWire ecg_monitor.proto
	protoc -I Sources/ECGWire --python_out=clients/python/src/ecg_monitor --pyi_out=clients/python/src/ecg_monitor \
	    ecg_monitor.proto
