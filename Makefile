# SPDX-License-Identifier: GPL-2.0-only
# `make` alone lists what there is to make. V=1 shows the commands.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
# Objects on the way to a program stay.
.SECONDARY:

VERSION   := 0.1.0
BUILD     := build
PREFIX    ?= /usr/local
DESTDIR   ?=

CC        ?= gcc
CLANG     ?= clang
BPFTOOL   ?= $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PYTHON    := /usr/bin/python3
Q         := $(if $(V),,@)
# What is built on the way to something else takes all processors, unless -j says how many.
BUILD_ALL  = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
say        = @printf '  %-7s %s\n' $(1) $(2)

ARCH      := $(patsubst x86_64,x86,$(patsubst aarch64,arm64,$(shell uname -m)))

# -fno-strict-aliasing: events are read in place from byte buffers.
CFLAGS    ?= -O2 -g
CFLAGS    += -std=gnu11 -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
             -Wpointer-arith -Wvla -Wformat=2 -Werror=implicit -fno-strict-aliasing -D_GNU_SOURCE \
             -DSHUTWATCH_VERSION='"$(VERSION)"'
CPPFLAGS  += -I. -I$(BUILD) -MMD -MP
LDLIBS    := -lbpf -lelf -lz -ljansson -lsqlite3 -lmicrohttpd -lgnutls -lcyaml -lyaml -lcrypt \
             -lcap-ng -lseccomp -lsystemd -pthread -lm

# -mcpu=v3: compare-and-swap and atomic fetch-or (Linux 5.12).
# -g: BTF, without which nothing relocates. -Wno-unused-parameter: hooks name all arguments.
BPF_FLAGS := -g -O2 -target bpf -mcpu=v3 -D__TARGET_ARCH_$(ARCH) -Ibpf \
             -Wall -Wextra -Wno-unused-parameter

FUZZ_SECONDS ?= 600
SOAK_SECONDS ?= 600

SANITIZE  := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

