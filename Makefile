# The commands of the project; `make` alone lists them. Each installs what it needs first (scripts/bootstrap.sh).
BUILD  ?= build
PRESET ?= release
JOBS   ?= $(shell nproc)
PREFIX ?= /usr/local
MODEL  ?=
TEXT   ?= Paris is the <mask> of France.
SECONDS_EACH ?= 300

# A preset other than release builds in build-<preset>.
ifneq ($(PRESET),release)
BUILD := build-$(PRESET)
endif

export TEXT MODEL PYTHON

.PHONY: help demo build test parity bench fuzz sanitize odr flaky soak conformance install format check clean bootstrap configure

help:  ## this list
	@echo "make demo      install what is missing, build, and fill a mask  (MODEL=DIR  TEXT='... <mask> ...')"
	@echo "make test      install what is missing, build, and run all tests  (PRESET=dev|asan|tsan|ci)"
	@echo "make build     release build; the program is build/bin/roberta"
	@echo "make install   install the program, library and headers  (PREFIX=/usr/local, DESTDIR=)"
	@echo "make bench     benchmarks of this machine"
	@echo "make parity    compare with the reference implementations (Python; some GB of packages in .venv)"
	@echo "make fuzz      fuzz the parsers of foreign files  (SECONDS_EACH=300)"
	@echo "make sanitize  the whole suite under ASan and UBSan, under TSan, and compiled by clang"
	@echo "make odr       that no type means two things (link-time optimization's check)"
	@echo "make flaky     tests again and again on a busy machine: half an hour"
	@echo "make soak      the server under load and faults, by the clock: half an hour on a quiet machine"
	@echo "make conformance  hold /openapi.json against the server, 1,000 examples a route (Python; schemathesis)"
	@echo "make check     what needs no build: format, layering, run bits"
	@echo "make format    format the sources"
	@echo "make clean     remove the build folders"

bootstrap:
	@scripts/bootstrap.sh build

# CMake notices by itself when a CMakeLists changes; it is run by hand only for a new folder or a changed preset.
$(BUILD)/build.ninja: CMakePresets.json | bootstrap
	@mkdir -p $(BUILD)
	@cmake --preset $(PRESET) >$(BUILD)/configure.log 2>&1 || { cat $(BUILD)/configure.log; exit 1; }
	@touch $@

configure: bootstrap $(BUILD)/build.ninja

build: configure
	@cmake --build $(BUILD) --parallel $(JOBS)

# Only the program: the tests would triple the time of the first build.
demo: configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target bin/roberta
	@scripts/demo.sh $(BUILD)

test: build
	@ctest --preset $(PRESET) --parallel $(JOBS) --output-junit $(CURDIR)/$(BUILD)/test-results.xml

parity: build
	@[ -n "$(PYTHON)" ] || scripts/bootstrap.sh parity
	@scripts/parity.sh $(BUILD)

bench: build
	@scripts/bench.sh $(BUILD)

fuzz:
	@scripts/bootstrap.sh ci
	@scripts/fuzz.sh $(SECONDS_EACH)

sanitize:
	@scripts/bootstrap.sh ci
	@scripts/sanitize.sh

flaky: build
	@scripts/flaky.sh $(BUILD)

# Types that mean different things in two files, which the linker alone sees.
odr:
	@scripts/bootstrap.sh build
	@mkdir -p build-odr
	@cmake --preset odr >build-odr/configure.log 2>&1 || { cat build-odr/configure.log; exit 1; }
	@cmake --build build-odr --parallel $(JOBS) --target bin/roberta

conformance: build
	@scripts/bootstrap.sh clients
	@python3 tools/serve/conformance.py --program $(BUILD)/bin/roberta

soak: build
	@scripts/soak.sh $(BUILD)

install: configure
	@cmake --build $(BUILD) --parallel $(JOBS) --target all
	@cmake --install $(BUILD) --prefix $(PREFIX)

check:
	@scripts/bootstrap.sh ci
	@tools/check_format.sh
	@tools/check_layering.py
	@tools/check_executable.py

format:
	@scripts/bootstrap.sh ci
	@tools/check_format.sh --fix

clean:
	rm -rf build build-*
