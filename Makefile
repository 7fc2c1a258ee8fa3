# make demo     builds what is needed and runs the monitor on five real minutes of ECG
# make test     builds and runs all tests
# make build    ecgmond and ecgmon into .build/release
# make install  into PREFIX (with DESTDIR, for packagers)
# make proto    generates the Swift of the wire's schema anew
# Tests and programs share one optimised build: what is installed is what was tested. (`swift test` would give -enable-testing
# a second time by itself, and for another command line everything is built again; hence --disable-testable-imports.)

SWIFT ?= swift
FLAGS := -c release -Xswiftc -enable-testing
BIN := .build/release
PREFIX ?= /usr/local
DESTDIR ?=
SUDO := $(shell [ "$$(id -u)" = 0 ] || echo sudo)

BUILD_PACKAGES := libzmq3-dev libopenblas-dev libsystemd-dev libsodium-dev libsqlite3-dev
# The README's Python, its schema compiler, and the checks of the unit file.
TEST_PACKAGES := $(BUILD_PACKAGES) python3-zmq python3-protobuf protobuf-compiler systemd

# Downloads are tested in a process of their own, and once more where that one hangs: URLSession was seen to wait for ever
# beside hundreds of other tests.
DOWNLOAD_TESTS = timeout -k 5 180 $(SWIFT) test $(FLAGS) --disable-testable-imports --skip-build --filter DataFetch

.PHONY: demo test build install proto need-swift need-build-packages need-test-packages

demo: build
	$(BIN)/ecgmon demo

test: need-swift need-test-packages
	@echo "== building and running all tests (optimised; the first build takes some minutes)"
	$(SWIFT) test $(FLAGS) --disable-testable-imports --skip DataFetch
	$(DOWNLOAD_TESTS) || $(DOWNLOAD_TESTS)

build: need-swift need-build-packages
	@echo "== building ecgmond and ecgmon (the first build takes some minutes)"
	$(SWIFT) build $(FLAGS) --product ecgmond
	$(SWIFT) build $(FLAGS) --product ecgmon

need-swift:
	@command -v $(SWIFT) >/dev/null || { echo "Swift 6.2 or later is needed: https://www.swift.org/install/linux"; exit 1; }

# Installs by apt what of $(1) is not there yet, and says so.
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

need-build-packages:
	$(call install_missing,$(BUILD_PACKAGES))

need-test-packages:
	$(call install_missing,$(TEST_PACKAGES))

# An existing configuration is kept.
install: build
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/ecgmon/models $(DESTDIR)$(PREFIX)/share/ecgmon/Fixtures
	install -d $(DESTDIR)$(PREFIX)/share/doc/ecgmon $(DESTDIR)/etc/ecgmon $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -d $(DESTDIR)$(PREFIX)/lib/sysusers.d $(DESTDIR)$(PREFIX)/lib/tmpfiles.d
	install -m 755 $(BIN)/ecgmond $(BIN)/ecgmon $(DESTDIR)$(PREFIX)/bin
	install -m 644 Config/models/* $(DESTDIR)$(PREFIX)/share/ecgmon/models
	install -m 644 Fixtures/* $(DESTDIR)$(PREFIX)/share/ecgmon/Fixtures
	install -m 644 README.md LICENSE $(DESTDIR)$(PREFIX)/share/doc/ecgmon
	[ -e $(DESTDIR)/etc/ecgmon/ecgmond.toml ] || install -m 644 Config/ecgmond.toml $(DESTDIR)/etc/ecgmon
	sed 's|/usr/bin/|$(PREFIX)/bin/|; s|/usr/share/|$(PREFIX)/share/|' Systemd/ecgmond.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/ecgmond.service
	install -m 644 Systemd/ecgmon.sysusers.conf $(DESTDIR)$(PREFIX)/lib/sysusers.d/ecgmon.conf
	install -m 644 Systemd/ecgmon.tmpfiles.conf $(DESTDIR)$(PREFIX)/lib/tmpfiles.d/ecgmon.conf

# The generated file is committed; this is for who changes the schema. Building the plugin takes some minutes.
PROTOC_PLUGIN := .build/protoc-gen-swift/release/protoc-gen-swift
proto: build need-test-packages
	$(SWIFT) build -c release --package-path .build/checkouts/swift-protobuf --scratch-path .build/protoc-gen-swift \
	    --product protoc-gen-swift
	protoc -I Sources/ECGWire --plugin=protoc-gen-swift=$(PROTOC_PLUGIN) \
	    --swift_opt=Visibility=Public,UseAccessLevelOnImports=true --swift_out=Sources/ECGWire ecg_monitor.proto
