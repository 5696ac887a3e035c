# A thin face over meson. The rules are in meson.build; a build folder may be thrown away at any time.
BUILD ?= build
PREFIX ?= /usr/local
MESON ?= meson
NINJA ?= ninja
ARGS ?=
# For meson setup, as in MESON_ARGS=-Dwerror=true
MESON_ARGS ?=
SECONDS_PER_TARGET ?= 30

.PHONY: all programs release up down check quick bench asan tsan fuzz soak soak-long lint format install clean help

all: $(BUILD)/build.ninja
	@$(NINJA) -C $(BUILD)

$(BUILD)/build.ninja:
	@$(MESON) setup $(BUILD) --prefix $(PREFIX) $(MESON_ARGS) >$(BUILD).log 2>&1 || { cat $(BUILD).log; rm -f $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log

programs: $(BUILD)/build.ninja
	@$(NINJA) -C $(BUILD) dure dured dure-minder

release:
	@MESON_ARGS='--prefix $(PREFIX) $(MESON_ARGS)' tools/release

up: programs
	@$(BUILD)/dure up $(ARGS)

down:
	@if [ -x $(BUILD)/dure ]; then $(BUILD)/dure down $(ARGS); else echo "Not built, so nothing of this checkout runs."; fi

check: all
	@tools/check $(BUILD)

quick: all
	@tools/check --quick $(BUILD)

bench: all
	@tools/bench $(BUILD) --json

asan:
	@tools/flavour asan

tsan:
	@tools/flavour tsan

fuzz:
	@tools/fuzz $(SECONDS_PER_TARGET)

soak: all
	@tools/soak $(BUILD) $(SOAK_SECONDS)

soak-long: all
	@DURE_SOAK=1 DURE_SEED=fresh $(MESON) test -C $(BUILD) --no-rebuild --suite system --suite sim --suite property \
		--timeout-multiplier 0 --print-errorlogs

lint: all
	@tools/lint $(BUILD)

format:
	@git ls-files '*.c' '*.h' | xargs clang-format -i

# A prefix that was asked for counts, whatever the folder was set up with.
install: $(BUILD)/build.ninja
ifneq ($(origin PREFIX),file)
	@$(MESON) configure $(BUILD) -Dprefix=$(PREFIX)
endif
	@$(NINJA) -C $(BUILD)
	@$(MESON) install -C $(BUILD) --no-rebuild

clean:
	@rm -rf build build-*

help:
	@echo "make            build/dure, build/dured and build/dure-minder"
	@echo "make release    the programs, optimised by a profile taken here, in build-release"
	@echo "make up         build, start the daemon here, run a first job   (ARGS='--fleet FILE')"
	@echo "make down       stop the daemon and its jobs"
	@echo "make check      every test, both compilers, sanitizers, static checks"
	@echo "make quick      the tests and static checks of the plain build only"
	@echo "make bench      the figures of docs/performance.md, one JSON object a line"
	@echo "make asan tsan  the tests under AddressSanitizer and UBSan; under ThreadSanitizer"
	@echo "make fuzz       every fuzz target for SECONDS_PER_TARGET=$(SECONDS_PER_TARGET)"
	@echo "make soak       ten minutes of random faults with fresh seeds (SOAK_SECONDS=600)"
	@echo "make soak-long  thousands of kills, every system test at length"
	@echo "make lint       clang-format, clang-tidy, cppcheck, shellcheck"
	@echo "make install    into PREFIX=$(PREFIX), under DESTDIR if set"
	@echo "make clean      remove every build folder"
