# Everything is discovered: libs/*/ are libraries, services/*/ are programs, tests/{unit,integration,fuzz,bench}/*.c are one program each,
# tests/chaos/*.c and tests/bench/peers/*.c one together.
MODE ?= debug
CC ?= gcc
B := build/$(MODE)
MAKEFLAGS += --no-builtin-rules
.DEFAULT_GOAL := all
.SUFFIXES:

PACKAGES := libuv libcurl libmicrohttpd libpq libcrypto yaml-0.1
WARNINGS := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wvla -Wwrite-strings \
	-Wno-missing-field-initializers
VERSION_GIT ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
VERSION_GIT := $(VERSION_GIT)
CPPFLAGS += -D_GNU_SOURCE -Ilibs -I$(B)/gen -I. $(shell pkg-config --cflags $(PACKAGES))
# What is built does not depend on where.
CFLAGS_BASE := -std=gnu17 -g -ffile-prefix-map='$(CURDIR)'=. -fno-omit-frame-pointer -fstack-protector-strong -MMD -MP $(WARNINGS)
CFLAGS_debug := -Og
CFLAGS_release := -O2 -D_FORTIFY_SOURCE=2
CFLAGS_asan := -O1 -fsanitize=address,undefined -fno-sanitize-recover=all
CFLAGS_tsan := -O1 -fsanitize=thread
CFLAGS_cov := -O0 --coverage -fprofile-update=atomic
ifeq ($(filter $(MODE),debug release asan tsan cov),)
$(error MODE=$(MODE) is not one of debug release asan tsan cov)
endif
ALL_CFLAGS = $(CFLAGS_BASE) $(CFLAGS_$(MODE)) $(CFLAGS)
LDLIBS := -lnats -lgumbo -lcmark $(shell pkg-config --libs $(PACKAGES)) -lpthread -lm
LDFLAGS += $(filter -fsanitize=% --coverage,$(CFLAGS_$(MODE))) -Wl,--as-needed -Wl,-z,relro,-z,now

# What the thread sanitizer has to be told.
ifeq ($(MODE),tsan)
TSAN_OBJECT := $(B)/obj/tests/tsan/syscall.o
LDLIBS := $(TSAN_OBJECT) $(LDLIBS)
endif

LIBS := $(sort $(notdir $(patsubst %/,%,$(wildcard libs/*/))))
SERVICES := $(sort $(notdir $(patsubst %/,%,$(wildcard services/*/))))
sources = $(sort $(wildcard $(1)/*.c $(1)/*/*.c))
objects = $(patsubst %.c,$(B)/obj/%.o,$(1))

# The program of services/x is gannet-x; that of services/cli is gannet.
program = $(B)/bin/$(if $(filter cli,$(1)),gannet,gannet-$(1))