BPF_SRC   := $(wildcard bpf/*.bpf.c)
BPF_OBJ   := $(BPF_SRC:bpf/%.bpf.c=$(BUILD)/bpf/%.bpf.o)
SRC       := $(wildcard src/*/*.c)
OBJ       := $(SRC:%.c=$(BUILD)/obj/%.o)
SAN_OBJ   := $(SRC:%.c=$(BUILD)/san/%.o)
UNIT_SRC  := $(wildcard tests/unit/test_*.c)
UNIT      := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/unit/%)
UNIT_CLIENT := $(filter $(BUILD)/unit/test_client_%,$(UNIT))
UNIT_AIDS := $(patsubst %.c,$(BUILD)/san/%.o,$(filter-out $(UNIT_SRC),$(wildcard tests/unit/*.c)))
PLAIN     := $(UNIT:$(BUILD)/unit/%=$(BUILD)/plain/%)
PLAIN_AIDS := $(UNIT_AIDS:$(BUILD)/san/%=$(BUILD)/obj/%)
VICTIMS   := $(patsubst tests/live/victims/%.c,$(BUILD)/victims/%,\
             $(wildcard tests/live/victims/*.c))
# The client: only its parsers and what they share are tested in units.
CLIENT_SRC := $(wildcard tools/client/*.c) src/base/duration.c
CLIENT_OBJ := $(CLIENT_SRC:%.c=$(BUILD)/obj/%.o)
CLIENT_SAN := $(CLIENT_SRC:%.c=$(BUILD)/san/%.o)
HTTP_HOST := $(BUILD)/tests/http_host
UNIT_READER := $(BUILD)/tests/unit_reader
BENCH     := $(BUILD)/bench-empty $(BUILD)/bench-fill
FAULTY    := $(BUILD)/tests/faulty.so
FUZZ_SRC  := $(wildcard tests/fuzz/fuzz_*.c)
FUZZERS   := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/fuzz/%)
FUZZ_LIB  := $(filter-out %/main.c,$(sort $(SRC) $(CLIENT_SRC))) \
             $(filter-out $(FUZZ_SRC),$(wildcard tests/fuzz/*.c))
FUZZ_LIB  := $(FUZZ_LIB:%.c=$(BUILD)/fuzz/obj/%.o)
SKELETON  := $(BUILD)/shutwatch.skel.h

INSTALL_UNIT = $(DESTDIR)$(PREFIX)/lib/systemd/system/shutwatch.service
INSTALL_DOC  = $(DESTDIR)$(PREFIX)/share/doc/shutwatch

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

.PHONY: all
all: $(BUILD)/shutwatch $(BUILD)/shutwatch-client ## build both programs into build/
	@:

.PHONY: demo
demo: ## install what is needed, build, stop a real FastAPI service under load, print the report
	$(Q)tools/install build demo
	$(Q)$(BUILD_ALL) all
	$(Q)tools/demo/demo $(BUILD)/shutwatch

.PHONY: test
test: ## install what is needed, run every test (root)
	$(Q)tools/install build check test
	$(Q)$(BUILD_ALL) all victims check-programs fuzzers
	$(Q)tests/run $(BUILD)

.PHONY: truth
truth: ## stop many real servers in every state, judge every connection, print the table (root)
	$(Q)tools/install build test
	$(Q)$(BUILD_ALL) all victims
	$(Q)SHUTWATCH_BUILD=$(BUILD) tests/live/truth

.PHONY: advice
advice: ## stop real servers before and after they took the advice, print both (root)
	$(Q)tools/install build test
	$(Q)$(BUILD_ALL) all victims
	$(Q)SHUTWATCH_BUILD=$(BUILD) tests/live/advice

.PHONY: check-vm
check-vm: ## run the core and trap tests on Linux 6.1 and 6.12 as well, in QEMU (root)
	$(Q)tools/install build test vm
	$(Q)$(BUILD_ALL) all victims
	$(Q)tools/vm/check-vm $(CHECK_VM) $(BUILD)

.PHONY: build-arm64
build-arm64: ## build both programs for arm64, with Debian's cross compiler, into build/arm64
	$(Q)tools/arm64/build $(BUILD)

.PHONY: bench bench-quick
bench: BENCH_SPEED :=
bench-quick: BENCH_SPEED := --quick
bench: ## what it costs, beside other tools: a table and build/bench.json (root, 15 minutes)
bench-quick: ## the same in two minutes, with less certainty
bench bench-quick:
	$(Q)tools/install build bench
	$(Q)$(BUILD_ALL) all bench-programs
	$(Q)SHUTWATCH_BUILD=$(BUILD) tools/bench/bench $(BENCH_SPEED) $(BENCH_FLAGS)

.PHONY: bench-programs
bench-programs: $(BENCH) $(BUILD)/victims/server $(BUILD)/victims/storm
	@:

.PHONY: faults
faults: ## full maps, no memory, EINTR, clock steps, a frozen daemon, a full disk: the table (root)
	$(Q)tools/install build test
	$(Q)$(BUILD_ALL) all victims
	$(Q)SHUTWATCH_BUILD=$(BUILD) tests/live/faults

.PHONY: soak
soak: ## services stop at random, each record is judged, nothing may grow; SOAK_SECONDS (600) (root)
	$(Q)tools/install build test
	$(Q)$(BUILD_ALL) all victims
	$(Q)SHUTWATCH_BUILD=$(BUILD) tests/live/soak $(SOAK_SECONDS)

.PHONY: check
check: all check-programs ## unit tests and replays under sanitizers, lint; no root
	$(Q)tests/check $(BUILD); status=$$?; tests/lint && exit $$status

.PHONY: victims check-programs
victims: $(VICTIMS) $(HTTP_HOST) $(UNIT_READER) $(FAULTY)
	@:
check-programs: $(UNIT) $(BUILD)/san/shutwatch
	@:

.PHONY: fuzz fuzz-quick fuzzers
fuzz: ## feed every parser with what nobody would write, FUZZ_SECONDS (600) altogether
	$(Q)tools/install build check test
	$(Q)$(BUILD_ALL) fuzzers
	$(Q)tests/fuzz/run $(BUILD) $(FUZZ_SECONDS)

fuzz-quick: fuzzers ## the same for 20 s, as `make test` does it
	$(Q)tests/fuzz/run $(BUILD) 20

fuzzers: $(FUZZERS)
	@:

.PHONY: valgrind
valgrind: ## unit tests, replays and one live stop, each under valgrind (root)
	$(Q)tools/install build check test
	$(Q)$(BUILD_ALL) $(BUILD)/shutwatch victims $(PLAIN)
	$(Q)tests/check $(BUILD) valgrind
	$(Q)SHUTWATCH_VALGRIND=1 SHUTWATCH_BUILD=$(abspath $(BUILD)) $(PYTHON) -m pytest -q \
		-p no:cacheprovider tests/live/test_valgrind.py

.PHONY: lint
lint: ## layers, formatting, BPF layout, house rules
	$(Q)tests/lint

.PHONY: tidy
tidy: $(SKELETON) ## cppcheck and clang-tidy over src
	@# It does not know __attribute__((cleanup)): leaks are what ASan and valgrind look for. Nor
	@# <sys/queue.h> (uninitvar), nor that NULL is a pointer in C (varFuncNullUB).
	$(Q)cppcheck -q --error-exitcode=1 --enable=warning,portability,performance \
		-I. -D_GNU_SOURCE --suppress=missingIncludeSystem \
		'-DLIBBPF_OPTS(type,name,...)=struct type name = { __VA_ARGS__ }' \
		--suppress=resourceLeak --suppress=memleak --suppress=varFuncNullUB \
		--suppress=uninitvar:tools/client/main.c \
		--suppress=AssignmentAddressToInteger:src/cli/output.c src tools/client
	$(Q)clang-tidy --quiet --warnings-as-errors='*' $(SRC) -- \
		$(filter-out -MMD -MP,$(CPPFLAGS)) -std=gnu11 -D_GNU_SOURCE \
		-DSHUTWATCH_VERSION='"$(VERSION)"'
	@echo 'tidy: clean'

.PHONY: format
format: ## clang-format everything in place
	$(Q)git ls-files -co --exclude-standard '*.c' '*.h' | xargs clang-format -i

.PHONY: install
install: all ## install programs, systemd unit and an example configuration into DESTDIR/PREFIX
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/sbin/shutwatch)
	$(Q)install -D -m 0755 $(BUILD)/shutwatch $(DESTDIR)$(PREFIX)/sbin/shutwatch
	$(call say,INSTALL,$(DESTDIR)$(PREFIX)/bin/shutwatch-client)
	$(Q)install -D -m 0755 $(BUILD)/shutwatch-client $(DESTDIR)$(PREFIX)/bin/shutwatch-client
	$(call say,INSTALL,$(INSTALL_UNIT))
	$(Q)sed 's#/usr/local/#$(PREFIX)/#' tools/systemd/shutwatch.service \
		>$(BUILD)/shutwatch.service
	$(Q)install -D -m 0644 $(BUILD)/shutwatch.service $(INSTALL_UNIT)
	$(call say,INSTALL,$(INSTALL_DOC)/shutwatch.yaml)
	$(Q)install -D -m 0644 tools/shutwatch.yaml $(INSTALL_DOC)/shutwatch.yaml

.PHONY: uninstall
uninstall: ## remove what install put there
	$(Q)rm -f $(DESTDIR)$(PREFIX)/sbin/shutwatch $(DESTDIR)$(PREFIX)/bin/shutwatch-client \
		$(INSTALL_UNIT) $(INSTALL_DOC)/shutwatch.yaml
	$(Q)rmdir $(INSTALL_DOC) 2>/dev/null || true

.PHONY: clean
clean: ## remove build/
	$(Q)rm -rf $(BUILD)

# --- BPF: objects, linked into one, made into a skeleton ------------------------------------------

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

# bpftool writes to stdout, and returns late: the target appears only when it is whole.
$(SKELETON): $(BPF_OBJ)
	$(call say,BPFTOOL,$@)
	$(Q)$(BPFTOOL) gen object $(BUILD)/shutwatch.bpf.o $(BPF_OBJ)
	$(Q)$(BPFTOOL) gen skeleton $(BUILD)/shutwatch.bpf.o name shutwatch_bpf >$@.tmp
	$(Q)mv $@.tmp $@

# --- user space -----------------------------------------------------------------------------------

$(BUILD)/shutwatch: $(OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/shutwatch-client: $(CLIENT_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(BUILD)/obj/%.o: %.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) -c $< -o $@

$(BUILD)/san/shutwatch: $(SAN_OBJ)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/san/%.o: %.c
	$(call say,CC,"$< (sanitized)")
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(SANITIZE) -c $< -o $@

# libFuzzer counts which branches an input takes; an archive, so that each links what it needs.
# clang warns of format strings that a function with the format attribute passes on; gcc knows it.
FUZZ_FLAGS := $(SANITIZE) -Wno-format-nonliteral

$(BUILD)/fuzz/obj/%.o: %.c
	$(call say,CLANG,"$< (fuzzed)")
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(CPPFLAGS) $(CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(BUILD)/fuzz/libshutwatch.a: $(FUZZ_LIB)
	$(call say,AR,$@)
	$(Q)rm -f $@ && $(AR) rcs $@ $^

# Files of /proc as the input has them.
$(BUILD)/fuzz/fuzz_procfs: FUZZ_WRAP := -Wl,--wrap=open,--wrap=fopen,--wrap=readlink

$(FUZZERS): $(BUILD)/fuzz/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/libshutwatch.a
	$(call say,LINK,$@)
	$(Q)$(CLANG) $(CFLAGS) $(FUZZ_FLAGS) -fsanitize=fuzzer $(LDFLAGS) $(FUZZ_WRAP) \
		-o $@ $^ $(LDLIBS)

# Only these see the skeleton.
$(foreach f,probe probe_stats watched ending features,\
	$(BUILD)/obj/src/capture/$f.o $(BUILD)/san/src/capture/$f.o \
	$(BUILD)/fuzz/obj/src/capture/$f.o): $(SKELETON)

$(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o $(UNIT_AIDS) \
		$(filter-out $(BUILD)/san/src/cli/main.o,$(SAN_OBJ))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# A static pattern: it goes before the rule above.
$(UNIT_CLIENT): $(BUILD)/unit/%: $(BUILD)/san/tests/unit/%.o \
		$(filter-out %/client/main.o,$(CLIENT_SAN))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka

# The same without sanitizers, for valgrind.
$(filter $(BUILD)/plain/test_client_%,$(PLAIN)): $(BUILD)/plain/%: $(BUILD)/obj/tests/unit/%.o \
		$(filter-out %/client/main.o,$(CLIENT_OBJ))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka

$(BUILD)/plain/%: $(BUILD)/obj/tests/unit/%.o $(PLAIN_AIDS) \
		$(filter-out $(BUILD)/obj/src/cli/main.o,$(OBJ))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# The HTTP server alone, sanitized: strangers' bytes reach it first.
$(HTTP_HOST): $(BUILD)/san/tests/live/http_host.o $(BUILD)/san/tests/unit/fixtures.o \
		$(filter-out $(BUILD)/san/src/cli/%.o,$(SAN_OBJ))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ -lcmocka $(LDLIBS)

# What asks systemd, alone: it runs inside a machine of the tests, where nothing can be traced.
$(UNIT_READER): $(BUILD)/san/tests/live/unit_reader.o \
		$(filter-out $(BUILD)/san/src/cli/%.o,$(SAN_OBJ))
	$(call say,LINK,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(SANITIZE) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# Preloaded into shutwatch by tests/live/faults.
$(FAULTY): tests/live/faulty.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -O1 -g -Wall -Wextra -D_GNU_SOURCE -fPIC -shared $< -o $@

$(BUILD)/victims/%: tests/live/victims/%.c
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) -std=gnu11 -O1 -g -Wall -Wextra -D_GNU_SOURCE -pthread $< -o $@ \
		-lssl -lcrypto

# Programs that do nothing, for the bench.
$(BUILD)/bpf/empty.bpf.o: tools/bench/empty.bpf.c
	$(call say,CLANG,$<)
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_FLAGS) -MMD -MP -c $< -o $@

$(BUILD)/empty.skel.h: $(BUILD)/bpf/empty.bpf.o
	$(call say,BPFTOOL,$@)
	$(Q)$(BPFTOOL) gen skeleton $< name empty_bpf >$@.tmp
	$(Q)mv $@.tmp $@

$(BUILD)/obj/tools/bench/empty.o: $(BUILD)/empty.skel.h

$(BUILD)/bench-empty: $(BUILD)/obj/tools/bench/empty.o
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lbpf

# Fills a store for the bench, without sanitizers.
$(BUILD)/bench-fill: $(BUILD)/obj/tools/bench/fill.o $(filter-out $(BUILD)/obj/src/cli/%.o,$(OBJ))
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

-include $(BENCH:$(BUILD)/bench-%=$(BUILD)/obj/tools/bench/%.d) \
         $(BPF_OBJ:.o=.d) $(OBJ:.o=.d) $(SAN_OBJ:.o=.d) $(CLIENT_OBJ:.o=.d) $(CLIENT_SAN:.o=.d) \
         $(UNIT_SRC:%.c=$(BUILD)/san/%.d) \
         $(UNIT_SRC:%.c=$(BUILD)/obj/%.d) $(PLAIN_AIDS:.o=.d) $(UNIT_AIDS:.o=.d) \
         $(BUILD)/san/tests/live/http_host.d \
         $(BUILD)/san/tests/live/unit_reader.d \
         $(FUZZ_LIB:.o=.d) $(FUZZ_SRC:%.c=$(BUILD)/fuzz/obj/%.d)