# ---- generated tables: the directory listing is the registry
# registry NAME,FOLDER,HEADER,TYPE: build/…/gen/NAME.c with `const struct TYPE *const NAME[]` and `NAME_n`, a row `TYPE_x` for each FOLDER/x.c
define registry
$(B)/gen/$(1).c: $$(wildcard $(2)/*.c) Makefile scripts/registry
	@mkdir -p $$(@D)
	@scripts/registry $(1) $(2) $(3) $(4) >$$@
endef
$(eval $(call registry,providers,libs/llm/providers,llm/provider.h,provider))
$(eval $(call registry,commands,services/cli/commands,services/cli/command.h,command))
$(eval $(call registry,target_kinds,services/notifier/targets,services/notifier/target.h,target_kind))
GEN_TABLES_notifier := $(B)/gen/target_kinds.c
GEN_TABLES_cli := $(B)/gen/commands.c
$(eval $(call registry,watcher_kinds,services/watchers/watchers,services/watchers/watcher.h,watcher))
$(eval $(call registry,integrity_checks,services/watchers/checks,services/watchers/scan.h,integrity_check))
$(eval $(call registry,signal_sources,services/watchers/sources,services/watchers/source.h,signal_source))
GEN_TABLES_watchers := $(B)/gen/watcher_kinds.c $(B)/gen/integrity_checks.c $(B)/gen/signal_sources.c
$(eval $(call registry,routes,services/gateway/routes,services/gateway/route.h,route_area))
GEN_TABLES_gateway := $(B)/gen/routes.c
$(eval $(call registry,source_kinds,services/collector/sources,services/collector/source.h,source_kind))
GEN_TABLES_collector := $(B)/gen/source_kinds.c
$(B)/gen/prices.c: libs/llm/prices.json scripts/embed
	@mkdir -p $(@D)
	@scripts/embed prices_json $< >$@
$(eval $(call registry,rule_groups,libs/reasoning/rules,reasoning/rule.h,rule_group))
$(eval $(call registry,engines,libs/reasoning/engines,reasoning/draft.h,engine))
$(B)/gen/answer_schema.c: proto/reasoning.answer.json scripts/embed
	@mkdir -p $(@D)
	@scripts/embed answer_schema $< >$@
GEN_reasoning := $(B)/gen/rule_groups.c $(B)/gen/engines.c $(B)/gen/answer_schema.c
GEN_llm := $(B)/gen/providers.c $(B)/gen/prices.c
$(B)/gen/migrations_%.c: $(wildcard services/*/migrations/*.sql) scripts/embed-migrations
	@mkdir -p $(@D)
	@scripts/embed-migrations $* services/$*/migrations >$@

# ---- SLIM=yes, for images: libcurl and libmicrohttpd become part of the programs, without what they are never asked for
ifeq ($(SLIM),yes)
CFLAGS_release += -ffunction-sections -fdata-sections
SLIM_LIBRARY := $(B)/lib/libslim.a
LDLIBS := $(SLIM_LIBRARY) -Wl,--gc-sections -Wl,-Bstatic -lnghttp2 -lidn2 -lunistring -Wl,-Bdynamic $(filter-out -lcurl -lmicrohttpd,$(LDLIBS)) -lssl -lcrypto -lz -lzstd
$(SLIM_LIBRARY): scripts/slim-libraries
	@mkdir -p $(@D)
	@scripts/slim-libraries $@
endif

# ---- libraries
define library
LIB_$(1) := $(B)/lib/libgannet-$(1).a
$$(LIB_$(1)): $$(call objects,$$(call sources,libs/$(1))) $$(patsubst $(B)/gen/%.c,$(B)/obj/gen/%.o,$$(GEN_$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach l,$(LIBS),$(eval $(call library,$(l))))
ARCHIVES := $(foreach l,$(LIBS),$(LIB_$(l)))

# ---- services
define service
GEN_SERVICE_$(1) := $$(GEN_TABLES_$(1)) $$(if $$(wildcard services/$(1)/migrations/*.sql),$(B)/gen/migrations_$(1).c)
OBJ_SERVICE_$(1) := $$(call objects,$$(call sources,services/$(1))) $$(patsubst $(B)/gen/%.c,$(B)/obj/gen/%.o,$$(GEN_SERVICE_$(1)))
$$(call program,$(1)): $$(OBJ_SERVICE_$(1)) $$(ARCHIVES) $$(SLIM_LIBRARY) $$(TSAN_OBJECT)
	@mkdir -p $$(@D)
	$$(call say,LINK,$$@)
	@$$(CC) $$(LDFLAGS) -o $$@ $$(OBJ_SERVICE_$(1)) -Wl,--start-group $$(ARCHIVES) -Wl,--end-group $$(LDLIBS)
endef
$(foreach s,$(SERVICES),$(eval $(call service,$(s))))
PROGRAMS := $(foreach s,$(SERVICES),$(call program,$(s)))

# ---- tests: every file is a program on the libraries and tests/lib
TEST_LIB := $(B)/lib/libgannet-test.a
$(TEST_LIB): $(call objects,$(filter-out tests/lib/runner.c,$(wildcard tests/lib/*.c)))
	@mkdir -p $(@D)
	@rm -f $@
	@$(AR) rcs $@ $^
tests_in = $(patsubst tests/%.c,$(B)/tests/%,$(sort $(wildcard tests/$(1)/*.c)))
UNIT := $(call tests_in,unit)
INTEGRATION := $(call tests_in,integration)
BENCHES := $(call tests_in,bench)
$(UNIT) $(INTEGRATION) $(BENCHES): $(B)/tests/%: $(B)/obj/tests/%.o $(TEST_LIB) $(ARCHIVES) $(TSAN_OBJECT)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(CC) $(LDFLAGS) -o $@ $< -Wl,--start-group -Wl,--whole-archive $(TEST_LIB) -Wl,--no-whole-archive $(ARCHIVES) -Wl,--end-group $(LDLIBS)
# tests/chaos is one program of several files.
CHAOS := $(B)/tests/chaos/chaos
$(CHAOS): $(call objects,$(sort $(wildcard tests/chaos/*.c))) $(TEST_LIB) $(ARCHIVES) | $(TSAN_OBJECT)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group -Wl,--whole-archive $(TEST_LIB) -Wl,--no-whole-archive $(ARCHIVES) -Wl,--end-group $(LDLIBS)
PEERS := $(B)/tests/bench/peers/peers
$(PEERS): $(call objects,$(sort $(wildcard tests/bench/peers/*.c))) $(TEST_LIB) $(ARCHIVES) | $(TSAN_OBJECT)
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	@$(CC) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group -Wl,--whole-archive $(TEST_LIB) -Wl,--no-whole-archive $(ARCHIVES) -Wl,--end-group $(LDLIBS)
RUNNER := $(B)/bin/test-runner
$(RUNNER): $(B)/obj/tests/lib/runner.o
	@mkdir -p $(@D)
	@$(CC) $(LDFLAGS) -o $@ $<

# ---- fuzzers: clang's libFuzzer, always with sanitizers, in a folder of their own
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
FUZZ_SOURCES := $(foreach l,core json contract auth openapi llm reasoning stats diagnose,$(call sources,libs/$(l)))
FUZZ_SOURCES += libs/http/uri.c
build/fuzz/%: tests/fuzz/%.c $(FUZZ_SOURCES) $(GEN_llm) $(GEN_reasoning)
	@mkdir -p $(@D)
	$(call say,FUZZ,$@)
	@clang $(CPPFLAGS) -std=gnu17 -g -O1 -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all -o $@ $< $(FUZZ_SOURCES) $(GEN_llm) $(GEN_reasoning) $(LDLIBS)

say = @printf '%-6s %s\n' $(1) $(2)
$(B)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	@$(CC) $(CPPFLAGS) -DGANNET_COMMIT='"$(VERSION_GIT)"' $(ALL_CFLAGS) -c -o $@ $<
# The commit is compiled into the files that name it; they are built again when it changes.
$(shell mkdir -p $(B)/gen; [ "$$(cat $(B)/gen/commit 2>/dev/null)" = $(VERSION_GIT) ] || echo $(VERSION_GIT) >$(B)/gen/commit)
$(call objects,$(shell grep -rl --include='*.c' GANNET_COMMIT libs services tests)): $(B)/gen/commit
$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	@$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -c -o $@ $<
-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)

.PHONY: all everything run demo up down test test-unit test-integration fuzz bench bench-peers chaos check-layers check-headers check-scripts check coverage clean deps help check-deployment images deployment compose-test upgrade-test
.SECONDARY:

all: $(PROGRAMS) ## build all services and the gannet command (MODE=debug|release|asan|tsan|cov)

everything: all $(RUNNER) $(UNIT) $(INTEGRATION) $(BENCHES) $(PEERS) $(CHAOS) ## all of that and the programs of tests and benchmarks

deps: ## install the Debian packages that are missing
	@scripts/deps

run: deps ## build, start everything locally, run a real job, keep running until Ctrl-C
	@$(MAKE) --no-print-directory MODE=release all
	@scripts/stack run

demo: deps ## the same as run, but ends by itself with exit code 0 or 1
	@$(MAKE) --no-print-directory MODE=release all
	@scripts/stack demo

up: deps ## start the local stack in the background and write var/env
	@$(MAKE) --no-print-directory MODE=release all
	@scripts/stack up

down: ## stop the local stack; data stays under var/
	@scripts/stack down

test: deps ## build and run all tests (unit and integration), in parallel
	@$(MAKE) --no-print-directory test-all

test-all: all $(RUNNER) $(UNIT) $(INTEGRATION)
	@GANNET_BIN=$(B)/bin $(RUNNER) $(UNIT) $(INTEGRATION)

test-unit: $(RUNNER) $(UNIT) ## unit tests only (TESTS=pattern selects)
	@GANNET_BIN=$(B)/bin $(RUNNER) $(if $(TESTS),--match '$(TESTS)') $(UNIT)

test-integration: all $(RUNNER) $(INTEGRATION) ## tests with real servers only (TESTS=pattern selects)
	@GANNET_BIN=$(B)/bin $(RUNNER) $(if $(TESTS),--match '$(TESTS)') $(INTEGRATION)

fuzz: $(FUZZERS) ## run every fuzzer for FUZZ_SECONDS (20) each
	@for f in $(FUZZERS); do echo "FUZZ   $$f"; corpus=tests/fuzz/corpus/$$(basename $$f); mkdir -p build/fuzz/corpus/$$(basename $$f); \
	$$f -max_total_time=$${FUZZ_SECONDS:-20} -max_len=8192 -timeout=10 -print_final_stats=0 -verbosity=0 build/fuzz/corpus/$$(basename $$f) $$( [ -d $$corpus ] && echo $$corpus ) || exit 1; done

bench: deps ## measure, one JSON line per figure
	@$(MAKE) --no-print-directory MODE=release bench-run
bench-run: all $(BENCHES)
	@scripts/bench $(B)

bench-peers: deps ## measure Gannet beside BullMQ, where node, npm and redis-server are there
	@$(MAKE) --no-print-directory MODE=release bench-peers-run
bench-peers-run: all $(PEERS)
	@scripts/bench-peers $(B)

chaos: deps ## faults of all kinds under load, then an account of every job (CHAOS_SECONDS=120, CHAOS_SEED, CHAOS_RATE)
	@$(MAKE) --no-print-directory MODE=$(MODE) chaos-run
chaos-run: all $(CHAOS)
	@$(CHAOS) every_submission_is_accounted_for

check-layers: ## libraries include only what lies below them; third-party headers only in their one place
	@scripts/check-layers
check-headers: ## every header compiles alone
	@for h in $$(find libs tests/lib -name '*.h'); do $(CC) $(CPPFLAGS) -std=gnu17 -Wall -Wextra -Werror -fsyntax-only -x c $$h || exit 1; done; echo "headers compile alone"
check-scripts: ## shellcheck and yamllint
	@scripts/check-scripts
check: check-layers check-headers check-scripts ## all static checks

coverage: ## line coverage of libs and services over the whole suite
	@$(MAKE) --no-print-directory MODE=cov test-all
	@gcovr --root . --object-directory build/cov --gcov-ignore-parse-errors -f 'libs/' -f 'services/' --print-summary --txt build/cov/coverage.txt

check-deployment: ## what deploys the services is what they say, and well formed (after make MODE=release)
	@scripts/check-deployment

images: ## build the image of every service with docker, and its list of packages
	@scripts/images

deployment: ## write docker-compose.yml, .env.example, deploy/ and k8s/base out of what the services say
	@$(MAKE) --no-print-directory MODE=release all
	@scripts/deployment

compose-test: ## run the suite of docker-compose.yml end to end, crashes included
	@tests/deploy/compose

upgrade-test: ## an earlier revision's services beside these, on the same data (GANNET_PREVIOUS=revision)
	@tests/deploy/upgrade $(GANNET_PREVIOUS)

clean: ## remove build/
	@rm -rf build

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
